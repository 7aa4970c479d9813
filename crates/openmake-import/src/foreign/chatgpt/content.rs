//! What one message of ChatGPT says.

use serde_json::Value;

use super::super::{
    Flaw, Note,
    json::{flag, list, text},
    text::{append, clean, fenced, file_line, shortened},
};

/// A message, for [`super::merge`] to put together with its neighbours.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    /// The person said it.
    User(String),
    /// The model said it to the person.
    Said(Said),
    /// The model thought it.
    Thought(String),
    /// The model asked a tool.
    Asked {
        /// Which.
        tool: String,
        /// What.
        arguments: String,
    },
    /// A tool answered.
    Answered {
        /// Which.
        tool: String,
        /// What.
        output: String,
        /// Whether it failed.
        is_error: bool,
    },
}

/// What the model said.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Said {
    /// Markdown.
    pub(super) text: String,
    /// Which model.
    pub(super) model: Option<String>,
}

/// What a message says; none where a person never saw it.
pub(super) fn piece(id: &str, message: &Value, remarks: &mut Vec<Note>) -> Option<Piece> {
    let mut say = |flaw, why: String| {
        remarks.push(Note {
            id: id.to_owned(),
            flaw,
            why,
        });
    };
    let author = message.get("author").unwrap_or(&Value::Null);
    let role = text(author, "role").unwrap_or("unknown");
    let metadata = message.get("metadata").unwrap_or(&Value::Null);
    let content = message.get("content").unwrap_or(&Value::Null);
    let kind = text(content, "content_type").unwrap_or("text");
    let mut body = body(content, kind, &mut say);
    let (cleaned, changed) = clean(&body);
    if changed {
        say(
            Flaw::Text,
            "it had characters that cannot be stored".to_owned(),
        );
        body = cleaned;
    }
    let hidden = role == "system"
        || flag(metadata, "is_visually_hidden_from_conversation")
        || flag(metadata, "is_user_system_message")
        || matches!(kind, "user_editable_context" | "model_editable_context");
    if hidden {
        if !body.trim().is_empty() {
            say(
                Flaw::Hidden,
                format!("hidden text of kind {}", shortened(kind, 40).0),
            );
        }
        return None;
    }
    match role {
        "user" => {
            for file in list(metadata, "attachments") {
                let name = text(file, "name").or_else(|| text(file, "id"));
                let name = name.unwrap_or("file");
                append(&mut body, &file_line(name));
                say(Flaw::Attachment, shortened(name, 200).0);
            }
            (!body.trim().is_empty()).then_some(Piece::User(body))
        }
        "tool" => {
            let tool = shortened(text(author, "name").unwrap_or("tool"), 100).0;
            let is_error = kind == "system_error";
            (!body.trim().is_empty()).then_some(Piece::Answered {
                tool,
                output: body,
                is_error,
            })
        }
        // An unknown role speaks for the model.
        _ => assistant(message, kind, &Cited { body, metadata }),
    }
}

/// A text and what tells of the sources in it.
struct Cited<'a> {
    body: String,
    metadata: &'a Value,
}

fn assistant(message: &Value, kind: &str, cited: &Cited<'_>) -> Option<Piece> {
    if cited.body.trim().is_empty() {
        return None;
    }
    if matches!(kind, "thoughts" | "reasoning_recap") {
        return Some(Piece::Thought(cited.body.clone()));
    }
    let recipient = text(message, "recipient").unwrap_or("all");
    if recipient.starts_with("canmore.")
        && let Some(document) = canvas(message)
    {
        return Some(Piece::Said(Said {
            text: document,
            model: model(cited.metadata),
        }));
    }
    if recipient != "all" {
        let raw = message.get("content").unwrap_or(&Value::Null);
        // Without the fence that the text of code gets.
        let arguments = text(raw, "text").map_or_else(|| cited.body.clone(), |raw| clean(raw).0);
        return Some(Piece::Asked {
            tool: shortened(recipient, 100).0,
            arguments,
        });
    }
    Some(Piece::Said(Said {
        text: with_sources(&cited.body, cited.metadata),
        model: model(cited.metadata),
    }))
}

