use std::{io::Write as _, path::PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

use super::*;

fn reading() -> Reading {
    Reading {
        limits: Limits::default(),
        now: DateTime::from_timestamp(1_790_000_000, 0).expect("a time"),
    }
}

fn read_all(product: Product, path: &Path, reading: &Reading) -> Result<Vec<Found>, ForeignError> {
    let mut found = Vec::new();
    read(product, path, reading, &mut |item| {
        found.push(item);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}

fn zip(folder: &tempfile::TempDir, files: &[(&str, Vec<u8>)]) -> PathBuf {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default())
            .expect("a file in it");
        zip.write_all(bytes).expect("its bytes");
    }
    let bytes = zip.finish().expect("a ZIP").into_inner();
    file(folder, "export.zip", &bytes)
}

fn conversations(found: &[Found]) -> Vec<&Conversation> {
    found
        .iter()
        .filter_map(|item| match item {
            Found::Conversation(conversation) => Some(&**conversation),
            _ => None,
        })
        .collect()
}

fn node(id: &str, parent: Option<&str>, message: Value) -> (String, Value) {
    let mut node = json!({"id": id, "parent": parent, "children": []});
    node["message"] = message;
    (id.to_owned(), node)
}

fn said(role: &str, content: Value, more: Value) -> Value {
    let mut message = json!({"author": {"role": role}, "create_time": 1_700_000_001.5,
        "recipient": "all", "metadata": {}});
    message["content"] = content;
    if let (Value::Object(message), Value::Object(more)) = (&mut message, more) {
        message.extend(more);
    }
    message
}

fn chatgpt() -> Value {
    let text = |text: &str| json!({"content_type": "text", "parts": [text]});
    let mapping: serde_json::Map<String, Value> = [
        node("root", None, Value::Null),
        node("sys", Some("root"), said("system", text(""), json!({}))),
        node("q", Some("sys"), said("user", json!({"content_type": "multimodal_text", "parts": [
            {"content_type": "image_asset_pointer", "asset_pointer": "file-service://file-1"}, "What is it?"]}), json!({}))),
        node("t", Some("q"), said("assistant", json!({"content_type": "thoughts", "thoughts": [{"summary": "Look", "content": "A cat."}]}), json!({}))),
        node("call", Some("t"), said("assistant", json!({"content_type": "code", "language": "python", "text": "print(1)"}), json!({"recipient": "python"}))),
        node("out", Some("call"), said("tool", json!({"content_type": "execution_output", "text": "1"}), json!({"author": {"role": "tool", "name": "python"}}))),
        node("a", Some("out"), said("assistant", text("A cat. \u{e200}cite\u{e202}turn0search0\u{e201}"), json!({"metadata": {"model_slug": "gpt-5",
            "content_references": [{"matched_text": "\u{e200}cite\u{e202}turn0search0\u{e201}", "alt": "([cats](https://cats.example))"}]}}))),
        node("a2", Some("q"), said("assistant", text("A dog."), json!({"metadata": {"model_slug": "gpt-4"}}))),
    ]
    .into_iter()
    .collect();
    json!({"id": "c1", "title": "A picture", "create_time": 1_700_000_000.0, "update_time": 1_700_000_100.0,
        "is_archived": false, "current_node": "a", "mapping": mapping})
}

fn assert_chatgpt(found: &[Found]) {
    let [conversation] = conversations(found)[..] else {
        panic!("{found:?}");
    };
    let texts: Vec<_> = conversation
        .messages
        .iter()
        .map(|message| (message.text.as_str(), message.parent, message.speaker))
        .collect();
    assert_eq!(
        texts,
        [
            ("📎 `image`\n\nWhat is it?", None, Speaker::User),
            ("A dog.", Some(0), Speaker::Assistant),
            (
                "A cat. ([cats](https://cats.example))",
                Some(0),
                Speaker::Assistant
            ),
        ]
    );
    let answer = &conversation.messages[2];
    assert_eq!(answer.thinking.as_deref(), Some("**Look**\n\nA cat."));
    assert_eq!(answer.model.as_deref(), Some("gpt-5"));
    assert_eq!(answer.tools.len(), 1);
    assert_eq!(answer.tools[0].arguments, "print(1)");
    assert_eq!(answer.tools[0].output.as_deref(), Some("1"));
    assert_eq!(conversation.active, Some(2));
}

#[test]
fn chatgpt_is_read_from_every_form_of_its_export() {
    let folder = tempfile::tempdir().expect("a folder");
    let whole = serde_json::to_vec(&json!([chatgpt()])).expect("JSON");
    let one = serde_json::to_vec(&chatgpt()).expect("JSON");
    let forms = [
        file(&folder, "conversations.json", &whole),
        zip(
            &folder,
            &[
                ("chat.html", b"<html>".to_vec()),
                ("__MACOSX/._conversations.json", b"x".to_vec()),
                ("conversations-000.json", whole.clone()),
            ],
        ),
        folder.path().join("split"),
    ];
    std::fs::create_dir_all(folder.path().join("split/conversations")).expect("a folder");
    std::fs::write(
        folder
            .path()
            .join("split/conversations/6553f100-0000-4000-8000-000000000000.json"),
        one,
    )
    .expect("a file");
    for form in forms {
        let found = read_all(Product::ChatGpt, &form, &reading());
        assert_chatgpt(&found.expect("it can be read"));
    }
}

#[test]
fn one_bad_conversation_is_named_and_the_others_come() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = serde_json::to_string(&chatgpt()).expect("JSON");
    let text = format!(r#"[{{"a": nan}}, {good}, {{"id":"x","mapping":{{}}}}, {{"id":"#);
    let path = file(&folder, "conversations.json", text.as_bytes());
    let found = read_all(Product::ChatGpt, &path, &reading()).expect("it can be read");
    assert_eq!(conversations(&found).len(), 1);
    let flaws: Vec<Flaw> = found
        .iter()
        .filter_map(|item| match item {
            Found::Refused(refused) => Some(refused.flaw),
            _ => None,
        })
        .collect();
    assert_eq!(flaws, [Flaw::Unreadable, Flaw::Empty, Flaw::Truncated]);
}

#[test]
fn a_bomb_is_not_unpacked_to_its_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut text = b"[\"".to_vec();
    text.resize(64 << 20, b'a');
    let path = zip(&folder, &[("conversations.json", text)]);
    let found = read_all(Product::ChatGpt, &path, &reading());
    assert!(matches!(found, Err(ForeignError::Bomb(_))), "{found:?}");
    let few = Reading {
        limits: Limits {
            files: 0,
            ..Limits::default()
        },
        ..reading()
    };
    let found = read_all(Product::ChatGpt, &path, &few);
    assert!(
        matches!(found, Err(ForeignError::TooManyFiles(0))),
        "{found:?}"
    );
}

