//! What a socket asks of the ai role: to start a turn, and to stop one.

use axum::{body::Body, extract::Request, response::Response};
use http::{Method, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use openmake_api::{
    ApiError, Problem,
    socket::ServerFrame,
    turns::{StartTurnRequest, TurnStarted},
};
use openmake_types::ErrorKind;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    MAX_PLAIN_FRAME,
    frames::{Command, Outgoing, with_request_id},
    relay::problem_of,
};
use crate::{
    authority::Refusal,
    forward::{self, Caller},
    grant::Credential,
    rate::{Allowance, Class, Key},
    state::App,
};

/// What asking needs. It outlives the socket: a question that was sent is
/// asked, though its socket drops.
pub(crate) struct Asking {
    pub(crate) app: App,
    pub(crate) caller: Caller,
    pub(crate) queue: mpsc::Sender<Outgoing>,
    pub(crate) commands: mpsc::Sender<Command>,
}

impl Asking {
    /// Starts a turn, and has the socket follow it.
    pub(crate) async fn start(mut self, request: Request, key: String) {
        if let Err(error) = self.renew().await {
            return self.refuse(key, error.problem()).await;
        }
        let limit = self.app.settings.limits.upload_timeout;
        let response = forward::send(&self.app, &self.caller, request);
        let started = match tokio::time::timeout(limit, response).await {
            Ok(response) => started(response).await,
            Err(_) => Err(late("The question was not taken in time.")),
        };
        let turn = match started {
            Ok(turn) => turn,
            Err(problem) => return self.refuse(key, problem).await,
        };
        let accepted = ServerFrame::TurnAccepted {
            idempotency_key: key,
            turn,
        };
        // The acceptance goes out before the first event.
        if self.queue.send(Outgoing::frame(&accepted)).await.is_ok() {
            let _ = self.commands.send(Command::Follow(turn.turn_id)).await;
        }
    }

    /// Asks with what the account may now: its groups may allow other models
    /// than when the socket opened.
    async fn renew(&mut self) -> Result<(), ApiError> {
        let session = self.caller.actor.session_id;
        let session = session.ok_or_else(ApiError::unauthenticated)?;
        let credential = Credential::Session(session);
        match self.app.authority.authorize(credential).await {
            Ok(grant) => {
                self.caller.actor = grant.actor;
                Ok(())
            }
            Err(Refusal::Ended) => Err(ApiError::unauthenticated()),
            Err(Refusal::Unavailable) => {
                Err(ApiError::unavailable("the session could not be checked"))
            }
        }
    }

    /// Stops a turn; its last event is the answer.
    pub(crate) async fn cancel(self, turn_id: Uuid) {
        let path = format!("/api/v1/turns/{turn_id}/cancel");
        let problem = match forward::request(Method::POST, &path, Body::empty()) {
            Ok(request) => match self.cancelled(request).await {
                Ok(()) => return,
                Err(problem) => problem,
            },
            Err(error) => error.problem(),
        };
        self.refuse(turn_id.to_string(), problem).await;
    }

    async fn cancelled(&self, request: Request) -> Result<(), Problem> {
        let limit = self.app.settings.limits.request_timeout;
        let response = forward::send(&self.app, &self.caller, request);
        match tokio::time::timeout(limit, response).await {
            Ok(response) if response.status().is_success() => Ok(()),
            Ok(response) => Err(problem_of(response.status(), response.into_body()).await),
            Err(_) => Err(late("The turn was not stopped in time.")),
        }
    }

    async fn refuse(self, reference: String, problem: Problem) {
        let frame = ServerFrame::Error {
            reference: Some(reference),
            problem: with_request_id(problem, &self.caller.client),
        };
        let _ = self.queue.send(Outgoing::frame(&frame)).await;
    }
}

fn late(detail: &'static str) -> Problem {
    ApiError::new(ErrorKind::Timeout, detail).problem()
}

/// Counts a turn start like one that came over HTTP.
pub(crate) fn count_start(app: &App, caller: &Caller) -> Result<(), ApiError> {
    let key = Key::Actor(caller.actor.user_id);
    for class in [Class::of(caller.actor.role), Class::TurnStart] {
        let counted = app.limits.check(class, key);
        counted.map_err(Allowance::refusal)?;
    }
    Ok(())
}

/// The request that starts a turn.
pub(crate) fn start_request(
    conversation_id: Uuid,
    request: &StartTurnRequest,
    key: &str,
) -> Result<Request, ApiError> {
    let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    if !visible || !(1..=200).contains(&key.len()) {
        let detail = "`idempotency_key` has 1 to 200 visible ASCII characters.";
        return Err(ApiError::field("idempotency_key", "invalid", detail));
    }
    let path = format!("/api/v1/conversations/{conversation_id}/turns");
    let body = serde_json::to_vec(request).map_err(ApiError::internal)?;
    let mut request = forward::request(Method::POST, &path, Body::from(body))?;
    let headers = request.headers_mut();
    let json = header::HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    let key = header::HeaderValue::from_str(key).map_err(ApiError::internal)?;
    headers.insert("idempotency-key", key);
    Ok(request)
}

/// The turn that an answer names, or its problem.
async fn started(response: Response) -> Result<TurnStarted, Problem> {
    let status = response.status();
    if status != StatusCode::ACCEPTED {
        return Err(problem_of(status, response.into_body()).await);
    }
    let body = Limited::new(response.into_body(), MAX_PLAIN_FRAME);
    let body = body.collect().await;
    let turn = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body.to_bytes()).ok());
    turn.ok_or_else(|| ApiError::internal("the start of a turn cannot be read").problem())
}
