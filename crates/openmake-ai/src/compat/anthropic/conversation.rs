//! From a conversation in Anthropic's blocks to messages.

use std::collections::HashMap;

use openmake_api::ApiError;
use openmake_models::{ChatMessage, Image, Role as Says};
use openmake_types::ToolCall;
use serde_json::Value;

use super::{
    request::{invalid, unsupported},
    wire::{Block, ImageSource, InputMessage, ResultBlock, Role, TextBlock, TextOr},
};
use crate::compat::picture::picture;

/// Messages of one request.
const MAX_MESSAGES: usize = 10_000;

/// The messages that a model is sent: instructions first, results of tools
/// right after the calls.
pub(super) fn conversation(
    system: Option<TextOr<TextBlock>>,
    messages: Vec<InputMessage>,
) -> Result<Vec<ChatMessage>, ApiError> {
    if messages.is_empty() || messages.len() > MAX_MESSAGES {
        return Err(invalid(
            "messages",
            format!("`messages` has 1 to {MAX_MESSAGES} entries."),
        ));
    }
    if messages
        .last()
        .is_some_and(|last| last.role == Role::Assistant)
    {
        return Err(ApiError::field(
            "messages",
            "unsupported",
            "The conversation ends with the assistant's words, and not every model server can go on from there.",
        )
        .with_code("unsupported")
        .with_hint("End it with a message of the user's."));
    }
    let mut conversation = Conversation::default();
    if let Some(system) = system {
        let text = instructions(system)?;
        if !text.is_empty() {
            conversation
                .said
                .push(ChatMessage::text(Says::System, text));
        }
    }
    for (n, message) in messages.into_iter().enumerate() {
        conversation.add(message, &format!("messages.{n}.content"))?;
    }
    Ok(conversation.said)
}

fn instructions(system: TextOr<TextBlock>) -> Result<String, ApiError> {
    match system {
        TextOr::Text(text) => Ok(text),
        TextOr::Blocks(blocks) => {
            let mut texts = Vec::new();
            for (
                n,
                TextBlock::Text {
                    text, citations, ..
                },
            ) in blocks.into_iter().enumerate()
            {
                uncited(citations, &format!("system.{n}"))?;
                texts.push(text);
            }
            Ok(texts.join("\n\n"))
        }
    }
}

/// The messages so far.
#[derive(Default)]
struct Conversation {
    said: Vec<ChatMessage>,
    /// The names of the tools that were called, by the calls' ids.
    called: HashMap<String, String>,
}

/// The parts of one message.
#[derive(Default)]
struct Parts {
    texts: Vec<String>,
    thoughts: Vec<String>,
    images: Vec<Image>,
    calls: Vec<ToolCall>,
    results: Vec<ChatMessage>,
}

/// What a tool answered.
struct Answer {
    id: String,
    content: Option<TextOr<ResultBlock>>,
    failed: bool,
}

impl Conversation {
    fn add(&mut self, message: InputMessage, at: &str) -> Result<(), ApiError> {
        let mut parts = Parts::default();
        match message.content {
            TextOr::Text(text) => parts.texts.push(text),
            TextOr::Blocks(blocks) => {
                for (n, block) in blocks.into_iter().enumerate() {
                    let at = format!("{at}.{n}");
                    self.block(&mut parts, message.role, block, &at)?;
                }
            }
        }
        // Answers of tools come right after the calls, whatever stood beside
        // them.
        self.said.append(&mut parts.results);
        let text = parts.texts.join("\n\n");
        let role = match message.role {
            Role::User => Says::User,
            Role::Assistant => Says::Assistant,
            Role::System => Says::System,
        };
        if text.is_empty() && parts.images.is_empty() && parts.calls.is_empty() {
            return Ok(());
        }
        let thinking = (!parts.thoughts.is_empty()).then(|| parts.thoughts.join("\n\n"));
        match self.said.last_mut() {
            // Two in a row are one turn, and many templates take no other.
            Some(last) if last.role == role && role != Says::System => {
                if !last.content.is_empty() && !text.is_empty() {
                    last.content.push_str("\n\n");
                }
                last.content.push_str(&text);
                last.images.append(&mut parts.images);
                last.tool_calls.append(&mut parts.calls);
                last.thinking = last.thinking.take().or(thinking);
            }
            _ => self.said.push(ChatMessage {
                images: parts.images,
                tool_calls: parts.calls,
                thinking,
                ..ChatMessage::text(role, text)
            }),
        }
        Ok(())
    }

