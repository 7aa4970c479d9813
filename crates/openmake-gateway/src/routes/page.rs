//! Between pages on the wire and rows of the store.

use openmake_api::{ApiError, Cursor, Page, PageQuery};
use openmake_store::{PageRequest, Position, Rows};

/// Which rows a query asks for.
pub(crate) fn request(query: &PageQuery) -> Result<PageRequest, ApiError> {
    Ok(PageRequest {
        after: query.cursor()?.map(|cursor| Position {
            at: cursor.at,
            id: cursor.id,
        }),
        limit: query.limit()?,
    })
}

/// Rows as a page.
pub(crate) fn page<T, U>(rows: Rows<T>, view: impl FnMut(T) -> U) -> Page<U> {
    let next = rows.next.map(|place| Cursor {
        at: place.at,
        id: place.id,
    });
    Page {
        items: rows.items.into_iter().map(view).collect(),
        next_cursor: next.map(|cursor| cursor.to_string()),
    }
}
