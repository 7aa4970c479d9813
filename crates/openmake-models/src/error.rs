//! What can go wrong between a question and its answer.

use std::time::Duration;

use openmake_egress::EgressError;
use openmake_types::{BudgetRefusal, ErrorKind};

/// The most of a server's own words that an error repeats.
const MAX_MESSAGE_CHARS: usize = 500;

/// Why there is no answer, or no more of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// No model server is connected, or all are switched off.
    #[error("no model server is connected")]
    NoModelServer,
    /// No connected server has the model.
    #[error("no connected server has the model {model}")]
    ModelNotFound {
        /// The name that was asked for.
        model: String,
    },
    /// The servers that have the model do not answer at present.
    #[error("the servers that have the model {model} do not answer at present")]
    Unavailable {
        /// The name that was asked for.
        model: String,
    },
    /// The server refuses the credentials, or wants some.
    #[error("the model server refuses the credentials: {message}")]
    Unauthorized {
        /// The server's words.
        message: String,
    },
    /// Too many requests, or a used-up allowance at the provider.
    #[error("the model server limits the rate of requests")]
    RateLimited {
        /// When to come again, where that is known.
        retry_after: Option<Duration>,
    },
    /// More tokens than the model can read.
    #[error("the conversation is longer than the model can read: {message}")]
    ContextTooLong {
        /// The server's words.
        message: String,
    },
    /// The server's protocol has no way to say what the question demands.
    #[error("the model's server cannot be told {what}")]
    Unsupported {
        /// What it cannot be told, in the words of our own API.
        what: &'static str,
    },
    /// The server answered with an error.
    #[error("the model server answered with an error: {message}")]
    Upstream {
        /// The HTTP status; none where the error came within the stream.
        status: Option<u16>,
        /// The server's words, cut and without keys.
        message: String,
    },
    /// A budget of whoever asks has not enough left. Nothing was asked, or no
    /// more of it.
    #[error("{0}")]
    BudgetExhausted(Box<BudgetRefusal>),
    /// It cannot be found out now whether a budget allows it.
    #[error("the budgets cannot be read at present")]
    BudgetUnknown,
    /// It took too long.
    #[error("the model server took too long: {0}")]
    Timeout(TimeoutKind),
    /// It cannot be reached, or was lost in mid-answer.
    #[error("the connection to the model server failed: {message}")]
    Connection {
        /// What happened.
        message: String,
    },
    /// It says what its protocol does not have.
    #[error("the model server's answer cannot be understood: {message}")]
    Protocol {
        /// What is wrong with it.
        message: String,
    },
    /// The server that asked is stopping.
    #[error("cancelled")]
    Cancelled,
}

/// What was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TimeoutKind {
    /// The first piece of the answer.
    #[error("no first token within {0:?}")]
    FirstToken(Duration),
    /// The next piece.
    #[error("no further token within {0:?}")]
    Idle(Duration),
    /// A short request, such as a list of models.
    #[error("no answer within {0:?}")]
    Request(Duration),
}

