//! Deleting a message with what follows it, taking that back, and what the page
//! shows of an answer after a reload.

use http::StatusCode;
use openmake_store::{
    turns::Follows,
    wakeups::{Heard, WakeupKind},
};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::{
    conversations::ids,
    support::{PATIENCE, TestApp, writer::Writer},
};

fn messages_of(conversation: &str) -> String {
    format!("/api/v1/conversations/{conversation}/messages")
}

/// Waits for a hint that the conversation changed, up to this version.
async fn heard(wakeups: &mut broadcast::Receiver<Heard>, conversation: &str, version: &Value) {
    let waiting = async {
        loop {
            if let Heard::Changed(change) = wakeups.recv().await.expect("open")
                && change.kind == WakeupKind::Conversation
                && change.id.to_string() == conversation
                && version == change.version
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting)
        .await
        .expect("it is announced");
}

#[tokio::test]
async fn a_reload_shows_why_an_answer_ended_what_was_cut_and_that_there_was_thinking() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let conversation = client.conversation("figures").await;
    let writer = Writer::new(&app, &client, &conversation).await;
    writer.answer("one", "two", Follows::ActiveLeaf).await;
    let turn = writer.ask("three", Follows::ActiveLeaf).await;
    let said = [
        json!({"type": "context.cut", "messages": 7, "tokens": 900, "context_tokens": 4096}),
        json!({"type": "thinking.delta", "text": "hm"}),
        json!({"type": "text.delta", "text": "four"}),
    ];
    writer.say(&turn, &said).await;
    let path = messages_of(&conversation);
    let cut = json!({"messages": 7, "tokens": 900});
    let running = client.get(&path).await.json();
    assert_eq!(running["items"][3]["context_cut"], cut);
    assert_eq!(running["items"][3]["thinking_ms"], Value::Null);
    writer.finish(&turn, 3, "four").await;
    let page = client.get(&path).await.json();
    let answer = &page["items"][3];
    assert_eq!(answer["finish_reason"], "stop");
    assert!(answer["thinking_ms"].is_u64(), "{answer}");
    assert_eq!(answer["context_cut"], cut);
    let first = &page["items"][1];
    assert_eq!(first["finish_reason"], "stop");
    assert_eq!(first["thinking_ms"], Value::Null);
    assert_eq!(first["context_cut"], Value::Null);
}

#[tokio::test]
async fn a_question_is_deleted_with_what_follows_it_and_comes_back_with_it() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let conversation = client.conversation("talk").await;
    let writer = Writer::new(&app, &client, &conversation).await;
    let first = writer.answer("하늘", "파랑", Follows::ActiveLeaf).await;
    let second = writer
        .answer("zebra stripes", "black", Follows::ActiveLeaf)
        .await;
    writer
        .answer("and okapis?", "brown", Follows::ActiveLeaf)
        .await;
    let path = messages_of(&conversation);
    let all = ids(&client.get(&path).await.json());
    assert_eq!(all.len(), 6);
    let of_conversation = format!("/api/v1/conversations/{conversation}");
    let before = client.get(&of_conversation).await.json();

    let mut wakeups = app.wakeups.subscribe();
    let message = format!("{path}/{}", second.user_message_id);
    let deleted = client.delete(&message).await;
    assert_eq!(deleted.status, StatusCode::OK, "{}", deleted.text());
    let deleted = deleted.json();
    assert_eq!(
        deleted["active_leaf_id"],
        first.assistant_message_id.to_string()
    );
    heard(&mut wakeups, &conversation, &deleted["version"]).await;
    assert_eq!(ids(&client.get(&path).await.json()), all[..2]);
    let found = client.get("/api/v1/search?q=zebra").await.json();
    assert_eq!(found["items"], json!([]), "{found}");
    for format in ["json", "markdown"] {
        let export = client
            .get(&format!("{of_conversation}/export?format={format}"))
            .await;
        assert_eq!(export.status, StatusCode::OK);
        assert!(export.text().contains("파랑"));
        assert!(!export.text().contains("zebra"), "{}", export.text());
    }
    // What is gone is not there for any other purpose.
    let show = json!({"active_leaf_id": second.assistant_message_id.to_string()});
    assert_eq!(
        client.patch(&of_conversation, show).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(client.delete(&message).await.status, StatusCode::NOT_FOUND);
    // An answer that went with its question does not come back without it.
    let answer = format!("{path}/{}/restore", second.assistant_message_id);
    assert_eq!(
        client.post(&answer, json!({})).await.status,
        StatusCode::NOT_FOUND
    );

    let restored = client
        .post(&format!("{message}/restore"), json!({}))
        .await
        .json();
    assert_eq!(restored["active_leaf_id"], before["active_leaf_id"]);
    heard(&mut wakeups, &conversation, &restored["version"]).await;
    assert_eq!(ids(&client.get(&path).await.json()), all);
    let found = client.get("/api/v1/search?q=zebra").await.json();
    assert_eq!(ids_of_hits(&found), std::slice::from_ref(&conversation));
    // Once more changes nothing.
    let again = client.post(&format!("{message}/restore"), json!({})).await;
    assert_eq!(again.json()["version"], restored["version"]);
}

fn ids_of_hits(found: &Value) -> Vec<String> {
    let items = found["items"].as_array().expect("items").iter();
    items
        .map(|hit| {
            hit["conversation"]["id"]
                .as_str()
                .expect("an id")
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn nothing_is_deleted_under_a_running_answer_nor_by_anybody_else() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let other = app.user("lee@example.com").await;
    let conversation = client.conversation("talk").await;
    let writer = Writer::new(&app, &client, &conversation).await;
    let first = writer.answer("one", "1", Follows::ActiveLeaf).await;
    let running = writer.ask("two", Follows::ActiveLeaf).await;
    let path = messages_of(&conversation);
    for message in [first.user_message_id, running.user_message_id] {
        let refused = client.delete(&format!("{path}/{message}")).await;
        assert_eq!(refused.status, StatusCode::CONFLICT);
        assert_eq!(refused.code(), "turn_running");
    }
    let message = format!("{path}/{}", first.user_message_id);
    assert_eq!(other.delete(&message).await.status, StatusCode::NOT_FOUND);
    writer.finish(&running, 0, "2").await;
    assert_eq!(client.delete(&message).await.status, StatusCode::OK);
    assert_eq!(
        other
            .post(&format!("{message}/restore"), json!({}))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
    // With the only root all is gone, and the next question begins anew.
    let empty = client
        .get(&format!("/api/v1/conversations/{conversation}"))
        .await
        .json();
    assert_eq!(empty["active_leaf_id"], Value::Null);
    let fresh = writer.answer("three", "3", Follows::ActiveLeaf).await;
    let page = client.get(&path).await.json();
    assert_eq!(
        ids(&page),
        [
            fresh.user_message_id.to_string(),
            fresh.assistant_message_id.to_string()
        ]
    );
    assert_eq!(page["items"][0]["parent_id"], Value::Null);
}
