//! Whom a call is for, and when.

use std::fmt;
use std::sync::Arc;

use chrono_tz::Tz;
use openmake_types::Clock;
use tokio_util::sync::CancellationToken;

/// What a tool may know about the turn that it is called in.
#[derive(Clone)]
pub struct ToolContext {
    /// Tells the time of day.
    pub clock: Arc<dyn Clock>,
    /// Where the person is, when they have said so.
    pub time_zone: Option<Tz>,
    /// The language that the person reads.
    pub locale: Locale,
    /// Cancelled when the turn is.
    pub cancel: CancellationToken,
}

impl fmt::Debug for ToolContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolContext")
            .field("time_zone", &self.time_zone)
            .field("locale", &self.locale)
            .field("cancelled", &self.cancel.is_cancelled())
            .finish_non_exhaustive()
    }
}

/// A language that the product is translated into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Locale {
    /// English.
    #[default]
    English,
    /// Korean.
    Korean,
    /// Japanese.
    Japanese,
    /// Simplified Chinese.
    Chinese,
}

impl Locale {
    /// The locale of a language tag (`ko`, `ko-KR`, `zh_CN`), English where
    /// the product has no translation.
    pub fn from_tag(tag: &str) -> Self {
        let language = tag.split(['-', '_']).next().unwrap_or_default();
        if language.eq_ignore_ascii_case("ko") {
            Self::Korean
        } else if language.eq_ignore_ascii_case("ja") {
            Self::Japanese
        } else if language.eq_ignore_ascii_case("zh") {
            Self::Chinese
        } else {
            Self::English
        }
    }
}
