//! When the next backup is due.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Days, NaiveTime, TimeDelta, Utc};

/// After a failure, how long to wait before the next try.
const AGAIN: TimeDelta = TimeDelta::hours(1);

/// How often backups are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Every so many hours after the last one.
    Every(u32),
    /// Each day at this time, in UTC.
    DailyAt(NaiveTime),
}

/// A text that is no schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither hours such as `24h`, up to `8760h`, nor a time of day such as `03:30`")]
pub struct NotASchedule(String);

impl FromStr for Schedule {
    type Err = NotASchedule;

    fn from_str(text: &str) -> Result<Self, NotASchedule> {
        let wrong = || NotASchedule(text.to_owned());
        if let Some(hours) = text.strip_suffix('h') {
            let hours = hours.parse().map_err(|_| wrong())?;
            return if (1..=8760).contains(&hours) {
                Ok(Self::Every(hours))
            } else {
                Err(wrong())
            };
        }
        NaiveTime::parse_from_str(text, "%H:%M")
            .map(Self::DailyAt)
            .map_err(|_| wrong())
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(hours) => write!(f, "every {hours} h"),
            Self::DailyAt(time) => write!(f, "each day at {} UTC", time.format("%H:%M")),
        }
    }
}

impl Schedule {
    /// Between two backups at most, when all goes well.
    pub fn period(&self) -> TimeDelta {
        match self {
            Self::Every(hours) => TimeDelta::hours((*hours).into()),
            Self::DailyAt(_) => TimeDelta::days(1),
        }
    }

    /// Whether one is due now. `done` and `tried` are when the last good one
    /// and the last one at all began.
    pub fn is_due(
        &self,
        now: DateTime<Utc>,
        done: Option<DateTime<Utc>>,
        tried: Option<DateTime<Utc>>,
    ) -> bool {
        let needed = match (self, done) {
            // A clock that was set back must not stop backups for ever.
            (_, Some(done)) if done > now + TimeDelta::hours(1) => true,
            (Self::Every(_), Some(done)) => now >= done + self.period(),
            (Self::DailyAt(time), Some(done)) => done < last_at(*time, now),
            // A new instance has something to lose from its first hour on.
            (_, None) => true,
        };
        let failed_lately = tried.is_some_and(|tried| {
            tried <= now && now < tried + AGAIN && done.is_none_or(|done| tried > done)
        });
        needed && !failed_lately
    }
}

/// The last time that it was `time`.
fn last_at(time: NaiveTime, now: DateTime<Utc>) -> DateTime<Utc> {
    let today = now.date_naive().and_time(time).and_utc();
    if today <= now {
        today
    } else {
        today - Days::new(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        format!("2026-11-{text}:00Z").parse().expect("a time")
    }

    #[test]
    fn texts_are_read() {
        assert_eq!("24h".parse(), Ok(Schedule::Every(24)));
        let time = NaiveTime::from_hms_opt(3, 30, 0).expect("a time");
        assert_eq!("03:30".parse(), Ok(Schedule::DailyAt(time)));
        for wrong in ["", "h", "0h", "9000h", "24", "25:00", "daily", "3h30"] {
            assert!(wrong.parse::<Schedule>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_so_many_hours() {
        let schedule = Schedule::Every(6);
        let done = Some(at("23T00:00"));
        assert!(schedule.is_due(at("23T00:00"), None, None), "the first");
        assert!(!schedule.is_due(at("23T05:59"), done, done));
        assert!(schedule.is_due(at("23T06:00"), done, done));
    }

    #[test]
    fn each_day_at_a_time_and_after_it_when_the_server_was_down() {
        let schedule: Schedule = "03:30".parse().expect("valid");
        let done = Some(at("22T03:30"));
        assert!(!schedule.is_due(at("23T03:29"), done, done));
        assert!(schedule.is_due(at("23T03:30"), done, done));
        assert!(schedule.is_due(at("23T11:00"), done, done));
        let done = Some(at("23T11:00"));
        assert!(!schedule.is_due(at("24T03:29"), done, done));
        assert!(schedule.is_due(at("24T03:30"), done, done));
    }

    #[test]
    fn one_that_failed_is_tried_again_after_an_hour() {
        let schedule = Schedule::Every(6);
        let (done, tried) = (Some(at("22T00:00")), Some(at("23T00:00")));
        assert!(!schedule.is_due(at("23T00:59"), done, tried));
        assert!(schedule.is_due(at("23T01:00"), done, tried));
        assert!(!schedule.is_due(at("23T00:59"), None, tried));
    }

    #[test]
    fn a_clock_that_was_set_back_stops_nothing() {
        let done = Some(at("25T00:00"));
        assert!(Schedule::Every(24).is_due(at("23T00:00"), done, done));
    }
}
