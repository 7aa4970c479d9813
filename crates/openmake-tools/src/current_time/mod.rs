//! The date and the time, somewhere.

mod zone;

use std::fmt::Write as _;

use chrono::{DateTime, Datelike, Offset, TimeZone, Weekday};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use self::zone::Zone;
use crate::{
    Locale, Tool, ToolContext, ToolError, ToolOutput, ToolSpec, Tz, parse_arguments, schema_of,
};

/// What the model passes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// An IANA time zone such as `Asia/Seoul`, or an offset such as `+09:00`.
    /// Leave it out for the user's own zone.
    #[serde(default)]
    #[schemars(with = "String")]
    time_zone: Option<String>,
}

/// Tells the date and the time in a zone.
#[derive(Debug)]
pub struct CurrentTime {
    spec: ToolSpec,
}

impl Default for CurrentTime {
    fn default() -> Self {
        Self::new()
    }
}

impl CurrentTime {
    /// The tool.
    pub fn new() -> Self {
        Self {
            spec: ToolSpec {
                name: "current_time".to_owned(),
                description: "Tells the current date, weekday and time in a time zone. Use it \
                              whenever the answer depends on today's date or on the time now."
                    .to_owned(),
                parameters: schema_of::<Arguments>(),
            },
        }
    }
}

impl Tool for CurrentTime {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn call<'a>(
        &'a self,
        context: &'a ToolContext,
        arguments: Value,
    ) -> BoxFuture<'a, Result<ToolOutput, ToolError>> {
        std::future::ready(tell(context, arguments)).boxed()
    }
}

fn tell(context: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
    let Arguments { time_zone } = parse_arguments(arguments)?;
    let asked = time_zone
        .as_deref()
        .map(str::trim)
        .filter(|name| !name.is_empty());
    let (zone, whose) = match asked {
        Some(name) => {
            let zone = zone::find(name)
                .map_err(|unknown| ToolError::InvalidArguments(unknown.to_string()))?;
            (zone, "")
        }
        None => match context.time_zone {
            Some(zone) => (Zone::Named(zone), " (the user's)"),
            None => (Zone::Named(Tz::UTC), " (the user's zone is not known)"),
        },
    };
    let now = context.clock.now();
    let text = match zone {
        Zone::Named(tz) => {
            let there = now.with_timezone(&tz);
            describe(
                &there,
                &format!("{tz}, {}{whose}", there.format("%Z")),
                context.locale,
            )
        }
        Zone::Offset(offset) => describe(
            &now.with_timezone(&offset),
            &format!("UTC{offset}"),
            context.locale,
        ),
    };
    Ok(ToolOutput::text(text))
}

/// The instant in a few lines that leave nothing to be worked out: models are
/// bad at weekdays, week numbers and offsets.
fn describe<Z: TimeZone>(there: &DateTime<Z>, zone: &str, locale: Locale) -> String
where
    Z::Offset: std::fmt::Display,
{
    let mut text = String::new();
    let weekday = weekday_in(there.weekday(), Locale::English);
    let local = weekday_in(there.weekday(), locale);
    let (iso_week, day) = (there.iso_week(), there.ordinal());
    // Writing to a String cannot fail.
    let _ = writeln!(text, "date: {}", there.format("%Y-%m-%d"));
    let _ = if locale == Locale::English {
        writeln!(text, "weekday: {weekday}")
    } else {
        writeln!(text, "weekday: {weekday} ({local})")
    };
    let _ = writeln!(text, "time: {}", there.format("%H:%M:%S"));
    let _ = writeln!(text, "time zone: {zone}");
    let _ = writeln!(text, "UTC offset: {}", there.offset().fix());
    let _ = writeln!(text, "ISO 8601: {}", there.format("%Y-%m-%dT%H:%M:%S%:z"));
    let _ = writeln!(
        text,
        "ISO week: {}-W{:02}",
        iso_week.year(),
        iso_week.week()
    );
    let _ = writeln!(text, "day of the year: {day}");
    let _ = write!(text, "Unix time: {}", there.timestamp());
    text
}

fn weekday_in(weekday: Weekday, locale: Locale) -> &'static str {
    let names = match locale {
        Locale::English => [
            "Monday",
            "Tuesday",
            "Wednesday",
            "Thursday",
            "Friday",
            "Saturday",
            "Sunday",
        ],
        Locale::Korean => [
            "월요일",
            "화요일",
            "수요일",
            "목요일",
            "금요일",
            "토요일",
            "일요일",
        ],
        Locale::Japanese => [
            "月曜日",
            "火曜日",
            "水曜日",
            "木曜日",
            "金曜日",
            "土曜日",
            "日曜日",
        ],
        Locale::Chinese => [
            "星期一",
            "星期二",
            "星期三",
            "星期四",
            "星期五",
            "星期六",
            "星期日",
        ],
    };
    names[weekday.num_days_from_monday() as usize]
}
