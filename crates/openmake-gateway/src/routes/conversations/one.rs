//! One conversation: reading, changing, deleting, restoring.

use axum::{body::Body, extract::State};
use http::{Method, StatusCode};
use openmake_api::{
    Allowed, ApiError, ClientInfo,
    authorize::{Chat, ManageConversations},
    conversations::{ConversationView, UpdateConversation},
    extract::{Json, Path},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::conversations::ConversationChange;
use openmake_types::{ConversationId, MessageId, TurnId};
use uuid::Uuid;

use super::{
    super::input,
    view::{changed, conversation_view},
};
use crate::{
    error::store_error,
    forward::{self, Caller},
    state::App,
};

/// One conversation.
#[utoipa::path(get, path = "/api/v1/conversations/{id}", tag = "conversations",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = ConversationView), ReadProblems))]
pub(crate) async fn show(
    State(app): State<App>,
    allowed: Allowed<Chat>,
    Path(id): Path<Uuid>,
) -> Result<Json<ConversationView>, ApiError> {
    let id = ConversationId::from_uuid(id);
    let found = app
        .store
        .conversations()
        .get(allowed.actor.user_id, id)
        .await;
    let found = found.map_err(store_error("conversation"))?;
    Ok(Json(conversation_view(found)))
}

/// Changes a conversation: what is absent stays.
#[utoipa::path(patch, path = "/api/v1/conversations/{id}", tag = "conversations",
    params(("id" = Uuid, Path)), request_body = UpdateConversation,
    responses((status = 200, body = ConversationView), WriteProblems))]
pub(crate) async fn update(
    State(app): State<App>,
    allowed: Allowed<ManageConversations>,
    Path(id): Path<Uuid>,
    Json(body): Json<UpdateConversation>,
) -> Result<Json<ConversationView>, ApiError> {
    let line = |field, text: &Option<String>| {
        let checked = text.as_deref().map(|text| input::line(field, text, 200));
        checked.transpose()
    };
    let change = ConversationChange {
        title: line("title", &body.title)?,
        model: line("model", &body.model)?,
        thinking: input::set(body.thinking, input::thinking)?,
        temperature: input::set(body.temperature, input::temperature)?,
        instructions: input::set(body.instructions, |text| {
            input::instructions("instructions", &text)
        })?,
        pinned: body.pinned,
        archived: body.archived,
        active_leaf: body.active_leaf_id.map(MessageId::from_uuid),
        kept: body.kept_answer_id.map(MessageId::from_uuid),
    };
    let owner = allowed.actor.user_id;
    let id = ConversationId::from_uuid(id);
    let conversations = app.store.conversations();
    let updated = conversations
        .change(owner, id, &change, app.clock.now())
        .await;
    let updated = updated.map_err(store_error("conversation"))?;
    app.announce(vec![changed(owner, id, updated.version)]);
    Ok(Json(conversation_view(updated)))
}

/// Deletes a conversation and stops its turns. It can be restored for 30 days.
#[utoipa::path(delete, path = "/api/v1/conversations/{id}", tag = "conversations",
    params(("id" = Uuid, Path)), responses((status = 204), WriteProblems))]
pub(crate) async fn delete(
    State(app): State<App>,
    allowed: Allowed<ManageConversations>,
    client: ClientInfo,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    let owner = allowed.actor.user_id;
    let id = ConversationId::from_uuid(id);
    let conversations = app.store.conversations();
    let deleted = conversations.delete(owner, id, app.clock.now()).await;
    let (version, turns) = deleted.map_err(store_error("conversation"))?;
    app.announce(vec![changed(owner, id, version)]);
    let caller = Caller {
        actor: allowed.actor,
        client,
    };
    stop_turns(&app, caller, turns);
    Ok(StatusCode::NO_CONTENT)
}

/// Tells the ai role to stop what still writes. The store has noted the wish
/// already, so this only makes it quicker.
pub(crate) fn stop_turns(app: &App, caller: Caller, turns: Vec<TurnId>) {
    let own = app.clone();
    app.tasks.spawn(async move {
        for turn in turns {
            let path = format!("/api/v1/turns/{turn}/cancel");
            if let Ok(request) = forward::request(Method::POST, &path, Body::empty()) {
                let stopped = forward::send(&own, &caller, request);
                let limit = own.settings.limits.request_timeout;
                if tokio::time::timeout(limit, stopped).await.is_err() {
                    tracing::warn!(%turn, "a turn was not stopped in time");
                }
            }
        }
    });
}

/// Restores a deleted conversation.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/restore", tag = "conversations",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = ConversationView), WriteProblems))]
pub(crate) async fn restore(
    State(app): State<App>,
    allowed: Allowed<ManageConversations>,
    Path(id): Path<Uuid>,
) -> Result<Json<ConversationView>, ApiError> {
    let owner = allowed.actor.user_id;
    let id = ConversationId::from_uuid(id);
    let restored = app.store.conversations().restore(owner, id).await;
    let restored = restored.map_err(store_error("conversation"))?;
    app.announce(vec![changed(owner, id, restored.version)]);
    Ok(Json(conversation_view(restored)))
}
