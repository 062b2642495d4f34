//! What is applied and reverted, by examples.

use super::*;
use crate::error::{Exit, exit};
use crate::migration::files::Refusal;
use crate::migration::ledger::Row;

fn entries(states: &[(i64, State, bool)]) -> Vec<Entry> {
    let of = |&(version, state, down): &(i64, State, bool)| Entry {
        version,
        state,
        migration: (state != State::MissingFile).then(|| Migration {
            version,
            description: "x".to_owned(),
            up: "1_x.up.sql".into(),
            down: down.then(|| "1_x.down.sql".into()),
            rivals: Vec::new(),
        }),
        orphan: None,
        row: (!matches!(state, State::Pending | State::OutOfOrder)).then(|| Row {
            version,
            description: "x".to_owned(),
            installed_on: String::new(),
            success: state != State::Dirty,
            checksum: String::new(),
            execution_time: 0,
        }),
        lost: None,
        session: None,
    };
    states.iter().map(of).collect()
}

fn versions(wanted: &[Wanted<'_>]) -> Vec<i64> {
    wanted.iter().map(|wanted| wanted.version).collect()
}

fn up(entries: &[Entry], limit: Limit, allow_out_of_order: bool) -> Result<Vec<i64>, Fault> {
    pending(&Folder::default(), entries, limit, allow_out_of_order).map(|wanted| versions(&wanted))
}

#[test]
fn up_takes_what_is_pending_and_stops_at_what_is_not_whole() {
    use State::{Applied, Changed, Dirty, MissingFile, OutOfOrder, Pending, Running};
    let all = entries(&[(1, Applied, true), (2, Pending, true), (3, Pending, true)]);
    let limited = |count, to| up(&all, Limit { count, to }, false).unwrap();
    assert_eq!((limited(None, None), limited(Some(1), None), limited(None, Some(2))), (vec![2, 3], vec![2], vec![2]));
    assert_eq!((limited(Some(0), None), limited(None, Some(1))), (vec![], vec![]));
    assert_eq!(up(&all, Limit { to: Some(9), count: None }, false).unwrap_err().exit, Exit::Usage);
    for (state, exit) in
        [(Dirty, Exit::Partial), (Running, Exit::Locked), (Changed, Exit::Failed), (MissingFile, Exit::Failed)]
    {
        let all = entries(&[(1, state, true), (2, Pending, true)]);
        assert_eq!(up(&all, Limit::default(), true).unwrap_err().exit, exit);
    }
    let all = entries(&[(1, OutOfOrder, true), (2, Applied, true), (3, Pending, true)]);
    assert!(up(&all, Limit::default(), false).is_err());
    assert_eq!(up(&all, Limit::default(), true).unwrap(), [1, 3]);
    assert_eq!(exit(&anyhow::anyhow!("x")), Exit::Failed);
}

#[test]
fn down_goes_newest_first_and_stops_at_a_version_without_a_down_file() {
    use State::{Applied, Ignored, Pending};
    let all = entries(&[
        (1, Applied, true),
        (2, Applied, false),
        (3, Applied, true),
        (4, Applied, true),
        (5, Pending, true),
        (6, Ignored, false),
    ]);
    let down = |count, to| {
        let (wanted, stop) = reverting(&all, Limit { count, to }).unwrap();
        (versions(&wanted), stop.map(|entry| entry.version))
    };
    assert_eq!(down(None, None), (vec![4], None));
    assert_eq!(down(Some(2), None), (vec![4, 3], None));
    assert_eq!(down(Some(4), None), (vec![4, 3], Some(2)));
    assert_eq!(down(None, Some(0)), (vec![4, 3], Some(2)));
    assert_eq!(down(None, Some(3)), (vec![4], None));
    assert_eq!(down(None, Some(5)), (vec![], None));
    let all = entries(&[(1, Applied, false)]);
    assert!(reverting(&all, Limit::default()).is_err());
}

#[test]
fn what_sqlx_refuses_stops_an_up_alone() {
    let all = entries(&[(1, State::Applied, true), (2, State::Pending, true)]);
    let folder =
        Folder { refusals: vec![Refusal { what: "x_y.sql: …".to_owned(), cure: "…" }], ..Folder::default() };
    assert!(pending(&folder, &all, Limit::default(), true).is_err());
    assert!(reverting(&all, Limit::default()).is_ok());
    // Two files of one version stop what would run one of them, and nothing else.
    let mut all = all;
    let rivals =
        |entry: &mut Entry| entry.migration.iter_mut().for_each(|migration| migration.rivals = vec!["1_y.sql".into()]);
    rivals(&mut all[0]);
    assert_eq!(up(&all, Limit::default(), true).unwrap(), [2]);
    rivals(&mut all[1]);
    assert!(up(&all, Limit::default(), true).is_err());
}
