//! Starting a turn: everything is checked and stored before the answer to the
//! request, and runs on whether or not the client is still there.

use std::sync::Arc;

use openmake_agents::Demands;
use openmake_api::{
    ApiError,
    turns::{BesideStarted, Content, Parent, TurnStarted},
};
use openmake_models::ThinkingLevel;
use openmake_store::{
    blobs::NewBlob,
    conversations::Conversation,
    messages::StoredAttachment,
    turns::{Ask, Follows, Idempotency, Pair, StartBeside, StartTurn, Started, Turn},
    wakeups::{Wakeup, WakeupKind},
};
use openmake_types::{
    Actor, ApiKeyId, BlobId, ConversationId, MessageId, MessageRole, TurnId, UserId,
};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;

use super::{
    live::{LiveTurn, StopReason},
    question::Question,
    runner::{self, Job},
    seat::{Seat, Table},
};
use crate::{
    admission::admit,
    budgets::Payer,
    choose::Wish,
    core::Core,
    error::{store_error, unpaid},
};

/// A turn that is asked for.
#[derive(Debug)]
pub(crate) struct StartCommand {
    /// Who asks.
    pub(crate) actor: Actor,
    pub(crate) what: What,
    pub(crate) model: Option<String>,
    /// A second model that answers the same.
    pub(crate) compare_model: Option<String>,
    pub(crate) thinking: Option<String>,
    pub(crate) idempotency_key: Option<String>,
    /// What a program wishes beyond what the page can.
    pub(crate) wishes: Option<Wishes>,
}

/// What a program wishes of a turn beyond what the page can.
#[derive(Debug)]
pub(crate) struct Wishes {
    /// Its own instructions, in place of the page's system prompt.
    pub(crate) instructions: Option<String>,
    /// The temperature; the profile's unless given.
    pub(crate) temperature: Option<f64>,
    /// What it demands of the answer.
    pub(crate) demands: Demands,
    /// What the response repeats of its request.
    pub(crate) response: Value,
}

/// What is to be answered.
#[derive(Debug)]
pub(crate) enum What {
    /// A question in a conversation.
    Question {
        conversation: ConversationId,
        content: Content,
        parent: Parent,
    },
    /// An earlier turn's question, once more.
    Again(TurnId),
    /// An earlier turn's answer goes on.
    Continue(TurnId),
}

/// Starts the turn, or gives the one that the same key started before.
pub(crate) async fn start(core: Arc<Core>, command: StartCommand) -> Result<TurnStarted, ApiError> {
    let tasks = core.tasks.clone();
    // In a task of its own: a client that goes away between the commit and the
    // start of the turn must not leave a turn that nobody runs.
    tasks
        .spawn(start_now(core, command))
        .await
        .map_err(ApiError::internal)?
}

async fn start_now(core: Arc<Core>, command: StartCommand) -> Result<TurnStarted, ApiError> {
    let started_at = Instant::now();
    admit(&core, &command.actor, started_at)?;
    let owner = command.actor.user_id;
    let api_key = command.actor.api_key_id;
    let thinking = thinking_level(command.thinking.as_deref())?;
    check_name("model", command.model.as_deref())?;
    check_name("compare_model", command.compare_model.as_deref())?;
    let asked = understand(&core, owner, command.what).await?;
    let wish = Wish {
        model: command.model.as_deref().or(asked.default_model.as_deref()),
        thinking,
        text: &asked.text,
        images: asked.images,
        access: &command.actor.models,
    };
    let table = Table {
        core: &core,
        asked: &asked,
        wishes: command.wishes.as_ref(),
        payer: Payer::from(&command.actor),
    };
    let (mut first, mut second) = table.seats(&wish, command.compare_model.as_deref()).await?;
    let refused = first.unpaid.take();
    let refused = refused.or_else(|| second.as_mut().and_then(|seat| seat.unpaid.take()));
    if let Some(refused) = refused {
        // A request that comes again is answered as the first time.
        let key = command.idempotency_key.as_deref();
        if !was_started(&core, owner, key).await? {
            return Err(unpaid(refused));
        }
    }
    let request_hash = hash(
        &asked,
        &Named {
            model: command.model.as_deref(),
            compare: command.compare_model.as_deref(),
            thinking: command.thinking.as_deref(),
        },
    );
    let thinking = command
        .thinking
        .or_else(|| asked.conversation.thinking.clone());
    let ask = asked.ask.store(&core, owner).await?;
    let now = core.clock.now();
    let start = StartTurn {
        id: TurnId::from_uuid(core.ids.uuid(now)),
        assistant_message_id: MessageId::from_uuid(core.ids.uuid(now)),
        conversation_id: asked.conversation.id,
        owner,
        api_key,
        ask,
        requested_model: first.requested.clone(),
        thinking,
        beside: second.as_ref().map(|seat| StartBeside {
            id: TurnId::from_uuid(core.ids.uuid(now)),
            assistant_message_id: MessageId::from_uuid(core.ids.uuid(now)),
            requested_model: seat.requested.clone(),
        }),
        idempotency: command
            .idempotency_key
            .map(|key| Idempotency { key, request_hash }),
        response: command
            .wishes
            .as_ref()
            .map(|wishes| wishes.response.clone()),
        process: core.process,
        lease: core.settings.lease,
        now,
    };
    let started = core
        .store
        .turns()
        .start(&start)
        .await
        .map_err(store_error("message"))?;
    let (pair, version) = match started {
        Started::Existing(pair) => return Ok(view(&pair)),
        Started::New(pair, version) => (pair, version),
    };
    let view = view(&pair);
    let common = Asker {
        since: started_at,
        api_key,
        wishes: command.wishes,
    };
    run(&core, pair, (first, second), common);
    core.notify(vec![Wakeup {
        kind: WakeupKind::Conversation,
        id: asked.conversation.id.as_uuid(),
        version,
        owner: Some(owner),
    }]);
    Ok(view)
}

