//! Claude's data export.
//!
//! `conversations.json` is an array of conversations, each with `chat_messages`
//! in the order of time; newer exports say what each follows. Projects come in
//! `projects.json` or a file each, what Claude remembers in `memories.json`.
//! Nothing in the export says to which project a conversation belongs.

use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use super::{
    Conversation, Flaw, Found, Kept, Message, Note, Reading, Refused, Speaker, Take, ToolUse,
    archive::{Parsed, Reader},
    json::{flag, list, text},
    text::{append, clean, fenced, file_line, shortened, time},
    tree::{self, Node},
};

/// Reads the export.
pub(super) const READER: Reader = Reader { table, element };

/// Characters of a title.
const TITLE_MAX: usize = 200;

fn table(name: &str) -> Option<&'static str> {
    let stem = name.strip_suffix(".json")?;
    for (word, table) in [
        ("conversations", "conversations"),
        ("projects", "projects"),
        ("memories", "memories"),
    ] {
        let numbered = stem
            .strip_prefix(word)
            .is_some_and(|rest| rest.bytes().all(|byte| b"-_0123456789".contains(&byte)));
        if numbered {
            return Some(table);
        }
    }
    // A project each, named by its id. What is a conversation after all is
    // told apart by what is in it.
    uuid::Uuid::try_parse(stem).is_ok().then_some("projects")
}

fn element(parsed: &Parsed, reading: &Reading, take: Take<'_>) -> ControlFlow<()> {
    let value = &parsed.value;
    if value.get("chat_messages").is_some_and(Value::is_array) {
        return take(conversation(parsed, value, reading));
    }
    let inner = list(value, "conversations");
    if !inner.is_empty() {
        for value in inner {
            take(conversation(parsed, value, reading))?;
        }
        return ControlFlow::Continue(());
    }
    let id = text(value, "uuid").unwrap_or(&parsed.place).to_owned();
    if parsed.table == "conversations" || !value.is_object() {
        return take(Found::Refused(Refused {
            table: parsed.table,
            id,
            flaw: Flaw::Unreadable,
            why: "it has no messages in the way that Claude writes them".to_owned(),
        }));
    }
    take(Found::Kept(Kept {
        table: parsed.table,
        id,
        owner: None,
        row: value.clone(),
    }))
}

fn conversation(parsed: &Parsed, value: &Value, reading: &Reading) -> Found {
    let mut remarks = Vec::new();
    let id = text(value, "uuid").unwrap_or(&parsed.place).to_owned();
    let mut say = |flaw, why: &str| {
        remarks.push(Note {
            id: id.clone(),
            flaw,
            why: why.to_owned(),
        });
    };
    if parsed.mended {
        say(Flaw::Text, "it had characters that are none");
    }
    let said = time(value.get("created_at"), reading.now);
    if said.is_none() {
        say(Flaw::Time, "it did not say when it began");
    }
    let updated = time(value.get("updated_at"), reading.now);
    let raw = list(value, "chat_messages");
    if raw.len() > reading.limits.messages {
        say(
            Flaw::TooLarge,
            &format!("it has more than {} messages", reading.limits.messages),
        );
    }
    let nodes = nodes(
        &id,
        raw.get(..reading.limits.messages).unwrap_or(raw),
        reading,
        &mut remarks,
    );
    let earliest = nodes.iter().filter_map(|node| node.at).min();
    let created_at = said.or(earliest).or(updated).unwrap_or(reading.now);
    let mut tree = tree::build(nodes, created_at);
    remarks.append(&mut tree.remarks);
    let shown = text(value, "current_leaf_message_uuid").and_then(|id| tree.places.get(id));
    let active = shown.copied().flatten();
    let messages = tree.messages();
    if messages.is_empty() {
        return Found::Refused(Refused {
            table: "conversations",
            id,
            flaw: Flaw::Empty,
            why: "nobody said anything in it".to_owned(),
        });
    }
    let whole = text(value, "name").unwrap_or_default();
    let (title, is_cut) = shortened(whole, TITLE_MAX);
    let mut metadata = Map::new();
    if is_cut {
        remarks.push(Note {
            id: id.clone(),
            flaw: Flaw::Shortened,
            why: "its title was longer than 200 characters".to_owned(),
        });
        metadata.insert("title".to_owned(), json!(clean(whole).0));
    }
    if let Some(summary) = text(value, "summary") {
        metadata.insert("summary".to_owned(), json!(clean(summary).0));
    }
    let last = messages.iter().map(|message| message.at).max();
    let updated_at = updated.or(last).unwrap_or(created_at).max(created_at);
    Found::Conversation(Box::new(Conversation {
        id,
        owner: None,
        title,
        model: text(value, "model").map(|name| shortened(name, 200).0),
        instructions: None,
        created_at,
        updated_at,
        pinned_at: flag(value, "is_starred").then_some(updated_at),
        archived: flag(value, "is_archived"),
        messages,
        active,
        metadata,
        remarks,
    }))
}

/// The id that stands for "follows nothing".
const NOTHING: &str = "00000000-0000-4000-8000-000000000000";

fn nodes(
    conversation: &str,
    raw: &[Value],
    reading: &Reading,
    remarks: &mut Vec<Note>,
) -> Vec<Node<Message>> {
    let has_tree = raw
        .iter()
        .any(|message| text(message, "parent_message_uuid").is_some());
    let mut previous: Option<String> = None;
    raw.iter()
        .enumerate()
        .map(|(at, value)| {
            let id =
                text(value, "uuid").map_or_else(|| format!("{conversation}#{at}"), str::to_owned);
            let parent = if has_tree {
                text(value, "parent_message_uuid")
                    .filter(|parent| *parent != NOTHING)
                    .map(str::to_owned)
            } else {
                previous.clone()
            };
            previous = Some(id.clone());
            let time = time(value.get("created_at"), reading.now);
            if time.is_none() {
                remarks.push(Note {
                    id: id.clone(),
                    flaw: Flaw::Time,
                    why: "it did not say when it was written".to_owned(),
                });
            }
            let says = message(&id, value, reading, remarks);
            Node {
                id,
                parent,
                at: time,
                says,
            }
        })
        .collect()
}

