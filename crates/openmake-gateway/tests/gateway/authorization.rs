//! Who may do what, over all routes of the API's description.

use std::collections::BTreeSet;

use crate::support::{Client, TestApp, ai};
use http::{Method, StatusCode};
use serde_json::{Value, json};

/// Every operation: its method, its path, and whether it needs no credential.
pub(crate) fn operations() -> Vec<(Method, String, bool)> {
    let document = serde_json::to_value(openmake_gateway::openapi()).expect("serialises");
    let paths = document["paths"].as_object().expect("paths");
    let own = paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().expect("operations").iter();
        operations.filter_map(|(method, operation)| {
            let method = method.to_uppercase().parse::<Method>().ok()?;
            let security = operation["security"].as_array();
            let open = security.is_some_and(|security| {
                security.contains(&json!({})) || security.contains(&json!({"refresh_cookie": []}))
            });
            Some((method, path.clone(), open))
        })
    });
    let of_ai = ai::routes();
    let of_ai = of_ai
        .into_iter()
        .map(|(method, path)| (method, path, false));
    own.chain(of_ai).collect()
}

pub(crate) fn with_id(path: &str, id: &str) -> String {
    path.replace("{id}", id)
        .replace("{user_id}", NOBODYS)
        .replace("{key_id}", NOBODYS)
        .replace("{message_id}", NOBODYS)
        .replace("{model}", "qwen3:8b")
}

pub(crate) const NOBODYS: &str = "00000000-0000-7000-8000-000000000000";

