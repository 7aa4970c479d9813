//! The branch that is shown, read from its end.

use http::StatusCode;
use openmake_store::turns::Follows;
use serde_json::{Value, json};

use crate::{
    conversations::ids,
    support::{Client, TestApp, writer::Writer},
};

/// Reads a branch page by page; each page's ids.
async fn read_upwards(client: &Client, path: &str, limit: u32) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = client
            .get(&format!("{path}?list=branch&limit={limit}{cursor}"))
            .await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.text());
        let page = page.json();
        pages.push(ids(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn the_branch_is_read_from_its_end() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let conversation = client.conversation("long").await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    assert_eq!(
        read_upwards(&client, &path, 3).await,
        [Vec::<String>::new()]
    );
    let writer = Writer::new(&app, &client, &conversation).await;
    for number in 0..4 {
        writer
            .answer(&format!("q{number}"), "a", Follows::ActiveLeaf)
            .await;
    }
    let all = ids(&client.get(&path).await.json());
    let pages = read_upwards(&client, &path, 3).await;
    assert_eq!(pages, [&all[5..], &all[2..5], &all[..2]]);
    // A message that comes meanwhile moves no page.
    let first = client.get(&format!("{path}?list=branch&limit=3")).await;
    let cursor = first.json()["next_cursor"]
        .as_str()
        .expect("more")
        .to_owned();
    writer.answer("q4", "a", Follows::ActiveLeaf).await;
    let next = client
        .get(&format!("{path}?list=branch&limit=3&cursor={cursor}"))
        .await;
    assert_eq!(ids(&next.json()), all[2..5]);
    // By the message instead of the cursor.
    let above = client
        .get(&format!("{path}?list=branch&limit=3&before={}", all[2]))
        .await;
    assert_eq!(ids(&above.json()), all[..2]);
    assert_eq!(above.json()["next_cursor"], Value::Null);
    let unknown = format!("{path}?list=branch&before={conversation}");
    assert_eq!(client.get(&unknown).await.status, StatusCode::NOT_FOUND);
    // Nobody else reads it.
    let other = app.user("lee@example.com").await;
    let refused = other.get(&format!("{path}?list=branch")).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    for query in [
        "list=tree",
        "list=branch&limit=0",
        "list=branch&cursor=x",
        "before=x",
    ] {
        let refused = client.get(&format!("{path}?{query}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn messages_come_with_their_other_versions_and_nothing_below_those() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let conversation = client.conversation("branches").await;
    let writer = Writer::new(&app, &client, &conversation).await;
    let first = writer.answer("one", "1", Follows::ActiveLeaf).await;
    let old = writer.answer("two", "2", Follows::ActiveLeaf).await;
    writer.answer("under two", "2.1", Follows::ActiveLeaf).await;
    let follows = Follows::Message(first.assistant_message_id);
    let edited = writer.answer("two, edited", "2'", follows).await;
    let path = format!("/api/v1/conversations/{conversation}/messages");
    let shown = [
        first.user_message_id,
        first.assistant_message_id,
        old.user_message_id,
        edited.user_message_id,
        edited.assistant_message_id,
    ]
    .map(|id| id.to_string());
    assert_eq!(read_upwards(&client, &path, 50).await, [shown.to_vec()]);
    // Versions stand on the page of the message that they are versions of.
    let pages = read_upwards(&client, &path, 2).await;
    assert_eq!(pages, [&shown[2..], &shown[..2]]);
    // The same of a first message.
    let anew = writer.answer("one, edited", "1'", Follows::Nothing).await;
    let roots = [
        first.user_message_id,
        anew.user_message_id,
        anew.assistant_message_id,
    ]
    .map(|id| id.to_string());
    assert_eq!(read_upwards(&client, &path, 50).await, [roots.to_vec()]);
    // Showing another branch reads that one; what was deleted is on no page.
    let of_conversation = format!("/api/v1/conversations/{conversation}");
    let show = json!({"active_leaf_id": edited.assistant_message_id.to_string()});
    assert_eq!(
        client.patch(&of_conversation, show).await.status,
        StatusCode::OK
    );
    let gone = client
        .delete(&format!("{path}/{}", old.user_message_id))
        .await;
    assert_eq!(gone.status, StatusCode::OK);
    let pages = read_upwards(&client, &path, 50).await;
    assert!(!pages[0].contains(&old.user_message_id.to_string()));
    assert!(pages[0].contains(&anew.user_message_id.to_string()));
}

#[tokio::test]
async fn lists_are_sorted_and_narrowed() {
    let app = TestApp::new().await;
    let client = app.user("kim@example.com").await;
    let titles = ["banana", "Apple", "cherry", "가지"];
    let mut made = Vec::new();
    for title in titles {
        app.advance(chrono::TimeDelta::seconds(1));
        made.push(client.conversation(title).await);
    }
    app.advance(chrono::TimeDelta::seconds(1));
    let untitled = client.post("/api/v1/conversations", json!({})).await.id();
    let list = "/api/v1/conversations";
    let pinned = client
        .patch(&format!("{list}/{}", made[2]), json!({"pinned": true}))
        .await;
    assert_eq!(pinned.status, StatusCode::OK);
    let read = async |query: &str| {
        let mut found = Vec::new();
        let mut cursor = String::new();
        loop {
            let page = client
                .get(&format!("{list}?{query}&limit=2{cursor}"))
                .await
                .json();
            found.extend(ids(&page));
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => return found,
            }
        }
    };
    let of = |order: &[usize]| order.iter().map(|at| made[*at].clone()).collect::<Vec<_>>();
    let and = |mut ids: Vec<String>, more: &String| {
        ids.push(more.clone());
        ids
    };
    assert_eq!(read("sort=title").await, and(of(&[1, 0, 2, 3]), &untitled));
    assert_eq!(read("sort=oldest").await, and(of(&[0, 1, 2, 3]), &untitled));
    assert_eq!(read("pinned=true").await, of(&[2]));
    assert_eq!(
        read("pinned=false&sort=oldest").await,
        and(of(&[0, 1, 3]), &untitled)
    );
    assert_eq!(
        read("sort=oldest&filter=archived").await,
        Vec::<String>::new()
    );
    // The usual list begins with what is pinned.
    assert_eq!(read("sort=recent").await[0], made[2]);
    let at = |id: &str, page: &Value| {
        let items = page["items"].as_array().expect("items");
        let found = items.iter().find(|item| item["id"] == id).expect("listed");
        found["updated_at"].as_str().expect("a time").to_owned()
    };
    let page = client.get(list).await.json();
    let (from, to) = (at(&made[1], &page), at(&made[3], &page));
    assert_eq!(read(&format!("from={from}&to={to}")).await, of(&[2, 1]));
    assert_eq!(read(&format!("to={from}")).await, of(&[0]));
    for query in [
        format!("from={to}&to={from}"),
        "from=yesterday".to_owned(),
        "sort=length".to_owned(),
        "pinned=maybe".to_owned(),
    ] {
        let refused = client.get(&format!("{list}?{query}")).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{query}");
    }
}
