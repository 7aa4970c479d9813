use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use openmake_store::{
    Conflict, PageRequest, Store, StoreError,
    invitations::{Invitation, NewInvitation},
    users::{Admission, User},
};
use openmake_types::{InvitationId, Role};
use testkit::database::TestDatabase;

use crate::fixtures::{act, admin, later, now, page, recorded, register, user, uuid};

struct Made<'a> {
    code: u8,
    email: Option<&'a str>,
    role: Role,
    at: DateTime<Utc>,
}

async fn invite(store: &Store, by: &User, made: Made<'_>) -> Invitation {
    let invitation = NewInvitation {
        id: InvitationId::from_uuid(uuid()),
        code_hash: [made.code; 32],
        email: made.email,
        role: made.role,
        created_by: by.id,
        now: made.at,
        expires_at: later(600),
    };
    store
        .invitations()
        .create(&invitation, &act("invitation.create"))
        .await
        .expect("made")
}

fn for_anyone(code: u8) -> Made<'static> {
    Made {
        code,
        email: None,
        role: Role::User,
        at: now(),
    }
}

fn refused(result: &Result<User, StoreError>) -> bool {
    matches!(
        result,
        Err(StoreError::Conflict(Conflict::InvitationInvalid))
    )
}

#[tokio::test]
async fn an_invitation_is_used_once_by_whoever_comes_first() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let admin = admin(store).await;
    let made = invite(store, &admin, for_anyone(1)).await;
    let guests = (0..6).map(|n| {
        let store = store.clone();
        async move {
            let email = format!("v{n}@example.org");
            register(&store, &email, Admission::Invitation(&[1; 32])).await
        }
    });
    let (made_accounts, turned_away): (Vec<_>, Vec<_>) =
        join_all(guests).await.into_iter().partition(Result::is_ok);
    assert_eq!((made_accounts.len(), turned_away.len()), (1, 5));
    assert!(turned_away.iter().all(refused), "{turned_away:?}");
    let listed = store
        .invitations()
        .list(page(10))
        .await
        .expect("a page")
        .items;
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].id, listed[0].used_at), (made.id, Some(now())));
}

#[tokio::test]
async fn an_invitation_gives_its_role_to_its_address() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let admin = admin(store).await;
    let made = Made {
        email: Some("Lee@example.org"),
        role: Role::Admin,
        ..for_anyone(1)
    };
    invite(store, &admin, made).await;
    let other = register(store, "kim@example.org", Admission::Invitation(&[1; 32])).await;
    assert!(refused(&other), "{other:?}");
    let lee = register(store, "lee@EXAMPLE.org", Admission::Invitation(&[1; 32])).await;
    assert_eq!(lee.expect("invited").role, Role::Admin);
}

#[tokio::test]
async fn what_does_not_hold_is_refused_and_a_failed_try_uses_nothing_up() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let admin = admin(store).await;
    user(store, "taken@example.org").await;
    let unknown = register(store, "a@example.org", Admission::Invitation(&[9; 32])).await;
    assert!(refused(&unknown), "{unknown:?}");
    // Without a good invitation nobody learns that the address is taken.
    let unknown = register(store, "taken@example.org", Admission::Invitation(&[9; 32])).await;
    assert!(refused(&unknown), "{unknown:?}");

    invite(store, &admin, for_anyone(1)).await;
    let taken = register(store, "taken@example.org", Admission::Invitation(&[1; 32])).await;
    assert!(
        matches!(taken, Err(StoreError::Conflict(Conflict::EmailTaken))),
        "{taken:?}"
    );
    register(store, "free@example.org", Admission::Invitation(&[1; 32]))
        .await
        .expect("it still holds");

    let expired = Made {
        at: later(-1000),
        ..for_anyone(2)
    };
    let expired = invite(store, &admin, expired).await;
    sqlx::query("UPDATE invitations SET expires_at = $2 WHERE id = $1")
        .bind(expired.id.as_uuid())
        .bind(now())
        .execute(store.pool())
        .await
        .expect("aged");
    let late = register(store, "late@example.org", Admission::Invitation(&[2; 32])).await;
    assert!(refused(&late), "{late:?}");
}

#[tokio::test]
async fn a_revoked_invitation_no_longer_holds() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let admin = admin(store).await;
    let made = invite(store, &admin, for_anyone(1)).await;
    let revoke = || async {
        store
            .invitations()
            .revoke(made.id, later(1), &act("invitation.revoke"))
            .await
    };
    revoke().await.expect("taken back");
    let late = register(store, "late@example.org", Admission::Invitation(&[1; 32])).await;
    assert!(refused(&late), "{late:?}");
    assert!(matches!(revoke().await, Err(StoreError::NotFound)));
    assert_eq!(recorded(store, "invitation.revoke").await.len(), 1);
}

#[tokio::test]
async fn invitations_are_paged_newest_first() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let admin = admin(store).await;
    let mut made = Vec::new();
    for code in 0..5 {
        let at = later(i64::from(code));
        made.push(
            invite(
                store,
                &admin,
                Made {
                    at,
                    ..for_anyone(code)
                },
            )
            .await
            .id,
        );
    }
    made.reverse();
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { after, limit: 2 };
        let rows = store.invitations().list(request).await.expect("a page");
        seen.extend(rows.items.iter().map(|invitation| invitation.id));
        after = rows.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, made);
}
