//! Full-text search over one's own conversations.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError,
    authorize::Chat,
    conversations::{Excerpt, Highlight, SearchHit, SearchQuery, SearchResults},
    extract::{Json, Query},
    page::MAX_LIMIT,
    responses::ReadProblems,
};
use openmake_store::search::{Hit, MessageExcerpt};

use super::{conversations::view::conversation_view, input};
use crate::{error::store_error, state::App};

const DEFAULT_LIMIT: u32 = 20;

/// Conversations in which every word occurs, best first. When enough are
/// found among the newest few thousand messages, older ones are found by their
/// titles only.
#[utoipa::path(get, path = "/api/v1/search", tag = "conversations", params(SearchQuery),
    responses((status = 200, body = SearchResults), ReadProblems))]
pub(crate) async fn search(
    State(app): State<App>,
    allowed: Allowed<Chat>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<SearchResults>, ApiError> {
    let words = input::line("q", &query.q, 200)?;
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        let detail = "`limit` is a number from 1 to 200.";
        return Err(ApiError::field("limit", "invalid", detail));
    }
    let owner = allowed.actor.user_id;
    let hits = app.store.search().find(owner, &words, limit).await;
    let hits = hits.map_err(store_error("conversation"))?;
    Ok(Json(SearchResults {
        items: hits.into_iter().map(view).collect(),
    }))
}

fn view(hit: Hit) -> SearchHit {
    SearchHit {
        conversation: conversation_view(hit.conversation),
        excerpts: hit.excerpts.into_iter().map(excerpt).collect(),
    }
}

fn excerpt(excerpt: MessageExcerpt) -> Excerpt {
    let highlights = excerpt
        .highlights
        .iter()
        .filter_map(|range| utf16_range(&excerpt.text, *range))
        .collect();
    Excerpt {
        message_id: excerpt.message_id.as_uuid(),
        role: excerpt.role.as_str().to_owned(),
        text: excerpt.text,
        highlights,
    }
}

/// A range of bytes as browsers count: in UTF-16 code units.
fn utf16_range(text: &str, (start, end): (usize, usize)) -> Option<Highlight> {
    let units = |text: &str| u32::try_from(text.encode_utf16().count()).ok();
    let before = units(text.get(..start)?)?;
    let inside = units(text.get(start..end)?)?;
    Some(Highlight {
        start: before,
        end: before + inside,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_counted_as_browsers_do() {
        let text = "😀 한국어 a";
        let start = text.find("한국").expect("there");
        let range = utf16_range(text, (start, start + "한국".len()));
        assert_eq!(range, Some(Highlight { start: 3, end: 5 }));
        assert_eq!(utf16_range(text, (1, 2)), None, "not on a character");
        assert_eq!(utf16_range(text, (0, 999)), None, "past the end");
    }
}
