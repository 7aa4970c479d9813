//! What the ways to sign in rest on.

use chrono::TimeDelta;
use openmake_store::{
    Conflict, Store, StoreError,
    challenges::{ChallengeKind, NewChallenge},
    identities::NewIdentity,
    maintenance::Retention,
    password_resets::{NewReset, ResetOrigin},
    users::{Admission, EmailProof, NewLinkedUser, User},
};
use openmake_types::UserId;
use serde_json::json;
use testkit::database::TestDatabase;

use crate::fixtures::{act, later, now, recorded, user_id, uuid};

fn identity(subject: &str) -> NewIdentity<'_> {
    NewIdentity {
        id: uuid(),
        provider: "work",
        issuer: "https://id.example.com",
        subject,
        label: None,
        now: now(),
    }
}

async fn linked(store: &Store, email: &str, subject: &str) -> Result<User, StoreError> {
    let user = NewLinkedUser {
        id: user_id(),
        email,
        email_proof: EmailProof::Proven,
        display_name: "Kim",
        identity: identity(subject),
        now: now(),
    };
    let entry = act("user.register");
    store
        .users()
        .register_linked(&user, Admission::Open, &entry)
        .await
}

fn challenge(user: Option<UserId>, hash: u8) -> NewChallenge {
    NewChallenge {
        token_hash: [hash; 32],
        kind: ChallengeKind::SecondFactor,
        user: user.map(|id| (id, 1)),
        session_id: None,
        state: json!({"a": 1}),
        now: now(),
        expires_at: later(300),
    }
}

#[tokio::test]
async fn a_challenge_is_taken_once_by_its_kind_and_in_time() {
    let db = TestDatabase::create().await;
    let store = db.store();
    let challenges = store.challenges();
    let user = linked(&store, "kim@example.com", "kim")
        .await
        .expect("made");
    challenges
        .create(&challenge(Some(user.id), 1))
        .await
        .expect("left");
    let kind = ChallengeKind::SecondFactor;
    let other = challenges
        .take(ChallengeKind::Provider, &[1; 32], now())
        .await;
    assert!(other.expect("asked").is_none());
    let late = challenges.take(kind, &[1; 32], later(300)).await;
    assert!(late.expect("asked").is_none());
    let takers =
        futures_util::future::join_all((0..8).map(|_| challenges.take(kind, &[1; 32], later(299))));
    let taken: Vec<_> = takers
        .await
        .into_iter()
        .filter_map(|taken| taken.expect("asked"))
        .collect();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].user, Some((user.id, 1)));
    assert_eq!(taken[0].state, json!({"a": 1}));

    challenges.create(&challenge(None, 2)).await.expect("left");
    for expected in [true, true, false] {
        let tried = challenges.attempt(kind, &[2; 32], now(), 2).await;
        assert_eq!(tried.expect("asked").is_some(), expected);
    }
    let nobody = challenges.create(&challenge(Some(user_id()), 3)).await;
    assert!(matches!(nobody, Err(StoreError::NotFound)), "{nobody:?}");
}

#[tokio::test]
async fn an_identity_belongs_to_one_account_and_a_failed_link_leaves_none() {
    let db = TestDatabase::create().await;
    let store = db.store();
    let kim = linked(&store, "kim@example.com", "kim")
        .await
        .expect("made");
    let again = linked(&store, "lee@example.com", "kim").await;
    let taken = StoreError::Conflict(Conflict::IdentityTaken);
    assert_eq!(again.expect_err("taken").to_string(), taken.to_string());
    let lee = store.users().lookup_by_email("lee@example.com").await;
    assert!(lee.expect("asked").is_none(), "half an account was left");

    let identities = store.identities();
    let found = identities
        .sign_in("https://id.example.com", "kim", now())
        .await;
    assert_eq!(found.expect("asked"), Some(kim.id));
    let foreign = identities
        .sign_in("https://evil.example", "kim", now())
        .await;
    assert_eq!(foreign.expect("asked"), None);

    // Of two that are removed at once one stays: it is the last way in.
    identities
        .link(kim.id, &identity("kim-2"), &act("identity.link"))
        .await
        .expect("linked");
    let both = identities.list(kim.id).await.expect("listed");
    let issuers = ["https://id.example.com".to_owned()];
    let entry = act("identity.unlink");
    let second = act("identity.unlink");
    let (first, other) = tokio::join!(
        identities.remove(kim.id, both[0].id, &issuers, &entry),
        identities.remove(kim.id, both[1].id, &issuers, &second),
    );
    assert!(first.is_ok() != other.is_ok(), "{first:?} {other:?}");
    assert_eq!(identities.list(kim.id).await.expect("listed").len(), 1);
    assert_eq!(recorded(&store, "identity.unlink").await.len(), 1);
    // An issuer that is not set up any more is no way in.
    let left = identities.list(kim.id).await.expect("listed");
    identities
        .link(kim.id, &identity("kim-3"), &act("identity.link"))
        .await
        .expect("linked");
    let refused = identities
        .remove(kim.id, left[0].id, &[], &act("identity.unlink"))
        .await;
    assert!(
        matches!(
            refused,
            Err(StoreError::Conflict(Conflict::LastSignInMethod))
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn mails_are_few_and_unfinished_steps_are_removed() {
    let db = TestDatabase::create().await;
    let store = db.store();
    let kim = linked(&store, "kim@example.com", "kim")
        .await
        .expect("made");
    let reset = |hash: u8, seconds: i64| NewReset {
        token_hash: [hash; 32],
        user_id: kim.id,
        origin: ResetOrigin::Email,
        now: later(seconds),
        expires_at: later(seconds + 3600),
    };
    let resets = store.password_resets();
    let mut made = Vec::new();
    for (hash, seconds) in [
        (1, 0),
        (2, 60),
        (3, 130),
        (4, 260),
        (5, 390),
        (6, 520),
        (7, 650),
    ] {
        let entry = act("user.reset_link");
        made.push(
            resets
                .create(&reset(hash, seconds), &entry)
                .await
                .expect("asked"),
        );
    }
    assert_eq!(made, [true, false, true, true, true, true, false]);
    assert_eq!(recorded(&store, "user.reset_link").await.len(), 5);
    let next_day = resets
        .create(&reset(8, 90_000), &act("user.reset_link"))
        .await;
    assert!(next_day.expect("asked"));

    store
        .challenges()
        .create(&challenge(None, 1))
        .await
        .expect("left");
    let retention = Retention {
        events: TimeDelta::days(1),
        deleted_conversations: TimeDelta::days(30),
        guests: TimeDelta::days(30),
        ended_sessions: TimeDelta::days(30),
        failed_sign_ins: TimeDelta::days(30),
    };
    let report = store
        .maintain(&retention, later(200_000))
        .await
        .expect("done");
    assert_eq!(report.sign_in_steps_removed, 1 + 6);
}
