use futures_util::future::join_all;
use openmake_store::{
    Conflict, Store, StoreError,
    api_keys::{ApiKey, KeyAuthority, KeyProof, KeyTerms, NewApiKey},
    sessions::AuthorityChange,
    users::{User, UserChange},
};
use openmake_types::{ApiKeyId, ModelAccess, Role, Scope, UserId};
use testkit::database::TestDatabase;

use crate::fixtures::{act, admin, later, now, page, recorded, user, uuid};

fn terms(name: &str) -> KeyTerms {
    KeyTerms {
        name: name.to_owned(),
        scopes: vec![Scope::Chat, Scope::Usage],
        allowed_models: None,
        requests_per_minute: None,
        tokens_per_minute: None,
        expires_at: None,
    }
}

fn proof(byte: u8) -> KeyProof {
    KeyProof {
        hash: [byte; 32],
        last_four: format!("{byte:04}"),
    }
}

async fn make(
    store: &Store,
    owner: &User,
    byte: u8,
    terms: KeyTerms,
) -> Result<ApiKey, StoreError> {
    let key = NewApiKey {
        id: ApiKeyId::from_uuid(uuid()),
        owner: owner.id,
        proof: proof(byte),
        terms,
        now: later(byte.into()),
    };
    let keys = store.api_keys();
    keys.create(&key, &act("api_key.create")).await
}

type At = (UserId, ApiKeyId);

async fn rotate(store: &Store, at: At, byte: u8, seconds: i64) -> Result<ApiKey, StoreError> {
    let (keys, act) = (store.api_keys(), act("api_key.rotate"));
    keys.rotate(at, &proof(byte), later(seconds), &act).await
}

async fn edit(
    store: &Store,
    at: At,
    change: impl FnOnce(&mut KeyTerms) + Send,
) -> Result<ApiKey, StoreError> {
    let (keys, act) = (store.api_keys(), act("api_key.update"));
    keys.edit(at, now(), change, &act).await
}

async fn revoke(store: &Store, at: At) -> Result<(), StoreError> {
    let (keys, act) = (store.api_keys(), act("api_key.revoke"));
    keys.revoke(at, later(5), &act).await
}

async fn authority(store: &Store, byte: u8) -> Option<KeyAuthority> {
    let found = store.api_keys().lookup_authority(&[byte; 32], now()).await;
    found.expect("readable")
}

fn not_found<T: std::fmt::Debug>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::NotFound))
}

#[tokio::test]
async fn a_key_is_its_owners_and_nobody_elses() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (owner, other) = (admin(store).await, user(store, "b@example.org").await);
    let said = KeyTerms {
        allowed_models: Some(vec!["a".to_owned(), "b\0".to_owned()]),
        requests_per_minute: Some(60),
        tokens_per_minute: Some(1_000),
        expires_at: Some(later(600)),
        ..terms("CI")
    };
    let key = make(store, &owner, 1, said).await.expect("made");
    assert_eq!(key.last_four, "0001");
    assert_eq!((key.version, key.terms.requests_per_minute), (1, Some(60)));
    assert_eq!(recorded(store, "api_key.create").await.len(), 1);
    let keys = store.api_keys();
    assert_eq!(keys.get(owner.id, key.id).await.expect("there"), key);
    let theirs = keys.list(other.id, page(10)).await.expect("a page");
    assert!(theirs.items.is_empty());
    let at = (other.id, key.id);
    assert!(not_found(&keys.get(other.id, key.id).await));
    assert!(not_found(&edit(store, at, |_| {}).await));
    assert!(not_found(&rotate(store, at, 9, 0).await));
    assert!(not_found(&revoke(store, at).await));

    let found = authority(store, 1).await.expect("it holds");
    assert_eq!((found.id, found.owner), (key.id, owner.id));
    assert_eq!(found.role, Role::Admin);
    assert_eq!(found.scopes, [Scope::Chat, Scope::Usage]);
    assert!(found.models.allows("a") && !found.models.allows("c"));
    assert_eq!(found.tokens_per_minute, Some(1_000));
    assert_eq!(authority(store, 2).await, None);
}

#[tokio::test]
async fn keys_are_paged_newest_first() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let owner = admin(store).await;
    for byte in 0..5 {
        make(store, &owner, byte, terms("key")).await.expect("made");
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let request = openmake_store::PageRequest { after, limit: 2 };
        let rows = store.api_keys().list(owner.id, request).await;
        let rows = rows.expect("a page");
        seen.extend(rows.items.into_iter().map(|key| key.last_four));
        after = rows.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["0004", "0003", "0002", "0001", "0000"]);
}

