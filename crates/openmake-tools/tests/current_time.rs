//! The date and the time, as the model is told them.
#![expect(
    clippy::expect_used,
    reason = "helpers of tests, outside of the functions that clippy knows as tests"
)]

use std::sync::Arc;

use chrono::{DateTime, Utc};
use openmake_tools::{CurrentTime, Locale, Registry, ToolContext, ToolError, Tz};
use openmake_types::{ManualClock, ToolCall};
use proptest::prelude::*;
use tokio_util::sync::CancellationToken;

fn context(time_zone: Option<Tz>, locale: Locale) -> ToolContext {
    let now: DateTime<Utc> = "2026-12-31T23:30:05Z".parse().expect("an instant");
    ToolContext {
        clock: Arc::new(ManualClock::new(now)),
        time_zone,
        locale,
        cancel: CancellationToken::new(),
    }
}

fn tell(context: &ToolContext, arguments: &str) -> Result<String, ToolError> {
    let mut registry = Registry::new();
    registry
        .register(Arc::new(CurrentTime::new()))
        .expect("a fresh registry");
    let call = ToolCall {
        id: "1".to_owned(),
        name: "current_time".to_owned(),
        arguments: arguments.to_owned(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let execution = runtime.block_on(registry.execute(context, &call));
    match execution.error {
        None => Ok(execution.result.content),
        Some(error) => Err(error),
    }
}

fn asked(zone: &str) -> Result<String, ToolError> {
    let arguments = serde_json::json!({ "time_zone": zone }).to_string();
    tell(&context(None, Locale::English), &arguments)
}

#[test]
fn the_persons_zone_is_the_default() {
    let told = tell(&context(Some(Tz::Asia__Seoul), Locale::Korean), "{}").expect("a time");
    assert_eq!(
        told,
        "date: 2027-01-01\n\
         weekday: Friday (금요일)\n\
         time: 08:30:05\n\
         time zone: Asia/Seoul, KST (the user's)\n\
         UTC offset: +09:00\n\
         ISO 8601: 2027-01-01T08:30:05+09:00\n\
         ISO week: 2026-W53\n\
         day of the year: 1\n\
         Unix time: 1798759805",
    );
    let told = tell(&context(None, Locale::English), "").expect("a time");
    assert!(
        told.contains("date: 2026-12-31\nweekday: Thursday\ntime: 23:30:05\n"),
        "{told}"
    );
    assert!(
        told.contains("time zone: UTC, UTC (the user's zone is not known)"),
        "{told}"
    );
}

#[test]
fn a_zone_may_be_named_in_many_ways() {
    for (zone, time) in [
        ("Asia/Seoul", "08:30:05"),
        ("asia/seoul", "08:30:05"),
        ("Seoul", "08:30:05"),
        ("KST", "08:30:05"),
        ("new york", "18:30:05"),
        ("America/New_York", "18:30:05"),
        ("UTC", "23:30:05"),
        ("+09:00", "08:30:05"),
        ("UTC+9", "08:30:05"),
        ("GMT-0330", "20:00:05"),
    ] {
        let told = asked(zone).expect(zone);
        assert!(
            told.contains(&format!("\ntime: {time}\n")),
            "{zone}: {told}"
        );
    }
}

#[test]
fn daylight_saving_is_heeded() {
    let mut summer = context(Some(Tz::Europe__Berlin), Locale::English);
    let july: DateTime<Utc> = "2026-07-01T12:00:00Z".parse().expect("an instant");
    summer.clock = Arc::new(ManualClock::new(july));
    let told = tell(&summer, "{}").expect("a time");
    assert!(
        told.contains("ISO 8601: 2026-07-01T14:00:00+02:00"),
        "{told}"
    );
}

#[test]
fn an_unknown_zone_names_its_neighbours() {
    for (zone, near) in [
        ("Asia/Soul", "Asia/Seoul"),
        ("Europe/Berlln", "Europe/Berlin"),
        ("Tokio", "Asia/Tokyo"),
    ] {
        let error = asked(zone).expect_err(zone).to_string();
        assert!(
            error.contains("did you mean") && error.contains(near),
            "{zone}: {error}"
        );
    }
    for zone in ["서울", "+25:00", "x", "UTC+", "+9:99"] {
        let error = asked(zone).expect_err(zone);
        assert!(
            matches!(error, ToolError::InvalidArguments(_)),
            "{zone}: {error}"
        );
    }
}

#[test]
fn weekdays_are_in_the_persons_language() {
    for (tag, weekday) in [
        ("en-US", "weekday: Thursday\n"),
        ("ko-KR", "weekday: Thursday (목요일)\n"),
        ("ja", "weekday: Thursday (木曜日)\n"),
        ("zh_CN", "weekday: Thursday (星期四)\n"),
        ("fr", "weekday: Thursday\n"),
    ] {
        let told = tell(&context(None, Locale::from_tag(tag)), "{}").expect("a time");
        assert!(told.contains(weekday), "{tag}: {told}");
    }
}

proptest! {
    #[test]
    fn any_name_is_a_zone_or_an_error(zone in ".{0,80}") {
        match asked(&zone) {
            Ok(told) => prop_assert!(told.contains("Unix time: 1798759805")),
            Err(error) => prop_assert!(matches!(error, ToolError::InvalidArguments(_))),
        }
    }
}
