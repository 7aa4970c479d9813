//! One chat of Open WebUI.

use serde_json::{Map, Value, json};

use super::{
    super::{
        Conversation, Flaw, Found, Message, Note, Reading, Refused, Speaker,
        json::{list, text},
        text::{append, clean, file_line, shortened, time},
        tree::{self, Node},
    },
    Row, details, output,
};

/// A chat and what belongs to it.
pub(super) struct Source<'a> {
    pub(super) id: String,
    pub(super) row: &'a Row<'a>,
    /// Its messages, where the table for them has any.
    pub(super) messages: Option<Map<String, Value>>,
    /// The name of its folder.
    pub(super) folder: Option<String>,
}

/// Characters of a title.
const TITLE_MAX: usize = 200;
/// Characters of instructions.
const INSTRUCTIONS_MAX: usize = 8000;

/// The chat as a conversation.
pub(super) fn conversation(source: &Source<'_>, reading: &Reading) -> Found {
    let (id, row) = (source.id.clone(), source.row);
    let refused = |flaw, why: &str| {
        Found::Refused(Refused {
            table: "conversations",
            id: id.clone(),
            flaw,
            why: why.to_owned(),
        })
    };
    let chat = row.value("chat").unwrap_or(Value::Null);
    if !chat.is_object() && source.messages.is_none() {
        return refused(Flaw::Unreadable, "what it says is not JSON");
    }
    let mut remarks = Vec::new();
    let mut say = |flaw, why: &str| {
        remarks.push(Note {
            id: id.clone(),
            flaw,
            why: why.to_owned(),
        });
    };
    let said = time(row.value("created_at").as_ref(), reading.now)
        .or_else(|| time(chat.get("timestamp"), reading.now));
    if said.is_none() {
        say(Flaw::Time, "it did not say when it began");
    }
    let updated = time(row.value("updated_at").as_ref(), reading.now);
    let whole = row
        .text("title")
        .or_else(|| text(&chat, "title").map(str::to_owned));
    let whole = whole.unwrap_or_default();
    let (title, is_cut) = shortened(&whole, TITLE_MAX);
    let mut metadata = metadata(source, &chat);
    if is_cut {
        say(Flaw::Shortened, "its title was longer than 200 characters");
        metadata.insert("title".to_owned(), json!(clean(&whole).0));
    }
    let nodes = nodes(source, &chat, reading, &mut remarks);
    let earliest = nodes.iter().filter_map(|node| node.at).min();
    let created_at = said.or(earliest).or(updated).unwrap_or(reading.now);
    let mut tree = tree::build(nodes, created_at);
    remarks.append(&mut tree.remarks);
    let shown = chat
        .pointer("/history/currentId")
        .or_else(|| chat.pointer("/history/current_id"))
        .and_then(Value::as_str);
    let active = shown.and_then(|id| tree.places.get(id)).copied().flatten();
    let messages = tree.messages();
    if messages.is_empty() {
        return refused(Flaw::Empty, "nobody said anything in it");
    }
    let last = messages.iter().map(|message| message.at).max();
    let updated_at = updated.or(last).unwrap_or(created_at).max(created_at);
    let model = list(&chat, "models").first().and_then(Value::as_str);
    let model = model.filter(|model| !model.is_empty());
    let instructions = text(&chat, "system")
        .or_else(|| chat.pointer("/params/system").and_then(Value::as_str))
        .filter(|text| !text.trim().is_empty());
    let cut = instructions.filter(|text| text.chars().count() > INSTRUCTIONS_MAX);
    if let Some(whole) = cut {
        remarks.push(Note {
            id: id.clone(),
            flaw: Flaw::Shortened,
            why: "its system prompt was longer than 8,000 characters".to_owned(),
        });
        metadata.insert("system".to_owned(), json!(clean(whole).0));
    }
    Found::Conversation(Box::new(Conversation {
        owner: row.text("user_id"),
        title,
        model: model.map(|name| shortened(name, 200).0),
        instructions: instructions
            .map(|text| clean(&text.chars().take(INSTRUCTIONS_MAX).collect::<String>()).0),
        created_at,
        updated_at,
        pinned_at: (row.flag("pinned") == Some(true)).then_some(updated_at),
        archived: row.flag("archived") == Some(true),
        messages,
        active,
        metadata,
        remarks,
        id,
    }))
}

fn metadata(source: &Source<'_>, chat: &Value) -> Map<String, Value> {
    let mut metadata = Map::new();
    if let Some(folder) = &source.folder {
        metadata.insert("folder".to_owned(), json!(folder));
    }
    let meta = source.row.value("meta").unwrap_or(Value::Null);
    let tags: Vec<String> = [list(&meta, "tags"), list(chat, "tags")]
        .concat()
        .iter()
        .filter_map(|tag| tag.as_str().or_else(|| text(tag, "name")))
        .map(|tag| shortened(tag, 100).0)
        .take(100)
        .collect();
    if !tags.is_empty() {
        metadata.insert("tags".to_owned(), json!(tags));
    }
    metadata
}

