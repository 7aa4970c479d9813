use futures_util::future::join_all;
use openmake_store::{
    Conflict, PageRequest, Store, StoreError,
    sessions::{EndReason, Standing},
    users::{Admission, User, UserChange, UserFilter},
};
use openmake_types::{Role, UserId};
use testkit::database::TestDatabase;

use crate::fixtures::{
    act, admin, guest, later, now, page, recorded, register, sign_in, user, user_id,
};

fn conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) -> Conflict {
    match result {
        Err(StoreError::Conflict(conflict)) => conflict,
        other => panic!("expected a conflict: {other:?}"),
    }
}

const DEMOTE: UserChange = UserChange {
    role: Some(Role::User),
    is_active: None,
};

#[tokio::test]
async fn of_many_first_visitors_one_becomes_administrator() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    assert!(store.users().needs_setup().await.expect("readable"));
    let visitors = (0..8).map(|n| {
        let store = store.clone();
        async move { register(&store, &format!("v{n}@example.org"), Admission::Open).await }
    });
    let made: Vec<User> = join_all(visitors)
        .await
        .into_iter()
        .map(|made| made.expect("registration is open"))
        .collect();
    let admins = made.iter().filter(|user| user.role == Role::Admin).count();
    assert_eq!((made.len(), admins), (8, 1));
    assert!(!store.users().needs_setup().await.expect("readable"));
}

#[tokio::test]
async fn the_first_may_register_even_when_it_is_closed() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let visitors = (0..4).map(|n| {
        let store = store.clone();
        async move { register(&store, &format!("v{n}@example.org"), Admission::Closed).await }
    });
    let (made, refused): (Vec<_>, Vec<_>) = join_all(visitors)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 3));
    for refusal in refused {
        assert_eq!(conflict(refusal), Conflict::RegistrationClosed);
    }
    // A guest who tried it before is not the first account.
    guest(store).await;
    assert!(!store.users().needs_setup().await.expect("readable"));
}

#[tokio::test]
async fn an_account_is_made_with_its_audit_entry() {
    let db = TestDatabase::create().await;
    let made = admin(&db.store()).await;
    assert_eq!(
        (made.email.as_deref(), made.created_at),
        (Some("admin@example.org"), now())
    );
    assert!(made.is_active && made.last_login.is_none());
    let entries = recorded(&db.store(), "user.register").await;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].user_id, Some(made.id));
    assert_eq!(db.store().users().get(made.id).await.expect("there"), made);
}

#[tokio::test]
async fn an_email_is_one_account_whatever_its_case() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    admin(store).await;
    let tries = ["kim@example.org", "Kim@Example.org", "KIM@EXAMPLE.ORG"]
        .map(|email| register(store, email, Admission::Open));
    let (made, refused): (Vec<_>, Vec<_>) =
        join_all(tries).await.into_iter().partition(Result::is_ok);
    assert_eq!((made.len(), refused.len()), (1, 2));
    for refusal in refused {
        assert_eq!(conflict(refusal), Conflict::EmailTaken);
    }
    let found = store
        .users()
        .lookup_credentials("kIM@example.org")
        .await
        .expect("readable");
    assert_eq!(found.expect("found without case").user.role, Role::User);
    let nobody = store
        .users()
        .lookup_credentials("kim@example.com")
        .await
        .expect("readable");
    assert!(nobody.is_none());
    // What was refused left no trace.
    assert_eq!(recorded(store, "user.register").await.len(), 2);
}

#[tokio::test]
async fn a_granted_role_is_given_whatever_the_setting() {
    let db = TestDatabase::create().await;
    admin(&db.store()).await;
    let granted = register(
        &db.store(),
        "b@example.org",
        Admission::Granted(Role::Admin),
    )
    .await;
    assert_eq!(granted.expect("granted").role, Role::Admin);
}

