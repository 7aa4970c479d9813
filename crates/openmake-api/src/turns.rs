//! Turns: asking, watching, stopping.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::messages::{MessageError, MessageMetrics};

/// `POST /api/v1/conversations/{id}/turns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartTurnRequest {
    /// What to ask.
    pub content: Content,
    /// A public name (`openmake_auto`) or a real model; the conversation's
    /// model unless given.
    #[serde(default)]
    pub model: Option<String>,
    /// A second model that answers the same question, beside the first; both
    /// turns are stored, or none is. The conversation goes on from the first
    /// answer until another is kept (`kept_answer_id` of a conversation).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_model: Option<String>,
    /// The message to follow: the leaf of the active branch unless given. To
    /// edit a question, give the parent of the question that is edited; `null`
    /// starts a new root.
    #[serde(default, skip_serializing_if = "Parent::is_unset")]
    #[schema(value_type = Option<Uuid>)]
    pub parent_id: Parent,
    /// How much to think: `off`, `low`, `medium` or `high`; the conversation's
    /// or else the profile's unless given.
    #[serde(default)]
    pub thinking: Option<String>,
}

/// The parent that a new message names: none at all, explicitly the root, or
/// a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Parent {
    /// Not said: the leaf of the active branch.
    #[default]
    ActiveLeaf,
    /// `null`: a new root.
    Root,
    /// That message.
    Message(Uuid),
}

impl Parent {
    const fn is_unset(&self) -> bool {
        matches!(self, Self::ActiveLeaf)
    }
}

impl Serialize for Parent {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::ActiveLeaf | Self::Root => serializer.serialize_none(),
            Self::Message(id) => serializer.serialize_some(id),
        }
    }
}

impl<'de> Deserialize<'de> for Parent {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<Uuid>::deserialize(deserializer)?.map_or(Self::Root, Self::Message))
    }
}

/// A text, or parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Content {
    /// Plain text, 1 to 200,000 characters.
    Text(String),
    /// Text and images, 1 to 20 parts.
    Parts(Vec<Part>),
}

/// One part of a question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Part {
    /// Text.
    Text {
        /// As typed.
        text: String,
    },
    /// An image.
    Image {
        /// Base64 of a PNG, JPEG, WebP or GIF of at most 8 MiB, with or
        /// without a `data:` prefix.
        data: String,
    },
}

/// The answer to starting, regenerating or continuing (202).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TurnStarted {
    /// Watch it at `/api/v1/turns/{turn_id}/events`.
    pub turn_id: Uuid,
    /// The question.
    pub user_message_id: Uuid,
    /// The answer that is being written.
    pub assistant_message_id: Uuid,
    /// The second model's turn, where two were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<BesideStarted>,
}

/// The second model's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BesideStarted {
    /// The turn.
    pub turn_id: Uuid,
    /// The answer that it writes.
    pub assistant_message_id: Uuid,
}

/// `POST /api/v1/turns/{id}/regenerate`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegenerateRequest {
    /// Another model; the turn's own unless given.
    #[serde(default)]
    pub model: Option<String>,
    /// Another thinking level.
    #[serde(default)]
    pub thinking: Option<String>,
}

/// `GET /api/v1/turns/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TurnView {
    /// The turn.
    pub id: Uuid,
    /// Its conversation.
    pub conversation_id: Uuid,
    /// The question.
    pub user_message_id: Uuid,
    /// The answer.
    pub assistant_message_id: Uuid,
    /// `running`, `completed`, `failed`, `cancelled` or `interrupted`.
    pub status: String,
    /// The model that was asked for.
    pub requested_model: String,
    /// The real model that answered.
    pub model: Option<String>,
    /// The number of the last event in the log.
    pub last_seq: u64,
    /// What went wrong.
    pub error: Option<MessageError>,
    /// Tokens and time.
    pub metrics: Option<MessageMetrics>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// The query of `GET /api/v1/turns/{id}/events`.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventsQuery {
    /// The last sequence number that the caller has; `Last-Event-ID` says the
    /// same and goes before it.
    pub after: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parent_is_absent_null_or_a_message() {
        let id = Uuid::from_u128(5);
        for (json, parent) in [
            (r#"{"content":"a"}"#.to_owned(), Parent::ActiveLeaf),
            (
                r#"{"content":"a","parent_id":null}"#.to_owned(),
                Parent::Root,
            ),
            (
                format!(r#"{{"content":"a","parent_id":"{id}"}}"#),
                Parent::Message(id),
            ),
        ] {
            let request: StartTurnRequest = serde_json::from_str(&json).expect("valid");
            assert_eq!(request.parent_id, parent);
        }
    }

    #[test]
    fn content_is_a_text_or_parts() {
        let parts = r#"{"content":[{"type":"text","text":"a"},{"type":"image","data":"AA"}]}"#;
        let request: StartTurnRequest = serde_json::from_str(parts).expect("valid");
        assert!(matches!(request.content, Content::Parts(parts) if parts.len() == 2));
    }
}
