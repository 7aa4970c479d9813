//! The messages of a conversation, all branches.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    authorize::Chat,
    event::Folded,
    extract::{Json, Path, Query},
    messages::MessageView,
    responses::ReadProblems,
};
use openmake_store::{StoreError, messages::Message};
use openmake_types::{ConversationId, MessageStatus, TurnId, UserId};
use serde::Deserialize as _;
use uuid::Uuid;

use super::{super::page, view::message_view};
use crate::{error::store_error, state::App};

/// Events that are read from a log at once.
const LOG_PAGE: u32 = 1000;

/// A page of messages, oldest first. Of an unfinished answer, what there is so
/// far.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/messages", tag = "conversations",
    params(("id" = Uuid, Path), PageQuery),
    responses((status = 200, body = Page<MessageView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    allowed: Allowed<Chat>,
    Path(id): Path<Uuid>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<MessageView>>, ApiError> {
    let owner = allowed.actor.user_id;
    let conversation = ConversationId::from_uuid(id);
    let messages = app.store.messages();
    let rows = messages
        .page(owner, conversation, page::request(&query)?)
        .await;
    let mut rows = rows.map_err(store_error("conversation"))?;
    let stored = std::mem::take(&mut rows.items);
    let mut page = page::page(rows, |message| message_view(message, None));
    page.items = folded(&app, owner, stored).await?;
    Ok(Json(page))
}

/// Messages as views, unfinished ones folded from their logs.
pub(crate) async fn folded(
    app: &App,
    owner: UserId,
    messages: Vec<Message>,
) -> Result<Vec<MessageView>, ApiError> {
    let mut views = Vec::with_capacity(messages.len());
    for message in messages {
        let so_far = match (message.status, message.turn_id) {
            (MessageStatus::Running, Some(turn)) => fold(app, owner, turn).await?,
            _ => None,
        };
        views.push(message_view(message, so_far));
    }
    Ok(views)
}

/// What a running turn's log adds up to; none when it is gone.
async fn fold(app: &App, owner: UserId, turn: TurnId) -> Result<Option<Folded>, ApiError> {
    let mut so_far = Folded::default();
    let mut after = 0;
    loop {
        let page = app.store.turns().log(owner, turn, after, LOG_PAGE).await;
        let page = match page {
            Ok(page) if page.kept => page,
            Ok(_) | Err(StoreError::NotFound) => return Ok(None),
            Err(error) => return Err(store_error("turn")(error)),
        };
        for event in &page.events {
            if let Ok(body) = openmake_api::EventBody::deserialize(&event.data) {
                so_far.apply(&body);
            }
            after = event.seq;
        }
        if page.events.len() < LOG_PAGE as usize {
            return Ok(Some(so_far));
        }
    }
}
