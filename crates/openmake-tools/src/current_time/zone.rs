//! What a model calls a time zone.

use std::fmt;

use chrono::FixedOffset;
use chrono_tz::{TZ_VARIANTS, Tz};

/// The longest name that is compared with the known ones.
const MAX_NAME_CHARS: usize = 64;

/// Abbreviations that mean one place only. `IST`, `CST` and their like mean
/// several, and guessing would be wrong for half of the world.
const ABBREVIATIONS: [(&str, Tz); 3] = [
    ("KST", Tz::Asia__Seoul),
    ("JST", Tz::Asia__Tokyo),
    ("Z", Tz::UTC),
];

/// Where to tell the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    /// A place with its rules.
    Named(Tz),
    /// A fixed distance from UTC.
    Offset(FixedOffset),
}

/// A name that stands for no zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnknownZone {
    name: String,
    near: Vec<&'static str>,
}

impl fmt::Display for UnknownZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown time zone {:?}", self.name)?;
        if self.near.is_empty() {
            f.write_str("; use an IANA name such as Asia/Seoul or an offset such as +09:00")
        } else {
            write!(f, "; did you mean {}?", self.near.join(", "))
        }
    }
}

/// The zone of this name: an IANA name in any case, with spaces for
/// underscores, its last part where only one zone ends so (`Seoul`), or an
/// offset.
pub(super) fn find(name: &str) -> Result<Zone, UnknownZone> {
    let name: String = name.chars().take(MAX_NAME_CHARS).collect();
    if let Some(offset) = offset(&name) {
        return Ok(Zone::Offset(offset));
    }
    let wanted = name.replace(' ', "_");
    let abbreviated = ABBREVIATIONS
        .iter()
        .find(|(short, _)| short.eq_ignore_ascii_case(&wanted))
        .map(|&(_, zone)| zone);
    let exact = || {
        TZ_VARIANTS
            .iter()
            .find(|zone| zone.name().eq_ignore_ascii_case(&wanted))
    };
    if let Some(zone) = abbreviated.or_else(|| exact().copied()) {
        return Ok(Zone::Named(zone));
    }
    let mut of_city = TZ_VARIANTS
        .iter()
        .filter(|zone| city(**zone).eq_ignore_ascii_case(&wanted));
    match (of_city.next(), of_city.next()) {
        (Some(zone), None) => Ok(Zone::Named(*zone)),
        _ => Err(UnknownZone {
            near: near(&wanted),
            name,
        }),
    }
}

fn city(zone: Tz) -> &'static str {
    let name = zone.name();
    name.rsplit('/').next().unwrap_or(name)
}

/// `+09:00`, `-3`, `UTC+9`, `GMT-0330`.
fn offset(text: &str) -> Option<FixedOffset> {
    let upper = text.to_ascii_uppercase();
    let text = upper
        .strip_prefix("UTC")
        .or_else(|| upper.strip_prefix("GMT"))
        .unwrap_or(&upper);
    let text = text.trim_start();
    let (sign, digits) = match text.strip_prefix('+') {
        Some(digits) => (1, digits),
        None => (
            -1,
            text.strip_prefix('-')
                .or_else(|| text.strip_prefix('\u{2212}'))?,
        ),
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let number = |part: &str| -> Option<i32> {
        let digits = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
        if digits { part.parse().ok() } else { None }
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    if hours > 14 || minutes > 59 {
        return None;
    }
    FixedOffset::east_opt(sign * (hours * 3600 + minutes * 60))
}

/// The zones whose name or city looks most like this, the best first.
fn near(wanted: &str) -> Vec<&'static str> {
    let wanted = wanted.to_ascii_lowercase();
    let wanted_city = wanted.rsplit('/').next().unwrap_or(&wanted);
    let mut scored: Vec<(f64, &'static str)> = TZ_VARIANTS
        .iter()
        .map(|zone| {
            let whole = strsim::jaro_winkler(&wanted, &zone.name().to_ascii_lowercase());
            let part = strsim::jaro_winkler(wanted_city, &city(*zone).to_ascii_lowercase());
            (whole.max(part), zone.name())
        })
        .filter(|&(score, _)| score > 0.8)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.into_iter().take(5).map(|(_, name)| name).collect()
}