impl ModelError {
    /// The kind, for status codes and translations.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoModelServer | Self::Unavailable { .. } | Self::BudgetUnknown => {
                ErrorKind::Unavailable
            }
            Self::BudgetExhausted(refusal) => refusal.kind(),
            Self::ModelNotFound { .. } => ErrorKind::NotFound,
            Self::Unauthorized { .. }
            | Self::Upstream { .. }
            | Self::Connection { .. }
            | Self::Protocol { .. } => ErrorKind::UpstreamFailed,
            Self::RateLimited { .. } => ErrorKind::RateLimited,
            Self::ContextTooLong { .. } | Self::Unsupported { .. } => ErrorKind::InvalidInput,
            Self::Timeout(_) => ErrorKind::Timeout,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }

    /// The next step, for whoever reads the error.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoModelServer => {
                Some("Connect a model server, for example Ollama, under Settings, Models.")
            }
            Self::ModelNotFound { .. } => {
                Some("Choose a model from the list, or make it available on a connected server.")
            }
            Self::Unavailable { .. } | Self::Connection { .. } => {
                Some("Check that the model server runs and that its address is right.")
            }
            Self::Unauthorized { .. } => Some("Check the API key of this node."),
            Self::RateLimited { .. } => Some("Wait, or add another API key to this node."),
            Self::ContextTooLong { .. } => {
                Some("Start a new conversation, or choose a model with a longer context.")
            }
            Self::Unsupported { .. } => {
                Some("Leave it out, or choose a model of another kind of server.")
            }
            Self::Timeout(TimeoutKind::FirstToken(_)) => {
                Some("The model may still be loading, or be too large for its machine. Try again.")
            }
            Self::Protocol { .. } => Some("Check that the node's kind fits its server."),
            Self::BudgetExhausted(refusal) => Some(refusal.hint()),
            Self::BudgetUnknown => Some("Try again in a moment."),
            Self::Upstream { .. } | Self::Timeout(_) | Self::Cancelled => None,
        }
    }

    /// An upstream error in the server's words, made fit to show.
    pub(crate) fn upstream(status: Option<u16>, message: &str) -> Self {
        Self::Upstream {
            status,
            message: presentable(message),
        }
    }

    pub(crate) fn protocol(message: impl Into<String>) -> Self {
        Self::Protocol {
            message: presentable(&message.into()),
        }
    }

    pub(crate) fn connection(message: impl Into<String>) -> Self {
        Self::Connection {
            message: presentable(&message.into()),
        }
    }
}

impl From<EgressError> for ModelError {
    fn from(error: EgressError) -> Self {
        match error {
            EgressError::TooLarge { .. } => Self::protocol(error.to_string()),
            EgressError::RedirectRefused { to } => Self::connection(format!(
                "the server redirects to {to}; use that address for the node if it is right"
            )),
            other => Self::connection(other.to_string()),
        }
    }
}

/// A server's words on one line, cut, and without anything that looks like a
/// key: some servers repeat the key that they refuse.
pub(crate) fn presentable(message: &str) -> String {
    let mut shown = String::new();
    let mut length = 0;
    for word in message.split_whitespace() {
        let word = if looks_like_a_key(word) {
            "[redacted]"
        } else {
            word
        };
        let word_length = word.chars().count();
        if !shown.is_empty() {
            shown.push(' ');
            length += 1;
        }
        if length + word_length > MAX_MESSAGE_CHARS {
            shown.extend(word.chars().take(MAX_MESSAGE_CHARS.saturating_sub(length)));
            shown.push('…');
            break;
        }
        shown.push_str(word);
        length += word_length;
    }
    shown
}

/// `sk-…` and the like, or 32 characters and more of letters mixed with digits.
fn looks_like_a_key(word: &str) -> bool {
    word.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '*' | '.')))
        .any(|part| {
            let prefixed = ["sk-", "sk_", "gsk_", "xai-", "hf_", "key-", "Bearer"]
                .iter()
                .any(|prefix| part.len() > prefix.len() + 4 && part.starts_with(prefix));
            let long_mix = part.len() >= 32
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
                && part.bytes().any(|byte| byte.is_ascii_digit())
                && part.bytes().any(|byte| byte.is_ascii_alphabetic());
            prefixed || long_mix
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_never_repeated() {
        for message in [
            "Incorrect API key provided: sk-proj-abc****wxyz.",
            "key \"gsk_0123456789\" is wrong",
            "token=0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        ] {
            let shown = presentable(message);
            assert!(shown.contains("[redacted]"), "{shown}");
            assert!(
                !shown.contains("abc") && !shown.contains("0123") && !shown.contains("0a1b"),
                "{shown}"
            );
        }
        assert_eq!(
            presentable("model 'qwen3-coder:30b-a3b' not\nfound"),
            "model 'qwen3-coder:30b-a3b' not found"
        );
    }

    #[test]
    fn long_messages_are_cut() {
        assert!(presentable(&"말 ".repeat(4000)).chars().count() <= MAX_MESSAGE_CHARS + 1);
        assert!(presentable(&"말".repeat(4000)).chars().count() <= MAX_MESSAGE_CHARS + 1);
    }
}
