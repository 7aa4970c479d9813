//! `output` of newer messages: items in the manner of OpenAI's responses.

use serde_json::Value;

use super::{
    super::{
        ToolUse,
        json::{list, text},
        text::append,
    },
    details::Unfolded,
};

/// What the items say; none where there is nothing that a person reads.
pub(super) fn read(items: &[Value]) -> Option<Unfolded> {
    let mut out = Unfolded::default();
    for item in items {
        match text(item, "type").unwrap_or_default() {
            "message" => {
                for part in list(item, "content") {
                    append(&mut out.text, text(part, "text").unwrap_or_default());
                }
            }
            "reasoning" => {
                let parts = [list(item, "summary"), list(item, "content")].concat();
                for part in &parts {
                    if let Some(thought) = text(part, "text") {
                        append(out.thinking.get_or_insert_default(), thought);
                    }
                }
            }
            "function_call" => out.tools.push(ToolUse {
                id: text(item, "call_id").unwrap_or_default().to_owned(),
                name: text(item, "name").unwrap_or("tool").to_owned(),
                arguments: text(item, "arguments").unwrap_or_default().to_owned(),
                output: None,
                is_error: false,
            }),
            "function_call_output" => {
                let id = text(item, "call_id").unwrap_or_default();
                let mut said = text(item, "output").unwrap_or_default().to_owned();
                for part in list(item, "output") {
                    append(&mut said, text(part, "text").unwrap_or_default());
                }
                let waiting = out.tools.iter_mut().rev().find(|tool| tool.id == id);
                if let Some(tool) = waiting {
                    tool.output = Some(said);
                }
            }
            _ => {}
        }
    }
    let is_empty = out.text.is_empty() && out.thinking.is_none() && out.tools.is_empty();
    (!is_empty).then_some(out)
}
