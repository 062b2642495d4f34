//! When runs are due: a time of the day and a period, in local time, by a clock that is given.

use crate::backup::retention::time_span;
use chrono::{DateTime, NaiveDate, TimeDelta, TimeZone};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

const DAY: u32 = 24 * 60;
const HOUR: u32 = 60;
/// The shortest time between two runs, in minutes: a slow server could not keep up with more runs.
const SHORTEST: u32 = 5;
/// The longest gap that clocks make when they are set forward, in steps of half an hour.
const GAP_STEPS: i64 = 6;
/// Days that are looked through for missed runs.
const LOOKED_BACK: i64 = 366;

/// A time of the day, to the minute: `03:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u32);

impl FromStr for TimeOfDay {
    type Err = String;

    /// # Errors
    /// It is not written as `03:00`.
    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str, below: u32| {
            let is_number = matches!(text.len(), 1 | 2) && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u32>().ok().filter(|number| is_number && *number < below)
        };
        let parts = text.split_once(':').filter(|(_, minutes)| minutes.len() == 2);
        parts
            .and_then(|(hours, minutes)| Some(Self(number(hours, 24)? * HOUR + number(minutes, HOUR)?)))
            .ok_or_else(|| format!("{text:?} is not a time of the day; write it as 03:00"))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:02}:{:02}", self.0 / HOUR, self.0 % HOUR)
    }
}

/// The time between two runs: a part of a day that every timer can keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Every(u32);

impl Every {
    /// Once a day.
    pub const DAY: Self = Self(DAY);

    /// The time between two runs, as a span.
    pub fn span(self) -> TimeDelta {
        TimeDelta::minutes(self.0.into())
    }
}

impl FromStr for Every {
    type Err = String;

    /// # Errors
    /// It is not a time span, or the hours of a day, or the minutes of an hour, cannot be divided by it.
    fn from_str(text: &str) -> Result<Self, String> {
        let span = time_span(text)?;
        let minutes = u32::try_from(span.num_minutes()).unwrap_or_default();
        let divides = minutes >= SHORTEST && DAY.is_multiple_of(minutes);
        let is_even = minutes.is_multiple_of(HOUR) || (minutes != 0 && HOUR.is_multiple_of(minutes));
        if divides && is_even && span == TimeDelta::minutes(minutes.into()) {
            return Ok(Self(minutes));
        }
        Err(format!("{text:?} does not divide a day; write 1h, 2h, 3h, 4h, 6h, 8h, 12h or 24h, or 5m, 10m, 15m, 30m"))
    }
}

impl TryFrom<String> for Every {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Every> for String {
    fn from(every: Every) -> Self {
        every.to_string()
    }
}

impl fmt::Display for Every {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            minutes if minutes.is_multiple_of(HOUR) => write!(formatter, "{}h", minutes / HOUR),
            minutes => write!(formatter, "{minutes}m"),
        }
    }
}

/// When runs are due.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rhythm {
    pub at: TimeOfDay,
    pub every: Every,
}

impl Rhythm {
    /// The minutes of the day, in order.
    fn minutes(self) -> BTreeSet<u32> {
        (0..DAY / self.every.0).map(|count| (self.at.0 + count * self.every.0) % DAY).collect()
    }

    /// The hours and the minutes of the hour as lists, `*` for every hour.
    fn lists(self, shown: &dyn Fn(&u32) -> String) -> (String, String) {
        let minutes = self.minutes();
        let list = |numbers: BTreeSet<u32>| numbers.iter().map(shown).collect::<Vec<_>>().join(",");
        let hours: BTreeSet<u32> = minutes.iter().map(|minute| minute / HOUR).collect();
        let hours = if hours.len() == 24 { "*".to_owned() } else { list(hours) };
        (hours, list(minutes.iter().map(|minute| minute % HOUR).collect()))
    }

    /// The first five fields of a crontab's line.
    pub fn cron(self) -> String {
        let (hours, minutes) = self.lists(&u32::to_string);
        format!("{minutes} {hours} * * *")
    }

    /// systemd's `OnCalendar=`.
    pub fn calendar(self) -> String {
        let (hours, minutes) = self.lists(&|number| format!("{number:02}"));
        format!("*-*-* {hours}:{minutes}:00")
    }

    /// The next time that a run is due, after this one.
    pub fn next<Tz: TimeZone>(self, now: &DateTime<Tz>) -> Option<DateTime<Tz>> {
        let today = now.date_naive();
        let days = [Some(today), today.succ_opt(), today.succ_opt().and_then(|day| day.succ_opt())];
        days.into_iter().flatten().flat_map(|day| self.due_on(day, &now.timezone())).find(|due| due > now)
    }

