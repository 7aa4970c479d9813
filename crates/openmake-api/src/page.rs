//! Pages of long lists, by keyset: a cursor names the last row that was seen,
//! so rows that come or go never shift what follows.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::ApiError;

/// One page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The rows, in the list's order.
    pub items: Vec<T>,
    /// Pass as `cursor` to get the next page; absent on the last one.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// The rows of a page under another form.
    pub fn map<U>(self, into: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(into).collect(),
            next_cursor: self.next_cursor,
        }
    }
}

/// The query of every paged list.
#[derive(Debug, Clone, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// How many rows, 1 to 200; 50 unless given.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
}

/// Rows of a page unless the caller says otherwise.
pub const DEFAULT_LIMIT: u32 = 50;
/// Rows of a page at most.
pub const MAX_LIMIT: u32 = 200;

impl PageQuery {
    /// The limit, checked.
    pub fn limit(&self) -> Result<u32, ApiError> {
        match self.limit.unwrap_or(DEFAULT_LIMIT) {
            limit @ 1..=MAX_LIMIT => Ok(limit),
            _ => Err(ApiError::field(
                "limit",
                "invalid",
                "`limit` is a number from 1 to 200.",
            )),
        }
    }

    /// The cursor, checked.
    pub fn cursor(&self) -> Result<Option<Cursor>, ApiError> {
        self.cursor
            .as_deref()
            .map(str::parse)
            .transpose()
            .map_err(|InvalidCursor| {
                ApiError::field(
                    "cursor",
                    "invalid",
                    "`cursor` is not one that this list gave.",
                )
            })
    }
}

/// The place of a row in a list: its time and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The row's time.
    pub at: DateTime<Utc>,
    /// The row's id.
    pub id: Uuid,
}

/// A cursor that no list gave out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidCursor;

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 24];
        let (at, id) = bytes.split_at_mut(8);
        at.copy_from_slice(&self.at.timestamp_micros().to_be_bytes());
        id.copy_from_slice(self.id.as_bytes());
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let (at, id) = bytes.split_first_chunk::<8>().ok_or(InvalidCursor)?;
        let at = DateTime::from_timestamp_micros(i64::from_be_bytes(*at)).ok_or(InvalidCursor)?;
        let id = Uuid::from_slice(id).map_err(|_| InvalidCursor)?;
        Ok(Self { at, id })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_reads_back_what_it_prints(micros in 0_i64..4_000_000_000_000_000, id: u128) {
            let cursor = Cursor {
                at: DateTime::from_timestamp_micros(micros).expect("in range"),
                id: Uuid::from_u128(id),
            };
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn any_text_is_a_cursor_or_refused(text in ".*") {
            let _: Result<Cursor, InvalidCursor> = text.parse();
        }
    }

    #[test]
    fn the_limit_is_bounded() {
        for (limit, ok) in [(0, false), (1, true), (200, true), (201, false)] {
            let query = PageQuery {
                cursor: None,
                limit: Some(limit),
            };
            assert_eq!(query.limit().is_ok(), ok, "{limit}");
        }
    }
}
