//! ChatGPT's data export.
//!
//! `conversations.json` is an array of conversations; large accounts get
//! `conversations-000.json` and so on, or a file a conversation. A conversation
//! is a `mapping` of nodes by id, each with the id of its `parent` and at most
//! one message. What the model thinks, each tool that it calls and what that
//! answers are messages of their own there; here they are parts of one answer.

mod content;
mod merge;

use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use self::content::Piece;
use super::{
    Conversation, Flaw, Found, Note, Reading, Refused, Take,
    archive::{Parsed, Reader},
    json::{flag, list, text},
    text::{clean, shortened, time},
    tree::{self, Node},
};

/// Reads the export.
pub(super) const READER: Reader = Reader { table, element };

/// Characters of a title.
const TITLE_MAX: usize = 200;
/// Characters of a model's name.
const MODEL_MAX: usize = 200;

fn table(name: &str) -> Option<&'static str> {
    let stem = name.strip_suffix(".json")?;
    let numbered = stem
        .strip_prefix("conversations")
        .or_else(|| stem.strip_prefix("conversation"))
        .is_some_and(|rest| rest.bytes().all(|byte| b"-_0123456789".contains(&byte)));
    // A file a conversation is named by its id.
    (numbered || uuid::Uuid::try_parse(stem).is_ok()).then_some("conversations")
}

fn element(parsed: &Parsed, reading: &Reading, take: Take<'_>) -> ControlFlow<()> {
    let value = &parsed.value;
    if value.get("mapping").and_then(Value::as_object).is_some() {
        return take(conversation(parsed, value, reading));
    }
    let inner = list(value, "conversations");
    if inner.is_empty() {
        return take(Found::Refused(Refused {
            table: parsed.table,
            id: id_of(value).unwrap_or(&parsed.place).to_owned(),
            flaw: Flaw::Unreadable,
            why: "it has no messages in the way that ChatGPT writes them".to_owned(),
        }));
    }
    for value in inner {
        take(conversation(parsed, value, reading))?;
    }
    ControlFlow::Continue(())
}

fn id_of(value: &Value) -> Option<&str> {
    text(value, "conversation_id").or_else(|| text(value, "id"))
}

fn conversation(parsed: &Parsed, value: &Value, reading: &Reading) -> Found {
    let mut remarks = Vec::new();
    let id = id_of(value).unwrap_or(&parsed.place).to_owned();
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
    let said = time(value.get("create_time"), reading.now);
    let updated = time(value.get("update_time"), reading.now);
    if said.is_none() {
        say(Flaw::Time, "it did not say when it began");
    }
    let mapping = value.get("mapping").and_then(Value::as_object);
    let nodes = nodes(mapping, reading, &mut remarks);
    let earliest = nodes.iter().filter_map(|node| node.at).min();
    let created_at = said.or(earliest).or(updated).unwrap_or(reading.now);
    let mut tree = tree::build(nodes, created_at);
    remarks.append(&mut tree.remarks);
    let shown = text(value, "current_node")
        .and_then(|node| tree.places.get(node).copied())
        .flatten();
    let merged = merge::merge(tree.nodes, shown, &mut remarks);
    if merged.messages.is_empty() {
        return Found::Refused(Refused {
            table: "conversations",
            id,
            flaw: Flaw::Empty,
            why: "nobody said anything in it".to_owned(),
        });
    }
    let (title, is_cut) = shortened(text(value, "title").unwrap_or_default(), TITLE_MAX);
    let mut metadata = metadata(value);
    if is_cut {
        remarks.push(Note {
            id: id.clone(),
            flaw: Flaw::Shortened,
            why: "its title was longer than 200 characters".to_owned(),
        });
        metadata.insert(
            "title".to_owned(),
            json!(clean(text(value, "title").unwrap_or_default()).0),
        );
    }
    let last = merged.messages.iter().map(|message| message.at).max();
    let updated_at = updated.or(last).unwrap_or(created_at).max(created_at);
    let starred =
        flag(value, "is_starred") || value.get("pinned_time").is_some_and(Value::is_number);
    let model = merged
        .messages
        .iter()
        .rev()
        .find_map(|message| message.model.clone())
        .or_else(|| text(value, "default_model_slug").map(|name| shortened(name, MODEL_MAX).0));
    Found::Conversation(Box::new(Conversation {
        id,
        owner: None,
        title,
        model,
        instructions: None,
        created_at,
        updated_at,
        pinned_at: starred
            .then(|| time(value.get("pinned_time"), reading.now).unwrap_or(updated_at)),
        archived: flag(value, "is_archived"),
        messages: merged.messages,
        active: merged.active,
        metadata,
        remarks,
    }))
}

/// What has no column here.
fn metadata(value: &Value) -> Map<String, Value> {
    [
        "gizmo_id",
        "conversation_template_id",
        "default_model_slug",
        "voice",
        "memory_scope",
    ]
    .into_iter()
    .filter_map(|name| {
        let found = value.get(name).filter(|found| !found.is_null())?;
        let text = found.as_str()?;
        Some((name.to_owned(), json!(clean(text).0)))
    })
    .collect()
}

fn nodes(
    mapping: Option<&Map<String, Value>>,
    reading: &Reading,
    remarks: &mut Vec<Note>,
) -> Vec<Node<Piece>> {
    let mut nodes = Vec::new();
    for (id, node) in mapping.into_iter().flatten() {
        if nodes.len() >= reading.limits.messages {
            remarks.push(Note {
                id: id.clone(),
                flaw: Flaw::TooLarge,
                why: format!("it has more than {} messages", reading.limits.messages),
            });
            break;
        }
        let message = node.get("message").filter(|message| message.is_object());
        let at = message.and_then(|message| time(message.get("create_time"), reading.now));
        let says = message.and_then(|message| content::piece(id, message, remarks));
        if says.is_some() && at.is_none() {
            remarks.push(Note {
                id: id.clone(),
                flaw: Flaw::Time,
                why: "it did not say when it was written".to_owned(),
            });
        }
        nodes.push(Node {
            id: id.clone(),
            parent: text(node, "parent").map(str::to_owned),
            at,
            says,
        });
    }
    nodes
}
