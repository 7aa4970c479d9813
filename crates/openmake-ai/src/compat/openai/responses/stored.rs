//! Stored responses: reading, stopping and deleting them.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use openmake_api::{
    Allowed, ApiError,
    authorize::Chat,
    extract::{Json, Path, Query},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::wakeups::{Wakeup, WakeupKind};
use openmake_types::{Actor, MessageRole, TurnId, TurnStatus};
use serde_json::{Map, Value, json};
use tokio::time::timeout;
use utoipa::IntoParams;

use super::{
    answer::Writer,
    create::{missing, open},
    no_response,
    source::{Source, stream},
    turn_of,
};
use crate::{
    compat::fields::{KnownFields, wrong},
    core::Core,
    error::store_error,
    http::turn_cancel::cancel_turn,
};

/// How long the end of a turn is waited for that was told to stop.
const STOPPING: Duration = Duration::from_secs(10);

const FIELDS: KnownFields = KnownFields {
    harmless: &["include_obfuscation", "order", "limit"],
    unsupported: &[],
};

/// The query of a response.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ResponseQuery {
    /// Whether it comes as events.
    stream: Option<bool>,
    /// The number of the last event that the client has.
    starting_after: Option<u64>,
}

impl ResponseQuery {
    fn read(mut query: Map<String, Value>) -> Result<Self, ApiError> {
        let stream = query.remove("stream");
        let after = query.remove("starting_after");
        FIELDS.check(&query, "")?;
        let text =
            |value: &Option<Value>| value.as_ref().and_then(Value::as_str).map(str::to_owned);
        Ok(Self {
            stream: text(&stream)
                .map(|text| text.parse())
                .transpose()
                .map_err(|_| wrong("stream", "`stream` is `true` or `false`."))?,
            starting_after: text(&after)
                .map(|text| text.parse())
                .transpose()
                .map_err(|_| wrong("starting_after", "`starting_after` is an event's number."))?,
        })
    }
}

fn id_of(id: &str) -> Result<TurnId, ApiError> {
    turn_of(id).ok_or_else(|| no_response("response_id"))
}

/// A stored response: as it is now, or as events from the one on that the
/// client has.
#[utoipa::path(
    get,
    path = "/v1/responses/{id}",
    tag = "OpenAI",
    params(("id" = String, Path, description = "The response"), ResponseQuery),
    responses((status = OK, description = "A `response`, or with `stream` its server-sent events", body = Object), ReadProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn get(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Path(id): Path<String>,
    Query(query): Query<Map<String, Value>>,
) -> Result<Response, ApiError> {
    let query = ResponseQuery::read(query)?;
    let id = id_of(&id)?;
    let (source, writer) = open(&core, &actor, id).await?;
    if query.stream == Some(true) {
        return Ok(stream(source, writer, query.starting_after));
    }
    let turn = core
        .store
        .turns()
        .get(actor.user_id, id)
        .await
        .map_err(missing("response_id"))?;
    let response = if turn.status == TurnStatus::Running {
        writer.response()
    } else {
        ended(source, writer).await
    };
    Ok(Json(response).into_response())
}

/// The response at its end.
async fn ended(source: Source, mut writer: Writer) -> Value {
    // The log of a turn that has ended is read without waiting.
    let read = source.write(&mut writer);
    if timeout(STOPPING, read).await.is_err() {
        tracing::warn!("the end of a response cannot be read now");
    }
    writer.response()
}

/// Stop a response that is being made. What it has is kept.
#[utoipa::path(
    post,
    path = "/v1/responses/{id}/cancel",
    tag = "OpenAI",
    params(("id" = String, Path, description = "The response")),
    responses((status = OK, description = "The response as it is then", body = Object), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn cancel(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let id = id_of(&id)?;
    let (source, writer) = open(&core, &actor, id).await?;
    cancel_turn(&core, actor.user_id, id).await?;
    Ok(Json(ended(source, writer).await))
}

/// Delete a response. Its conversation goes to the bin with its last one.
#[utoipa::path(
    delete,
    path = "/v1/responses/{id}",
    tag = "OpenAI",
    params(("id" = String, Path, description = "The response")),
    responses((status = OK, description = "It is deleted", body = Object), WriteProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn delete(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let turn = id_of(&id)?;
    forget(&core, &actor, turn).await?;
    Ok(Json(
        json!({ "id": id, "object": "response", "deleted": true }),
    ))
}

async fn forget(core: &Core, actor: &Actor, turn: TurnId) -> Result<(), ApiError> {
    let owner = actor.user_id;
    let deleted = core
        .store
        .responses()
        .delete(owner, turn)
        .await
        .map_err(missing("response_id"))?;
    cancel_turn(core, owner, turn).await?;
    if deleted.left > 0 {
        return Ok(());
    }
    let (version, running) = core
        .store
        .conversations()
        .delete(owner, deleted.conversation, core.clock.now())
        .await
        .map_err(store_error("conversation"))?;
    // Turns that the page started in it meanwhile.
    for turn in running {
        cancel_turn(core, owner, turn).await?;
    }
    core.notify(vec![Wakeup {
        kind: WakeupKind::Conversation,
        id: deleted.conversation.as_uuid(),
        version,
        owner: Some(owner),
    }]);
    Ok(())
}

/// What a stored response was asked.
#[utoipa::path(
    get,
    path = "/v1/responses/{id}/input_items",
    tag = "OpenAI",
    params(("id" = String, Path, description = "The response")),
    responses((status = OK, description = "A list of one message", body = Object), ReadProblems),
    security(("bearer" = [])),
)]
pub(crate) async fn input_items(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Path(id): Path<String>,
    Query(query): Query<Map<String, Value>>,
) -> Result<Json<Value>, ApiError> {
    FIELDS.check(&query, "")?;
    let item = question(&core, &actor, id_of(&id)?).await?;
    let id = item.get("id").cloned();
    Ok(Json(json!({
        "object": "list", "data": [item], "first_id": id, "last_id": id, "has_more": false,
    })))
}

async fn question(core: &Core, actor: &Actor, id: TurnId) -> Result<Value, ApiError> {
    let owner = actor.user_id;
    let store = &core.store;
    store
        .responses()
        .request(owner, id)
        .await
        .map_err(missing("response_id"))?;
    let turn = store
        .turns()
        .get(owner, id)
        .await
        .map_err(missing("response_id"))?;
    let asked = store
        .messages()
        .branch(owner, turn.conversation_id, turn.user_message_id, 1)
        .await
        .map_err(store_error("response"))?
        .into_iter()
        .rfind(|message| message.role == MessageRole::User)
        .ok_or_else(|| no_response("response_id"))?;
    let mut content = Vec::new();
    if !asked.content.is_empty() {
        content.push(json!({ "type": "input_text", "text": asked.content }));
    }
    for attachment in &asked.attachments {
        let blob = store
            .blobs()
            .get(owner, attachment.blob)
            .await
            .map_err(store_error("image"))?;
        let data = BASE64_STANDARD.encode(&blob.data);
        let url = format!("data:{};base64,{data}", blob.media_type);
        content.push(json!({ "type": "input_image", "detail": "auto", "image_url": url }));
    }
    Ok(json!({
        "id": format!("msg_{}", asked.id.as_uuid().simple()),
        "type": "message", "status": "completed", "role": "user", "content": content,
    }))
}
