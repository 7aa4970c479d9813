use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use openmake_store::{
    Store, StoreError,
    sessions::{AuthorityChange, EndReason, NewSession, Presented, Rotation, Standing},
    users::UserChange,
};
use openmake_types::{Role, SessionId};
use testkit::database::TestDatabase;

use crate::fixtures::{
    act, admin, later, new_session, now, recorded, sign_in, user, user_id, uuid,
};

fn token(session_id: SessionId, generation: i32, at: DateTime<Utc>) -> Presented {
    Presented {
        session_id,
        generation,
        now: at,
        grace: TimeDelta::seconds(30),
        expires_at: at + TimeDelta::hours(1),
        ip_address: Some("192.0.2.2".to_owned()),
    }
}

async fn rotate(store: &Store, presented: Presented) -> Rotation {
    store
        .sessions()
        .rotate(&presented, &act("session.reuse"))
        .await
        .expect("the database answers")
}

/// The generation that a refresh is answered with.
fn generation(rotation: &Rotation) -> i32 {
    match rotation {
        Rotation::Refreshed { generation, .. } => *generation,
        other => panic!("not refreshed: {other:?}"),
    }
}

async fn standing(store: &Store, id: SessionId, at: DateTime<Utc>) -> Standing {
    store.sessions().standing(id, at).await.expect("readable")
}

#[tokio::test]
async fn a_sign_in_is_listed_and_remembered() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let account = admin(store).await;
    let session = NewSession {
        user_agent: Some("글".repeat(400)),
        ..new_session(&account)
    };
    store
        .sessions()
        .create(&session, &act("user.login"))
        .await
        .expect("made");
    let listed = store
        .sessions()
        .list(account.id, now())
        .await
        .expect("a list");
    assert_eq!(listed.len(), 1);
    assert_eq!(
        (listed[0].id, listed[0].expires_at),
        (session.id, later(3600))
    );
    assert_eq!(listed[0].user_agent, Some("글".repeat(300)));
    assert_eq!(
        store.sessions().nonce(session.id).await.expect("readable"),
        Some([7; 16])
    );
    let account = store.users().get(account.id).await.expect("there");
    assert_eq!(account.last_login, Some(now()));
    assert_eq!(
        recorded(store, "user.login").await[0].user_id,
        Some(account.id)
    );
}

#[tokio::test]
async fn an_account_that_changed_since_its_password_was_checked_does_not_sign_in() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    admin(store).await;
    let checked = user(store, "b@example.org").await;
    let try_it = |session: NewSession| async move {
        store.sessions().create(&session, &act("user.login")).await
    };
    store
        .users()
        .set_password(checked.id, "$argon2id$new", None, &act("user.password"))
        .await
        .expect("changed");
    let stale = try_it(new_session(&checked)).await;
    assert!(matches!(stale, Err(StoreError::NotFound)), "{stale:?}");

    let deactivate = UserChange {
        role: None,
        is_active: Some(false),
    };
    let inactive = store
        .users()
        .change(checked.id, deactivate, &act("user.change"))
        .await;
    let inactive = try_it(new_session(&inactive.expect("changed"))).await;
    assert!(
        matches!(inactive, Err(StoreError::NotFound)),
        "{inactive:?}"
    );
    assert!(recorded(store, "user.login").await.is_empty());
}

#[tokio::test]
async fn a_refresh_moves_the_session_on() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let account = admin(store).await;
    let session = sign_in(store, &account).await;
    let at = later(600);
    let Rotation::Refreshed {
        generation,
        authority,
    } = rotate(store, token(session, 1, at)).await
    else {
        panic!("the first token holds");
    };
    assert_eq!(generation, 2);
    assert_eq!(
        (authority.user_id, authority.role),
        (account.id, Role::Admin)
    );
    assert_eq!(authority.expires_at, at + TimeDelta::hours(1));
    let listed = store.sessions().list(account.id, at).await.expect("a list");
    assert_eq!(listed[0].last_seen_at, at);
    assert_eq!(listed[0].expires_at, at + TimeDelta::hours(1));
    assert_eq!(listed[0].ip_address.as_deref(), Some("192.0.2.2"));
}

#[tokio::test]
async fn tabs_that_refresh_at_once_get_the_same_successor() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let session = sign_in(store, &admin(store).await).await;
    let tabs = (0..6).map(|_| rotate(store, token(session, 1, later(10))));
    let answers: Vec<i32> = join_all(tabs).await.iter().map(generation).collect();
    assert_eq!(answers, [2; 6]);
    // The last moment of the grace, and the successor itself.
    assert_eq!(
        generation(&rotate(store, token(session, 1, later(40))).await),
        2
    );
    assert_eq!(
        generation(&rotate(store, token(session, 2, later(41))).await),
        3
    );
    assert!(recorded(store, "session.reuse").await.is_empty());
}

#[tokio::test]
async fn an_older_token_ends_the_session() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let account = admin(store).await;
    for (case, tokens, newest) in [
        ("after the grace", [(1, 10), (1, 41)].as_slice(), 2),
        (
            "two before, at once",
            [(1, 10), (2, 11), (1, 12)].as_slice(),
            3,
        ),
    ] {
        let session = sign_in(store, &account).await;
        let (last, before) = tokens.split_last().expect("some");
        for (generation, at) in before {
            rotate(store, token(session, *generation, later(*at))).await;
        }
        let rotation = rotate(store, token(session, last.0, later(last.1))).await;
        assert!(
            matches!(rotation, Rotation::Reused { user_id } if user_id == account.id),
            "{case}: {rotation:?}"
        );
        assert_eq!(
            standing(store, session, later(50)).await,
            Standing::Ended(EndReason::TokenReused),
            "{case}"
        );
        // The thief's newer token is worth nothing either.
        let newest = rotate(store, token(session, newest, later(50))).await;
        assert!(matches!(newest, Rotation::Ended), "{case}: {newest:?}");
    }
    let entries = recorded(store, "session.reuse").await;
    assert_eq!(entries.len(), 2);
    assert_eq!(entries[0].user_id, Some(account.id));
}

