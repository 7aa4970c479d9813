//! What is said, and how far it has come.

use std::fmt;

use crate::BlobId;

/// Declares an enumeration whose values have a stored name.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// The name that the store and the wire use.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                match text {
                    $($text => Ok(Self::$variant),)+
                    other => Err($crate::UnknownName { kind: stringify!($name), name: other.to_owned() }),
                }
            }
        }
    };
}

pub(crate) use named;

/// A stored name that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// The enumeration that was read.
    pub kind: &'static str,
    /// What stood there.
    pub name: String,
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown {} {:?}", self.kind, self.name)
    }
}

impl std::error::Error for UnknownName {}

named! {
    /// Who a message is from.
    MessageRole {
        /// The person.
        User = "user",
        /// The model.
        Assistant = "assistant",
        /// Instructions that imported conversations carry.
        System = "system",
    }
}

named! {
    /// How far a message has come.
    MessageStatus {
        /// A turn is still writing it.
        Running = "running",
        /// All there.
        Complete = "complete",
        /// Stopped by the person; what was written is kept.
        Cancelled = "cancelled",
        /// The model or a tool failed; what was written is kept.
        Failed = "failed",
        /// The server stopped in mid-answer; it can be continued.
        Interrupted = "interrupted",
    }
}

named! {
    /// How far a turn has come. All but `Running` are final.
    TurnStatus {
        /// Owned by a process that holds its lease.
        Running = "running",
        /// Answered.
        Completed = "completed",
        /// Ended with an error.
        Failed = "failed",
        /// Stopped by the person.
        Cancelled = "cancelled",
        /// Its process died or was stopped.
        Interrupted = "interrupted",
    }
}

impl TurnStatus {
    /// The status that the turn's assistant message has with it.
    pub const fn message_status(self) -> MessageStatus {
        match self {
            Self::Running => MessageStatus::Running,
            Self::Completed => MessageStatus::Complete,
            Self::Failed => MessageStatus::Failed,
            Self::Cancelled => MessageStatus::Cancelled,
            Self::Interrupted => MessageStatus::Interrupted,
        }
    }
}

/// One part of what a person sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentPart {
    /// Text, as typed.
    Text(String),
    /// An image that is stored as a blob.
    Image {
        /// The stored bytes.
        blob: BlobId,
        /// `image/png`, `image/jpeg`, `image/webp` or `image/gif`, by its magic bytes.
        media_type: String,
    },
}

/// A tool that the model asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The provider's id for this call, or one of ours where it gave none.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as JSON text, exactly as the model wrote them.
    pub arguments: String,
}

/// What a tool answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// The call that this answers.
    pub call_id: String,
    /// What the model reads.
    pub content: String,
    /// Whether the tool failed; `content` then says how.
    pub is_error: bool,
}
