//! The ai role as a script: it answers what the test says, and notes who
//! asked.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    response::{IntoResponse, Response, Sse, sse},
    routing::{get, post},
};
use futures_util::stream;
use http::{HeaderMap, Method, StatusCode};
use openmake_api::ClientInfo;
use openmake_types::Actor;
use serde_json::{Value, json};
use tokio::sync::watch;
use uuid::Uuid;

/// The routes that the script serves.
pub(crate) fn routes() -> Vec<(Method, String)> {
    [
        (Method::GET, "/api/v1/models"),
        (Method::GET, "/api/v1/nodes"),
        (Method::POST, "/api/v1/conversations/{id}/turns"),
        (Method::GET, "/api/v1/turns/{id}"),
        (Method::GET, "/api/v1/turns/{id}/events"),
        (Method::POST, "/api/v1/turns/{id}/cancel"),
        (Method::POST, "/v1/chat/completions"),
    ]
    .map(|(method, path)| (method, path.to_owned()))
    .to_vec()
}

/// What a call was.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) actor: Option<Actor>,
    pub(crate) client: Option<ClientInfo>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

#[derive(Default)]
struct Inner {
    turns: Mutex<HashMap<Uuid, watch::Sender<Vec<Value>>>>,
    seen: Mutex<Vec<Seen>>,
    cut_after: Mutex<Option<usize>>,
    /// One count for the script and one for each open stream or call.
    streams: Arc<()>,
}

/// The script. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct ScriptedAi(Arc<Inner>);

impl ScriptedAi {
    /// A turn that exists, with no events yet.
    pub(crate) fn turn(&self) -> Uuid {
        let id = Uuid::from_u128(rand_id());
        let (sender, _) = watch::channel(Vec::new());
        self.0.turns.lock().expect("lock").insert(id, sender);
        id
    }

    /// Adds an event to a turn.
    pub(crate) fn say(&self, turn: Uuid, mut event: Value) {
        let turns = self.0.turns.lock().expect("lock");
        turns[&turn].send_modify(|events| {
            event["seq"] = json!(events.len() + 1);
            event["turn_id"] = json!(turn);
            events.push(event);
        });
    }

    /// The next stream breaks off after so many events.
    pub(crate) fn cut_after(&self, events: usize) {
        *self.0.cut_after.lock().expect("lock") = Some(events);
    }

    /// The streams of events that are open now.
    pub(crate) fn open_streams(&self) -> usize {
        Arc::strong_count(&self.0.streams) - 1
    }

    /// The calls so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.0.seen.lock().expect("lock").clone()
    }

    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/api/v1/models", get(models))
            .route("/api/v1/nodes", get(nodes))
            .route("/api/v1/conversations/{id}/turns", post(start))
            .route("/api/v1/turns/{id}", get(show))
            .route("/api/v1/turns/{id}/events", get(events))
            .route("/api/v1/turns/{id}/cancel", post(cancel))
            .route("/v1/chat/completions", post(complete))
            .with_state(self.clone())
    }

    fn note(&self, path: &str, call: &Call, body: Value) {
        self.0.seen.lock().expect("lock").push(Seen {
            path: path.to_owned(),
            actor: call.actor.clone(),
            client: call.client.clone(),
            headers: call.headers.clone(),
            body,
        });
    }
}

fn rand_id() -> u128 {
    use openmake_types::{Clock as _, Ids as _};
    openmake_types::RandomIds
        .uuid(openmake_types::SystemClock.now())
        .as_u128()
}

/// Who calls.
struct Call {
    actor: Option<Actor>,
    client: Option<ClientInfo>,
    headers: HeaderMap,
}

impl<S: Sync> axum::extract::FromRequestParts<S> for Call {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut http::request::Parts,
        _: &S,
    ) -> Result<Self, Infallible> {
        Ok(Self {
            actor: parts.extensions.get().cloned(),
            client: parts.extensions.get().cloned(),
            headers: parts.headers.clone(),
        })
    }
}

fn not_found() -> Response {
    openmake_api::ApiError::not_found("turn").into_response()
}

