//! Conversations, their messages, search, exports, guests and usage.

use std::time::Duration;

use chrono::TimeDelta;
use http::StatusCode;
use openmake_store::turns::Follows;
use serde_json::{Value, json};

use crate::support::{Client, PASSWORD, TestApp, writer::Writer};

pub(crate) fn ids(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().expect("items").iter();
    items
        .map(|item| item["id"].as_str().expect("id").to_owned())
        .collect()
}

#[tokio::test]
async fn conversations_are_kept_in_order_and_changed() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let mut made = Vec::new();
    for title in ["하나", "둘", "셋"] {
        app.advance(TimeDelta::seconds(1));
        made.push(client.conversation(title).await);
    }
    let list = client.get("/api/v1/conversations").await.json();
    let newest_first: Vec<String> = made.iter().rev().cloned().collect();
    assert_eq!(ids(&list), newest_first);
    let first = client.get("/api/v1/conversations?limit=2").await.json();
    let cursor = first["next_cursor"].as_str().expect("more");
    let rest = client
        .get(&format!("/api/v1/conversations?limit=2&cursor={cursor}"))
        .await;
    assert_eq!(ids(&rest.json()), newest_first[2..]);
    assert_eq!(rest.json()["next_cursor"], Value::Null);

    let path = format!("/api/v1/conversations/{}", made[0]);
    let pinned = client
        .patch(&path, json!({"pinned": true, "title": " 새 제목 "}))
        .await
        .json();
    assert_eq!(pinned["title"], "새 제목");
    assert_eq!(pinned["pinned"], true);
    let list = client.get("/api/v1/conversations").await.json();
    assert_eq!(ids(&list)[0], made[0]);
    client
        .patch(&path, json!({"pinned": false, "archived": true}))
        .await;
    let archived = client
        .get("/api/v1/conversations?filter=archived")
        .await
        .json();
    assert_eq!(ids(&archived), [made[0].clone()]);
    for body in [
        json!({"title": ""}),
        json!({"title": "a".repeat(201)}),
        json!({"owner": "x"}),
    ] {
        assert_eq!(
            client.patch(&path, body).await.status,
            StatusCode::BAD_REQUEST
        );
    }

    let path = format!("/api/v1/conversations/{}", made[1]);
    assert_eq!(client.delete(&path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.get(&path).await.status, StatusCode::NOT_FOUND);
    let deleted = client
        .get("/api/v1/conversations?filter=deleted")
        .await
        .json();
    assert_eq!(ids(&deleted), [made[1].clone()]);
    let restored = client
        .post(&format!("{path}/restore"), json!({}))
        .await
        .json();
    assert_eq!(restored["deleted_at"], Value::Null);
    assert_eq!(client.get(&path).await.status, StatusCode::OK);
    // Without a body as well.
    let bare = client
        .call(http::Method::POST, "/api/v1/conversations", None)
        .await;
    assert_eq!(bare.json()["title"], "");
}

