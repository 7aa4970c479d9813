//! One turn's events, from the ai role's stream to a socket's queue.
//!
//! A slow reader never slows the turn: the ai role serves it from the log. Its
//! events wait for room in the socket's bounded queue, and when there is none
//! for too long it is told to resync and its stream is let go.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt as _;
use http::{Method, StatusCode};
use http_body_util::BodyExt as _;
use openmake_api::{ApiError, Problem, socket::ServerFrame, sse::SseParser};
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

use super::frames::{Command, Outgoing, with_request_id};
use crate::{
    forward::{self, Caller},
    state::App,
};

/// Bytes of a problem document that is passed on.
const MAX_PROBLEM: usize = 64 << 10;
/// How often a stream that broke off is opened again before the client is
/// asked to.
const MAX_RETRIES: u32 = 5;
const FIRST_RETRY: Duration = Duration::from_millis(100);

/// A running relay. Dropping it ends it.
pub(crate) struct Relay {
    /// Tells this relay from an earlier one of the same turn.
    pub(crate) serial: u64,
    end: DropGuard,
}

impl Relay {
    /// Lets go of a relay that has ended by itself, so that it can still say
    /// its last word.
    pub(crate) fn release(self) {
        self.end.disarm();
    }
}

/// What a relay needs.
pub(crate) struct Relaying {
    pub(crate) app: App,
    pub(crate) caller: Caller,
    pub(crate) turn_id: Uuid,
    /// The last sequence number that the client has.
    pub(crate) after: u64,
    pub(crate) serial: u64,
    pub(crate) queue: mpsc::Sender<Outgoing>,
    pub(crate) commands: mpsc::Sender<Command>,
}

/// How one stream ended.
enum End {
    /// With the turn.
    Turn,
    /// It was refused.
    Refused(Box<Problem>),
    /// In the middle.
    Cut,
    /// The reader is too slow.
    Slow,
    /// The socket is gone.
    Gone,
}

impl Relaying {
    /// Starts the relay as a task of its own.
    pub(crate) fn start(self) -> Relay {
        let token = CancellationToken::new();
        let serial = self.serial;
        let cancelled = token.clone();
        self.app.tasks.clone().spawn(async move {
            cancelled.run_until_cancelled(self.run()).await;
        });
        Relay {
            serial,
            end: token.drop_guard(),
        }
    }

    async fn run(mut self) {
        let mut retries = 0;
        let turn_id = self.turn_id;
        let last_word = loop {
            let before = self.after;
            match self.stream().await {
                End::Turn | End::Gone => break None,
                End::Refused(problem) => {
                    break Some(ServerFrame::Error {
                        reference: Some(turn_id.to_string()),
                        problem: with_request_id(*problem, &self.caller.client),
                    });
                }
                End::Slow => break Some(ServerFrame::Resync { turn_id }),
                // The socket's close says that the server comes back.
                End::Cut if self.app.stop.is_cancelled() => break None,
                End::Cut => {
                    retries = if self.after > before { 1 } else { retries + 1 };
                    if retries > MAX_RETRIES {
                        break Some(ServerFrame::Resync { turn_id });
                    }
                    tokio::time::sleep(FIRST_RETRY * 2_u32.pow(retries)).await;
                }
            }
        };
        // The place is free before the client hears the last word and asks
        // again.
        let over = Command::RelayEnded(turn_id, self.serial);
        let _ = self.commands.send(over).await;
        if let Some(frame) = last_word {
            let _ = self.queue.send(Outgoing::frame(&frame)).await;
        }
    }

    async fn stream(&mut self) -> End {
        let path = format!("/api/v1/turns/{}/events?after={}", self.turn_id, self.after);
        let request = match forward::request(Method::GET, &path, Body::empty()) {
            Ok(request) => request,
            Err(error) => return End::Refused(Box::new(error.problem())),
        };
        let limit = self.app.settings.limits.request_timeout;
        let response = forward::send(&self.app, &self.caller, request);
        let Ok(response) = tokio::time::timeout(limit, response).await else {
            return End::Cut;
        };
        match response.status() {
            StatusCode::OK if forward::is_event_stream(&response) => {}
            status if status.is_server_error() => return End::Cut,
            status => {
                let problem = problem_of(status, response.into_body()).await;
                return End::Refused(Box::new(problem));
            }
        }
        let mut parser = SseParser::default();
        let mut pieces = response.into_body().into_data_stream();
        while let Some(Ok(piece)) = pieces.next().await {
            let Ok(events) = parser.push(&piece) else {
                return End::Cut;
            };
            for event in events {
                let wait = self.app.settings.socket.slow_reader_wait;
                let text = Outgoing::Text(event.data.into());
                match self.queue.send_timeout(text, wait).await {
                    Ok(()) => {}
                    Err(mpsc::error::SendTimeoutError::Timeout(_)) => return End::Slow,
                    Err(mpsc::error::SendTimeoutError::Closed(_)) => return End::Gone,
                }
                self.after = event.id.unwrap_or(self.after);
                if is_terminal(&event.name) {
                    return End::Turn;
                }
            }
        }
        End::Cut
    }
}

/// Whether an event is the last of its turn.
fn is_terminal(name: &str) -> bool {
    matches!(
        name,
        "turn.completed" | "turn.failed" | "turn.cancelled" | "turn.interrupted"
    )
}

/// The problem that an answer carries, or one for its status.
pub(crate) async fn problem_of(status: StatusCode, body: Body) -> Problem {
    let body = http_body_util::Limited::new(body, MAX_PROBLEM)
        .collect()
        .await;
    let known = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body.to_bytes()).ok());
    known.unwrap_or_else(|| {
        ApiError::internal(format!("an answer {status} without a problem")).problem()
    })
}
