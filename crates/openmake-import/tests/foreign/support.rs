//! Accounts and files.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use openmake_store::{
    PageRequest, Store,
    conversations::{Conversation, Filter},
    import::{Checked, ImportSource, Mode, UserRow},
};
use openmake_types::UserId;
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_790_000_000, 0).expect("a time")
}

pub(crate) async fn account(store: &Store, number: u128, email: &str) -> UserId {
    let source = ImportSource {
        kind: "test",
        name: "accounts".to_owned(),
        owner: None,
        mode: Mode::Real,
        now: now(),
    };
    let mut import = store.import(&source).await.expect("begun");
    let row = UserRow {
        id: Uuid::from_u128(number),
        email: Some(email.to_owned()),
        display_name: "Ada".to_owned(),
        password_hash: None,
        role: "user",
        is_active: true,
        created_at: now(),
        updated_at: now(),
        last_login: None,
        metadata: json!({}),
    };
    import.write(&[row]).await.expect("written");
    import.finish(Checked::Right).await.expect("finished");
    UserId::from_uuid(Uuid::from_u128(number))
}

pub(crate) async fn listed(store: &Store, owner: UserId) -> Vec<Conversation> {
    let page = PageRequest {
        after: None,
        limit: 100,
    };
    let rows = store
        .conversations()
        .list(owner, Filter::Active, page)
        .await;
    rows.expect("a list").items
}

pub(crate) fn conversation(id: &str, texts: &[&str]) -> Value {
    let mut mapping = serde_json::Map::new();
    let mut parent = Value::Null;
    for (at, text) in texts.iter().enumerate() {
        let role = if at % 2 == 0 { "user" } else { "assistant" };
        let node = format!("{id}-{at}");
        mapping.insert(
            node.clone(),
            json!({"id": node, "parent": parent, "message": {"author": {"role": role},
                "create_time": 1_700_000_000 + at, "recipient": "all",
                "content": {"content_type": "text", "parts": [text]}}}),
        );
        parent = json!(node);
    }
    json!({"id": id, "title": format!("About {id}"), "create_time": 1_700_000_000,
        "update_time": 1_700_000_100, "current_node": parent, "mapping": mapping})
}

pub(crate) fn chatgpt(folder: &Path, conversations: &[Value]) -> PathBuf {
    let path = folder.join("conversations.json");
    std::fs::write(&path, json!(conversations).to_string()).expect("a file");
    path
}
