//! Turns of a conversation: starting them, and watching them over connections
//! that break.

use std::{collections::VecDeque, time::Duration};

use http::Method;
use openmake_api::{
    Event,
    conversations::{ConversationView, CreateConversation},
    sse::{SseEvent, SseParser},
    turns::{RegenerateRequest, StartTurnRequest, TurnStarted},
};
use openmake_egress::{EgressError, Response};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::{
    client::{Call, Client},
    failure::Failure,
};

/// The server sends a heartbeat every 15 seconds: after three of them missed
/// the connection is dead.
const SILENCE: Duration = Duration::from_secs(45);
/// How long to wait before the first new try; each further one waits twice as
/// long.
const FIRST_WAIT: Duration = Duration::from_millis(250);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Tries in a row without an event before it is given up: about a minute.
const TRIES: u32 = 10;
/// Tries to start a turn, which is safe because the server knows it by a key.
const START_TRIES: u32 = 4;

/// How long to wait before try number `tries`, from 1.
fn wait_before(tries: u32) -> Duration {
    FIRST_WAIT
        .saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)))
        .min(LONGEST_WAIT)
}

/// Whether it may go better in a moment.
fn may_pass(failure: &Failure) -> bool {
    match failure {
        // A proxy answers for a server that is restarting.
        Failure::Network { .. } | Failure::Foreign { .. } => true,
        Failure::Problem(problem) => matches!(problem.status, 429 | 502..=504),
        _ => false,
    }
}

impl Client {
    /// Makes a conversation.
    pub(crate) async fn create_conversation(
        &self,
        request: &CreateConversation,
    ) -> Result<ConversationView, Failure> {
        self.json(Call::new(Method::POST, "/api/v1/conversations").json(request))
            .await
    }

    /// Deletes a conversation and stops its turns; it can be restored for 30
    /// days.
    pub(crate) async fn delete_conversation(&self, id: Uuid) -> Result<(), Failure> {
        let call = Call::new(Method::DELETE, format!("/api/v1/conversations/{id}"));
        self.send(call).await.map(drop)
    }

    /// Asks a question.
    pub(crate) async fn ask(
        &self,
        conversation: Uuid,
        request: &StartTurnRequest,
    ) -> Result<TurnStarted, Failure> {
        let path = format!("/api/v1/conversations/{conversation}/turns");
        self.start(|| Call::new(Method::POST, path.clone()).json(request))
            .await
    }

    /// Has a question answered once more.
    pub(crate) async fn answer_again(
        &self,
        turn: Uuid,
        request: &RegenerateRequest,
    ) -> Result<TurnStarted, Failure> {
        let path = format!("/api/v1/turns/{turn}/regenerate");
        self.start(|| Call::new(Method::POST, path.clone()).json(request))
            .await
    }

    /// Has an answer that ended early go on.
    pub(crate) async fn continue_answer(&self, turn: Uuid) -> Result<TurnStarted, Failure> {
        let path = format!("/api/v1/turns/{turn}/continue");
        self.start(|| Call::new(Method::POST, path.clone())).await
    }

    /// Stops a turn; what it has written is kept.
    pub(crate) async fn stop_turn(&self, turn: Uuid) -> Result<(), Failure> {
        let call = Call::new(Method::POST, format!("/api/v1/turns/{turn}/cancel"));
        self.send(call).await.map(drop)
    }

    /// Starts a turn, by the same key however often it has to be sent.
    async fn start(&self, call: impl Fn() -> Call) -> Result<TurnStarted, Failure> {
        let world = self.world();
        let key = world.ids.uuid(world.clock.now()).to_string();
        let mut tries = 1;
        loop {
            let started = self.json(call().header("idempotency-key", &key)).await;
            match started {
                Err(Failure::Network { .. }) if tries < START_TRIES => {
                    sleep(wait_before(tries)).await;
                    tries += 1;
                }
                started => return started,
            }
        }
    }
}

