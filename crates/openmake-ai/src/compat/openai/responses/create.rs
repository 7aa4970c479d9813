//! `POST /v1/responses`

use std::sync::Arc;

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use openmake_agents::{Demands, title_from_question};
use openmake_api::{
    Allowed, ApiError,
    authorize::Chat,
    extract::Json,
    responses::WriteProblems,
    turns::{Content, Parent, Part},
};
use openmake_models::{ChatMessage, Image, Role};
use openmake_store::{
    StoreError,
    conversations::{Instructions, NewConversation},
    turns::Turn,
};
use openmake_types::{Actor, ConversationId, MessageRole, TurnId};

use super::{
    answer::{Head, Writer},
    no_response,
    request::{Asked, Delivery, Keeping, ResponseRequest},
    response_id,
    source::{Source, stream},
};
use crate::{
    compat::{Surface, ask, model_not_found, permit},
    core::Core,
    error::store_error,
    turns::start::{self, StartCommand, What, Wishes},
};

/// Messages of an earlier response's conversation that are read at most.
const MAX_HISTORY: u32 = 400;

/// Make a response, in OpenAI's protocol. One question without tools is kept
/// as a durable turn in a conversation of the caller's, and is answered whether
/// or not the client stays; anything else is a stateless call.
#[utoipa::path(
    post,
    path = "/v1/responses",
    tag = "OpenAI",
    request_body = ResponseRequest,
    responses(
        (status = OK, description = "A `response`, or with `stream` its server-sent events. Errors have OpenAI's shape", body = Object),
        WriteProblems,
    ),
    security(("bearer" = [])),
)]
pub(crate) async fn create(
    State(core): State<Arc<Core>>,
    Allowed { actor, .. }: Allowed<Chat>,
    Json(request): Json<ResponseRequest>,
) -> Result<Response, ApiError> {
    let asked = request.read()?;
    let delivery = asked.delivery;
    let (source, mut writer) = match asked.keeping {
        Keeping::Stored => start_turn(&core, &actor, asked).await?,
        Keeping::Stateless => call(&core, &actor, asked).await?,
    };
    Ok(match delivery {
        Delivery::Stream => stream(source, writer, None),
        Delivery::Background => Json(writer.response()).into_response(),
        Delivery::Whole => {
            source.write(&mut writer).await;
            Json(writer.response()).into_response()
        }
    })
}

/// Asks without keeping anything.
async fn call(core: &Arc<Core>, actor: &Actor, asked: Asked) -> Result<(Source, Writer), ApiError> {
    let mut query = asked.query;
    if let Some(previous) = asked.previous {
        let turn = earlier(core, actor, previous).await?;
        let before = history(core, &turn).await?;
        let instructions = query
            .messages
            .iter()
            .take_while(|message| message.role == Role::System)
            .count();
        query.messages.splice(instructions..instructions, before);
    }
    let reply = ask(core, Surface::Responses, actor, query).await?;
    let now = core.clock.now();
    let writer = Writer::new(Head {
        id: response_id(TurnId::from_uuid(core.ids.uuid(now))),
        created_at: now.timestamp(),
        model: reply.model.clone(),
        echo: asked.echo,
    });
    Ok((Source::Call(Box::new(reply)), writer))
}

/// Starts a turn, in a new conversation or after an earlier response.
async fn start_turn(
    core: &Arc<Core>,
    actor: &Actor,
    asked: Asked,
) -> Result<(Source, Writer), ApiError> {
    let query = asked.query;
    permit(core, &actor.models, &query.model)?;
    let question = query
        .messages
        .into_iter()
        .find(|message| message.role == Role::User)
        .ok_or_else(|| ApiError::internal("a response without a question"))?;
    let (conversation, parent, is_new) = match asked.previous {
        Some(previous) => {
            let turn = earlier(core, actor, previous).await?;
            let parent = Parent::Message(turn.assistant_message_id.as_uuid());
            (turn.conversation_id, parent, false)
        }
        None => (
            new_conversation(core, actor, &question.content).await?,
            Parent::Root,
            true,
        ),
    };
    let command = StartCommand {
        actor: actor.clone(),
        what: What::Question {
            conversation,
            content: content(&question),
            parent,
        },
        model: Some(query.model),
        compare_model: None,
        thinking: query.thinking.map(|level| level.as_str().to_owned()),
        idempotency_key: None,
        wishes: Some(Wishes {
            instructions: asked.instructions,
            temperature: query.options.temperature,
            demands: Demands {
                max_tokens: query.options.max_tokens,
                top_p: query.options.top_p,
                format: query.format,
            },
            response: asked.echo.into(),
        }),
    };
    let started = match start::start(Arc::clone(core), command).await {
        Ok(started) => started,
        Err(error) => {
            if is_new {
                forget(core, actor, conversation).await;
            }
            return Err(model_not_found(error));
        }
    };
    open(core, actor, TurnId::from_uuid(started.turn_id)).await
}