#[tokio::test]
async fn a_session_that_is_over_refreshes_nothing() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let account = admin(store).await;
    let unknown = SessionId::from_uuid(uuid());
    let signed_out = sign_in(store, &account).await;
    store
        .sessions()
        .end(
            account.id,
            signed_out,
            EndReason::SignedOut,
            &act("user.logout"),
        )
        .await
        .expect("ended");
    let expired = sign_in(store, &account).await;
    let from_a_backup = sign_in(store, &account).await;
    for (presented, case) in [
        (token(unknown, 1, now()), "unknown"),
        (token(signed_out, 1, now()), "signed out"),
        (token(expired, 1, later(3600)), "expired"),
        (
            token(from_a_backup, 5, now()),
            "a generation that was never made",
        ),
    ] {
        let rotation = rotate(store, presented).await;
        assert!(matches!(rotation, Rotation::Ended), "{case}: {rotation:?}");
    }
    assert!(recorded(store, "session.reuse").await.is_empty());
    assert!(matches!(
        standing(store, from_a_backup, now()).await,
        Standing::Good(_)
    ));
}

#[tokio::test]
async fn standing_tells_why_a_session_is_over() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let account = admin(store).await;
    let session = sign_in(store, &account).await;
    let Standing::Good(authority) = standing(store, session, later(3599)).await else {
        panic!("it holds");
    };
    assert_eq!(
        (authority.user_id, authority.role),
        (account.id, Role::Admin)
    );
    assert_eq!(
        standing(store, session, later(3600)).await,
        Standing::Ended(EndReason::Expired)
    );
    let unknown = SessionId::from_uuid(uuid());
    assert_eq!(standing(store, unknown, now()).await, Standing::Unknown);
    for reason in [
        EndReason::SignedOut,
        EndReason::Revoked,
        EndReason::Expired,
        EndReason::PasswordChanged,
        EndReason::AccountChanged,
        EndReason::TokenReused,
    ] {
        let session = sign_in(store, &account).await;
        store
            .sessions()
            .end(account.id, session, reason, &act("session.end"))
            .await
            .expect("ended");
        assert_eq!(
            standing(store, session, now()).await,
            Standing::Ended(reason)
        );
    }
}

#[tokio::test]
async fn a_session_is_ended_by_its_owner_once() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let account = admin(store).await;
    let session = sign_in(store, &account).await;
    let end = |owner| async move {
        store
            .sessions()
            .end(owner, session, EndReason::Revoked, &act("session.end"))
            .await
    };
    let stranger = end(user_id()).await;
    assert!(
        matches!(stranger, Err(StoreError::NotFound)),
        "{stranger:?}"
    );
    assert!(recorded(store, "session.end").await.is_empty());
    end(account.id).await.expect("ended");
    let again = end(account.id).await;
    assert!(matches!(again, Err(StoreError::NotFound)), "{again:?}");
    assert!(
        store
            .sessions()
            .list(account.id, now())
            .await
            .expect("a list")
            .is_empty()
    );
}

#[tokio::test]
async fn the_others_end_and_are_named() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let account = admin(store).await;
    let kept = sign_in(store, &account).await;
    let stranger = user(store, "b@example.org").await;
    let of_a_stranger = sign_in(store, &stranger).await;
    let mut others = vec![
        sign_in(store, &account).await,
        sign_in(store, &account).await,
    ];
    let end = |keep| async move {
        let mut ended = store
            .sessions()
            .end_others(account.id, keep, EndReason::Revoked, &act("session.end"))
            .await
            .expect("ended");
        ended.sort_by_key(|id| id.as_uuid());
        ended
    };
    others.sort_by_key(|id| id.as_uuid());
    assert_eq!(end(Some(kept)).await, others);
    assert_eq!(end(Some(kept)).await, []);
    assert_eq!(end(None).await, [kept]);
    assert!(matches!(
        standing(store, of_a_stranger, now()).await,
        Standing::Good(_)
    ));
}

#[tokio::test]
async fn changes_are_told_by_the_clock_of_the_database() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let account = admin(store).await;
    let other = user(store, "b@example.org").await;
    let session = sign_in(store, &account).await;
    let (none, start) = store
        .sessions()
        .changes_since(None)
        .await
        .expect("readable");
    assert_eq!(none, []);
    let (none, _) = store
        .sessions()
        .changes_since(Some(start))
        .await
        .expect("readable");
    assert_eq!(none, []);

    store
        .sessions()
        .end(
            account.id,
            session,
            EndReason::SignedOut,
            &act("user.logout"),
        )
        .await
        .expect("ended");
    let promote = UserChange {
        role: Some(Role::Admin),
        is_active: None,
    };
    store
        .users()
        .change(other.id, promote, &act("user.change"))
        .await
        .expect("changed");
    let (changes, then) = store
        .sessions()
        .changes_since(Some(start))
        .await
        .expect("readable");
    assert_eq!(
        changes,
        [
            AuthorityChange::Session(session),
            AuthorityChange::User(other.id)
        ]
    );
    let (none, _) = store
        .sessions()
        .changes_since(Some(then))
        .await
        .expect("readable");
    assert_eq!(none, []);
}
