//! Which scheduled backups are kept.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use uuid::Uuid;

/// How a scheduled backup's file ends.
const SUFFIX: &str = ".omkb";
const TIME: &str = "%Y%m%dT%H%M%SZ";

/// How many, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// The newest so many good ones are kept; at least 1.
    pub keep: u32,
    /// And all good ones younger than so many days.
    pub keep_days: u32,
}

/// The name of an instance's backup as of `taken_at`.
pub fn file_name(instance: Uuid, taken_at: DateTime<Utc>) -> String {
    format!("{}{}{SUFFIX}", prefix(instance), taken_at.format(TIME))
}

/// Eight digits of the instance tell several in one directory apart.
fn prefix(instance: Uuid) -> String {
    let id = instance.simple().to_string();
    format!("openmake-{}-", id.get(..8).unwrap_or(&id))
}

/// As of when a file of this name is, if it is one of the instance's.
fn taken_at(instance: Uuid, name: &str) -> Option<DateTime<Utc>> {
    let time = name.strip_prefix(&prefix(instance))?.strip_suffix(SUFFIX)?;
    let time = NaiveDateTime::parse_from_str(time, TIME).ok()?;
    Some(time.and_utc())
}

/// Of the files in the directory, those that need not be kept. `good` are the
/// names of backups that are known to be good. Nothing is given up for a file
/// that is not known to be good, and never the last good one.
pub fn superfluous(
    instance: Uuid,
    files: &[String],
    good: &[String],
    retention: Retention,
    now: DateTime<Utc>,
) -> Vec<String> {
    let good: BTreeSet<&String> = good.iter().collect();
    let mut ours: Vec<(DateTime<Utc>, &String)> = files
        .iter()
        .filter_map(|name| Some((taken_at(instance, name)?, name)))
        .collect();
    ours.sort_unstable();
    ours.reverse();
    let keep = usize::try_from(retention.keep.max(1)).unwrap_or(1);
    let young = now - TimeDelta::days(retention.keep_days.into());
    let mut good_seen = 0;
    let mut superfluous = Vec::new();
    for (at, name) in ours {
        let enough = good_seen >= keep;
        if good.contains(name) {
            good_seen += 1;
        }
        if enough && at < young {
            superfluous.push(name.clone());
        }
    }
    superfluous
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCE: Uuid = Uuid::from_u128(0xabcd_ef01 << 96);

    fn day(day: u32) -> DateTime<Utc> {
        format!("2026-11-{day:02}T03:30:00Z")
            .parse()
            .expect("a day")
    }

    fn names(days: &[u32]) -> Vec<String> {
        days.iter().map(|d| file_name(INSTANCE, day(*d))).collect()
    }

    fn gone(files: &[u32], good: &[u32], keep: u32, keep_days: u32) -> Vec<String> {
        let retention = Retention { keep, keep_days };
        let mut gone = superfluous(INSTANCE, &names(files), &names(good), retention, day(20));
        gone.sort();
        gone
    }

    #[test]
    fn the_newest_are_kept_and_those_that_are_young() {
        let all = [10, 12, 14, 16, 18, 20];
        assert_eq!(gone(&all, &all, 2, 0), names(&[10, 12, 14, 16]));
        assert_eq!(gone(&all, &all, 2, 5), names(&[10, 12, 14]));
        assert_eq!(gone(&all, &all, 9, 0), names(&[]));
    }

    #[test]
    fn the_only_good_one_is_kept_whatever_comes_after_it() {
        assert_eq!(gone(&[10, 12, 14, 16], &[10], 1, 0), names(&[]));
        assert_eq!(gone(&[10, 12, 14, 16], &[10, 12], 1, 0), names(&[10]));
        assert_eq!(gone(&[10, 12, 14], &[], 1, 0), names(&[]));
        assert_eq!(gone(&[10, 12], &[10, 12], 0, 0), names(&[10]));
    }

    #[test]
    fn nobody_elses_files_are_touched() {
        let other = file_name(Uuid::from_u128(1), day(1));
        let mut files = names(&[10, 12]);
        files.extend([other, "holiday.jpg".to_owned(), "openmake.omkb".to_owned()]);
        let retention = Retention {
            keep: 1,
            keep_days: 0,
        };
        let good = names(&[10, 12]);
        assert_eq!(
            superfluous(INSTANCE, &files, &good, retention, day(20)),
            names(&[10])
        );
    }
}
