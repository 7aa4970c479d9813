//! One socket, from its first frame to its close.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use axum::{
    body::Body,
    extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code},
};
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use governor::{DefaultDirectRateLimiter, Quota};
use http::{Method, StatusCode, header};
use http_body_util::BodyExt as _;
use openmake_api::{
    ApiError, ClientInfo, Problem,
    socket::{ClientFrame, ServerFrame},
    turns::{StartTurnRequest, TurnStarted},
};
use openmake_store::{
    PageRequest,
    conversations::Filter,
    wakeups::{Heard, Wakeup, WakeupKind},
};
use openmake_types::{ErrorKind, UserId};
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        mpsc,
    },
    time::{Instant, MissedTickBehavior},
};
use uuid::Uuid;

use super::{
    MAX_PLAIN_FRAME,
    relay::{Relay, Relaying, problem_of},
};
use crate::{
    authority::Ending,
    forward::{self, Caller},
    guard,
    rate::{Class, Key},
    state::App,
    tokens::Claims,
};

/// How long one frame may take to leave.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the last frames may take to leave.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// Conversations that are named after changes may have been missed.
const CATCH_UP: u32 = 50;

/// What goes out.
pub(crate) enum Outgoing {
    Text(Utf8Bytes),
    Ping,
    Close(CloseFrame),
}

impl Outgoing {
    /// A frame of ours as text.
    pub(crate) fn frame(frame: &ServerFrame) -> Self {
        // Our frames have string keys only, so this cannot fail.
        Self::Text(serde_json::to_string(frame).unwrap_or_default().into())
    }
}

/// What a socket's own tasks tell it.
pub(crate) enum Command {
    /// A turn that this socket started runs.
    Follow(Uuid),
    /// A relay ended, by its turn and serial.
    RelayEnded(Uuid, u64),
}

/// Why a socket is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Close {
    Gone,
    Session(Ending),
    Unauthenticated,
    TokenExpired,
    NoAuth,
    Idle,
    TooManySockets,
    TooLarge,
    NotText,
    TooSlow,
    Restart,
}

impl Close {
    const fn code(self) -> u16 {
        match self {
            Self::Session(Ending::Session(_)) | Self::Unauthenticated => 4001,
            Self::TokenExpired => 4002,
            Self::NoAuth => 4003,
            Self::Idle => 4004,
            Self::TooManySockets => 4005,
            Self::TooLarge => close_code::SIZE,
            Self::NotText => close_code::UNSUPPORTED,
            Self::Restart => close_code::RESTART,
            Self::Session(Ending::Unverified) | Self::TooSlow => close_code::AGAIN,
            Self::Gone => close_code::NORMAL,
        }
    }

    const fn reason(self) -> &'static str {
        match self {
            Self::Session(Ending::Session(_)) => "the session ended",
            Self::Session(Ending::Unverified) => "the session cannot be checked",
            Self::Unauthenticated => "the token is no good",
            Self::TokenExpired => "the token expired",
            Self::NoAuth => "no auth frame in time",
            Self::Idle => "nothing was heard",
            Self::TooManySockets => "too many sockets",
            Self::TooLarge => "the frame is too large",
            Self::NotText => "frames are texts",
            Self::TooSlow => "too slow",
            Self::Restart => "the server restarts",
            Self::Gone => "",
        }
    }
}

struct Connection {
    app: App,
    caller: Caller,
    user_id: UserId,
    claims: Claims,
    token_until: Instant,
    heard_at: Instant,
    queue: mpsc::Sender<Outgoing>,
    commands: mpsc::Sender<Command>,
    relays: HashMap<Uuid, Relay>,
    next_serial: u64,
    frames: Option<DefaultDirectRateLimiter>,
}

