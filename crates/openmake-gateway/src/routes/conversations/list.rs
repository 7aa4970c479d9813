//! One's conversations.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    authorize::Chat,
    conversations::{ConversationFilter, ConversationQuery, ConversationView},
    extract::{Json, Query},
    responses::ReadProblems,
};
use openmake_store::conversations::Filter;

use super::{super::page, view::conversation_view};
use crate::{error::store_error, state::App};

/// One's conversations: pinned ones first, then by last change.
#[utoipa::path(get, path = "/api/v1/conversations", tag = "conversations",
    params(ConversationQuery, PageQuery),
    responses((status = 200, body = Page<ConversationView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    allowed: Allowed<Chat>,
    Query(filter): Query<ConversationQuery>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ConversationView>>, ApiError> {
    let filter = match filter.filter {
        ConversationFilter::Active => Filter::Active,
        ConversationFilter::Archived => Filter::Archived,
        ConversationFilter::Deleted => Filter::Deleted,
    };
    let conversations = app.store.conversations();
    let rows = conversations
        .list(allowed.actor.user_id, filter, page::request(&query)?)
        .await;
    let rows = rows.map_err(store_error("conversation"))?;
    Ok(Json(page::page(rows, conversation_view)))
}