#[tokio::test]
async fn messages_are_paged_and_an_unfinished_answer_is_what_there_is_of_it() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let conversation = client.conversation("turns").await;
    let writer = Writer::new(&app, &client, &conversation).await;
    let first = writer.answer("2+2?", "넷", Follows::ActiveLeaf).await;
    let second = writer.ask("그리고?", Follows::ActiveLeaf).await;
    writer
        .say(
            &second,
            &[
                json!({"type": "model.selected", "model": "qwen3:8b", "profile": null,
                       "node": "local", "reason": ""}),
                json!({"type": "thinking.delta", "text": "음"}),
                json!({"type": "text.delta", "text": "그리"}),
                json!({"type": "text.delta", "text": "고"}),
            ],
        )
        .await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let all = client.get(&path).await.json();
    let items = all["items"].as_array().expect("items");
    assert_eq!(items.len(), 4);
    assert_eq!(items[0]["content"], "2+2?");
    assert_eq!(items[0]["parent_id"], Value::Null);
    assert_eq!(items[1]["id"], first.assistant_message_id.to_string());
    assert_eq!(items[1]["content"], "넷");
    assert_eq!(items[1]["metrics"]["output_tokens"], 20);
    assert_eq!(items[2]["parent_id"], items[1]["id"]);
    assert_eq!(items[3]["status"], "running");
    assert_eq!(items[3]["content"], "그리고");
    assert_eq!(items[3]["thinking"], "음");
    assert_eq!(items[3]["model"], "qwen3:8b");
    assert_eq!(items[3]["turn_id"], second.id.to_string());
    let page = client.get(&format!("{path}?limit=3")).await.json();
    let cursor = page["next_cursor"].as_str().expect("more");
    let rest = client
        .get(&format!("{path}?limit=3&cursor={cursor}"))
        .await
        .json();
    assert_eq!(rest["items"][0], items[3]);
    let shown = client
        .get(&format!("/api/v1/conversations/{conversation}"))
        .await
        .json();
    assert_eq!(shown["running_turns"][0]["turn_id"], second.id.to_string());

    // Deleting stops what still writes.
    let path = format!("/api/v1/conversations/{conversation}");
    assert_eq!(client.delete(&path).await.status, StatusCode::NO_CONTENT);
    let stopped = async {
        while !app.ai.seen().iter().any(|seen| seen.path == "cancel") {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let stopped = tokio::time::timeout(crate::support::PATIENCE, stopped).await;
    stopped.expect("the ai role is told");
}

#[tokio::test]
async fn exports_hold_the_shown_branch_or_everything() {
    let app = TestApp::new().await;
    let client = app.admin().await;
    let conversation = client.conversation("한국어 \"제목\"").await;
    let writer = Writer::new(&app, &client, &conversation).await;
    writer
        .answer("first question", "first answer", Follows::ActiveLeaf)
        .await;
    writer
        .answer("edited question", "edited answer", Follows::Nothing)
        .await;
    let path = format!("/api/v1/conversations/{conversation}/export");
    let markdown = client.get(&path).await;
    assert_eq!(
        markdown.header("content-type"),
        "text/markdown; charset=utf-8"
    );
    assert_eq!(
        markdown.header("content-disposition"),
        "attachment; filename=\"___ ____.md\"; \
         filename*=UTF-8''%ED%95%9C%EA%B5%AD%EC%96%B4%20_%EC%A0%9C%EB%AA%A9_.md"
    );
    let text = markdown.text();
    assert!(
        text.contains("edited answer") && !text.contains("first answer"),
        "{text}"
    );
    let json = client.get(&format!("{path}?format=json")).await;
    assert_eq!(json.json()["format"], "openmake.conversation/1");
    assert_eq!(
        json.json()["messages"].as_array().expect("messages").len(),
        4
    );
    let trail = client
        .get("/api/v1/audit?action=conversation.export")
        .await
        .json();
    assert_eq!(trail["items"].as_array().expect("items").len(), 2);
    let wrong = client.get(&format!("{path}?format=pdf")).await;
    assert_eq!(wrong.code(), "invalid_query");
    let empty = client.conversation("").await;
    let empty = client
        .get(&format!("/api/v1/conversations/{empty}/export"))
        .await;
    assert!(empty.text().starts_with("# Conversation\n"));
}

#[tokio::test]
async fn search_finds_words_in_any_language_and_says_where() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let conversation = client.conversation("날씨").await;
    let writer = Writer::new(&app, &client, &conversation).await;
    writer
        .answer(
            "서울 날씨 어때?",
            "😀 서울은 맑습니다.",
            Follows::ActiveLeaf,
        )
        .await;
    let find = |client: &Client, words: &str| {
        let words: String = url::form_urlencoded::byte_serialize(words.as_bytes()).collect();
        let (client, path) = (client.clone(), format!("/api/v1/search?q={words}"));
        async move { client.get(&path).await }
    };
    let hits = find(&client, "맑습").await.json();
    let hit = &hits["items"][0];
    assert_eq!(hit["conversation"]["id"], conversation, "{hits}");
    let excerpt = &hit["excerpts"][0];
    let units: Vec<u16> = excerpt["text"]
        .as_str()
        .expect("text")
        .encode_utf16()
        .collect();
    let range = &excerpt["highlights"][0];
    let place = |name: &str| {
        let place = range[name].as_u64().expect("a number");
        usize::try_from(place).expect("small")
    };
    let marked = String::from_utf16(&units[place("start")..place("end")]).expect("text");
    assert!(marked.contains("맑습"), "{marked}");
    assert_eq!(find(&client, "눈사람").await.json()["items"], json!([]));
    let stranger = app.user("lee@example.com").await;
    assert_eq!(find(&stranger, "맑습").await.json()["items"], json!([]));
    for words in ["", "   ", "\0", &"a".repeat(201)] {
        assert_eq!(find(&client, words).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_guest_has_one_conversation_and_keeps_it_with_an_account() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let refused = app.visitor().post("/api/v1/auth/guest", json!({})).await;
    assert_eq!(refused.code(), "guests_not_allowed");
    admin
        .patch("/api/v1/settings", json!({"guests_allowed": true}))
        .await;
    for by_cookie in [false, true] {
        let mut guest = app.visitor();
        guest.sign_in_by("/api/v1/auth/guest", None).await;
        let conversation = guest.conversation("").await;
        let shown = guest
            .get(&format!("/api/v1/conversations/{conversation}"))
            .await
            .json();
        assert_eq!(shown["temporary"], true);
        let second = guest.post("/api/v1/conversations", json!({})).await;
        assert_eq!(second.code(), "guest_limit");
        let old = guest.clone();
        if by_cookie {
            guest.token = None;
        }
        let answer = guest
            .register(&format!("guest{by_cookie}@example.com"))
            .await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let kept = guest
            .get(&format!("/api/v1/conversations/{conversation}"))
            .await
            .json();
        assert_eq!(kept["temporary"], false, "{kept}");
        let gone = old.get("/api/v1/auth/me").await;
        assert_eq!(gone.status, StatusCode::UNAUTHORIZED);
    }

    // The same when the account is there already.
    let mut guest = app.visitor();
    guest.sign_in_by("/api/v1/auth/guest", None).await;
    let conversation = guest.conversation("").await;
    guest.login("admin@example.com", PASSWORD).await;
    let kept = guest
        .get(&format!("/api/v1/conversations/{conversation}"))
        .await;
    assert_eq!(kept.status, StatusCode::OK);
    // An account is nobody's guest: signing in as someone else takes nothing.
    let mut other = admin.clone();
    other.login("guestfalse@example.com", PASSWORD).await;
    let path = format!("/api/v1/conversations/{conversation}");
    assert_eq!(other.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn usage_is_reported_by_day_and_model() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let conversation = client.conversation("").await;
    let writer = Writer::new(&app, &client, &conversation).await;
    writer.answer("a", "b", Follows::ActiveLeaf).await;
    writer.answer("c", "d", Follows::ActiveLeaf).await;
    let report = client.get("/api/v1/usage").await.json();
    let row = &report["items"][0];
    assert_eq!(row["model"], "qwen3:8b");
    assert_eq!(row["requests"], 2);
    assert_eq!(report["total"]["input_tokens"], 20);
    assert_eq!(report["total"]["output_tokens"], 40);
    let stranger = app.user("lee@example.com").await;
    assert_eq!(
        stranger.get("/api/v1/usage").await.json()["items"],
        json!([])
    );
    for query in [
        "from=2026-01-02&to=2026-01-01",
        "from=2020-01-01&to=2026-01-01",
    ] {
        let answer = client.get(&format!("/api/v1/usage?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
}