#[tokio::test]
async fn a_guest_can_have_no_account_of_a_person() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    admin(store).await;
    let person = user(store, "b@example.org").await;
    let change = UserChange {
        role: Some(Role::Guest),
        is_active: None,
    };
    let refused = store
        .users()
        .change(person.id, change, &act("user.change"))
        .await;
    assert!(
        matches!(refused, Err(StoreError::Database(_))),
        "{refused:?}"
    );
    let refused = register(store, "c@example.org", Admission::Granted(Role::Guest)).await;
    assert!(
        matches!(refused, Err(StoreError::Database(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let only = admin(store).await;
    let deactivate = UserChange {
        role: None,
        is_active: Some(false),
    };
    for change in [DEMOTE, deactivate] {
        let refused = store
            .users()
            .change(only.id, change, &act("user.change"))
            .await;
        assert_eq!(conflict(refused), Conflict::LastAdministrator);
    }
    let other = register(store, "b@example.org", Admission::Granted(Role::Admin))
        .await
        .expect("granted");
    store
        .users()
        .change(other.id, deactivate, &act("user.change"))
        .await
        .expect("one is left");
    // An inactive administrator is no administrator.
    let refused = store
        .users()
        .change(only.id, DEMOTE, &act("user.change"))
        .await;
    assert_eq!(conflict(refused), Conflict::LastAdministrator);
}

#[tokio::test]
async fn administrators_who_demote_each_other_leave_one() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let mut admins = vec![admin(store).await.id];
    for n in 0..3 {
        let email = format!("a{n}@example.org");
        let made = register(store, &email, Admission::Granted(Role::Admin)).await;
        admins.push(made.expect("granted").id);
    }
    let demotions = admins.iter().map(|id| {
        let store = store.clone();
        async move { store.users().change(*id, DEMOTE, &act("user.change")).await }
    });
    let (done, refused): (Vec<_>, Vec<_>) = join_all(demotions)
        .await
        .into_iter()
        .partition(Result::is_ok);
    assert_eq!((done.len(), refused.len()), (3, 1));
    assert_eq!(recorded(store, "user.change").await.len(), 3);
}

#[tokio::test]
async fn a_change_raises_the_version_and_ends_the_sessions() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    admin(store).await;
    let before = user(store, "b@example.org").await;
    let session = sign_in(store, &before).await;
    let unchanged = UserChange {
        role: Some(Role::User),
        is_active: Some(true),
    };
    let same = store
        .users()
        .change(before.id, unchanged, &act("user.change"))
        .await
        .expect("same");
    assert_eq!(same.version, before.version);
    assert!(matches!(standing(store, session).await, Standing::Good(_)));

    let change = UserChange {
        role: Some(Role::Admin),
        is_active: None,
    };
    let after = store
        .users()
        .change(before.id, change, &act("user.change"))
        .await
        .expect("changed");
    assert_eq!(
        (after.role, after.version),
        (Role::Admin, before.version + 1)
    );
    assert_eq!(
        standing(store, session).await,
        Standing::Ended(EndReason::AccountChanged)
    );
    let unknown = store
        .users()
        .change(user_id(), change, &act("user.change"))
        .await;
    assert!(matches!(unknown, Err(StoreError::NotFound)), "{unknown:?}");
}

async fn standing(store: &Store, session: openmake_types::SessionId) -> Standing {
    store
        .sessions()
        .standing(session, now())
        .await
        .expect("readable")
}

#[tokio::test]
async fn a_new_password_ends_every_session_but_the_one_that_set_it() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let account = admin(store).await;
    let (kept, other) = (
        sign_in(store, &account).await,
        sign_in(store, &account).await,
    );
    store
        .users()
        .set_password(
            account.id,
            "$argon2id$new",
            Some(kept),
            &act("user.password"),
        )
        .await
        .expect("changed");
    assert!(matches!(standing(store, kept).await, Standing::Good(_)));
    assert_eq!(
        standing(store, other).await,
        Standing::Ended(EndReason::PasswordChanged)
    );
    let stored = store
        .users()
        .get_credentials(account.id)
        .await
        .expect("there");
    assert_eq!(stored.password_hash.as_deref(), Some("$argon2id$new"));
    assert_eq!(stored.user.version, account.version + 1);
    let unknown = store
        .users()
        .set_password(user_id(), "$argon2id$new", None, &act("user.password"))
        .await;
    assert!(matches!(unknown, Err(StoreError::NotFound)), "{unknown:?}");
}

#[tokio::test]
async fn a_stronger_hash_replaces_only_the_one_that_was_checked() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let account = admin(store).await;
    let session = sign_in(store, &account).await;
    for (old, new, then) in [
        ("$2b$someone-else", "$argon2id$x", "$argon2id$old"),
        ("$argon2id$old", "$argon2id$stronger", "$argon2id$stronger"),
    ] {
        store
            .users()
            .upgrade_hash(account.id, old, new)
            .await
            .expect("written");
        let stored = store
            .users()
            .get_credentials(account.id)
            .await
            .expect("there");
        assert_eq!(stored.password_hash.as_deref(), Some(then));
        assert_eq!(stored.user.version, account.version);
    }
    assert!(matches!(standing(store, session).await, Standing::Good(_)));
}

#[tokio::test]
async fn accounts_are_paged_oldest_first_without_guests() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let mut made = vec![admin(store).await.id];
    guest(store).await;
    for n in 0..4 {
        made.push(user(store, &format!("u{n}@example.org")).await.id);
    }
    let (mut seen, mut after): (Vec<UserId>, _) = (Vec::new(), None);
    loop {
        let rows = store
            .users()
            .list(&UserFilter::default(), PageRequest { after, limit: 2 })
            .await
            .expect("a page");
        seen.extend(rows.items.iter().map(|user| user.id));
        after = rows.next;
        if after.is_none() {
            break;
        }
    }
    // All were made at one time, so the id decides.
    made.sort_by_key(|id| id.as_uuid());
    assert_eq!(seen, made);
    let all = store.users().list(&UserFilter::default(), page(5)).await;
    let all = all.expect("a page");
    assert_eq!((all.items.len(), all.next), (5, None));
}

#[tokio::test]
async fn a_name_may_be_anything_that_a_person_types() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let account = admin(store).await;
    let renamed = store
        .users()
        .set_display_name(account.id, "김\0서연 👩‍💻", later(1))
        .await
        .expect("renamed");
    assert_eq!(renamed.display_name, "김\u{fffd}서연 👩‍💻");
    assert_eq!(renamed.version, account.version);
}
