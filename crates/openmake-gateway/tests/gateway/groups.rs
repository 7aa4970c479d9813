//! Groups of accounts: who may do what in them, and what they allow.

use http::StatusCode;
use openmake_types::{ModelAccess, UserId};
use serde_json::{Value, json};

use crate::support::{
    Client, TestApp, settings,
    socket::{Socket, serve},
};

const GROUPS: &str = "/api/v1/groups";

async fn id_of(client: &Client) -> String {
    client.get("/api/v1/auth/me").await.id()
}

async fn make(admin: &Client, body: Value) -> String {
    let answer = admin.post(GROUPS, body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    format!("{GROUPS}/{}", answer.id())
}

async fn add(client: &Client, group: &str, body: Value) -> (StatusCode, String) {
    let answer = client.post(&format!("{group}/members"), body).await;
    (answer.status, answer.code())
}

async fn names(client: &Client, path: &str, field: &str) -> Vec<String> {
    let answer = client.get(path).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let items = answer.json()["items"].as_array().expect("items").clone();
    let name = |item: &Value| item[field].as_str().expect("text").to_owned();
    let mut names: Vec<String> = items.iter().map(name).collect();
    // All is made at one time here, so the order says nothing.
    names.sort();
    names
}

/// The models that the ai role is told of.
async fn models(app: &TestApp, client: &Client) -> String {
    assert_eq!(client.get("/api/v1/models").await.status, StatusCode::OK);
    let actor = app.ai.seen().pop().expect("a call").actor;
    match actor.expect("an actor").models {
        ModelAccess::All => "all".to_owned(),
        ModelAccess::Only(names) => names.iter().cloned().collect::<Vec<_>>().join(" "),
    }
}

#[tokio::test]
async fn administrators_make_change_and_remove_groups() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let body = json!({"name": " Team ", "description": "Us", "allowed_models": ["b", "a"]});
    let answer = admin.post(GROUPS, body).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let made = answer.json();
    assert_eq!(made["name"], "Team");
    assert_eq!(made["allowed_models"], json!(["a", "b"]));
    assert_eq!((&made["members"], &made["role"]), (&json!(0), &Value::Null));
    let path = format!("{GROUPS}/{}", answer.id());
    let taken = admin.post(GROUPS, json!({"name": "TEAM"})).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    assert_eq!(taken.code(), "group_name_taken");
    let changed = admin
        .patch(&path, json!({"name": "Crew", "allowed_models": null}))
        .await
        .json();
    assert_eq!(changed["name"], "Crew");
    assert_eq!(changed["description"], "Us");
    assert_eq!(changed["allowed_models"], Value::Null);
    assert_eq!(admin.get(&path).await.json(), changed);
    for wrong in [
        json!({"name": ""}),
        json!({"name": "a", "allowed_models": []}),
        json!({"name": "a", "description": "x".repeat(501)}),
    ] {
        let answer = admin.post(GROUPS, wrong).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    }
    let removed = admin.delete(&path).await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(admin.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(admin.delete(&path).await.status, StatusCode::NOT_FOUND);
    for action in ["group.create", "group.update", "group.delete"] {
        let trail = admin.get(&format!("/api/v1/audit?action={action}")).await;
        let items = trail.json()["items"].as_array().map(Vec::len);
        assert_eq!(items, Some(1), "{action}");
    }
}

#[tokio::test]
async fn managers_run_their_group_and_members_see_that_they_are_in_it() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let [kim, lee, stranger] = [
        app.user("kim@example.com").await,
        app.user("lee@example.com").await,
        app.user("moon@example.com").await,
    ];
    let [kims, lees] = [id_of(&kim).await, id_of(&lee).await];
    let group = make(&admin, json!({"name": "Team"})).await;
    let other = make(&admin, json!({"name": "Other"})).await;
    let manager = json!({"email": "KIM@example.com", "role": "manager"});
    assert_eq!(add(&admin, &group, manager).await.0, StatusCode::CREATED);

    // The manager adds and removes members of this group and of no other.
    let by_email = |email: &str| json!({"email": email});
    assert_eq!(
        add(&kim, &group, by_email("lee@example.com")).await.0,
        StatusCode::CREATED
    );
    let twice = add(&kim, &group, json!({"user_id": lees})).await;
    assert_eq!(twice, (StatusCode::CONFLICT, "already_member".to_owned()));
    let unknown = add(&kim, &group, by_email("nobody@example.com")).await;
    assert_eq!(unknown.0, StatusCode::NOT_FOUND);
    let both = json!({"user_id": lees, "email": "lee@example.com"});
    for unclear in [both, json!({})] {
        let refused = add(&kim, &group, unclear).await;
        assert_eq!(refused.0, StatusCode::BAD_REQUEST);
    }
    let promoted = json!({"email": "moon@example.com", "role": "manager"});
    assert_eq!(add(&kim, &group, promoted).await.0, StatusCode::FORBIDDEN);
    assert_eq!(
        add(&kim, &other, json!({"user_id": lees})).await.0,
        StatusCode::NOT_FOUND
    );
    let member = |user: &str| format!("{group}/members/{user}");
    let promotion = kim
        .patch(&member(&lees), json!({"role": "manager"}))
        .await
        .status;
    assert_eq!(promotion, StatusCode::FORBIDDEN);
    let ousted = kim.delete(&member(&kims)).await;
    assert_eq!(ousted.status, StatusCode::FORBIDDEN);
    assert_eq!(ousted.code(), "manager_stays");
    let emails = names(&kim, &format!("{group}/members"), "email").await;
    assert_eq!(emails, ["kim@example.com", "lee@example.com"]);

    // A member sees the group and not who else is in it; others see nothing.
    assert_eq!(names(&lee, GROUPS, "name").await, ["Team"]);
    let seen = lee.get(&group).await.json();
    assert_eq!(
        (&seen["members"], &seen["role"]),
        (&json!(2), &json!("member"))
    );
    let hidden = lee.get(&format!("{group}/members")).await;
    assert_eq!(hidden.status, StatusCode::FORBIDDEN);
    assert_eq!(
        lee.delete(&member(&kims)).await.status,
        StatusCode::FORBIDDEN
    );
    assert!(names(&stranger, GROUPS, "name").await.is_empty());
    assert_eq!(stranger.get(&group).await.status, StatusCode::NOT_FOUND);
    assert_eq!(names(&admin, GROUPS, "name").await, ["Other", "Team"]);

    assert_eq!(
        kim.delete(&member(&lees)).await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        kim.delete(&member(&lees)).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(lee.get(&group).await.status, StatusCode::NOT_FOUND);
    let demoted = admin
        .patch(&member(&kims), json!({"role": "member"}))
        .await
        .json();
    assert_eq!(demoted["role"], "member");
    let was_manager = add(&kim, &group, json!({"user_id": lees})).await;
    assert_eq!(was_manager.0, StatusCode::FORBIDDEN);
    for action in ["member_add", "member_role", "member_remove"] {
        let path = format!("/api/v1/audit?action=group.{action}");
        let trail = admin.get(&path).await.json();
        assert!(trail["items"][0]["details"]["user_id"].is_string());
    }
}

#[tokio::test]
async fn what_groups_allow_reaches_sessions_and_keys_at_once() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let kim = app.user("kim@example.com").await;
    let (key, _) = kim
        .key(json!({"name": "key", "allowed_models": ["b", "c"]}))
        .await;
    let program = app.visitor().with_key(&key);
    let elsewhere = kim.on(app.sibling(settings()).router());
    for client in [&kim, &elsewhere] {
        assert_eq!(models(&app, client).await, "all");
    }
    assert_eq!(models(&app, &program).await, "b c");
    let group = make(&admin, json!({"name": "a", "allowed_models": ["a", "b"]})).await;
    let kims: UserId = id_of(&kim).await.parse().expect("an id");
    let joined = add(&admin, &group, json!({"user_id": kims.to_string()})).await;
    assert_eq!(joined.0, StatusCode::CREATED);
    assert_eq!(models(&app, &kim).await, "a b");
    assert_eq!(models(&app, &program).await, "b");
    let changed = admin.patch(&group, json!({"allowed_models": ["d"]})).await;
    assert_eq!(changed.status, StatusCode::OK);
    assert_eq!(models(&app, &kim).await, "d");
    assert_eq!(models(&app, &program).await, "");
    let followed = async {
        while models(&app, &elsewhere).await != "d" {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let followed = tokio::time::timeout(crate::support::PATIENCE, followed).await;
    followed.expect("elsewhere too");
    // A socket that was open before asks with what holds now.
    let address = serve(&app).await;
    let token = kim.token.as_deref().expect("a token");
    let mut socket = Socket::signed_in(address, token).await;
    let conversation = kim.conversation("asked").await;
    admin.delete(&group).await;
    let start = json!({
        "type": "turn.start",
        "idempotency_key": "k",
        "conversation_id": conversation,
        "content": "Hello?",
    });
    socket.send(start).await;
    socket.next_of("turn.accepted").await;
    let asked = app.ai.seen().into_iter().rfind(|seen| seen.path == "start");
    let actor = asked.expect("asked").actor.expect("an actor");
    assert_eq!(actor.models, ModelAccess::All);
    assert_eq!(models(&app, &kim).await, "all");
    assert_eq!(models(&app, &program).await, "b c");
}
