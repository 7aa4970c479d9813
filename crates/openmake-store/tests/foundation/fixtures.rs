//! What the tests have in common: a point in time, ids, accounts.

use chrono::{DateTime, TimeDelta, Utc};
use openmake_store::{
    PageRequest, Store, StoreError,
    audit::{AuditEntry, AuditFilter, NewAudit, Outcome},
    sessions::NewSession,
    users::{Admission, NewUser, User},
};
use openmake_types::{Ids as _, RandomIds, Role, SessionId, UserId};
use serde_json::json;
use uuid::Uuid;

/// A whole microsecond, which PostgreSQL keeps as it is.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_800_000_000_000).expect("in range")
}

pub(crate) fn later(seconds: i64) -> DateTime<Utc> {
    now() + TimeDelta::seconds(seconds)
}

pub(crate) fn uuid() -> Uuid {
    RandomIds.uuid(now())
}

pub(crate) fn user_id() -> UserId {
    UserId::from_uuid(uuid())
}

pub(crate) fn page(limit: u32) -> PageRequest {
    PageRequest { after: None, limit }
}

pub(crate) fn act(action: &'static str) -> NewAudit {
    NewAudit {
        id: uuid(),
        at: now(),
        action,
        outcome: Outcome::Success,
        user_id: None,
        resource_type: None,
        resource_id: None,
        details: json!({}),
        ip_address: None,
        user_agent: None,
        request_id: None,
    }
}

/// What the trail says about `action`.
pub(crate) async fn recorded(store: &Store, action: &str) -> Vec<AuditEntry> {
    let filter = AuditFilter {
        action: Some(action.to_owned()),
        ..AuditFilter::default()
    };
    store
        .audit()
        .list(&filter, page(100))
        .await
        .expect("the trail is readable")
        .items
}

pub(crate) async fn register(
    store: &Store,
    email: &str,
    admission: Admission<'_>,
) -> Result<User, StoreError> {
    let user = NewUser {
        id: user_id(),
        email,
        display_name: "Somebody",
        password_hash: "$argon2id$old",
        now: now(),
    };
    store
        .users()
        .register(&user, admission, &act("user.register"))
        .await
}

/// The first account, an administrator.
pub(crate) async fn admin(store: &Store) -> User {
    let user = register(store, "admin@example.org", Admission::Closed)
        .await
        .expect("the first always may");
    assert_eq!(user.role, Role::Admin);
    user
}

/// An ordinary account, after [`admin`].
pub(crate) async fn user(store: &Store, email: &str) -> User {
    register(store, email, Admission::Open)
        .await
        .expect("registration is open")
}

pub(crate) async fn guest(store: &Store) -> User {
    store
        .users()
        .create_guest(user_id(), "Guest", now(), &act("guest.create"))
        .await
        .expect("a guest")
}

pub(crate) fn new_session(user: &User) -> NewSession {
    NewSession {
        id: SessionId::from_uuid(uuid()),
        user_id: user.id,
        user_version: user.version,
        nonce: [7; 16],
        now: now(),
        expires_at: later(3600),
        user_agent: Some("Firefox".to_owned()),
        ip_address: Some("192.0.2.1".to_owned()),
    }
}

pub(crate) async fn sign_in(store: &Store, user: &User) -> SessionId {
    let session = new_session(user);
    store
        .sessions()
        .create(&session, &act("user.login"))
        .await
        .expect("the account may sign in");
    session.id
}
