//! `GET /api/v1/ws`: one socket for many turns. Frames are JSON texts.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    problem::Problem,
    turns::{Content, Parent, TurnStarted},
};

/// What the client sends. The first frame must be `auth`, within 5 seconds.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum ClientFrame {
    /// Who it is; sent again with a fresh token before the old one expires.
    #[serde(rename = "auth")]
    Auth {
        /// From sign-in or refresh.
        access_token: String,
    },
    /// Send the turn's events that come after `after`, then what follows.
    #[serde(rename = "subscribe")]
    Subscribe {
        /// The turn.
        turn_id: Uuid,
        /// The last sequence number that the client has; 0 for all.
        #[serde(default)]
        after: u64,
    },
    /// Send no more of this turn.
    #[serde(rename = "unsubscribe")]
    Unsubscribe {
        /// The turn.
        turn_id: Uuid,
    },
    /// Ask. Answered by `turn.accepted` or `error`; the turn is subscribed to.
    #[serde(rename = "turn.start")]
    TurnStart {
        /// The conversation.
        conversation_id: Uuid,
        /// As in `POST …/turns`.
        content: Content,
        /// As in `POST …/turns`.
        #[serde(default)]
        model: Option<String>,
        /// As in `POST …/turns`.
        #[serde(default)]
        #[schema(value_type = Option<Uuid>)]
        parent_id: Parent,
        /// As in `POST …/turns`.
        #[serde(default)]
        thinking: Option<String>,
        /// Sending the same again gives the same turn.
        idempotency_key: String,
    },
    /// Stop the turn. Its `turn.cancelled` is the answer.
    #[serde(rename = "turn.cancel")]
    TurnCancel {
        /// The turn.
        turn_id: Uuid,
    },
    /// Answered by `pong`.
    #[serde(rename = "ping")]
    Ping {},
}

impl std::fmt::Debug for ClientFrame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Auth { .. } => "auth",
            Self::Subscribe { .. } => "subscribe",
            Self::Unsubscribe { .. } => "unsubscribe",
            Self::TurnStart { .. } => "turn.start",
            Self::TurnCancel { .. } => "turn.cancel",
            Self::Ping {} => "ping",
        })
    }
}

/// What the server sends besides the turns' events, which are sent as
/// [`crate::Event`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum ServerFrame {
    /// The `auth` frame was good.
    #[serde(rename = "ready")]
    Ready {
        /// How often to `ping`, in seconds; silence of twice that closes the socket.
        ping_interval: u32,
    },
    /// The turn was stored and runs.
    #[serde(rename = "turn.accepted")]
    TurnAccepted {
        /// The key that `turn.start` carried.
        idempotency_key: String,
        /// The new turn and its messages.
        #[serde(flatten)]
        turn: TurnStarted,
    },
    /// A conversation of this account changed: read it again when `version`
    /// is newer than what is known.
    #[serde(rename = "conversation.changed")]
    ConversationChanged {
        /// The conversation.
        id: Uuid,
        /// Its version.
        version: i64,
    },
    /// A node changed its state or settings.
    #[serde(rename = "node.changed")]
    NodeChanged {
        /// The node.
        id: Uuid,
        /// Rises with every change.
        version: i64,
    },
    /// The instance's settings changed.
    #[serde(rename = "settings.changed")]
    SettingsChanged {
        /// Always nil: there is one.
        id: Uuid,
        /// Rises with every change.
        version: i64,
    },
    /// The client is too slow to keep up with a turn, or its events are gone:
    /// subscribe again from the last sequence number that it has.
    #[serde(rename = "resync")]
    Resync {
        /// The turn.
        turn_id: Uuid,
    },
    /// A frame could not be done.
    #[serde(rename = "error")]
    Error {
        /// The turn or idempotency key that it is about, where there is one.
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<String>,
        /// What went wrong.
        problem: Problem,
    },
    /// The session is over; the server closes the socket.
    #[serde(rename = "session.ended")]
    SessionEnded {
        /// `signed_out`, `revoked`, `expired`, `password_changed`,
        /// `account_changed` or `token_reused`.
        reason: String,
    },
    /// The answer to `ping`.
    #[serde(rename = "pong")]
    Pong {},
}
