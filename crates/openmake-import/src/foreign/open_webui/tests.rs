use std::ops::ControlFlow;

use serde_json::json;

use super::*;
use crate::foreign::{Conversation, Speaker};

fn database(path: &Path) -> Connection {
    let database = Connection::open(path).expect("a new database");
    database
        .execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE user (id TEXT, name TEXT, email TEXT, role TEXT, created_at INTEGER);
             CREATE TABLE auth (id TEXT, email TEXT, password TEXT, active INTEGER);
             CREATE TABLE chat (id TEXT, user_id TEXT, title TEXT, chat JSON, created_at INTEGER,
                 updated_at INTEGER, archived INTEGER, pinned INTEGER, meta JSON, folder_id TEXT);
             CREATE TABLE folder (id TEXT, user_id TEXT, name TEXT);
             CREATE TABLE prompt (command TEXT, user_id TEXT, title TEXT, content TEXT);
             INSERT INTO user VALUES ('u1', 'Ada', 'Ada@example.org', 'admin', 1700000000);
             INSERT INTO auth VALUES ('u1', 'Ada@example.org', '$2b$12$x', 1);
             INSERT INTO folder VALUES ('f1', 'u1', 'Work');
             INSERT INTO prompt VALUES ('/sum', 'u1', 'Sum', 'Sum up');",
        )
        .expect("the tables");
    database
}

fn all(path: &Path) -> Result<Vec<Found>, ForeignError> {
    let mut found = Vec::new();
    let reading = Reading {
        limits: crate::foreign::Limits::default(),
        now: chrono::DateTime::from_timestamp(1_790_000_000, 0).expect("a time"),
    };
    read(path, &reading, &mut |item| {
        found.push(item);
        ControlFlow::Continue(())
    })?;
    Ok(found)
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

#[test]
fn chats_come_with_tree_folder_and_owner_while_the_file_is_in_use() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("webui.db");
    let database = database(&path);
    let chat = json!({
        "models": ["llama3"],
        "system": "Be brief.",
        "history": {
            "currentId": "b2",
            "messages": {
                "a": {"id": "a", "parentId": null, "role": "user", "content": "Hi", "timestamp": 1_700_000_000},
                "b1": {"id": "b1", "parentId": "a", "role": "assistant", "content": "One", "model": "llama3", "timestamp": 1_700_000_001},
                "b2": {"id": "b2", "parentId": "a", "role": "assistant", "timestamp": 1_700_000_002,
                    "content": "<details type=\"reasoning\" done=\"true\">\n<summary>x</summary>\n> hm\n</details>\nTwo"},
            },
        },
    });
    database
        .execute(
            "INSERT INTO chat VALUES ('c1', 'u1', 'Greeting', ?1, 1700000000, 1700000005, 1, 1, '{\"tags\":[\"x\"]}', 'f1'),
                                     ('c2', 'u1', 'Broken', 'no json', 1, 1, 0, 0, NULL, NULL)",
            [chat.to_string()],
        )
        .expect("chats");
    // Still open, and not one page of it moved out of the log.
    let found = all(&path).expect("it can be read");
    let [chat] = conversations(&found)[..] else {
        panic!("{found:?}");
    };
    assert_eq!(chat.title, "Greeting");
    assert!(chat.archived && chat.pinned_at.is_some());
    assert_eq!(chat.instructions.as_deref(), Some("Be brief."));
    assert_eq!(chat.metadata["folder"], "Work");
    assert_eq!(chat.metadata["tags"], json!(["x"]));
    let texts: Vec<_> = chat
        .messages
        .iter()
        .map(|message| (message.text.as_str(), message.parent, message.speaker))
        .collect();
    assert_eq!(
        texts,
        [
            ("Hi", None, Speaker::User),
            ("One", Some(0), Speaker::Assistant),
            ("Two", Some(0), Speaker::Assistant),
        ]
    );
    assert_eq!(chat.messages[2].thinking.as_deref(), Some("hm"));
    assert_eq!(chat.active, Some(2));
    assert!(found.iter().any(|item| matches!(
        item,
        Found::Account(account) if account.role == "admin" && account.password.is_some()
    )));
    assert!(found.iter().any(|item| matches!(
        item,
        Found::Kept(kept) if kept.table == "prompts" && kept.id == "/sum"
    )));
    assert!(found.iter().any(|item| matches!(
        item,
        Found::Refused(refused) if refused.id == "c2" && refused.flaw == Flaw::Unreadable
    )));
}

#[test]
fn messages_in_their_own_table_count() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("webui.db");
    let database = database(&path);
    database
        .execute_batch(
            "CREATE TABLE chat_message (id TEXT, chat_id TEXT, user_id TEXT, role TEXT, parent_id TEXT,
                 content JSON, output JSON, model_id TEXT, created_at INTEGER);
             INSERT INTO chat VALUES ('c1', 'u1', 'T', '{\"history\":{\"currentId\":\"m2\",\"messages\":{}}}',
                 1700000000, 1700000005, 0, 0, NULL, NULL);
             INSERT INTO chat_message VALUES
                 ('c1-m1', 'c1', 'u1', 'user', NULL, '\"Hello\"', NULL, NULL, 1700000001),
                 ('c1-m2', 'c1', 'u1', 'assistant', 'm1', '', '[{\"type\":\"function_call\",\"call_id\":\"k\",\"name\":\"f\",\"arguments\":\"{}\"},
                   {\"type\":\"function_call_output\",\"call_id\":\"k\",\"output\":[{\"text\":\"7\"}]},
                   {\"type\":\"message\",\"content\":[{\"text\":\"Seven\"}]}]', 'gpt', 1700000002);",
        )
        .expect("messages");
    let found = all(&path).expect("it can be read");
    let [chat] = conversations(&found)[..] else {
        panic!("{found:?}");
    };
    assert_eq!(chat.messages.len(), 2);
    assert_eq!(chat.messages[1].text, "Seven");
    assert_eq!(chat.messages[1].parent, Some(0));
    assert_eq!(chat.messages[1].tools[0].output.as_deref(), Some("7"));
    assert_eq!(chat.active, Some(1));
}

#[test]
fn what_is_no_database_of_open_webui_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    std::fs::write(&path, b"hello").expect("a file");
    assert!(matches!(all(&path), Err(ForeignError::NotAnExport(_))));
    std::fs::remove_file(&path).expect("removed");
    let database = Connection::open(&path).expect("a new database");
    database
        .execute_batch("CREATE TABLE t (a)")
        .expect("a table");
    assert!(matches!(all(&path), Err(ForeignError::NoTable("chat"))));
}