/// Serves a socket until it ends. Whatever it started ends with it, except
/// turns, which belong to the server.
pub(crate) async fn run(app: App, client: ClientInfo, socket: WebSocket) {
    app.metrics.sockets.inc();
    let gauge = app.metrics.sockets.clone();
    let (sink, mut stream) = socket.split();
    let (queue, outgoing) = mpsc::channel(app.settings.socket.queue_frames.max(1));
    let writer = app.tasks.spawn(write(outgoing, sink));
    let stop = app.stop.clone();
    let close = tokio::select! {
        () = stop.cancelled() => Close::Restart,
        close = serve(&app, client, &mut stream, &queue) => close,
    };
    tracing::debug!(?close, "a socket closed");
    let goodbye = async {
        if let Close::Session(Ending::Session(reason)) = close {
            let reason = reason.as_str().to_owned();
            let frame = ServerFrame::SessionEnded { reason };
            let _ = queue.send(Outgoing::frame(&frame)).await;
        }
        let frame = CloseFrame {
            code: close.code(),
            reason: close.reason().into(),
        };
        let _ = queue.send(Outgoing::Close(frame)).await;
        drop(queue);
        let _ = writer.await;
        // The client's own close frame.
        while let Some(Ok(_)) = stream.next().await {}
    };
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, goodbye).await;
    gauge.dec();
}

async fn write(mut outgoing: mpsc::Receiver<Outgoing>, mut sink: SplitSink<WebSocket, Message>) {
    while let Some(next) = outgoing.recv().await {
        let (message, last) = match next {
            Outgoing::Text(text) => (Message::Text(text), false),
            Outgoing::Ping => (Message::Ping(bytes::Bytes::new()), false),
            Outgoing::Close(frame) => (Message::Close(Some(frame)), true),
        };
        let sent = tokio::time::timeout(WRITE_TIMEOUT, sink.send(message)).await;
        if last || !matches!(sent, Ok(Ok(()))) {
            return;
        }
    }
}

async fn serve(
    app: &App,
    client: ClientInfo,
    stream: &mut SplitStream<WebSocket>,
    queue: &mpsc::Sender<Outgoing>,
) -> Close {
    let wait = app.settings.socket.auth_timeout;
    let token = match tokio::time::timeout(wait, first_token(stream)).await {
        Ok(Ok(token)) => token,
        Ok(Err(close)) => return close,
        Err(_) => return Close::NoAuth,
    };
    let (actor, authority, claims) = match guard::actor_of_token(app, &token).await {
        Ok(found) => found,
        Err(error) => {
            let problem = with_request_id(error.problem(), &client);
            let frame = ServerFrame::Error {
                reference: None,
                problem,
            };
            let _ = queue.send(Outgoing::frame(&frame)).await;
            return match error.kind() {
                ErrorKind::Unauthenticated => Close::Unauthenticated,
                _ => Close::Session(Ending::Unverified),
            };
        }
    };
    let max = app.settings.socket.max_sockets;
    let Some(_place) = app.sockets.enter(actor.user_id, max) else {
        return Close::TooManySockets;
    };
    let live = app.authority.follow(&authority);
    let (commands, heard_commands) = mpsc::channel(64);
    let frames = std::num::NonZeroU32::new(app.settings.socket.frames_per_minute);
    let mut connection = Connection {
        app: app.clone(),
        user_id: actor.user_id,
        caller: Caller { actor, client },
        token_until: Instant::now(),
        heard_at: Instant::now(),
        claims,
        queue: queue.clone(),
        commands,
        relays: HashMap::new(),
        next_serial: 0,
        frames: frames.map(|limit| DefaultDirectRateLimiter::direct(Quota::per_minute(limit))),
    };
    tokio::select! {
        ending = live.ended() => Close::Session(ending),
        close = connection.work(stream, heard_commands) => close,
    }
}

/// The token of the first frame.
async fn first_token(stream: &mut SplitStream<WebSocket>) -> Result<String, Close> {
    loop {
        match stream.next().await {
            Some(Ok(Message::Text(text))) if text.len() > MAX_PLAIN_FRAME => {
                return Err(Close::TooLarge);
            }
            Some(Ok(Message::Text(text))) => {
                return match serde_json::from_str(&text) {
                    Ok(ClientFrame::Auth { access_token }) => Ok(access_token),
                    _ => Err(Close::NoAuth),
                };
            }
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(Close::NotText),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Close::Gone),
        }
    }
}