fn check_name(field: &'static str, name: Option<&str>) -> Result<(), ApiError> {
    if name.is_some_and(|name| name.chars().count() > 200) {
        return Err(ApiError::field(
            field,
            "too_long",
            "A model's name has at most 200 characters.",
        ));
    }
    Ok(())
}

async fn was_started(core: &Core, owner: UserId, key: Option<&str>) -> Result<bool, ApiError> {
    let Some(key) = key else { return Ok(false) };
    core.store
        .turns()
        .is_key_used(owner, key)
        .await
        .map_err(store_error("turn"))
}

/// What the turns of one request have in common.
struct Asker {
    since: Instant,
    api_key: Option<ApiKeyId>,
    wishes: Option<Wishes>,
}

/// Runs what was stored.
fn run(core: &Arc<Core>, pair: Pair, seats: (Seat, Option<Seat>), asker: Asker) {
    let job = |turn: Turn, seat: Seat| Job {
        live: Arc::new(LiveTurn::new(&turn)),
        turn,
        plan: seat.plan,
        models: seat.models,
        started: asker.since,
        api_key: asker.api_key,
        wishes: None,
        beside: None,
    };
    let beside = Some(pair.turn.assistant_message_id);
    let mut one = job(pair.turn, seats.0);
    one.wishes = asker.wishes;
    launch(core, one);
    if let Some((turn, seat)) = pair.beside.zip(seats.1) {
        let other = job(turn, seat);
        launch(core, Job { beside, ..other });
    }
}

fn launch(core: &Arc<Core>, job: Job) {
    core.enter(Arc::clone(&job.live));
    core.metrics.started();
    // It was stored while the server began to stop.
    if core.stop.is_cancelled() {
        job.live.stop(StopReason::Shutdown);
    }
    core.tasks.spawn(runner::run(Arc::clone(core), job));
}

fn view(Pair { turn, beside }: &Pair) -> TurnStarted {
    TurnStarted {
        turn_id: turn.id.as_uuid(),
        user_message_id: turn.user_message_id.as_uuid(),
        assistant_message_id: turn.assistant_message_id.as_uuid(),
        beside: beside.as_ref().map(|turn| BesideStarted {
            turn_id: turn.id.as_uuid(),
            assistant_message_id: turn.assistant_message_id.as_uuid(),
        }),
    }
}

/// A level by its name.
pub(super) fn thinking_level(name: Option<&str>) -> Result<Option<ThinkingLevel>, ApiError> {
    match name {
        None => Ok(None),
        Some("off") => Ok(Some(ThinkingLevel::Off)),
        Some("low") => Ok(Some(ThinkingLevel::Low)),
        Some("medium") => Ok(Some(ThinkingLevel::Medium)),
        Some("high") => Ok(Some(ThinkingLevel::High)),
        Some(_) => Err(ApiError::field(
            "thinking",
            "invalid",
            "`thinking` is `off`, `low`, `medium` or `high`.",
        )),
    }
}