fn model(metadata: &Value) -> Option<String> {
    text(metadata, "model_slug").map(|name| shortened(name, 200).0)
}

/// The text of a message's content, as Markdown.
fn body(content: &Value, kind: &str, say: &mut impl FnMut(Flaw, String)) -> String {
    match kind {
        "text" | "multimodal_text" => {
            let mut out = String::new();
            for part in list(content, "parts") {
                append(&mut out, &self::part(part, say));
            }
            // Some early exports have the text beside the parts.
            if out.is_empty() {
                append(&mut out, text(content, "text").unwrap_or_default());
            }
            out
        }
        "code" => {
            let language = text(content, "language").filter(|name| *name != "unknown");
            text(content, "text").map_or_else(String::new, |code| {
                fenced(language.unwrap_or_default(), code)
            })
        }
        "execution_output" => text(content, "text").unwrap_or_default().to_owned(),
        "system_error" => {
            let mut out = text(content, "name").unwrap_or_default().to_owned();
            append(&mut out, text(content, "text").unwrap_or_default());
            out
        }
        "tether_quote" => {
            let mut out = String::new();
            if let Some(title) = text(content, "title") {
                append(&mut out, title);
            }
            append(&mut out, text(content, "url").unwrap_or_default());
            append(&mut out, text(content, "text").unwrap_or_default());
            out
        }
        "tether_browsing_display" => {
            let mut out = text(content, "summary").unwrap_or_default().to_owned();
            append(&mut out, text(content, "result").unwrap_or_default());
            out
        }
        "thoughts" => {
            let mut out = String::new();
            for thought in list(content, "thoughts") {
                if let Some(summary) = text(thought, "summary") {
                    append(&mut out, &format!("**{summary}**"));
                }
                append(&mut out, text(thought, "content").unwrap_or_default());
            }
            out
        }
        "reasoning_recap" => text(content, "content").unwrap_or_default().to_owned(),
        "user_editable_context" => {
            let mut out = text(content, "user_profile").unwrap_or_default().to_owned();
            append(
                &mut out,
                text(content, "user_instructions").unwrap_or_default(),
            );
            out
        }
        "model_editable_context" => text(content, "model_set_context")
            .unwrap_or_default()
            .to_owned(),
        other => {
            say(
                Flaw::UnknownContent,
                format!("content of kind {}", shortened(other, 60).0),
            );
            let mut out = String::new();
            any_text(content, 0, &mut out);
            out
        }
    }
}

/// One part of a message with several.
fn part(part: &Value, say: &mut impl FnMut(Flaw, String)) -> String {
    if let Some(text) = part.as_str() {
        return text.to_owned();
    }
    match text(part, "content_type").unwrap_or_default() {
        "image_asset_pointer" => {
            let prompt = part
                .pointer("/metadata/dalle/prompt")
                .and_then(Value::as_str)
                .filter(|prompt| !prompt.is_empty());
            say(
                Flaw::Attachment,
                format!(
                    "image {}",
                    text(part, "asset_pointer").unwrap_or("without a name")
                ),
            );
            prompt.map_or_else(
                || file_line("image"),
                |prompt| {
                    format!(
                        "{}\n\n> {}",
                        file_line("image"),
                        prompt.replace('\n', "\n> ")
                    )
                },
            )
        }
        "audio_transcription" => text(part, "text").unwrap_or_default().to_owned(),
        // The sound of what the transcription says.
        "audio_asset_pointer" | "real_time_user_audio_video_asset_pointer" => {
            say(Flaw::Attachment, "a recording".to_owned());
            String::new()
        }
        other => {
            let mut out = String::new();
            any_text(part, 0, &mut out);
            if !other.is_empty() || !out.is_empty() {
                say(
                    Flaw::UnknownContent,
                    format!("a part of kind {}", shortened(other, 60).0),
                );
            }
            out
        }
    }
}