#[test]
fn claude_is_read_with_its_projects() {
    let folder = tempfile::tempdir().expect("a folder");
    let conversation = json!([{
        "uuid": "c1", "name": "Plan", "created_at": "2025-01-01T00:00:00Z", "updated_at": "2025-01-02T00:00:00Z",
        "chat_messages": [
            {"uuid": "m1", "sender": "human", "text": "See", "created_at": "2025-01-01T00:00:01Z",
             "parent_message_uuid": "00000000-0000-4000-8000-000000000000",
             "content": [{"type": "text", "text": "See"}],
             "attachments": [{"file_name": "a.txt", "extracted_content": "inside"}], "files": [{"file_name": "b.png"}]},
            {"uuid": "m2", "sender": "assistant", "text": "", "created_at": "2025-01-01T00:00:02Z", "parent_message_uuid": "m1",
             "content": [{"type": "thinking", "thinking": "Hm"}, {"type": "tool_use", "id": "t", "name": "search", "input": {"q": 1}},
                {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "hit"}]},
                {"type": "text", "text": "Done"}, {"type": "novel", "text": "new"}]},
        ],
    }]);
    let path = zip(
        &folder,
        &[
            (
                "conversations.json",
                serde_json::to_vec(&conversation).expect("JSON"),
            ),
            (
                "projects.json",
                br#"[{"uuid":"p1","name":"P","prompt_template":"x"}]"#.to_vec(),
            ),
            ("users.json", b"[{}]".to_vec()),
        ],
    );
    let found = read_all(Product::Claude, &path, &reading()).expect("it can be read");
    let [conversation] = conversations(&found)[..] else {
        panic!("{found:?}");
    };
    assert_eq!(
        conversation.messages[0].text,
        "See\n\n📎 `a.txt`\n\n```\ninside\n```\n\n📎 `b.png`"
    );
    let answer = &conversation.messages[1];
    assert_eq!(answer.text, "Done\n\nnew");
    assert_eq!(answer.parent, Some(0));
    assert_eq!(answer.thinking.as_deref(), Some("Hm"));
    assert_eq!(answer.tools[0].output.as_deref(), Some("hit"));
    assert!(
        conversation
            .remarks
            .iter()
            .any(|note| note.flaw == Flaw::UnknownContent)
    );
    assert!(found.iter().any(|item| matches!(
        item,
        Found::Kept(kept) if kept.table == "projects" && kept.id == "p1"
    )));
}