    fn block(
        &mut self,
        parts: &mut Parts,
        role: Role,
        block: Block,
        at: &str,
    ) -> Result<(), ApiError> {
        match (role, block) {
            (
                _,
                Block::Text {
                    text, citations, ..
                },
            ) => {
                uncited(citations, at)?;
                parts.texts.push(text);
            }
            (Role::User, Block::Image { source, .. }) => parts.images.push(image(source, at)?),
            (
                Role::User,
                Block::ToolResult {
                    tool_use_id,
                    content,
                    is_error,
                    ..
                },
            ) => {
                let answer = Answer {
                    id: tool_use_id,
                    content,
                    failed: is_error == Some(true),
                };
                self.result(parts, answer, at)?;
            }
            (
                Role::Assistant,
                Block::ToolUse {
                    id,
                    name,
                    input,
                    caller,
                    ..
                },
            ) => {
                let direct =
                    |caller: &Value| caller.get("type").is_none_or(|kind| kind == "direct");
                if caller.is_some_and(|caller| !direct(&caller)) {
                    return Err(unsupported(
                        &format!("{at}.caller"),
                        "A caller other than `direct`",
                    ));
                }
                self.called.insert(id.clone(), name.clone());
                parts.calls.push(ToolCall {
                    id,
                    name,
                    arguments: Value::Object(input).to_string(),
                });
            }
            (Role::Assistant, Block::Thinking { thinking, .. }) => {
                if !thinking.is_empty() {
                    parts.thoughts.push(thinking);
                }
            }
            (Role::Assistant, Block::RedactedThinking { .. }) => {
                return Err(ApiError::field(
                    at,
                    "unsupported",
                    "A `redacted_thinking` block can be read by Anthropic only.",
                )
                .with_code("unsupported")
                .with_hint("Leave the block out."));
            }
            (role, _) => {
                let role = match role {
                    Role::User => "user",
                    Role::Assistant => "assistant",
                    Role::System => "system",
                };
                return Err(invalid(
                    at,
                    format!("A block of this type is not a part of a message of the {role}'s."),
                ));
            }
        }
        Ok(())
    }

    fn result(&self, parts: &mut Parts, answer: Answer, at: &str) -> Result<(), ApiError> {
        let Answer {
            id,
            content,
            failed,
        } = answer;
        let Some(name) = self.called.get(&id) else {
            return Err(invalid(
                &format!("{at}.tool_use_id"),
                format!("No `tool_use` block before this one has the id `{id}`."),
            ));
        };
        let mut texts = Vec::new();
        match content {
            None => {}
            Some(TextOr::Text(text)) => texts.push(text),
            Some(TextOr::Blocks(blocks)) => {
                for (n, block) in blocks.into_iter().enumerate() {
                    match block {
                        ResultBlock::Text { text, .. } => texts.push(text),
                        // Neither protocol takes pictures from a tool: they
                        // follow as the person's.
                        ResultBlock::Image { source, .. } => {
                            let image = image(source, &format!("{at}.content.{n}"))?;
                            texts.push("(The image follows.)".to_owned());
                            parts.images.push(image);
                        }
                    }
                }
            }
        }
        let text = texts.join("\n\n");
        let text = if failed {
            format!("The tool failed: {text}")
        } else {
            text
        };
        let call = ToolCall {
            id,
            name: name.clone(),
            arguments: String::new(),
        };
        parts.results.push(ChatMessage::tool_result(&call, text));
        Ok(())
    }
}

fn image(source: ImageSource, at: &str) -> Result<Image, ApiError> {
    match source {
        ImageSource::Base64 { data, .. } => picture(&data, &format!("{at}.source.data")),
        ImageSource::Url { .. } => Err(ApiError::field(
            format!("{at}.source"),
            "unsupported",
            "Images are not fetched from addresses.",
        )
        .with_code("unsupported")
        .with_hint("Send the image itself: `{\"type\": \"base64\", …}`.")),
    }
}

fn uncited(citations: Option<Vec<Value>>, at: &str) -> Result<(), ApiError> {
    if citations.is_some_and(|citations| !citations.is_empty()) {
        return Err(unsupported(&format!("{at}.citations"), "A citation"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(messages: &Value) -> Vec<ChatMessage> {
        let messages = serde_json::from_value(messages.clone()).expect("the form is right");
        conversation(None, messages).expect("sound")
    }

    #[test]
    fn messages_of_one_speaker_are_joined() {
        let messages = said(&json!([
            {"role": "user", "content": "One."},
            {"role": "user", "content": [{"type": "text", "text": "Two."}]},
            {"role": "assistant", "content": "Three."},
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Four."},
        ]));
        let texts: Vec<(Says, &str)> = messages
            .iter()
            .map(|message| (message.role, message.content.as_str()))
            .collect();
        assert_eq!(
            texts,
            [
                (Says::User, "One.\n\nTwo."),
                (Says::Assistant, "Three."),
                (Says::System, "Be kind."),
                (Says::User, "Four."),
            ]
        );
    }

    #[test]
    fn results_come_first_and_their_images_after_them() {
        let messages = said(&json!([
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": [
                {"type": "tool_use", "id": "a", "name": "look", "input": {}},
                {"type": "tool_use", "id": "b", "name": "listen", "input": {}},
            ]},
            {"role": "user", "content": [
                {"type": "text", "text": "And?"},
                {"type": "tool_result", "tool_use_id": "b", "content": "Deaf.", "is_error": true},
                {"type": "tool_result", "tool_use_id": "a", "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                ]},
            ]},
        ]));
        let [_, asked, failed, seen, question] = messages.as_slice() else {
            panic!("five messages: {messages:#?}");
        };
        assert_eq!(asked.tool_calls.len(), 2);
        assert_eq!(failed.content, "The tool failed: Deaf.");
        assert_eq!(failed.tool_name.as_deref(), Some("listen"));
        assert_eq!(seen.tool_call_id.as_deref(), Some("a"));
        assert!(seen.images.is_empty());
        assert_eq!(
            (question.content.as_str(), question.images.len()),
            ("And?", 1)
        );
    }
}
