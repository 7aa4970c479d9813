//! One socket, from its first frame to its close.

use std::{
    collections::{HashMap, hash_map::Entry},
    time::Duration,
};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use governor::{DefaultDirectRateLimiter, Quota};
use openmake_api::{
    ApiError, ClientInfo,
    socket::{ClientFrame, ServerFrame},
    turns::StartTurnRequest,
};
use openmake_store::wakeups::Heard;
use openmake_types::{ErrorKind, UserId};
use tokio::{
    sync::{broadcast::error::RecvError, mpsc},
    time::{Instant, MissedTickBehavior},
};
use uuid::Uuid;

use super::{
    MAX_PLAIN_FRAME,
    asks::{self, Asking},
    changes,
    frames::{Close, Command, Outgoing, with_request_id},
    relay::{Relay, Relaying},
};
use crate::{authority::Ending, forward::Caller, guard, state::App, tokens::Claims};

/// How long one frame may take to leave.
const WRITE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the ends of turns may take to come when the server stops.
const LAST_EVENTS: Duration = Duration::from_secs(1);
/// How long the last frames may take to leave.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

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
    let over = async {
        stop.cancelled().await;
        tokio::time::sleep(LAST_EVENTS).await;
    };
    let close = tokio::select! {
        () = over => Close::Restart,
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
    let (grant, claims) = match guard::grant_of_token(app, &token).await {
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
    let actor = grant.actor.clone();
    let Some(_place) = app.sockets.enter(actor.user_id, max) else {
        return Close::TooManySockets;
    };
    let live = app.authority.follow(&grant);
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
        let stop = self.app.stop.clone();
        let mut pings = tokio::time::interval(settings.ping_interval);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if let Err(close) = self.welcome().await {
            return close;
        }
        loop {
            // The turns were drained before: their ends still go out.
            let stopping = stop.is_cancelled();
            if stopping && self.relays.is_empty() {
                return Close::Restart;
            }
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
                () = stop.cancelled(), if !stopping => Ok(()),
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
                    compare_model: None,
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
        match guard::grant_of_token(&self.app, token).await {
            Ok((grant, claims)) if claims.session_id == self.claims.session_id => {
                self.caller.actor = grant.actor;
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
        let prepared = asks::count_start(&self.app, &self.caller)
            .and_then(|()| asks::start_request(conversation_id, request, &key));
        match prepared {
            Ok(request) => {
                self.app.tasks.spawn(self.asking().start(request, key));
                Ok(())
            }
            Err(error) => self.refuse(Some(key), &error).await,
        }
    }

    fn cancel(&self, turn_id: Uuid) {
        self.app.tasks.spawn(self.asking().cancel(turn_id));
    }

    fn asking(&self) -> Asking {
        Asking {
            app: self.app.clone(),
            caller: self.caller.clone(),
            queue: self.queue.clone(),
            commands: self.commands.clone(),
        }
    }

    async fn hear(&self, heard: Result<Heard, RecvError>) -> Result<(), Close> {
        match heard {
            Ok(Heard::Changed(wakeup)) => match changes::frame_of(&wakeup, self.user_id) {
                Some(frame) => self.push(frame).await,
                None => Ok(()),
            },
            Ok(Heard::Reconnected) | Err(RecvError::Lagged(_)) => {
                let (app, queue) = (self.app.clone(), self.queue.clone());
                let caught_up = changes::catch_up(app, self.user_id, queue);
                self.app.tasks.spawn(caught_up);
                Ok(())
            }
            Err(RecvError::Closed) => Err(Close::Restart),
        }
    }
}
