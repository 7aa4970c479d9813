//! A person's WebSocket.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, protocol::CloseFrame},
};

use super::{Event, PATIENCE, Person, is_end};

/// An open socket, signed in.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn open(person: &Person) -> Self {
        let url = person.base_url().replacen("http", "ws", 1) + "/api/v1/ws";
        let opened = timeout(PATIENCE, connect_async(url)).await;
        let mut socket = Self(opened.expect("in time").expect("opened").0);
        let token = person.token.as_ref().expect("signed in");
        socket
            .send(json!({"type": "auth", "access_token": token}))
            .await;
        assert_eq!(socket.next_of(|_| true).await["type"], "ready");
        socket
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        let sent = timeout(PATIENCE, self.0.send(Message::text(frame.to_string()))).await;
        sent.expect("in time").expect("sent");
    }

    pub(crate) async fn subscribe(&mut self, turn: &str, after: u64) {
        self.send(json!({"type": "subscribe", "turn_id": turn, "after": after}))
            .await;
    }

    /// The next frame, or the close.
    pub(crate) async fn next(&mut self) -> Result<Value, Option<CloseFrame>> {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await;
            match message.expect("a frame in time") {
                Some(Ok(Message::Text(text))) => {
                    return Ok(serde_json::from_str(&text).expect("JSON"));
                }
                Some(Ok(Message::Close(frame))) => return Err(frame),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(None),
            }
        }
    }

    /// The next frame that is `wanted`; others are passed over.
    pub(crate) async fn next_of(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = self.next().await.expect("a frame");
            assert_ne!(frame["type"], "error", "{frame}");
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// The next event of a turn.
    pub(crate) async fn event(&mut self, turn: &str) -> Event {
        Event::from_frame(
            self.next_of(|frame| frame["turn_id"] == turn && frame["seq"].is_u64())
                .await,
        )
    }

    /// Events of a turn up to its end.
    pub(crate) async fn events(&mut self, turn: &str) -> Vec<Event> {
        let mut events = Vec::new();
        while !events.last().is_some_and(is_end) {
            events.push(self.event(turn).await);
        }
        events
    }
}