    /// How many runs were due between these times, the second one included; no more than a year is looked at.
    pub fn due_between<Tz: TimeZone>(self, since: &DateTime<Tz>, until: &DateTime<Tz>) -> u32 {
        let last = until.date_naive();
        let first = since.date_naive().max(last - TimeDelta::days(LOOKED_BACK));
        let days = first.iter_days().take_while(|day| *day <= last);
        let due = days.flat_map(|day| self.due_on(day, &until.timezone())).filter(|due| due > since && due <= until);
        u32::try_from(due.count()).unwrap_or(u32::MAX)
    }

    /// The runs of one day, in order.
    fn due_on<Tz: TimeZone>(self, day: NaiveDate, zone: &Tz) -> Vec<DateTime<Tz>> {
        self.minutes().into_iter().filter_map(|minute| instant(day, minute, zone)).collect()
    }
}

/// A minute of a day; of an hour that the clock goes through twice the earlier one, and for one that it leaves out the
/// first time after it, as cron and systemd do.
fn instant<Tz: TimeZone>(day: NaiveDate, minute: u32, zone: &Tz) -> Option<DateTime<Tz>> {
    let time = day.and_hms_opt(minute / HOUR, minute % HOUR, 0)?;
    let steps = (0..=GAP_STEPS).map(|step| time + TimeDelta::minutes(30 * step));
    steps.filter_map(|time| zone.from_local_datetime(&time).earliest()).next()
}

impl fmt::Display for Rhythm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.every {
            Every::DAY => write!(formatter, "every day at {}", self.at),
            every => write!(formatter, "every {every}, also at {}", self.at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::FixedOffset;

    fn rhythm(at: &str, every: &str) -> Rhythm {
        Rhythm { at: at.parse().unwrap(), every: every.parse().unwrap() }
    }

    fn time(text: &str) -> DateTime<FixedOffset> {
        DateTime::parse_from_rfc3339(&format!("{text}:00+02:00")).unwrap()
    }

    #[test]
    fn times_that_no_timer_can_keep_are_refused() {
        for wrong in ["", "3", "24:00", "3:60", "3:0", "03:00:00", "+3:00", "-1:00", "a:00", "003:00"] {
            assert!(wrong.parse::<TimeOfDay>().is_err(), "{wrong:?}");
        }
        for wrong in
            ["", "0h", "0m", "5h", "7h", "90m", "61s", "1m", "25h", "2d", "1w", "45m", "6 hours", "4294967295w"]
        {
            assert!(wrong.parse::<Every>().is_err(), "{wrong:?}");
        }
        for (text, shown) in [("1h", "1h"), ("60m", "1h"), ("1d", "24h"), ("15m", "15m"), ("360m", "6h")] {
            assert_eq!(text.parse::<Every>().unwrap().to_string(), shown);
        }
        assert_eq!("3:05".parse::<TimeOfDay>().unwrap().to_string(), "03:05");
    }

    #[test]
    fn cron_and_systemd_get_the_same_times() {
        for (at, every, cron, calendar) in [
            ("03:00", "24h", "0 3 * * *", "*-*-* 03:00:00"),
            ("22:15", "6h", "15 4,10,16,22 * * *", "*-*-* 04,10,16,22:15:00"),
            ("00:20", "1h", "20 * * * *", "*-*-* *:20:00"),
            ("00:05", "15m", "5,20,35,50 * * * *", "*-*-* *:05,20,35,50:00"),
        ] {
            assert_eq!(rhythm(at, every).cron(), cron);
            assert_eq!(rhythm(at, every).calendar(), calendar);
        }
    }

    #[test]
    fn the_next_run_and_those_that_were_missed_are_counted() {
        let six = rhythm("03:00", "6h");
        assert_eq!(six.next(&time("2026-11-27T02:59")), Some(time("2026-11-27T03:00")));
        assert_eq!(six.next(&time("2026-11-27T03:00")), Some(time("2026-11-27T09:00")));
        assert_eq!(six.next(&time("2026-11-27T21:00")), Some(time("2026-11-28T03:00")));
        assert_eq!(six.due_between(&time("2026-11-27T03:00"), &time("2026-11-28T03:00")), 4);
        assert_eq!(six.due_between(&time("2026-11-27T03:01"), &time("2026-11-27T08:59")), 0);
        assert_eq!(six.due_between(&time("2026-11-28T03:00"), &time("2026-11-27T03:00")), 0);
        assert_eq!(rhythm("03:00", "24h").due_between(&time("1990-01-01T00:00"), &time("2026-11-27T04:00")), 367);
    }
}
