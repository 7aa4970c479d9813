//! What keys can do: every route with a key of every scope.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::json;

use crate::{
    authorization::{NOBODYS, answer, operations, with_id},
    support::{Client, TestApp, ai},
};

/// The routes that are not closed to `client`, of those that need a credential.
async fn reachable(client: &Client) -> BTreeSet<String> {
    let scripted = ai::routes();
    let mut reachable = BTreeSet::new();
    for (method, path, open) in operations() {
        // The scripted ai role asks nobody what they may, but for nodes.
        let passed_on = scripted.contains(&(method.clone(), path.clone()));
        if open || passed_on && !path.contains("/nodes") {
            continue;
        }
        let (status, body) = answer(client, &method, &with_id(&path, NOBODYS)).await;
        assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path}: {body}");
        if status != StatusCode::FORBIDDEN {
            reachable.insert(format!("{method} {path}"));
        }
    }
    reachable
}

fn text(routes: &BTreeSet<String>) -> String {
    routes.iter().cloned().collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn each_scope_opens_its_own_routes_and_no_others() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut of_scopes = Vec::new();
    for scope in ["chat", "conversations", "usage", "metrics", "admin"] {
        let (key, _) = admin.key(json!({"name": scope, "scopes": [scope]})).await;
        of_scopes.push(reachable(&admin.with_key(&key)).await);
    }
    let [chat, conversations, usage, metrics, administration] = &of_scopes[..] else {
        panic!("five scopes");
    };
    insta::assert_snapshot!(text(chat), @r"
    GET /api/v1/auth/me
    GET /api/v1/auth/me/defaults
    GET /api/v1/blobs/{id}
    GET /api/v1/conversations
    GET /api/v1/conversations/{id}
    GET /api/v1/conversations/{id}/messages
    GET /api/v1/images
    GET /api/v1/search
    POST /api/v1/conversations
    ");
    insta::assert_snapshot!(text(conversations), @r"
    DELETE /api/v1/conversations/{id}
    DELETE /api/v1/conversations/{id}/messages/{message_id}
    GET /api/v1/conversations/{id}/export
    PATCH /api/v1/conversations/{id}
    POST /api/v1/conversations/{id}/messages/{message_id}/restore
    POST /api/v1/conversations/{id}/restore
    ");
    insta::assert_snapshot!(text(usage), @r"
    GET /api/v1/usage
    GET /api/v1/usage/budgets
    ");
    insta::assert_snapshot!(text(metrics), @r"
    GET /api/v1/admin/metrics
    GET /metrics
    ");
    insta::assert_snapshot!(text(administration), @r"
    DELETE /api/v1/model-prices/{model}
    GET /api/v1/admin/metrics
    GET /api/v1/audit
    GET /api/v1/audit/export
    GET /api/v1/audit/verify
    GET /api/v1/backups
    GET /api/v1/limits
    GET /api/v1/model-access
    GET /api/v1/model-prices
    GET /api/v1/nodes
    GET /api/v1/settings
    GET /metrics
    PATCH /api/v1/limits
    PATCH /api/v1/settings
    POST /api/v1/backups
    PUT /api/v1/model-access/{role}
    PUT /api/v1/model-prices/{model}
    ");

    // All scopes of an administrator together are these and nothing more.
    let all = json!({
        "name": "all",
        "scopes": ["admin", "chat", "conversations", "metrics", "usage"],
    });
    let (key, _) = admin.key(all).await;
    let together: BTreeSet<String> = of_scopes.iter().flatten().cloned().collect();
    assert_eq!(reachable(&admin.with_key(&key)).await, together);

    // A user's key has what is in both, by whichever header it comes.
    let user = app.user("kim@example.com").await;
    let (key, _) = user.key(json!({"name": "usual"})).await;
    let usual: BTreeSet<String> = [chat, conversations, usage]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    assert_eq!(reachable(&user.with_key(&key)).await, usual);
    let by_header = app.visitor().with_header("x-api-key", &key);
    assert_eq!(reachable(&by_header).await, usual);
}

#[tokio::test]
async fn a_stolen_key_cannot_make_another_way_in() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let all = json!({
        "name": "all",
        "scopes": ["admin", "chat", "conversations", "metrics", "usage"],
    });
    let (key, id) = admin.key(all).await;
    let me = admin.get("/api/v1/auth/me").await.id();
    let thief = app.visitor().with_key(&key);
    let password =
        json!({"current_password": crate::support::PASSWORD, "new_password": "another otter 77"});
    for (method, path, body) in [
        (Method::POST, "/api/v1/api-keys", json!({"name": "mine"})),
        (Method::GET, "/api/v1/api-keys", json!(null)),
        (
            Method::POST,
            &*format!("/api/v1/api-keys/{id}/rotate"),
            json!({}),
        ),
        (
            Method::PATCH,
            &format!("/api/v1/api-keys/{id}"),
            json!({"expires_at": null}),
        ),
        (
            Method::DELETE,
            &format!("/api/v1/api-keys/{id}"),
            json!(null),
        ),
        (
            Method::DELETE,
            &format!("/api/v1/users/{me}/api-keys/{id}"),
            json!(null),
        ),
        (Method::PUT, "/api/v1/auth/password", password),
        (Method::GET, "/api/v1/auth/sessions", json!(null)),
        (Method::DELETE, "/api/v1/auth/sessions", json!(null)),
        (
            Method::POST,
            "/api/v1/invitations",
            json!({"role": "admin"}),
        ),
        (
            Method::PATCH,
            &format!("/api/v1/users/{me}"),
            json!({"is_active": false}),
        ),
        (Method::POST, "/api/v1/groups", json!({"name": "mine"})),
    ] {
        let body = (!body.is_null()).then_some(body);
        let answer = thief.call(method.clone(), path, body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
    }
    // A key signs nobody in either: there is no session to refresh or end.
    let refreshed = thief.clone().refresh().await;
    assert_eq!(refreshed.status, StatusCode::UNAUTHORIZED);
    assert_eq!(admin.get("/api/v1/auth/me").await.status, StatusCode::OK);
    assert_eq!(
        admin.get("/api/v1/api-keys").await.json()["items"]
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn a_scope_that_the_role_gives_nothing_of_is_refused() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let user = app.user("kim@example.com").await;
    for (scopes, code) in [
        (json!(["admin"]), "invalid_input"),
        (json!(["chat", "metrics"]), "invalid_input"),
        (json!([]), "invalid_input"),
        (json!(["everything"]), "invalid_json"),
    ] {
        let body = json!({"name": "key", "scopes": scopes});
        let answer = user.post("/api/v1/api-keys", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{scopes}");
        assert_eq!(answer.code(), code, "{scopes}");
    }
    // A key follows the role of its owner, down as well.
    let me = user.get("/api/v1/auth/me").await.id();
    let role = |role: &'static str| {
        let (admin, path) = (admin.clone(), format!("/api/v1/users/{me}"));
        async move {
            let changed = admin.patch(&path, json!({"role": role})).await;
            assert_eq!(changed.status, StatusCode::OK);
        }
    };
    role("admin").await;
    let mut promoted = app.visitor();
    promoted
        .login("kim@example.com", crate::support::PASSWORD)
        .await;
    let (key, _) = promoted
        .key(json!({"name": "admin", "scopes": ["admin", "chat"]}))
        .await;
    let program = app.visitor().with_key(&key);
    assert_eq!(program.get("/api/v1/audit").await.status, StatusCode::OK);
    role("user").await;
    let audit = program.get("/api/v1/audit").await;
    assert_eq!(audit.status, StatusCode::FORBIDDEN);
    assert_eq!(program.get("/api/v1/models").await.status, StatusCode::OK);
}