#[tokio::test]
async fn a_key_that_is_revoked_expired_or_of_an_inactive_owner_does_not_hold() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (_, owner) = (admin(store).await, user(store, "b@example.org").await);
    let keys = store.api_keys();
    let key = make(store, &owner, 1, terms("a")).await.expect("made");
    let expiring = KeyTerms {
        expires_at: Some(later(60)),
        ..terms("b")
    };
    make(store, &owner, 2, expiring).await.expect("made");
    make(store, &owner, 3, terms("c")).await.expect("made");

    for at in [59, 60] {
        let found = keys.lookup_authority(&[2; 32], later(at)).await;
        assert_eq!(found.expect("readable").is_some(), at < 60);
    }
    let at = (owner.id, key.id);
    for _ in 0..2 {
        revoke(store, at).await.expect("revoked");
    }
    assert_eq!(recorded(store, "api_key.revoke").await.len(), 1);
    assert_eq!(authority(store, 1).await, None);
    let read = keys.get(owner.id, key.id).await.expect("still listed");
    assert_eq!(read.revoked_at, Some(later(5)));
    let edited = edit(store, at, |_| {}).await;
    for refused in [edited, rotate(store, at, 9, 0).await] {
        assert!(
            matches!(refused, Err(StoreError::Conflict(Conflict::KeyRevoked))),
            "{refused:?}"
        );
    }

    assert!(authority(store, 3).await.is_some());
    let inactive = UserChange {
        is_active: Some(false),
        role: None,
    };
    let users = store.users();
    users
        .change(owner.id, inactive, &act("user.change"))
        .await
        .expect("changed");
    assert_eq!(authority(store, 3).await, None);
    assert!(not_found(&make(store, &owner, 4, terms("d")).await));
}

#[tokio::test]
async fn rotating_ends_the_old_text_and_keeps_the_key() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let owner = admin(store).await;
    let key = make(store, &owner, 1, terms("a")).await.expect("made");
    let at = (owner.id, key.id);
    let rotated = rotate(store, at, 2, 9).await.expect("rotated");
    assert_eq!((rotated.id, rotated.version), (key.id, 2));
    assert_eq!(rotated.terms, key.terms);
    assert_eq!(rotated.last_four, "0002");
    assert_eq!(authority(store, 1).await, None);
    assert_eq!(authority(store, 2).await.expect("it holds").id, key.id);

    let ended = |terms: &mut KeyTerms| terms.expires_at = Some(later(10));
    edit(store, at, ended).await.expect("changed");
    let refused = rotate(store, at, 3, 10).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict(Conflict::KeyExpired))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn every_change_of_a_key_is_followed() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let owner = admin(store).await;
    let sessions = store.sessions();
    let (_, start) = sessions.changes_since(None).await.expect("readable");
    let key = make(store, &owner, 1, terms("a")).await.expect("made");
    let at = (owner.id, key.id);
    let mut since = start;
    for step in 0..4 {
        match step {
            1 => {
                let narrower = |terms: &mut KeyTerms| terms.scopes = vec![Scope::Chat];
                edit(store, at, narrower).await.expect("changed");
            }
            2 => {
                rotate(store, at, 2, 0).await.expect("rotated");
            }
            3 => revoke(store, at).await.expect("revoked"),
            _ => {}
        }
        let (changes, then) = sessions.changes_since(Some(since)).await.expect("readable");
        assert_eq!(changes, [AuthorityChange::ApiKey(key.id)], "step {step}");
        since = then;
    }
}

#[tokio::test]
async fn an_account_has_a_hundred_keys_at_most_however_they_are_made() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let owner = &admin(store).await;
    let mut first = None;
    for byte in 0..98 {
        let key = make(store, owner, byte, terms("a")).await.expect("made");
        first.get_or_insert(key.id);
    }
    let at_once = (98..104).map(|byte| make(store, owner, byte, terms("b")));
    let made = join_all(at_once).await;
    assert_eq!(made.iter().filter(|made| made.is_ok()).count(), 2);
    let at = (owner.id, first.expect("one"));
    revoke(store, at).await.expect("revoked");
    make(store, owner, 110, terms("c")).await.expect("room");
    let full = make(store, owner, 111, terms("d")).await;
    assert!(
        matches!(full, Err(StoreError::Conflict(Conflict::TooManyKeys))),
        "{full:?}"
    );
}

#[tokio::test]
async fn the_last_use_is_written_once_a_minute() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let owner = admin(store).await;
    let key = make(store, &owner, 1, terms("a")).await.expect("made");
    let keys = store.api_keys();
    for (at, noted) in [(0, 0), (59, 0), (60, 60), (61, 60)] {
        keys.note_used(&[key.id], later(at)).await.expect("noted");
        let read = keys.get(owner.id, key.id).await.expect("there");
        assert_eq!(read.last_used_at, Some(later(noted)));
        assert_eq!(read.version, key.version);
    }
}

#[tokio::test]
async fn a_key_of_a_later_version_can_only_do_less() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let owner = admin(store).await;
    make(store, &owner, 1, terms("a")).await.expect("made");
    sqlx::query("UPDATE api_keys SET scopes = '{chat,teleport}'")
        .execute(store.pool())
        .await
        .expect("changed");
    let found = authority(store, 1).await.expect("it holds");
    assert_eq!(found.scopes, [Scope::Chat]);
    assert_eq!(found.models, ModelAccess::All);
}