fn message(id: &str, value: &Value, reading: &Reading, remarks: &mut Vec<Note>) -> Option<Message> {
    let mut say = |flaw, why: String| {
        remarks.push(Note {
            id: id.to_owned(),
            flaw,
            why,
        });
    };
    let mut message = Message {
        id: String::new(),
        parent: None,
        speaker: match text(value, "sender") {
            Some("human" | "user") => Speaker::User,
            _ => Speaker::Assistant,
        },
        text: String::new(),
        thinking: None,
        tools: Vec::new(),
        model: text(value, "model").map(|name| shortened(name, 200).0),
        at: reading.now,
    };
    for block in list(value, "content") {
        add_block(&mut message, block, &mut say);
    }
    // Old exports, and blocks without a word.
    if message.text.trim().is_empty() && message.tools.is_empty() {
        text(value, "text")
            .unwrap_or_default()
            .clone_into(&mut message.text);
    }
    for attachment in list(value, "attachments") {
        let name = text(attachment, "file_name").unwrap_or("file");
        append(&mut message.text, &file_line(name));
        match text(attachment, "extracted_content") {
            Some(content) => append(&mut message.text, &fenced("", content)),
            None => say(Flaw::Attachment, shortened(name, 200).0),
        }
    }
    let files = [list(value, "files"), list(value, "files_v2")].concat();
    let mut named = Vec::new();
    for file in &files {
        let name = text(file, "file_name").unwrap_or("file");
        if named.contains(&name) {
            continue;
        }
        named.push(name);
        append(&mut message.text, &file_line(name));
        say(Flaw::Attachment, shortened(name, 200).0);
    }
    let (text, changed) = clean(&message.text);
    if changed {
        say(
            Flaw::Text,
            "it had characters that cannot be stored".to_owned(),
        );
        message.text = text;
    }
    message.thinking = message.thinking.map(|thinking| clean(&thinking).0);
    let is_empty =
        message.text.trim().is_empty() && message.thinking.is_none() && message.tools.is_empty();
    (!is_empty).then_some(message)
}

fn add_block(message: &mut Message, block: &Value, say: &mut impl FnMut(Flaw, String)) {
    match text(block, "type").unwrap_or_default() {
        "text" | "voice_note" => append(&mut message.text, text(block, "text").unwrap_or_default()),
        "thinking" => {
            let thought = text(block, "thinking").unwrap_or_default();
            if !thought.trim().is_empty() {
                append(message.thinking.get_or_insert_default(), thought);
            }
        }
        "redacted_thinking" | "token_budget" | "flag" => {}
        "tool_use" => add_tool(message, block),
        "tool_result" => {
            let mut output = String::new();
            result_text(block.get("content").unwrap_or(&Value::Null), 0, &mut output);
            let output = clean(&output).0;
            let id = text(block, "tool_use_id");
            let waiting = message.tools.iter_mut().rev().find(|tool| {
                tool.output.is_none() && id.is_none_or(|id| tool.id == id || tool.id.is_empty())
            });
            if let Some(tool) = waiting {
                tool.output = Some(output);
                tool.is_error = flag(block, "is_error");
            } else {
                message.tools.push(ToolUse {
                    id: id.unwrap_or_default().to_owned(),
                    name: shortened(text(block, "name").unwrap_or("tool"), 100).0,
                    arguments: String::new(),
                    output: Some(output),
                    is_error: flag(block, "is_error"),
                });
            }
        }
        other => {
            let mut found = String::new();
            result_text(block, 0, &mut found);
            append(&mut message.text, &found);
            say(
                Flaw::UnknownContent,
                format!("a block of kind {}", shortened(other, 60).0),
            );
        }
    }
}

/// An artifact is a document that a person reads; other tools are tools.
fn add_tool(message: &mut Message, block: &Value) {
    let name = text(block, "name").unwrap_or("tool");
    let input = block.get("input").unwrap_or(&Value::Null);
    if name == "artifacts"
        && let Some(content) = text(input, "content")
    {
        if let Some(title) = text(input, "title") {
            append(
                &mut message.text,
                &format!("**{}**", shortened(title, 200).0),
            );
        }
        let kind = text(input, "type").unwrap_or_default();
        if kind == "text/markdown" {
            append(&mut message.text, content);
        } else {
            let language = text(input, "language").unwrap_or(match kind {
                "text/html" => "html",
                "image/svg+xml" => "svg",
                "application/vnd.ant.mermaid" => "mermaid",
                "application/vnd.ant.react" => "jsx",
                _ => "",
            });
            append(&mut message.text, &fenced(language, content));
        }
        return;
    }
    let arguments = match input {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    };
    message.tools.push(ToolUse {
        id: text(block, "id").unwrap_or_default().to_owned(),
        name: shortened(name, 100).0,
        arguments: clean(&arguments).0,
        output: None,
        is_error: false,
    });
}

fn result_text(value: &Value, depth: u8, out: &mut String) {
    match value {
        Value::String(text) => append(out, text),
        Value::Array(items) if depth < 4 => {
            for item in items {
                result_text(item, depth + 1, out);
            }
        }
        Value::Object(fields) if depth < 4 => {
            for name in ["title", "url", "text", "content"] {
                if let Some(field) = fields.get(name) {
                    result_text(field, depth + 1, out);
                }
            }
        }
        _ => {}
    }
}
