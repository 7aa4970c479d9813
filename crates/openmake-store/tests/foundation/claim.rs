use chrono::{DateTime, Utc};
use openmake_store::{
    Store, StoreError,
    blobs::NewBlob,
    sessions::{AuthorityChange, EndReason, Standing},
    users::User,
};
use openmake_types::{BlobId, SessionId, UserId};
use serde_json::{Value, json};
use testkit::database::TestDatabase;
use uuid::Uuid;

use crate::fixtures::{act, admin, guest, now, recorded, sign_in, user, user_id, uuid};

async fn blob(store: &Store, owner: UserId, data: &[u8]) -> BlobId {
    let blob = NewBlob {
        id: BlobId::from_uuid(uuid()),
        owner,
        media_type: "image/png",
        data,
        now: now(),
    };
    store.blobs().put(&blob).await.expect("stored")
}

/// A temporary conversation with a message that shows `images`.
async fn conversation(store: &Store, owner: UserId, images: &[BlobId]) -> Uuid {
    let id = uuid();
    sqlx::query(
        "INSERT INTO conversation_sessions (id, user_id, is_temporary, created_at, updated_at)
         VALUES ($1, $2, true, $3, $3)",
    )
    .bind(id)
    .bind(owner.as_uuid())
    .bind(now())
    .execute(store.pool())
    .await
    .expect("a conversation");
    let attachments: Vec<Value> = images
        .iter()
        .map(|id| json!({"type": "image", "blob": id.as_uuid(), "media_type": "image/png"}))
        .collect();
    sqlx::query(
        "INSERT INTO conversation_messages (id, session_id, role, content, attachments, created_at)
         VALUES ($1, $1, 'user', 'Look', $2, $3)",
    )
    .bind(id)
    .bind(Value::from(attachments))
    .bind(now())
    .execute(store.pool())
    .await
    .expect("a message");
    sqlx::query(
        "INSERT INTO message_search (message_id, piece, session_id, tokenizer, words)
         VALUES ($1, 0, $1, 1, to_tsvector('simple', 'look'))",
    )
    .bind(id)
    .execute(store.pool())
    .await
    .expect("an index entry");
    id
}

/// A turn that answered the message of `conversation`.
async fn turn(store: &Store, owner: UserId, conversation: Uuid, key: &str) -> Uuid {
    let id = uuid();
    sqlx::query(
        "INSERT INTO conversation_messages (id, session_id, parent_id, role, content, created_at)
         VALUES ($1, $2, $2, 'assistant', 'A cat', $3)",
    )
    .bind(id)
    .bind(conversation)
    .bind(now())
    .execute(store.pool())
    .await
    .expect("an answer");
    sqlx::query(
        "INSERT INTO turns (id, session_id, user_id, user_message_id, assistant_message_id,
                            idempotency_key, status, requested_model, owner_process, lease_until,
                            log_day, created_at)
         VALUES ($1, $2, $3, $2, $1, $4, 'completed', 'm', $1, now(), '2027-01-15', now())",
    )
    .bind(id)
    .bind(conversation)
    .bind(owner.as_uuid())
    .bind(key)
    .execute(store.pool())
    .await
    .expect("a turn");
    id
}

async fn usage(store: &Store, owner: UserId, model: &str, tokens: i64) {
    sqlx::query(
        "INSERT INTO api_usage (date, user_id, model, requests, input_tokens, output_tokens)
         VALUES ('2027-01-15', $1, $2, 1, $3, $3)",
    )
    .bind(owner.as_uuid())
    .bind(model)
    .bind(tokens)
    .execute(store.pool())
    .await
    .expect("usage");
}

async fn one<T>(store: &Store, sql: &'static str, id: Uuid) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    sqlx::query_scalar(sql)
        .bind(id)
        .fetch_one(store.pool())
        .await
        .expect("a value")
}

/// An account and a guest who has something of everything; some of it the
/// account has too.
struct Scene {
    to: UserId,
    guest: User,
    conversation: Uuid,
    session: SessionId,
    both_have: BlobId,
    same_of_the_guest: BlobId,
    only_the_guest: BlobId,
    turns: [Uuid; 2],
    before: DateTime<Utc>,
}