async fn models(
    State(ai): State<ScriptedAi>,
    call: Call,
    axum::extract::RawQuery(query): axum::extract::RawQuery,
) -> Json<Value> {
    ai.note("models", &call, Value::Null);
    match query.as_deref() {
        Some("panic") => panic!("as asked"),
        Some("hang") => std::future::pending().await,
        _ => {}
    }
    Json(json!({"items": [], "default_model": "openmake_auto", "hint": null}))
}

async fn nodes(
    allowed: openmake_api::Allowed<openmake_api::authorize::ManageNodes>,
) -> Json<Value> {
    let _ = allowed;
    Json(json!({"items": []}))
}

async fn start(
    State(ai): State<ScriptedAi>,
    call: Call,
    Path(conversation): Path<Uuid>,
    Json(body): Json<Value>,
) -> Response {
    ai.note("start", &call, body.clone());
    if body["content"] == "refuse me" {
        let error = openmake_api::ApiError::conflict("turn_running", "Wait for it.");
        return error.into_response();
    }
    let turn = ai.turn();
    ai.say(
        turn,
        json!({"type": "turn.started", "conversation_id": conversation}),
    );
    let answer = json!({
        "turn_id": turn,
        "user_message_id": Uuid::from_u128(1),
        "assistant_message_id": Uuid::from_u128(2),
    });
    (StatusCode::ACCEPTED, Json(answer)).into_response()
}

async fn show(State(ai): State<ScriptedAi>, Path(id): Path<Uuid>) -> Response {
    if ai.0.turns.lock().expect("lock").contains_key(&id) {
        Json(json!({"id": id})).into_response()
    } else {
        not_found()
    }
}

async fn cancel(State(ai): State<ScriptedAi>, call: Call, Path(id): Path<Uuid>) -> Response {
    ai.note("cancel", &call, Value::Null);
    if !ai.0.turns.lock().expect("lock").contains_key(&id) {
        return not_found();
    }
    ai.say(id, json!({"type": "turn.cancelled"}));
    StatusCode::ACCEPTED.into_response()
}

/// Answers what the model's name says.
async fn complete(
    State(ai): State<ScriptedAi>,
    call: Call,
    body: Result<axum::body::Bytes, axum::extract::rejection::BytesRejection>,
) -> Response {
    let Ok(body) = body else {
        return openmake_api::extract::too_large().into_response();
    };
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    ai.note("complete", &call, body.clone());
    let _open = Arc::clone(&ai.0.streams);
    match body["model"].as_str() {
        Some("hangs") => std::future::pending().await,
        Some("refuses") => openmake_api::ApiError::field("n", "unsupported", "Only one.")
            .with_code("unsupported_parameter")
            .with_hint("Leave it out.")
            .into_response(),
        _ => Json(json!({"object": "chat.completion"})).into_response(),
    }
}

async fn events(
    State(ai): State<ScriptedAi>,
    call: Call,
    Path(id): Path<Uuid>,
    Query(query): Query<HashMap<String, usize>>,
) -> Response {
    let after = query.get("after").copied().unwrap_or(0);
    ai.note("events", &call, json!({"after": after}));
    let watched = ai.0.turns.lock().expect("lock").get(&id).cloned();
    let Some(sender) = watched else {
        return not_found();
    };
    let left = ai.0.cut_after.lock().expect("lock").take();
    let open = Arc::clone(&ai.0.streams);
    let state = (sender.subscribe(), after, left, open);
    let stream = stream::unfold(state, |(mut events, next, left, open)| async move {
        if left == Some(0) {
            return None;
        }
        let ended = next
            .checked_sub(1)
            .is_some_and(|last| events.borrow().get(last).is_some_and(is_terminal));
        if ended {
            return None;
        }
        let event = {
            let events = events.wait_for(|events| events.len() > next).await.ok()?;
            events[next].clone()
        };
        let event = sse::Event::default()
            .id(event["seq"].to_string())
            .event(event["type"].as_str().expect("a type"))
            .data(event.to_string());
        let left = left.map(|left| left - 1);
        Some((Ok::<_, Infallible>(event), (events, next + 1, left, open)))
    });
    Sse::new(stream).into_response()
}

fn is_terminal(event: &Value) -> bool {
    matches!(
        event["type"].as_str(),
        Some("turn.completed" | "turn.failed" | "turn.cancelled" | "turn.interrupted")
    )
}