/// A stored response, to be read from its beginning.
pub(super) async fn open(
    core: &Arc<Core>,
    actor: &Actor,
    id: TurnId,
) -> Result<(Source, Writer), ApiError> {
    let request = core
        .store
        .responses()
        .request(actor.user_id, id)
        .await
        .map_err(missing("response_id"))?;
    let turn = core
        .store
        .turns()
        .get(actor.user_id, id)
        .await
        .map_err(missing("response_id"))?;
    let writer = Writer::new(Head {
        id: response_id(id),
        created_at: turn.created_at.timestamp(),
        model: turn.requested_model.clone(),
        echo: match request {
            serde_json::Value::Object(echo) => echo,
            _ => serde_json::Map::new(),
        },
    });
    Ok((Source::turn(core, &turn), writer))
}

pub(super) fn missing(field: &'static str) -> impl FnOnce(StoreError) -> ApiError {
    move |error| match error {
        StoreError::NotFound => no_response(field),
        error => store_error("response")(error),
    }
}

/// The turn of the response to go on from.
async fn earlier(core: &Core, actor: &Actor, id: TurnId) -> Result<Turn, ApiError> {
    let missing = || missing("previous_response_id");
    core.store
        .responses()
        .request(actor.user_id, id)
        .await
        .map_err(missing())?;
    core.store
        .turns()
        .get(actor.user_id, id)
        .await
        .map_err(missing())
}

/// What was said up to the end of a turn, with its pictures.
async fn history(core: &Core, turn: &Turn) -> Result<Vec<ChatMessage>, ApiError> {
    let branch = core
        .store
        .messages()
        .branch(
            turn.owner,
            turn.conversation_id,
            turn.assistant_message_id,
            MAX_HISTORY,
        )
        .await
        .map_err(store_error("response"))?;
    let mut messages = Vec::with_capacity(branch.len());
    for message in branch {
        let mut images = Vec::with_capacity(message.attachments.len());
        for attachment in &message.attachments {
            let blob = core
                .store
                .blobs()
                .get(turn.owner, attachment.blob)
                .await
                .map_err(store_error("image"))?;
            images.push(Image {
                media_type: blob.media_type,
                bytes: blob.data.into(),
            });
        }
        let role = match message.role {
            MessageRole::User => Role::User,
            MessageRole::Assistant => Role::Assistant,
            MessageRole::System => Role::System,
        };
        messages.push(ChatMessage {
            images,
            ..ChatMessage::text(role, message.content)
        });
    }
    Ok(messages)
}

fn content(question: &ChatMessage) -> Content {
    let text = Part::Text {
        text: question.content.clone(),
    };
    let images = question.images.iter().map(|image| Part::Image {
        data: BASE64_STANDARD.encode(&image.bytes),
    });
    let text = Some(text).filter(|_| !question.content.is_empty());
    Content::Parts(text.into_iter().chain(images).collect())
}

/// A conversation with a title of its question's words: no model is asked for
/// one.
async fn new_conversation(
    core: &Core,
    actor: &Actor,
    question: &str,
) -> Result<ConversationId, ApiError> {
    let now = core.clock.now();
    let id = ConversationId::from_uuid(core.ids.uuid(now));
    let title = title_from_question(question).unwrap_or_else(|| "API".to_owned());
    core.store
        .conversations()
        .create(&NewConversation {
            id,
            owner: actor.user_id,
            title: Some(&title),
            model: None,
            thinking: None,
            temperature: None,
            // A program's words stand alone.
            instructions: Instructions::None,
            now,
        })
        .await
        .map_err(store_error("conversation"))?;
    Ok(id)
}

/// Takes back a conversation whose only turn did not start.
async fn forget(core: &Core, actor: &Actor, conversation: ConversationId) {
    let deleted = core
        .store
        .conversations()
        .delete(actor.user_id, conversation, core.clock.now())
        .await;
    if let Err(error) = deleted {
        tracing::warn!(%conversation, error = &error as &dyn std::error::Error, "an empty conversation was left behind");
    }
}
