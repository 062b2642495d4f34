//! The rules by which backups stay, as people type them.

use crate::error::Fault;
use crate::words::number;
use chrono::{DateTime, Datelike as _, Local, TimeDelta};

/// How many backups of each database stay. Each rule keeps what it keeps, whatever the others say.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Policy {
    /// Keep the N newest backups of each database
    #[arg(long, value_name = "N", value_parser = number::<usize>)]
    pub keep_last: Option<usize>,
    /// Keep the newest backup of each of the last N days that have one
    #[arg(long, value_name = "N", value_parser = number::<usize>)]
    pub keep_daily: Option<usize>,
    /// Keep the newest backup of each of the last N weeks that have one
    #[arg(long, value_name = "N", value_parser = number::<usize>)]
    pub keep_weekly: Option<usize>,
    /// Keep the newest backup of each of the last N months that have one
    #[arg(long, value_name = "N", value_parser = number::<usize>)]
    pub keep_monthly: Option<usize>,
    /// Keep every backup younger than this, such as 12h, 7d, 4w
    #[arg(long, value_name = "TIME", value_parser = time_span)]
    pub keep_within: Option<TimeDelta>,
}

impl Policy {
    /// Whether any rule was given.
    pub fn is_given(&self) -> bool {
        self.counts().iter().any(|(_, count, _)| count.is_some()) || self.keep_within.is_some()
    }

    /// These rules as words of a command line.
    pub fn words(&self) -> Vec<String> {
        let counts =
            self.counts().into_iter().filter_map(|(name, count, _)| Some([name.to_owned(), count?.to_string()]));
        let within = self.keep_within.map(|span| ["--keep-within".to_owned(), format!("{}s", span.num_seconds())]);
        counts.chain(within).flatten().collect()
    }

    /// Whether the rules would keep no backup at all.
    pub fn keeps_nothing(&self) -> bool {
        let counts = self.counts();
        let none = counts.iter().all(|(_, count, _)| count.unwrap_or_default() == 0);
        none && self.keep_within.is_none_or(|span| span <= TimeDelta::zero())
    }

    /// Refuses rules that would keep nothing.
    ///
    /// # Errors
    /// Exit 2.
    pub fn check(&self) -> Result<(), Fault> {
        if self.keeps_nothing() {
            let message =
                if self.is_given() { "These rules keep no backup" } else { "No rule says which backups to keep" };
            return Err(
                Fault::usage(message).hint("add a rule that keeps some, such as --keep-last 7 or --keep-daily 30")
            );
        }
        Ok(())
    }

    /// The rules that count, each with the period of which one backup stays; without one each backup counts.
    pub(super) fn counts(&self) -> [(&'static str, Option<usize>, Option<Period>); 4] {
        [
            ("--keep-last", self.keep_last, None),
            ("--keep-daily", self.keep_daily, Some(|time| time.date_naive().to_string())),
            ("--keep-weekly", self.keep_weekly, Some(|time| format!("{:?}", time.iso_week()))),
            ("--keep-monthly", self.keep_monthly, Some(|time| format!("{}-{}", time.year(), time.month()))),
        ]
    }
}

/// The period that a time falls into; of each period the newest backup stays.
pub(super) type Period = fn(&DateTime<Local>) -> String;

/// A time as people write it: `12h`, `7d`, `4w`, `90m`, `45s`.
pub fn time_span(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("{text:?} is not a time span; write it as 12h, 7d or 4w");
    let unit = text.chars().next_back().ok_or_else(wrong)?;
    let number = text.strip_suffix(unit).and_then(|number| number.trim_end().parse::<u32>().ok()).ok_or_else(wrong)?;
    let span = match unit {
        's' => TimeDelta::try_seconds(number.into()),
        'm' => TimeDelta::try_minutes(number.into()),
        'h' => TimeDelta::try_hours(number.into()),
        'd' => TimeDelta::try_days(number.into()),
        'w' => TimeDelta::try_weeks(number.into()),
        _ => None,
    };
    span.ok_or_else(wrong)
}