/// What is asked, and what is known of it before anything is stored.
pub(super) struct Asked {
    pub(super) conversation: Conversation,
    ask: Pending,
    /// The question's text, for a profile that decides by it.
    pub(super) text: String,
    pub(super) images: usize,
    /// The model unless the request names one.
    default_model: Option<String>,
}

enum Pending {
    Question { question: Question, parent: Parent },
    Again(TurnId),
    Continue(TurnId),
}

async fn understand(core: &Core, owner: UserId, what: What) -> Result<Asked, ApiError> {
    let (earlier, pending) = match what {
        What::Question {
            conversation,
            content,
            parent,
        } => {
            let question = Question::parse(content)?;
            question.check(&core.administered)?;
            let conversation = get_conversation(core, owner, conversation).await?;
            return Ok(Asked {
                text: question.text.clone(),
                images: question.images.len(),
                default_model: conversation.model.clone(),
                conversation,
                ask: Pending::Question { question, parent },
            });
        }
        What::Again(turn) => (turn, Pending::Again(turn)),
        What::Continue(turn) => (turn, Pending::Continue(turn)),
    };
    let earlier = core
        .store
        .turns()
        .get(owner, earlier)
        .await
        .map_err(store_error("turn"))?;
    let conversation = get_conversation(core, owner, earlier.conversation_id).await?;
    let messages = core
        .store
        .messages()
        .branch(owner, earlier.conversation_id, earlier.user_message_id, 1)
        .await
        .map_err(store_error("message"))?;
    let question = messages
        .into_iter()
        .rfind(|message| message.role == MessageRole::User);
    Ok(Asked {
        conversation,
        ask: pending,
        images: question
            .as_ref()
            .map_or(0, |question| question.attachments.len()),
        text: question
            .map(|question| question.content)
            .unwrap_or_default(),
        default_model: Some(earlier.requested_model),
    })
}

async fn get_conversation(
    core: &Core,
    owner: UserId,
    id: ConversationId,
) -> Result<Conversation, ApiError> {
    core.store
        .conversations()
        .get(owner, id)
        .await
        .map_err(store_error("conversation"))
}

impl Pending {
    /// Stores the pictures and says what the store is to do.
    async fn store(self, core: &Core, owner: UserId) -> Result<Ask, ApiError> {
        let (question, parent) = match self {
            Self::Again(turn) => return Ok(Ask::Again(turn)),
            Self::Continue(turn) => return Ok(Ask::Continue(turn)),
            Self::Question { question, parent } => (question, parent),
        };
        let now = core.clock.now();
        let mut attachments = Vec::with_capacity(question.images.len());
        for image in &question.images {
            let blob = core
                .store
                .blobs()
                .put(&NewBlob {
                    id: BlobId::from_uuid(core.ids.uuid(now)),
                    owner,
                    media_type: image.media_type,
                    data: &image.bytes,
                    now,
                })
                .await
                .map_err(store_error("image"))?;
            attachments.push(StoredAttachment {
                blob,
                media_type: image.media_type.to_owned(),
            });
        }
        Ok(Ask::Question {
            message_id: MessageId::from_uuid(core.ids.uuid(now)),
            follows: match parent {
                Parent::ActiveLeaf => Follows::ActiveLeaf,
                Parent::Root => Follows::Nothing,
                Parent::Message(id) => Follows::Message(MessageId::from_uuid(id)),
            },
            content: question.text,
            attachments,
        })
    }
}

/// What a request names besides its content.
struct Named<'a> {
    model: Option<&'a str>,
    compare: Option<&'a str>,
    thinking: Option<&'a str>,
}

/// A hash of what was asked, so that a key is not used for two things.
fn hash(asked: &Asked, named: &Named<'_>) -> [u8; 32] {
    let what = match &asked.ask {
        Pending::Question { question, parent } => json!({
            "text": question.text,
            "images": question.images.iter().map(|image| image.sha256).collect::<Vec<_>>(),
            "parent": match parent {
                Parent::ActiveLeaf => "leaf".to_owned(),
                Parent::Root => "root".to_owned(),
                Parent::Message(id) => id.to_string(),
            },
        }),
        Pending::Again(turn) => json!({ "again": turn.to_string() }),
        Pending::Continue(turn) => json!({ "continue": turn.to_string() }),
    };
    let mut request = json!({
        "conversation": asked.conversation.id.to_string(),
        "what": what,
        "model": named.model,
        "thinking": named.thinking,
    });
    if let Some(model) = named.compare {
        request["compare_model"] = model.into();
    }
    Sha256::digest(request.to_string().as_bytes()).into()
}