impl Connection {
    async fn work(
        &mut self,
        stream: &mut SplitStream<WebSocket>,
        mut commands: mpsc::Receiver<Command>,
    ) -> Close {
        let settings = self.app.settings.socket;
        let mut wakeups = self.app.wakeups.subscribe();
        let mut pings = tokio::time::interval(settings.ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if let Err(close) = self.welcome().await {
            return close;
        }
        loop {
            let silent_at = self.heard_at + settings.ping_interval * 2;
            let done = tokio::select! {
                message = stream.next() => match message {
                    Some(Ok(message)) => self.receive(message).await,
                    Some(Err(_)) | None => Err(Close::Gone),
                },
                () = tokio::time::sleep_until(silent_at) => Err(Close::Idle),
                () = tokio::time::sleep_until(self.token_until) => Err(Close::TokenExpired),
                _ = pings.tick() => {
                    // A full queue is a sign of life being written already.
                    let _ = self.queue.try_send(Outgoing::Ping);
                    Ok(())
                }
                heard = wakeups.recv() => self.hear(heard).await,
                Some(command) = commands.recv() => self.obey(command).await,
                () = self.queue.closed() => Err(Close::Gone),
            };
            if let Err(close) = done {
                return close;
            }
        }
    }

    /// Answers a good `auth` frame, and notes until when its token holds.
    async fn welcome(&mut self) -> Result<(), Close> {
        let left = self.claims.expires_at - self.app.clock.now();
        let grace = self.app.settings.socket.token_grace;
        self.token_until = Instant::now() + left.to_std().unwrap_or_default() + grace;
        let interval = self.app.settings.socket.ping_interval.as_secs();
        let ping_interval = u32::try_from(interval).unwrap_or(u32::MAX);
        self.push(ServerFrame::Ready { ping_interval }).await
    }

    async fn push(&self, frame: ServerFrame) -> Result<(), Close> {
        let wait = self.app.settings.socket.slow_reader_wait;
        let sent = self.queue.send_timeout(Outgoing::frame(&frame), wait).await;
        sent.map_err(|error| match error {
            mpsc::error::SendTimeoutError::Timeout(_) => Close::TooSlow,
            mpsc::error::SendTimeoutError::Closed(_) => Close::Gone,
        })
    }

    async fn refuse(&self, reference: Option<String>, error: &ApiError) -> Result<(), Close> {
        let problem = with_request_id(error.problem(), &self.caller.client);
        self.push(ServerFrame::Error { reference, problem }).await
    }

    async fn receive(&mut self, message: Message) -> Result<(), Close> {
        self.heard_at = Instant::now();
        let text = match message {
            Message::Text(text) => text,
            Message::Ping(_) | Message::Pong(_) => return Ok(()),
            Message::Binary(_) => return Err(Close::NotText),
            Message::Close(_) => return Err(Close::Gone),
        };
        if self
            .frames
            .as_ref()
            .is_some_and(|limit| limit.check().is_err())
        {
            let error = ApiError::new(ErrorKind::RateLimited, "Too many frames in a short time.");
            return self.refuse(None, &error).await;
        }
        let frame = match serde_json::from_str(&text) {
            Ok(frame) => frame,
            Err(_) if text.len() > MAX_PLAIN_FRAME => return Err(Close::TooLarge),
            Err(error) => {
                let detail = format!("This frame cannot be read: {error}.");
                let error = ApiError::invalid(detail).with_code("invalid_json");
                return self.refuse(None, &error).await;
            }
        };
        // Only questions may carry images.
        if text.len() > MAX_PLAIN_FRAME && !matches!(frame, ClientFrame::TurnStart { .. }) {
            return Err(Close::TooLarge);
        }
        self.act(frame).await
    }

    async fn act(&mut self, frame: ClientFrame) -> Result<(), Close> {
        match frame {
            ClientFrame::Auth { access_token } => self.authenticate(&access_token).await,
            ClientFrame::Subscribe { turn_id, after } => self.subscribe(turn_id, after).await,
            ClientFrame::Unsubscribe { turn_id } => {
                self.relays.remove(&turn_id);
                Ok(())
            }
            ClientFrame::TurnStart {
                conversation_id,
                content,
                model,
                parent_id,
                thinking,
                idempotency_key,
            } => {
                let request = StartTurnRequest {
                    content,
                    model,
                    parent_id,
                    thinking,
                };
                self.start(conversation_id, &request, idempotency_key).await
            }
            ClientFrame::TurnCancel { turn_id } => {
                self.cancel(turn_id);
                Ok(())
            }
            ClientFrame::Ping {} => self.push(ServerFrame::Pong {}).await,
        }
    }

    async fn authenticate(&mut self, token: &str) -> Result<(), Close> {
        match guard::actor_of_token(&self.app, token).await {
            Ok((actor, _, claims)) if claims.session_id == self.claims.session_id => {
                self.caller.actor = actor;
                self.claims = claims;
                self.welcome().await
            }
            // A socket is one session's: another one opens its own.
            Ok(_) => Err(Close::Unauthenticated),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => {
                self.refuse(None, &error).await?;
                Err(Close::Unauthenticated)
            }
            Err(error) => self.refuse(None, &error).await,
        }
    }

    async fn subscribe(&mut self, turn_id: Uuid, after: u64) -> Result<(), Close> {
        let max = self.app.settings.socket.max_subscriptions;
        // Asking again replaces: the old relay ends before the new one begins.
        self.relays.remove(&turn_id);
        if self.relays.len() >= max {
            let detail = format!("One socket follows at most {max} turns.");
            let error = ApiError::new(ErrorKind::TooLarge, detail)
                .with_code("too_many_subscriptions")
                .with_hint("Unsubscribe from turns that have ended.");
            return self.refuse(Some(turn_id.to_string()), &error).await;
        }
        let serial = self.next_serial;
        self.next_serial += 1;
        let relay = Relaying {
            app: self.app.clone(),
            caller: self.caller.clone(),
            turn_id,
            after,
            serial,
            queue: self.queue.clone(),
            commands: self.commands.clone(),
        };
        self.relays.insert(turn_id, relay.start());
        Ok(())
    }

    async fn obey(&mut self, command: Command) -> Result<(), Close> {
        match command {
            Command::Follow(turn_id) => self.subscribe(turn_id, 0).await,
            Command::RelayEnded(turn_id, serial) => {
                if let Entry::Occupied(own) = self.relays.entry(turn_id)
                    && own.get().serial == serial
                {
                    own.remove().release();
                }
                Ok(())
            }
        }
    }

    async fn start(
        &self,
        conversation_id: Uuid,
        request: &StartTurnRequest,
        key: String,
    ) -> Result<(), Close> {
        let prepared = self
            .count_start()
            .and_then(|()| start_request(conversation_id, request, &key));
        let request = match prepared {
            Ok(request) => request,
            Err(error) => return self.refuse(Some(key), &error).await,
        };
        let (app, caller) = (self.app.clone(), self.caller.clone());
        let (queue, commands) = (self.queue.clone(), self.commands.clone());
        // A task of the server's, not of the socket's: a question that was
        // sent is asked, though its socket drops.
        self.app.tasks.spawn(async move {
            let limit = app.settings.limits.upload_timeout;
            let response = forward::send(&app, &caller, request);
            let started = match tokio::time::timeout(limit, response).await {
                Ok(response) => started(response, &caller.client).await,
                Err(_) => Err(ApiError::new(
                    ErrorKind::Timeout,
                    "The question was not taken in time.",
                )
                .problem()),
            };
            let frame = match started {
                Ok(turn) => {
                    // The acceptance goes out before the first event.
                    let accepted = ServerFrame::TurnAccepted {
                        idempotency_key: key,
                        turn,
                    };
                    if queue.send(Outgoing::frame(&accepted)).await.is_ok() {
                        let _ = commands.send(Command::Follow(turn.turn_id)).await;
                    }
                    return;
                }
                Err(problem) => ServerFrame::Error {
                    reference: Some(key),
                    problem,
                },
            };
            let _ = queue.send(Outgoing::frame(&frame)).await;
        });
        Ok(())
    }

    fn count_start(&self) -> Result<(), ApiError> {
        let key = Key::Actor(self.user_id);
        for class in [Class::Actor, Class::TurnStart] {
            let counted = self.app.limits.check(class, key);
            counted.map_err(crate::rate::Allowance::refusal)?;
        }
        Ok(())
    }

    fn cancel(&self, turn_id: Uuid) {
        let (app, caller, queue) = (self.app.clone(), self.caller.clone(), self.queue.clone());
        self.app.tasks.spawn(async move {
            let path = format!("/api/v1/turns/{turn_id}/cancel");
            let problem = match forward::request(Method::POST, &path, Body::empty()) {
                Ok(request) => {
                    let limit = app.settings.limits.request_timeout;
                    let response = forward::send(&app, &caller, request);
                    match tokio::time::timeout(limit, response).await {
                        Ok(response) if response.status().is_success() => return,
                        Ok(response) => problem_of(response.status(), response.into_body()).await,
                        Err(_) => {
                            ApiError::new(ErrorKind::Timeout, "The turn was not stopped in time.")
                                .problem()
                        }
                    }
                }
                Err(error) => error.problem(),
            };
            let frame = ServerFrame::Error {
                reference: Some(turn_id.to_string()),
                problem: with_request_id(problem, &caller.client),
            };
            let _ = queue.send(Outgoing::frame(&frame)).await;
        });
    }

    async fn hear(&self, heard: Result<Heard, broadcast::error::RecvError>) -> Result<(), Close> {
        match heard {
            Ok(Heard::Changed(wakeup)) => match frame_of(&wakeup, self.user_id) {
                Some(frame) => self.push(frame).await,
                None => Ok(()),
            },
            Ok(Heard::Reconnected) | Err(RecvError::Lagged(_)) => {
                self.catch_up();
                Ok(())
            }
            Err(RecvError::Closed) => Err(Close::Restart),
        }
    }

    /// Names what may have changed while nothing was heard. Clients compare
    /// versions, so what did not change costs them nothing.
    fn catch_up(&self) {
        let (app, user, queue) = (self.app.clone(), self.user_id, self.queue.clone());
        self.app.tasks.spawn(async move {
            let limit = app.settings.limits.request_timeout;
            match tokio::time::timeout(limit, state_frames(&app, user)).await {
                Ok(Ok(frames)) => {
                    for frame in frames {
                        if queue.send(Outgoing::frame(&frame)).await.is_err() {
                            return;
                        }
                    }
                }
                Ok(Err(error)) => tracing::warn!(%error, "a socket could not catch up"),
                Err(_) => tracing::warn!("a socket could not catch up in time"),
            }
        });
    }
}

async fn state_frames(
    app: &App,
    user: UserId,
) -> Result<Vec<ServerFrame>, openmake_store::StoreError> {
    let page = PageRequest {
        after: None,
        limit: CATCH_UP,
    };
    let conversations = app.store.conversations();
    let conversations = conversations.list(user, Filter::Active, page).await?;
    let mut frames: Vec<ServerFrame> = conversations
        .items
        .iter()
        .map(|conversation| ServerFrame::ConversationChanged {
            id: conversation.id.as_uuid(),
            version: conversation.version,
        })
        .collect();
    frames.push(ServerFrame::SettingsChanged {
        id: Uuid::nil(),
        version: app.store.settings().get().await?.version,
    });
    let nodes = app.store.nodes().list().await?;
    frames.extend(nodes.iter().map(|node| ServerFrame::NodeChanged {
        id: node.id.as_uuid(),
        version: node.version,
    }));
    Ok(frames)
}

/// What a change means to `user`'s clients.
fn frame_of(wakeup: &Wakeup, user: UserId) -> Option<ServerFrame> {
    let Wakeup {
        kind,
        id,
        version,
        owner,
    } = *wakeup;
    match kind {
        WakeupKind::Conversation => {
            (owner == Some(user)).then_some(ServerFrame::ConversationChanged { id, version })
        }
        WakeupKind::Node => Some(ServerFrame::NodeChanged { id, version }),
        WakeupKind::Settings => Some(ServerFrame::SettingsChanged { id, version }),
        WakeupKind::Turn | WakeupKind::Session | WakeupKind::User => None,
    }
}

fn start_request(
    conversation_id: Uuid,
    request: &StartTurnRequest,
    key: &str,
) -> Result<axum::extract::Request, ApiError> {
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
async fn started(
    response: axum::response::Response,
    client: &ClientInfo,
) -> Result<TurnStarted, Problem> {
    let status = response.status();
    if status != StatusCode::ACCEPTED {
        let problem = problem_of(status, response.into_body()).await;
        return Err(with_request_id(problem, client));
    }
    let body = http_body_util::Limited::new(response.into_body(), MAX_PLAIN_FRAME);
    let body = body.collect().await;
    let turn = body
        .ok()
        .and_then(|body| serde_json::from_slice(&body.to_bytes()).ok());
    turn.ok_or_else(|| ApiError::internal("the start of a turn cannot be read").problem())
}

fn with_request_id(mut problem: Problem, client: &ClientInfo) -> Problem {
    problem.request_id = problem.request_id.or_else(|| client.request_id.clone());
    problem
}
