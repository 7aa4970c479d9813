//! The one event enum: what a turn says while it runs, over SSE, over
//! WebSocket and in the durable log.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// One event of a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// The place in the turn's log, from 1, without gaps.
    pub seq: u64,
    /// The turn.
    pub turn_id: Uuid,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened in a turn.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type")]
pub enum EventBody {
    /// The first event of every turn.
    #[serde(rename = "turn.started")]
    Started {
        /// The conversation.
        conversation_id: Uuid,
        /// The question.
        user_message_id: Uuid,
        /// The answer that is being written.
        assistant_message_id: Uuid,
        /// The model that was asked for, by its public or real name.
        requested_model: String,
    },
    /// The model that answers, and why it was chosen.
    #[serde(rename = "model.selected")]
    ModelSelected {
        /// The real model.
        model: String,
        /// The profile that chose it, when one did.
        profile: Option<String>,
        /// The node that serves it.
        node: String,
        /// Why, for a person.
        reason: String,
    },
    /// The agent that answers, and why.
    #[serde(rename = "agent.selected")]
    AgentSelected {
        /// The agent.
        agent_id: String,
        /// Its name.
        name: String,
        /// Why, for a person.
        reason: String,
    },
    /// What had to be left out of the model's context.
    #[serde(rename = "context.cut")]
    ContextCut {
        /// How many of the oldest messages were left out.
        messages: u32,
        /// About how many tokens they had.
        tokens: u64,
        /// The model's context, in tokens.
        context_tokens: u64,
    },
    /// A piece of the model's thinking.
    #[serde(rename = "thinking.delta")]
    ThinkingDelta {
        /// To append.
        text: String,
    },
    /// A piece of the answer.
    #[serde(rename = "text.delta")]
    TextDelta {
        /// To append.
        text: String,
    },
    /// A tool was called.
    #[serde(rename = "tool.started")]
    ToolStarted {
        /// Names the call within the turn.
        call_id: String,
        /// The tool.
        name: String,
        /// Its arguments, as JSON text from the model.
        arguments: String,
    },
    /// A tool answered.
    #[serde(rename = "tool.finished")]
    ToolFinished {
        /// The call.
        call_id: String,
        /// The tool.
        name: String,
        /// What the model was given.
        output: String,
        /// Whether the tool failed.
        is_error: bool,
        /// How long it took.
        duration_ms: u64,
    },
    /// A source of the answer.
    #[serde(rename = "citation")]
    Citation {
        /// The number by which the text refers to it.
        index: u32,
        /// The source's title.
        title: String,
        /// Where it is.
        url: String,
    },
    /// How far long work has come.
    #[serde(rename = "progress")]
    Progress {
        /// A stable name of the step.
        step: String,
        /// For a person.
        message: String,
        /// 0 to 100, where it is known.
        percent: Option<u8>,
    },
    /// What it cost: the totals of the turn so far.
    #[serde(rename = "usage")]
    Usage {
        /// Tokens read.
        input_tokens: u64,
        /// Tokens written.
        output_tokens: u64,
        /// Whether a count is our estimate, because the provider gave none.
        estimated: bool,
        /// Milliseconds to the first token.
        first_token_ms: Option<u64>,
        /// Output tokens a second.
        tokens_per_second: Option<f64>,
    },
    /// The state of the answer in one event, for a resume after the log is gone.
    #[serde(rename = "turn.snapshot")]
    Snapshot {
        /// The answer so far.
        text: String,
        /// The thinking so far.
        thinking: String,
    },
    /// Answered.
    #[serde(rename = "turn.completed")]
    Completed {
        /// Why the model stopped: `stop`, `length`, `tool_limit`, `time_budget` or `content_filter`.
        finish_reason: String,
    },
    /// Ended with an error. What was written is kept.
    #[serde(rename = "turn.failed")]
    Failed {
        /// The code, as in a problem document.
        code: String,
        /// What went wrong, for a person.
        detail: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Stopped by the person. What was written is kept.
    #[serde(rename = "turn.cancelled")]
    Cancelled {},
    /// Its process stopped. What was written is kept, and can be continued.
    #[serde(rename = "turn.interrupted")]
    Interrupted {
        /// `shutdown` or `lease_expired`.
        reason: String,
    },
}

impl EventBody {
    /// The event's name on the wire.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Started { .. } => "turn.started",
            Self::ModelSelected { .. } => "model.selected",
            Self::AgentSelected { .. } => "agent.selected",
            Self::ContextCut { .. } => "context.cut",
            Self::ThinkingDelta { .. } => "thinking.delta",
            Self::TextDelta { .. } => "text.delta",
            Self::ToolStarted { .. } => "tool.started",
            Self::ToolFinished { .. } => "tool.finished",
            Self::Citation { .. } => "citation",
            Self::Progress { .. } => "progress",
            Self::Usage { .. } => "usage",
            Self::Snapshot { .. } => "turn.snapshot",
            Self::Completed { .. } => "turn.completed",
            Self::Failed { .. } => "turn.failed",
            Self::Cancelled {} => "turn.cancelled",
            Self::Interrupted { .. } => "turn.interrupted",
        }
    }

    /// Whether this is the last event of its turn.
    pub const fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::Completed { .. }
                | Self::Failed { .. }
                | Self::Cancelled {}
                | Self::Interrupted { .. }
        )
    }
}

