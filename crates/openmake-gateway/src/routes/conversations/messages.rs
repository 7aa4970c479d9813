//! The messages of a conversation, all branches.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    authorize::{Chat, ManageConversations},
    conversations::ConversationView,
    event::Folded,
    extract::{Json, Path, Query},
    messages::{MessageListing, MessageQuery, MessageView},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::{
    StoreError,
    messages::{Message, ShownPart},
};
use openmake_types::{ConversationId, MessageId, MessageStatus, TurnId, UserId};
use serde::Deserialize as _;
use uuid::Uuid;

use super::{
    super::page,
    view::{changed, conversation_view, message_view},
};
use crate::{error::store_error, state::App};

/// Events that are read from a log at once.
const LOG_PAGE: u32 = 1000;

/// A page of messages: of all branches from the beginning, or of the branch
/// that is shown from its end. Of an unfinished answer, what there is so far.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/messages", tag = "conversations",
    params(("id" = Uuid, Path), MessageQuery, PageQuery),
    responses((status = 200, body = Page<MessageView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    allowed: Allowed<Chat>,
    Path(id): Path<Uuid>,
    Query(which): Query<MessageQuery>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<MessageView>>, ApiError> {
    let owner = allowed.actor.user_id;
    let conversation = ConversationId::from_uuid(id);
    let messages = app.store.messages();
    let rows = match which.list {
        MessageListing::All => {
            refuse_before(&which)?;
            let request = page::request(&query)?;
            messages.page(owner, conversation, request).await
        }
        MessageListing::Branch => {
            messages
                .shown(owner, conversation, part(&which, &query)?)
                .await
        }
    };
    let mut rows = rows.map_err(store_error("conversation"))?;
    let stored = std::mem::take(&mut rows.items);
    let mut page = page::page(rows, |message| message_view(message, None));
    page.items = folded(&app, owner, stored).await?;
    Ok(Json(page))
}

fn refuse_before(which: &MessageQuery) -> Result<(), ApiError> {
    if which.before.is_some() {
        let detail = "`before` goes with `list=branch`.";
        return Err(ApiError::field("before", "invalid", detail));
    }
    Ok(())
}

/// A part of the branch that is shown: above the message that the query or its
/// cursor names, or the end of the branch.
fn part(which: &MessageQuery, query: &PageQuery) -> Result<ShownPart, ApiError> {
    let cursor = query.cursor()?.map(|cursor| cursor.id);
    Ok(ShownPart {
        before: which.before.or(cursor).map(MessageId::from_uuid),
        limit: query.limit()?,
    })
}

/// Deletes a message with all that follows it, and shows the newest branch
/// beside it. It can be restored for 30 days. Refused while an answer among
/// them is being written.
#[utoipa::path(delete, path = "/api/v1/conversations/{id}/messages/{message_id}",
    tag = "conversations", params(("id" = Uuid, Path), ("message_id" = Uuid, Path)),
    responses((status = 200, body = ConversationView), WriteProblems))]
pub(crate) async fn delete(
    State(app): State<App>,
    allowed: Allowed<ManageConversations>,
    Path((id, message)): Path<(Uuid, Uuid)>,
) -> Result<Json<ConversationView>, ApiError> {
    let owner = allowed.actor.user_id;
    let id = ConversationId::from_uuid(id);
    let message = MessageId::from_uuid(message);
    let now = app.clock.now();
    let deleted = app.store.messages().delete(owner, id, message, now).await;
    let deleted = deleted.map_err(store_error("message"))?;
    app.announce(vec![changed(owner, id, deleted.version)]);
    Ok(Json(conversation_view(deleted)))
}

/// Restores a deleted message with all that was deleted with it, and shows the
/// branch that was shown before.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/messages/{message_id}/restore",
    tag = "conversations", params(("id" = Uuid, Path), ("message_id" = Uuid, Path)),
    responses((status = 200, body = ConversationView), WriteProblems))]
pub(crate) async fn restore(
    State(app): State<App>,
    allowed: Allowed<ManageConversations>,
    Path((id, message)): Path<(Uuid, Uuid)>,
) -> Result<Json<ConversationView>, ApiError> {
    let owner = allowed.actor.user_id;
    let id = ConversationId::from_uuid(id);
    let message = MessageId::from_uuid(message);
    let restored = app.store.messages().restore(owner, id, message).await;
    let restored = restored.map_err(store_error("message"))?;
    app.announce(vec![changed(owner, id, restored.version)]);
    Ok(Json(conversation_view(restored)))
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
