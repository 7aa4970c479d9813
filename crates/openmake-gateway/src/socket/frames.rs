//! What goes out over a socket, and why one is closed.

use axum::extract::ws::{CloseFrame, Utf8Bytes, close_code};
use openmake_api::{ClientInfo, Problem, socket::ServerFrame};
use uuid::Uuid;

use crate::authority::Ending;

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
pub(crate) enum Close {
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
    /// The code of the close frame.
    pub(crate) const fn code(self) -> u16 {
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

    /// The same for a person.
    pub(crate) const fn reason(self) -> &'static str {
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

/// A problem that names the request that opened the socket.
pub(crate) fn with_request_id(mut problem: Problem, client: &ClientInfo) -> Problem {
    problem.request_id = problem.request_id.or_else(|| client.request_id.clone());
    problem
}