async fn scene(store: &Store) -> Scene {
    admin(store).await;
    let (to, guest) = (user(store, "b@example.org").await.id, guest(store).await);
    let both_have = blob(store, to, b"the same").await;
    let same_of_the_guest = blob(store, guest.id, b"the same").await;
    let only_the_guest = blob(store, guest.id, b"another").await;
    let own = conversation(store, to, &[both_have]).await;
    turn(store, to, own, "both").await;
    usage(store, to, "a", 10).await;
    let images = [only_the_guest, same_of_the_guest];
    let conversation = conversation(store, guest.id, &images).await;
    let turns = [
        turn(store, guest.id, conversation, "both").await,
        turn(store, guest.id, conversation, "guest").await,
    ];
    usage(store, guest.id, "a", 5).await;
    usage(store, guest.id, "b", 7).await;
    let session = sign_in(store, &guest).await;
    let (_, before) = store
        .sessions()
        .changes_since(None)
        .await
        .expect("readable");
    Scene {
        to,
        guest,
        conversation,
        session,
        both_have,
        same_of_the_guest,
        only_the_guest,
        turns,
        before,
    }
}

async fn claim(store: &Store, scene: &Scene) {
    store
        .users()
        .claim_guest(scene.guest.id, scene.to, &act("guest.claim"))
        .await
        .expect("claimed");
}

#[tokio::test]
async fn what_a_guest_made_becomes_the_accounts() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let scene = scene(store).await;
    claim(store, &scene).await;

    let owner: Uuid = one(
        store,
        "SELECT user_id FROM conversation_sessions WHERE id = $1 AND NOT is_temporary",
        scene.conversation,
    )
    .await;
    assert_eq!(owner, scene.to.as_uuid());
    let waits: bool = one(
        store,
        "SELECT bool_and(tokenizer = 0 AND words = '') FROM message_search WHERE session_id = $1",
        scene.conversation,
    )
    .await;
    assert!(waits, "maintenance indexes it for its new owner");
    let key = "SELECT idempotency_key FROM turns WHERE id = $1";
    let keys: [Option<String>; 2] = [
        one(store, key, scene.turns[0]).await,
        one(store, key, scene.turns[1]).await,
    ];
    assert_eq!(keys, [None, Some("guest".to_owned())]);
    let used: Vec<i64> = one(
        store,
        "SELECT array_agg(input_tokens ORDER BY model) FROM api_usage WHERE user_id = $1",
        scene.to.as_uuid(),
    )
    .await;
    assert_eq!(used, [15, 7]);
}

#[tokio::test]
async fn images_are_still_shown_after_a_claim() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let scene = scene(store).await;
    claim(store, &scene).await;

    let shown: Value = one(
        store,
        "SELECT attachments FROM conversation_messages WHERE id = $1",
        scene.conversation,
    )
    .await;
    let image =
        |id: BlobId| json!({"type": "image", "blob": id.as_uuid(), "media_type": "image/png"});
    assert_eq!(
        shown,
        json!([image(scene.only_the_guest), image(scene.both_have)])
    );
    let read = store.blobs().get(scene.to, scene.only_the_guest).await;
    assert_eq!(read.expect("there").data, b"another");
    let dropped = store.blobs().get(scene.to, scene.same_of_the_guest).await;
    assert!(matches!(dropped, Err(StoreError::NotFound)), "{dropped:?}");
}

#[tokio::test]
async fn a_claimed_guest_is_gone_and_every_process_hears_of_it() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let scene = scene(store).await;
    claim(store, &scene).await;

    let gone = store.users().get(scene.guest.id).await;
    assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
    let entries = recorded(store, "guest.claim").await;
    assert_eq!(entries[0].user_id, Some(scene.to));
    let sessions = store.sessions();
    assert_eq!(
        sessions
            .standing(scene.session, now())
            .await
            .expect("readable"),
        Standing::Ended(EndReason::AccountChanged)
    );
    let (changes, _) = sessions
        .changes_since(Some(scene.before))
        .await
        .expect("readable");
    assert_eq!(changes, [AuthorityChange::Session(scene.session)]);
    let listed = sessions.list(scene.to, now()).await.expect("a list");
    assert!(listed.is_empty(), "{listed:?}");
}

#[tokio::test]
async fn nobody_elses_account_can_be_claimed() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (admin, to) = (admin(store).await, user(store, "b@example.org").await.id);
    let session = sign_in(store, &admin).await;
    for claimed in [admin.id, to, user_id()] {
        store
            .users()
            .claim_guest(claimed, to, &act("guest.claim"))
            .await
            .expect("nothing happens");
    }
    store.users().get(admin.id).await.expect("still there");
    assert!(matches!(
        store
            .sessions()
            .standing(session, now())
            .await
            .expect("readable"),
        Standing::Good(_)
    ));
    assert!(recorded(store, "guest.claim").await.is_empty());
    // Nor can a guest be given to nobody, or to a guest.
    let (guest, other) = (guest(store).await.id, guest(store).await.id);
    for to in [user_id(), other, guest] {
        let refused = store
            .users()
            .claim_guest(guest, to, &act("guest.claim"))
            .await;
        assert!(matches!(refused, Err(StoreError::NotFound)), "{refused:?}");
    }
    store.users().get(guest).await.expect("still there");
}
