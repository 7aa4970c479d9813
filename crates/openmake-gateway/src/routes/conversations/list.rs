//! One's conversations.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    authorize::Chat,
    conversations::{ConversationFilter, ConversationQuery, ConversationSort, ConversationView},
    extract::{Json, Query},
    responses::ReadProblems,
};
use openmake_store::conversations::{Filter, Narrowed, Sort};

use super::{super::page, view::conversation_view};
use crate::{error::store_error, state::App};

/// One's conversations: pinned ones first, then by last change; or those that
/// the query narrows the list to, in its order.
#[utoipa::path(get, path = "/api/v1/conversations", tag = "conversations",
    params(ConversationQuery, PageQuery),
    responses((status = 200, body = Page<ConversationView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    allowed: Allowed<Chat>,
    Query(wanted): Query<ConversationQuery>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ConversationView>>, ApiError> {
    let owner = allowed.actor.user_id;
    let request = page::request(&query)?;
    let narrowed = narrowed(&wanted)?;
    let conversations = app.store.conversations();
    let rows = if narrowed == usual(narrowed.filter) {
        conversations.list(owner, narrowed.filter, request).await
    } else {
        conversations.list_narrowed(owner, narrowed, request).await
    };
    let rows = rows.map_err(store_error("conversation"))?;
    Ok(Json(page::page(rows, conversation_view)))
}

/// A whole list, in the order in which it is usually read.
const fn usual(filter: Filter) -> Narrowed {
    Narrowed {
        filter,
        sort: Sort::Recent,
        pinned: None,
        from: None,
        to: None,
    }
}

fn narrowed(wanted: &ConversationQuery) -> Result<Narrowed, ApiError> {
    if let Some((from, to)) = wanted.from.zip(wanted.to)
        && from >= to
    {
        let detail = "`to` is later than `from`.";
        return Err(ApiError::field("to", "invalid", detail));
    }
    Ok(Narrowed {
        filter: match wanted.filter {
            ConversationFilter::Active => Filter::Active,
            ConversationFilter::Archived => Filter::Archived,
            ConversationFilter::Deleted => Filter::Deleted,
        },
        sort: match wanted.sort {
            ConversationSort::Recent => Sort::Recent,
            ConversationSort::Oldest => Sort::Oldest,
            ConversationSort::Title => Sort::Title,
        },
        pinned: wanted.pinned,
        from: wanted.from,
        to: wanted.to,
    })
}
