//! Leaving: one's account as a file, and its end.

use chrono::TimeDelta;
use http::{Method, StatusCode};
use openmake_api::account::AccountExport;
use openmake_gateway::{GatewaySettings, SignInSettings};
use openmake_store::{StoreError, blobs::NewBlob, turns::Follows};
use openmake_types::{BlobId, Clock as _, ConversationId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{
    Client, PASSWORD, PATIENCE, TestApp, settings, smtp::MailServer, writer::Writer,
};

const ME: &str = "/api/v1/auth/me";

async fn image(app: &TestApp, owner: &str, data: &[u8]) -> BlobId {
    let blob = NewBlob {
        id: BlobId::from_uuid(Uuid::from_u128(data.len() as u128)),
        owner: owner.parse().expect("an id"),
        media_type: "image/png",
        data,
        now: app.clock.now(),
    };
    app.store.blobs().put(&blob).await.expect("stored")
}

async fn prove(client: &Client) {
    let proof = json!({"password": PASSWORD});
    let proven = client.post("/api/v1/auth/reauthenticate", proof).await;
    assert_eq!(proven.status, StatusCode::OK, "{}", proven.text());
}

#[tokio::test]
async fn an_account_is_exported_whole_and_without_a_secret() {
    let app = TestApp::new().await;
    app.admin().await;
    let kim = app.user("kim@example.com").await;
    let id = kim.get(ME).await.id();
    let empty = kim.get("/api/v1/auth/me/export").await;
    assert_eq!(empty.status, StatusCode::OK, "{}", empty.text());
    let empty: AccountExport = serde_json::from_slice(&empty.body).expect("an export");
    assert!(empty.conversations.is_empty() && empty.images.is_empty());

    let shown = kim.conversation("보이는").await;
    let writer = Writer::new(&app, &kim, &shown).await;
    writer.answer("질문", "대답", Follows::ActiveLeaf).await;
    let archived = kim.conversation("archived").await;
    kim.patch(
        &format!("/api/v1/conversations/{archived}"),
        json!({"archived": true}),
    )
    .await;
    let deleted = kim.conversation("deleted").await;
    kim.delete(&format!("/api/v1/conversations/{deleted}"))
        .await;
    let (secret, key) = kim.key(json!({"name": "a program"})).await;
    let first = image(&app, &id, b"one").await;
    let second = image(&app, &id, b"another").await;
    let other = app.user("lee@example.com").await;
    other.conversation("lee's").await;

    let export = kim.get("/api/v1/auth/me/export").await;
    assert_eq!(export.header("content-type"), "application/json");
    assert!(
        export
            .header("content-disposition")
            .contains("openmake-account.json")
    );
    let text = export.text();
    assert!(!text.contains(&secret) && !text.contains("argon2"));
    let whole: AccountExport = serde_json::from_str(&text).expect("an export");
    assert_eq!(whole.format, "openmake.account/1");
    assert_eq!(whole.account.email.as_deref(), Some("kim@example.com"));
    assert_eq!(whole.sessions.len(), 1);
    assert_eq!(whole.api_keys[0].id.to_string(), key);
    assert_eq!(whole.usage[0].totals.output_tokens, 20);
    let mut found: Vec<String> = whole
        .conversations
        .iter()
        .map(|one| one.conversation.id.to_string())
        .collect();
    found.sort();
    let mut expected = vec![shown.clone(), archived];
    expected.sort();
    assert_eq!(found, expected);
    let mut messages = whole.conversations.iter().flat_map(|one| &one.messages);
    assert!(messages.any(|message| message.content == "대답"));
    let images: Vec<_> = whole
        .images
        .iter()
        .map(|image| (image.id, image.data.as_str()))
        .collect();
    assert!(images.contains(&(first.as_uuid(), "b25l")), "{images:?}");
    assert!(images.contains(&(second.as_uuid(), "YW5vdGhlcg==")));
    let program = kim.with_key(&secret).get("/api/v1/auth/me/export").await;
    assert_eq!(program.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_account_is_deleted_with_all_that_is_its_own() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let mut kim = app.user("kim@example.com").await;
    let id = kim.get(ME).await.id();
    let owner: UserId = id.parse().expect("an id");
    let conversation = kim.conversation("mine").await;
    let writer = Writer::new(&app, &kim, &conversation).await;
    writer.answer("질문", "대답", Follows::ActiveLeaf).await;
    writer
        .ask("still being answered", Follows::ActiveLeaf)
        .await;
    let blob = image(&app, &id, b"one").await;
    let (secret, _) = kim.key(json!({"name": "a program"})).await;
    let program = kim.with_key(&secret);
    assert_eq!(
        program.get("/api/v1/conversations").await.status,
        StatusCode::OK
    );

    // A session that somebody found is not enough.
    app.advance(TimeDelta::minutes(11));
    kim.refresh().await;
    let refused = kim.delete(ME).await;
    assert_eq!(refused.code(), "reauthentication_required");
    prove(&kim).await;
    let deleted = kim.delete(ME).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT, "{}", deleted.text());
    assert_eq!(deleted.refresh_cookie().as_deref(), Some(""));

    assert_eq!(kim.get(ME).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        program.get("/api/v1/conversations").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(kim.refresh().await.status, StatusCode::UNAUTHORIZED);
    let mut again = app.visitor();
    let login = again.login("kim@example.com", PASSWORD).await;
    assert_eq!(login.status, StatusCode::UNAUTHORIZED);
    let users = admin.get("/api/v1/users").await.json();
    assert_eq!(users["items"].as_array().expect("items").len(), 1);

    let gone = async {
        while app.store.users().get(owner).await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("removed");
    let conversation: ConversationId = conversation.parse().expect("an id");
    let read = app.store.conversations().get(owner, conversation).await;
    assert!(matches!(read, Err(StoreError::NotFound)));
    let read = app.store.blobs().get(owner, blob).await;
    assert!(matches!(read, Err(StoreError::NotFound)));
    // The trail tells of it, and is whole.
    let acts = format!("/api/v1/audit?user_id={id}&action=user.delete");
    let acts = admin.get(&acts).await.json();
    assert_eq!(acts["items"][0]["outcome"], "success");
    let verified = admin.get("/api/v1/audit/verify").await.json();
    assert_eq!(verified["intact"], true, "{verified}");
    // The address is free for whoever comes back, as somebody new.
    let back = again.register("kim@example.com").await;
    assert_eq!(back.status, StatusCode::CREATED, "{}", back.text());
    assert_ne!(again.get(ME).await.id(), id);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    let refused = admin.delete(ME).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.code(), "last_administrator");
    let kim = app.user("kim@example.com").await;
    let id = kim.get(ME).await.id();
    let promoted = admin
        .patch(&format!("/api/v1/users/{id}"), json!({"role": "admin"}))
        .await;
    assert_eq!(promoted.json()["role"], "admin");
    assert_eq!(admin.delete(ME).await.status, StatusCode::NO_CONTENT);
    let mut kim = app.visitor();
    kim.login("kim@example.com", PASSWORD).await;
    let users = kim.get("/api/v1/users").await.json();
    assert_eq!(users["items"].as_array().map(Vec::len), Some(1));
    assert_ne!(users["items"][0]["email"], Value::Null);
    assert_eq!(kim.delete(ME).await.code(), "last_administrator");
}

#[tokio::test]
async fn an_e_mail_is_changed_by_its_owner_and_the_old_address_is_told() {
    let mut server = MailServer::start().await;
    let app = TestApp::with(GatewaySettings {
        sign_in: SignInSettings {
            mailer: Some(server.mailer()),
            ..SignInSettings::default()
        },
        ..settings()
    })
    .await;
    let admin = app.admin().await;
    let mut kim = app.user("kim@example.com").await;
    app.user("lee@example.com").await;
    let id = kim.get(ME).await.id();
    let reset = format!("/api/v1/users/{id}/password-reset");
    let link = admin.call(Method::POST, &reset, None).await.json();
    let link = link["url"].as_str().expect("a link").to_owned();
    let change = |client: Client, body: Value| async move {
        client
            .call(Method::PUT, "/api/v1/auth/email", Some(body))
            .await
    };

    // Nobody takes another's address, however it is written.
    let taken = change(kim.clone(), json!({"email": "LEE@Example.com"})).await;
    assert_eq!(
        (taken.status, taken.code().as_str()),
        (StatusCode::CONFLICT, "email_taken")
    );
    for wrong in [
        json!({"email": "nothing"}),
        json!({"email": "a@b", "language": "fr"}),
    ] {
        let refused = change(kim.clone(), wrong).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    }
    let changed = change(kim.clone(), json!({"email": " kim@new.example "})).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text());
    assert_eq!(changed.json()["email"], "kim@new.example");
    let mail = server.next().await;
    for part in ["kim@example.com", "kim@new.example", "was changed"] {
        assert!(mail.contains(part), "{part}: {mail}");
    }

    // The session goes on; one signs in with the new address from now on.
    assert_eq!(kim.get(ME).await.json()["email"], "kim@new.example");
    assert!(kim.refresh().await.status.is_success());
    let mut visitor = app.visitor();
    assert_eq!(
        visitor.login("kim@example.com", PASSWORD).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert!(
        visitor
            .login("KIM@new.example", PASSWORD)
            .await
            .status
            .is_success()
    );
    // A link that went to the old address sets nothing any more.
    let secret = link.split_once("#token=").expect("a token").1;
    let body = json!({"token": secret, "new_password": "eight lazy otters 43"});
    let stale = app
        .visitor()
        .post("/api/v1/auth/password-reset", body)
        .await;
    assert_eq!(stale.code(), "reset_link_invalid");
    let trail = admin.get("/api/v1/audit?action=user.email").await.json();
    assert_eq!(trail["items"][0]["details"]["from"], "kim@example.com");
    assert_eq!(trail["items"].as_array().map(Vec::len), Some(1));
}