/// What a watcher sees.
#[derive(Debug)]
pub(crate) enum Seen {
    /// An event, once and in order.
    Event(Event),
    /// The connection broke, and is made anew.
    Lost,
    /// It is there again.
    Restored,
}

/// Watches a turn from its beginning, or from where an earlier watch ended.
pub(crate) struct Watch<'a> {
    client: &'a Client,
    turn: Uuid,
    /// The number of the last event that was seen.
    after: u64,
    stream: Option<(Response, SseParser)>,
    arrived: VecDeque<Event>,
    /// Failed tries since the last event.
    tries: u32,
    is_over: bool,
}

impl<'a> Watch<'a> {
    /// Nothing is sent before the first [`Self::next`].
    pub(crate) fn new(client: &'a Client, turn: Uuid) -> Self {
        Self {
            client,
            turn,
            after: 0,
            stream: None,
            arrived: VecDeque::new(),
            tries: 0,
            is_over: false,
        }
    }

    /// Whether more has arrived already: what is shown need not be painted
    /// before that.
    pub(crate) fn has_more(&self) -> bool {
        !self.arrived.is_empty()
    }

    /// What comes next; none after the turn's last event. Dropping the future
    /// loses nothing.
    pub(crate) async fn next(&mut self) -> Result<Option<Seen>, Failure> {
        loop {
            if let Some(event) = self.arrived.pop_front() {
                self.after = event.seq;
                self.is_over = event.body.is_terminal();
                return Ok(Some(Seen::Event(event)));
            }
            if self.is_over {
                return Ok(None);
            }
            if self.stream.is_none() {
                match self.open().await {
                    Ok(()) if self.tries > 0 => return Ok(Some(Seen::Restored)),
                    Ok(()) => {}
                    Err(failure) if may_pass(&failure) && self.tries < TRIES => {
                        self.tries += 1;
                    }
                    Err(failure) => return Err(failure),
                }
            } else if !self.read().await? {
                self.stream = None;
                self.tries += 1;
                if self.tries >= TRIES {
                    let cause = EgressError::Broken {
                        reason: "it breaks again and again".to_owned(),
                    };
                    let server = self.client.origin();
                    return Err(Failure::Network { server, cause });
                }
                return Ok(Some(Seen::Lost));
            }
        }
    }

    async fn open(&mut self) -> Result<(), Failure> {
        if self.tries > 0 {
            sleep(wait_before(self.tries)).await;
        }
        let call = Call::get(format!("/api/v1/turns/{}/events", self.turn))
            .header("accept", "text/event-stream")
            .header("last-event-id", &self.after.to_string());
        let response = self.client.send(call).await?;
        self.stream = Some((response, SseParser::default()));
        Ok(())
    }

    /// Reads a piece; false when the connection is of no more use.
    async fn read(&mut self) -> Result<bool, Failure> {
        let Some((response, parser)) = &mut self.stream else {
            return Ok(false);
        };
        // It may have ended, broken, or been silent for too long.
        let Ok(Ok(Some(piece))) = timeout(SILENCE, response.chunk()).await else {
            return Ok(false);
        };
        let events = parser.push(&piece).map_err(|error| Failure::Foreign {
            server: self.client.origin(),
            what: error.to_string(),
        })?;
        for event in events {
            self.arrive(&event);
        }
        Ok(true)
    }

    fn arrive(&mut self, event: &SseEvent) {
        let last = self.arrived.back().map_or(self.after, |event| event.seq);
        // One of a kind that a newer server sends is passed over.
        if let Ok(event) = serde_json::from_str::<Event>(&event.data)
            && event.seq > last
        {
            self.tries = 0;
            self.arrived.push_back(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        assert_eq!(wait_before(1), Duration::from_millis(250));
        assert_eq!(wait_before(3), Duration::from_secs(1));
        assert_eq!(wait_before(40), LONGEST_WAIT);
    }
}