pub(crate) async fn answer(client: &Client, method: &Method, path: &str) -> (StatusCode, Value) {
    let body = (method != Method::GET).then(|| json!({}));
    // Events never end, so only the head is looked at.
    let request = client.request(method.clone(), path, body);
    if path.ends_with("/events") {
        return (client.raw(request).await.status(), Value::Null);
    }
    let answer = client.send(request).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn without_a_credential_everything_is_closed_but_what_is_listed() {
    let app = TestApp::new().await;
    let mut open = BTreeSet::new();
    for (method, path, documented_open) in operations() {
        let forged = Client {
            token: Some("eyJhbGciOiJub25lIn0.e30.".to_owned()),
            ..app.visitor()
        };
        for client in [app.visitor(), forged] {
            let (status, body) = answer(&client, &method, &with_id(&path, NOBODYS)).await;
            let closed = status == StatusCode::UNAUTHORIZED && body["code"] != "no_session";
            assert_eq!(closed, !documented_open, "{method} {path}: {status} {body}");
            if !closed {
                open.insert(format!("{method} {path}"));
            }
        }
    }
    insta::assert_snapshot!(open.into_iter().collect::<Vec<_>>().join("\n"), @r"
    GET /api/v1/auth/oidc/{provider}/callback
    GET /api/v1/auth/oidc/{provider}/start
    GET /api/v1/auth/providers
    GET /api/v1/instance
    GET /api/v1/ws
    GET /health
    GET /ready
    POST /api/v1/auth/guest
    POST /api/v1/auth/login
    POST /api/v1/auth/logout
    POST /api/v1/auth/passkey
    POST /api/v1/auth/passkey/options
    POST /api/v1/auth/password-reset
    POST /api/v1/auth/password-reset/request
    POST /api/v1/auth/refresh
    POST /api/v1/auth/register
    POST /api/v1/auth/second-factor
    POST /api/v1/auth/second-factor/passkey
    ");
}

#[tokio::test]
async fn what_only_administrators_may_is_closed_to_users_and_guests() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    admin
        .patch("/api/v1/settings", json!({"guests_allowed": true}))
        .await;
    let user = app.user("kim@example.com").await;
    let mut guest = app.visitor();
    let answered = guest.sign_in_by("/api/v1/auth/guest", None).await;
    assert_eq!(answered.json()["user"]["role"], "guest");
    let mut lists = Vec::new();
    for client in [&user, &guest] {
        let mut forbidden = BTreeSet::new();
        for (method, path, open) in operations() {
            // These would end the session that the test asks with.
            if open || path.contains("/auth/") {
                continue;
            }
            let (status, body) = answer(client, &method, &with_id(&path, NOBODYS)).await;
            assert_ne!(status, StatusCode::UNAUTHORIZED, "{method} {path}: {body}");
            if status == StatusCode::FORBIDDEN {
                forbidden.insert(format!("{method} {path}"));
            }
        }
        lists.push(forbidden);
    }
    let text = |list: &BTreeSet<String>| list.iter().cloned().collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(text(&lists[0]), @r"
    DELETE /api/v1/budgets/{id}
    DELETE /api/v1/groups/{id}
    DELETE /api/v1/invitations/{id}
    DELETE /api/v1/model-prices/{model}
    DELETE /api/v1/users/{id}/api-keys/{key_id}
    DELETE /api/v1/users/{id}/second-factor
    GET /api/v1/admin/metrics
    GET /api/v1/audit
    GET /api/v1/audit/export
    GET /api/v1/audit/verify
    GET /api/v1/backups
    GET /api/v1/budgets
    GET /api/v1/budgets/{id}
    GET /api/v1/invitations
    GET /api/v1/limits
    GET /api/v1/model-access
    GET /api/v1/model-prices
    GET /api/v1/nodes
    GET /api/v1/settings
    GET /api/v1/users
    GET /api/v1/users/{id}/api-keys
    GET /metrics
    PATCH /api/v1/budgets/{id}
    PATCH /api/v1/groups/{id}
    PATCH /api/v1/groups/{id}/members/{user_id}
    PATCH /api/v1/limits
    PATCH /api/v1/settings
    PATCH /api/v1/users/{id}
    POST /api/v1/backups
    POST /api/v1/budgets
    POST /api/v1/groups
    POST /api/v1/invitations
    POST /api/v1/users/{id}/password-reset
    PUT /api/v1/model-access/{role}
    PUT /api/v1/model-prices/{model}
    ");
    let of_guests = lists[1].difference(&lists[0]).cloned().collect();
    insta::assert_snapshot!(text(&of_guests), @r"
    DELETE /api/v1/api-keys/{id}
    DELETE /api/v1/conversations/{id}
    DELETE /api/v1/conversations/{id}/messages/{message_id}
    DELETE /api/v1/groups/{id}/members/{user_id}
    GET /api/v1/api-keys
    GET /api/v1/api-keys/{id}
    GET /api/v1/conversations/{id}/export
    GET /api/v1/groups
    GET /api/v1/groups/{id}
    GET /api/v1/groups/{id}/members
    GET /api/v1/imports
    GET /api/v1/imports/{id}
    GET /api/v1/imports/{id}/report
    GET /api/v1/usage
    GET /api/v1/usage/budgets
    PATCH /api/v1/api-keys/{id}
    PATCH /api/v1/conversations/{id}
    POST /api/v1/api-keys
    POST /api/v1/api-keys/{id}/rotate
    POST /api/v1/conversations/{id}/messages/{message_id}/restore
    POST /api/v1/conversations/{id}/restore
    POST /api/v1/groups/{id}/members
    POST /api/v1/imports
    POST /api/v1/imports/{id}/cancel
    POST /api/v1/imports/{id}/chunks
    POST /api/v1/imports/{id}/undo
    ");
}

#[tokio::test]
async fn what_is_someone_elses_does_not_exist() {
    let app = TestApp::new().await;
    let owner = app.admin().await;
    let conversation = owner.conversation("mine").await;
    let session = owner.get("/api/v1/auth/sessions").await.json();
    let session = session["items"][0]["id"].as_str().expect("id").to_owned();
    let blob = openmake_types::BlobId::from_uuid(uuid::Uuid::from_u128(77));
    let me = owner.get("/api/v1/auth/me").await.id();
    let new = openmake_store::blobs::NewBlob {
        id: blob,
        owner: me.parse().expect("an id"),
        media_type: "image/png",
        data: b"\x89PNG",
        now: openmake_types::Clock::now(&*app.clock),
    };
    app.store.blobs().put(&new).await.expect("stored");

    let (_, key) = owner.key(json!({"name": "mine"})).await;
    let group = owner
        .post("/api/v1/groups", json!({"name": "g"}))
        .await
        .id();

    let stranger = app.user("kim@example.com").await;
    let mut asked = 0;
    for (method, path, _) in operations() {
        let id = if path.starts_with("/api/v1/conversations/{id}") && !path.ends_with("/turns") {
            &conversation
        } else if path.starts_with("/api/v1/auth/sessions/{id}") {
            &session
        } else if path.starts_with("/api/v1/blobs/{id}") {
            &blob.to_string()
        } else if path.starts_with("/api/v1/api-keys/{id}") {
            &key
        } else if path.starts_with("/api/v1/groups/{id}") && !for_administrators(&method, &path) {
            &group
        } else {
            continue;
        };
        asked += 1;
        let (status, body) = answer(&stranger, &method, &with_id(&path, id)).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {path}: {body}");
        assert_eq!(body["code"], "not_found");
        // The same answer as for what nobody has.
        let (status, nobodys) = answer(&stranger, &method, &with_id(&path, NOBODYS)).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert_eq!(body["detail"], nobodys["detail"]);
    }
    assert_eq!(asked, 18, "a new route with an id belongs into this test");
    let image = owner.get(&format!("/api/v1/blobs/{blob}")).await;
    assert_eq!(image.status, StatusCode::OK);
    assert_eq!(image.header("content-type"), "image/png");
    assert_eq!(image.header("x-content-type-options"), "nosniff");
    assert!(image.header("content-security-policy").contains("sandbox"));
    let tag = image.header("etag").to_owned();
    let again = owner.with_header("if-none-match", &tag);
    let again = again.get(&format!("/api/v1/blobs/{blob}")).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
}

/// Whether a group's route is closed to whoever manages it.
fn for_administrators(method: &Method, path: &str) -> bool {
    *method == Method::PATCH || *method == Method::DELETE && path.ends_with("/{id}")
}

#[tokio::test]
async fn the_ai_role_gets_the_actor_and_not_the_credential() {
    let app = TestApp::new().await;
    let client = app.admin().await;
    let asked = client.with_header("cookie", "openmake_refresh=secret");
    let answer = asked.get("/api/v1/models").await;
    assert_eq!(answer.status, StatusCode::OK);
    let seen = app.ai.seen().pop().expect("a call");
    let actor = seen.actor.expect("an actor");
    assert_eq!(
        actor.user_id.to_string(),
        client.get("/api/v1/auth/me").await.id()
    );
    let info = seen.client.expect("client info");
    assert_eq!(info.ip_text().as_deref(), Some("198.51.100.7"));
    assert_eq!(
        info.request_id.as_deref(),
        Some(answer.header("x-request-id"))
    );
    assert!(!seen.headers.contains_key("authorization"));
    assert!(!seen.headers.contains_key("cookie"));
}

#[test]
fn every_operation_is_described_once_with_its_problems() {
    let document = serde_json::to_value(openmake_gateway::openapi()).expect("serialises");
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let name = format!("{method} {path}");
            let parameters = operation["parameters"].as_array();
            let mut names: Vec<String> = parameters
                .into_iter()
                .flatten()
                .map(|parameter| format!("{} {}", parameter["in"], parameter["name"]))
                .collect();
            let count = names.len();
            names.sort();
            names.dedup();
            assert_eq!(
                names.len(),
                count,
                "{name} names a parameter twice: {names:?}"
            );
            let problem = &operation["responses"]["500"]["content"]["application/problem+json"];
            assert_eq!(
                problem["schema"]["$ref"], "#/components/schemas/Problem",
                "{name}"
            );
            assert!(operation["summary"].is_string(), "{name}");
            ids.insert(name);
        }
    }
    assert!(ids.len() > 30);
    let schemas = document["components"]["schemas"]
        .as_object()
        .expect("schemas");
    for name in [
        "Problem",
        "Event",
        "ClientFrame",
        "ServerFrame",
        "MessageView",
    ] {
        assert!(schemas.contains_key(name), "{name}");
    }
    // Every reference leads somewhere.
    let text = document.to_string();
    for reference in text.split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().expect("a name");
        assert!(schemas.contains_key(name), "{name} is not described");
    }
}