/// Whatever a content that nobody knows calls its text.
fn any_text(value: &Value, depth: u8, out: &mut String) {
    const NAMES: [&str; 6] = ["text", "content", "result", "summary", "title", "parts"];
    match value {
        Value::String(text) => append(out, text),
        Value::Array(items) if depth < 4 => {
            for item in items {
                any_text(item, depth + 1, out);
            }
        }
        Value::Object(fields) if depth < 4 => {
            for name in NAMES {
                if let Some(field) = fields.get(name) {
                    any_text(field, depth + 1, out);
                }
            }
        }
        _ => {}
    }
}

/// The document of a message to the canvas.
fn canvas(message: &Value) -> Option<String> {
    let content = message.get("content")?;
    let raw = text(content, "text").or_else(|| list(content, "parts").first()?.as_str())?;
    let document: Value = serde_json::from_str(raw).ok()?;
    let body = clean(text(&document, "content")?).0;
    let name = shortened(text(&document, "name").unwrap_or_default(), 200).0;
    let kind = text(&document, "type").unwrap_or("document");
    let mut out = String::new();
    if !name.is_empty() {
        append(&mut out, &format!("**{name}**"));
    }
    match kind.strip_prefix("code/") {
        Some(language) => append(&mut out, &fenced(language, &body)),
        None => append(&mut out, &body),
    }
    Some(out)
}

/// Sources as links. The text has marks between characters for private use, or
/// `【12†source】`; the metadata says what each stands for.
fn with_sources(text_: &str, metadata: &Value) -> String {
    let mut out = text_.to_owned();
    for reference in list(metadata, "content_references") {
        let Some(mark) = text(reference, "matched_text").filter(|mark| is_mark(mark)) else {
            continue;
        };
        let link = text(reference, "alt")
            .map(str::to_owned)
            .or_else(|| links(list(reference, "items")))
            .unwrap_or_default();
        out = out.replace(mark, &clean(&link).0);
    }
    for citation in list(metadata, "citations") {
        let source = citation.get("metadata").unwrap_or(&Value::Null);
        let mark = citation
            .pointer("/metadata/extra/cited_message_idx")
            .and_then(Value::as_i64);
        let Some((mark, link)) = mark.zip(link(source)) else {
            continue;
        };
        out = replace_numbered(&out, mark, &link);
    }
    without_marks(&out)
}

/// Whether it is safe to replace it everywhere: no words of the answer.
fn is_mark(mark: &str) -> bool {
    mark.contains(['\u{e200}', '\u{e201}', '\u{e202}', '【'])
}

fn links(items: &[Value]) -> Option<String> {
    let links: Vec<String> = items.iter().filter_map(link).collect();
    (!links.is_empty()).then(|| format!("({})", links.join(", ")))
}

fn link(source: &Value) -> Option<String> {
    let url = text(source, "url").filter(|url| {
        (url.starts_with("https://") || url.starts_with("http://"))
            && !url
                .contains(|character: char| character.is_whitespace() || "()<>".contains(character))
    })?;
    let title = shortened(text(source, "title").unwrap_or(url), 120).0;
    let title: String = title
        .chars()
        .filter(|character| !"[]".contains(*character))
        .collect();
    Some(format!("[{title}]({url})"))
}

/// `【n†…】` becomes the link.
fn replace_numbered(text: &str, number: i64, link: &str) -> String {
    let mark = format!("【{number}†");
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&mark) {
        out.push_str(before);
        if let Some((_, after)) = after.split_once('】') {
            out.push_str(link);
            rest = after;
        } else {
            out.push_str(&mark);
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// What nothing in the metadata stands for is of no use to a reader.
fn without_marks(text: &str) -> String {
    if !text.contains('\u{e200}') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{e200}') {
        out.push_str(before);
        match after.split_once('\u{e201}') {
            // Marks are short; what is long is a text without its end mark.
            Some((mark, after)) if mark.len() <= 400 => rest = after,
            _ => rest = after,
        }
    }
    out.push_str(rest);
    out.replace(['\u{e201}', '\u{e202}'], "")
}