fn nodes(
    source: &Source<'_>,
    chat: &Value,
    reading: &Reading,
    remarks: &mut Vec<Note>,
) -> Vec<Node<Message>> {
    let history = chat.pointer("/history/messages").and_then(Value::as_object);
    let map = match (&source.messages, history) {
        // Chats that were not written since the table came are in it in part.
        (Some(table), Some(history)) if table.len() < history.len() => Some(history),
        (Some(table), _) => Some(table),
        (None, history) => history,
    };
    let limit = reading.limits.messages;
    let mut say = |flaw, why: String| {
        remarks.push(Note {
            id: source.id.clone(),
            flaw,
            why,
        });
    };
    if let Some(map) = map.filter(|map| !map.is_empty()) {
        if map.len() > limit {
            say(Flaw::TooLarge, format!("it has more than {limit} messages"));
        }
        return map
            .iter()
            .take(limit)
            .map(|(id, value)| {
                let parent = text(value, "parentId").or_else(|| text(value, "parent_id"));
                node(
                    id,
                    parent.map(str::to_owned),
                    value,
                    &mut Told { reading, remarks },
                )
            })
            .collect();
    }
    // The first versions had a list.
    let list = list(chat, "messages");
    if list.len() > limit {
        say(Flaw::TooLarge, format!("it has more than {limit} messages"));
    }
    let mut previous = None;
    list.iter()
        .take(limit)
        .enumerate()
        .map(|(at, value)| {
            let id = text(value, "id").map_or_else(|| format!("{}#{at}", source.id), str::to_owned);
            let parent = previous.replace(id.clone());
            node(&id, parent, value, &mut Told { reading, remarks })
        })
        .collect()
}

/// What a reader of messages is told and tells.
struct Told<'a> {
    reading: &'a Reading,
    remarks: &'a mut Vec<Note>,
}

fn node(id: &str, parent: Option<String>, value: &Value, told: &mut Told<'_>) -> Node<Message> {
    let at = time(value.get("timestamp"), told.reading.now);
    let says = message(id, value, told);
    if says.is_some() && at.is_none() {
        told.remarks.push(Note {
            id: id.to_owned(),
            flaw: Flaw::Time,
            why: "it did not say when it was written".to_owned(),
        });
    }
    Node {
        id: id.to_owned(),
        parent,
        at,
        says,
    }
}

fn message(id: &str, value: &Value, told: &mut Told<'_>) -> Option<Message> {
    let mut say = |flaw, why: String| {
        told.remarks.push(Note {
            id: id.to_owned(),
            flaw,
            why,
        });
    };
    let speaker = match text(value, "role") {
        Some("user") => Speaker::User,
        Some("assistant") => Speaker::Assistant,
        other => {
            say(
                Flaw::Hidden,
                format!(
                    "a message of role {}",
                    shortened(other.unwrap_or("none"), 40).0
                ),
            );
            return None;
        }
    };
    let mut written = content(value);
    let mut parts = details::Unfolded::default();
    if speaker == Speaker::Assistant {
        parts = match output::read(list(value, "output")) {
            Some(parts) => parts,
            None => details::unfold(&written),
        };
        written = std::mem::take(&mut parts.text);
        if written.is_empty()
            && let Some(error) = value.pointer("/error/content").and_then(Value::as_str)
        {
            append(&mut written, error);
        }
    }
    for file in list(value, "files") {
        let name = ["name", "filename", "title"]
            .into_iter()
            .find_map(|name| text(file, name))
            .or_else(|| file.pointer("/file/filename").and_then(Value::as_str))
            .unwrap_or_else(|| text(file, "type").unwrap_or("file"));
        append(&mut written, &file_line(name));
        say(Flaw::Attachment, shortened(name, 200).0);
    }
    for source in list(value, "sources") {
        if let Some(url) = source.pointer("/source/url").and_then(Value::as_str)
            && url.starts_with("http")
        {
            append(&mut written, &format!("<{}>", shortened(url, 2000).0));
        }
    }
    let (text_, changed) = clean(&written);
    if changed {
        say(
            Flaw::Text,
            "it had characters that cannot be stored".to_owned(),
        );
    }
    let is_empty = text_.trim().is_empty() && parts.thinking.is_none() && parts.tools.is_empty();
    (!is_empty).then(|| Message {
        id: String::new(),
        parent: None,
        speaker,
        text: text_,
        thinking: parts.thinking.map(|thinking| clean(&thinking).0),
        tools: parts.tools,
        model: text(value, "model")
            .filter(|_| speaker == Speaker::Assistant)
            .map(|name| shortened(name, 200).0),
        at: told.reading.now,
    })
}

/// A text, or parts with text.
fn content(value: &Value) -> String {
    match value.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let mut out = String::new();
            for part in parts {
                append(
                    &mut out,
                    part.as_str()
                        .or_else(|| text(part, "text"))
                        .unwrap_or_default(),
                );
            }
            out
        }
        _ => String::new(),
    }
}