fn any_json() -> impl Strategy<Value = Value> {
    let word = prop_oneof![
        Just("text".to_owned()),
        Just("user".to_owned()),
        Just("assistant".to_owned()),
        Just("tool".to_owned()),
        Just("n1".to_owned()),
        Just("n2".to_owned()),
        Just("multimodal_text".to_owned()),
        Just("human".to_owned()),
        Just("tool_use".to_owned()),
        Just("tool_result".to_owned()),
        Just("\0".to_owned()),
        ".{0,6}",
    ];
    let name = prop_oneof![
        Just("mapping"),
        Just("message"),
        Just("author"),
        Just("role"),
        Just("content"),
        Just("content_type"),
        Just("parts"),
        Just("parent"),
        Just("id"),
        Just("create_time"),
        Just("metadata"),
        Just("n1"),
        Just("n2"),
        Just("chat_messages"),
        Just("uuid"),
        Just("sender"),
        Just("text"),
        Just("type"),
        Just("attachments"),
        Just("parent_message_uuid"),
        Just("name"),
        Just("current_node"),
        Just("recipient"),
        Just("title"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(7, 60, 6, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            3 => prop::collection::vec((name.clone(), inner), 0..6).prop_map(|fields| {
                Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    /// Whatever is in a file: nothing panics, and every element of it comes
    /// out as something.
    #[test]
    fn any_json_is_accounted_for(values in prop::collection::vec(any_json(), 1..4), product in 0..2) {
        let product = if product == 0 { Product::ChatGpt } else { Product::Claude };
        let folder = tempfile::tempdir().expect("a folder");
        let path = file(&folder, "conversations.json", &serde_json::to_vec(&values).expect("JSON"));
        let found = read_all(product, &path, &reading()).expect("it is an array");
        let accounted = found.iter().filter(|item| !matches!(item, Found::Progress { .. })).count();
        prop_assert!(accounted >= values.len());
        for conversation in conversations(&found) {
            for (at, message) in conversation.messages.iter().enumerate() {
                prop_assert!(message.parent.is_none_or(|parent| parent < at));
                prop_assert!(!message.text.contains('\0'));
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..600), kind in 0..3, as_zip in any::<bool>()) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut content = if as_zip { b"PK\x03\x04".to_vec() } else { Vec::new() };
        content.extend(bytes);
        let path = file(&folder, "x", &content);
        let product = [Product::ChatGpt, Product::Claude, Product::OpenWebUi][usize::try_from(kind).unwrap_or(0)];
        let _ = read_all(product, &path, &reading());
    }
}