/// What the log of an unfinished turn adds up to.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Folded {
    /// The answer so far.
    pub text: String,
    /// The thinking so far.
    pub thinking: String,
    /// The tool calls so far, as messages carry them.
    pub tool_calls: Vec<crate::messages::ToolCallView>,
    /// The real model, once it is known.
    pub model: Option<String>,
    /// What did not fit into the model's context.
    pub context_cut: Option<crate::messages::ContextCut>,
}

impl Folded {
    /// Adds one event.
    pub fn apply(&mut self, body: &EventBody) {
        match body {
            EventBody::TextDelta { text } => self.text.push_str(text),
            EventBody::ThinkingDelta { text } => self.thinking.push_str(text),
            EventBody::Snapshot { text, thinking } => {
                self.text.clone_from(text);
                self.thinking.clone_from(thinking);
            }
            EventBody::ModelSelected { model, .. } => self.model = Some(model.clone()),
            EventBody::ContextCut {
                messages, tokens, ..
            } => {
                self.context_cut = Some(crate::messages::ContextCut {
                    messages: u64::from(*messages),
                    tokens: *tokens,
                });
            }
            EventBody::ToolStarted {
                call_id,
                name,
                arguments,
            } => {
                self.tool_calls.push(crate::messages::ToolCallView {
                    call_id: call_id.clone(),
                    name: name.clone(),
                    arguments: arguments.clone(),
                    output: None,
                    is_error: false,
                    duration_ms: None,
                });
            }
            EventBody::ToolFinished {
                call_id,
                output,
                is_error,
                duration_ms,
                ..
            } => {
                let call = self
                    .tool_calls
                    .iter_mut()
                    .rev()
                    .find(|call| call.call_id == *call_id);
                if let Some(call) = call {
                    call.output = Some(output.clone());
                    call.is_error = *is_error;
                    call.duration_ms = Some(*duration_ms);
                }
            }
            _ => {}
        }
    }

    /// Adds events as the log stores them. One of a type that this version
    /// does not know changes nothing.
    pub fn from_log<'a>(events: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut folded = Self::default();
        for event in events {
            if let Ok(body) = EventBody::deserialize(event) {
                folded.apply(&body);
            }
        }
        folded
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_carries_its_type_and_fields_flat() {
        let event = Event {
            seq: 7,
            turn_id: Uuid::nil(),
            body: EventBody::TextDelta {
                text: "안녕".to_owned(),
            },
        };
        let wire = serde_json::to_value(&event).expect("serialises");
        assert_eq!(
            wire,
            json!({"seq": 7, "turn_id": Uuid::nil(), "type": "text.delta", "text": "안녕"})
        );
        assert_eq!(
            serde_json::from_value::<Event>(wire).expect("reads back"),
            event
        );
    }

    #[test]
    fn folding_keeps_order_and_matches_tools() {
        let log = [
            json!({"type": "text.delta", "text": "a"}),
            json!({"type": "tool.started", "call_id": "1", "name": "t", "arguments": "{}"}),
            json!({"type": "of.tomorrow"}),
            json!({"type": "tool.finished", "call_id": "1", "name": "t", "output": "4",
                   "is_error": false, "duration_ms": 2}),
            json!({"type": "text.delta", "text": "b"}),
        ];
        let folded = Folded::from_log(&log);
        assert_eq!(folded.text, "ab");
        assert_eq!(folded.tool_calls.len(), 1);
        assert_eq!(folded.tool_calls[0].output.as_deref(), Some("4"));
    }
}
