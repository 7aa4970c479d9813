use openmake_store::{
    Conflict, Store, StoreError,
    api_keys::{KeyProof, KeyTerms, NewApiKey},
    groups::{Group, GroupRole, GroupTerms, NewGroup, NewMember, Seen, Whom},
    sessions::{AuthorityChange, Standing},
    users::User,
};
use openmake_types::{ApiKeyId, GroupId, ModelAccess, Scope, SessionId, UserId};
use testkit::database::TestDatabase;

use crate::fixtures::{act, admin, guest, later, now, page, recorded, sign_in, user, uuid};

async fn make(store: &Store, name: &str, models: Option<&[&str]>) -> Result<Group, StoreError> {
    let group = NewGroup {
        id: GroupId::from_uuid(uuid()),
        terms: GroupTerms {
            name: name.to_owned(),
            description: String::new(),
            allowed_models: models
                .map(|models| models.iter().map(|&model| model.to_owned()).collect()),
        },
        now: now(),
    };
    store.groups().create(&group, &act("group.create")).await
}

async fn join(store: &Store, group: &Group, user: UserId, role: GroupRole) {
    let member = NewMember {
        group: group.id,
        user,
        role,
        now: now(),
    };
    let joined = store
        .groups()
        .add_member(&member, &act("group.member_add"))
        .await;
    assert_eq!(joined.expect("joined").role, role);
}

async fn models(store: &Store, session: SessionId) -> ModelAccess {
    let standing = store.sessions().standing(session, now()).await;
    match standing.expect("readable") {
        Standing::Good(authority) => authority.models,
        other => panic!("the session holds: {other:?}"),
    }
}

fn text(models: &ModelAccess) -> String {
    match models {
        ModelAccess::All => "all".to_owned(),
        ModelAccess::Only(names) => names.iter().cloned().collect::<Vec<_>>().join(" "),
    }
}

async fn key_of(store: &Store, owner: &User, models: &[&str]) {
    let key = NewApiKey {
        id: ApiKeyId::from_uuid(uuid()),
        owner: owner.id,
        proof: KeyProof {
            hash: [1; 32],
            last_four: "0001".to_owned(),
        },
        terms: KeyTerms {
            name: "key".to_owned(),
            scopes: vec![Scope::Chat],
            allowed_models: Some(models.iter().map(|&model| model.to_owned()).collect()),
            requests_per_minute: None,
            tokens_per_minute: None,
            expires_at: None,
        },
        now: now(),
    };
    let made = store.api_keys().create(&key, &act("api_key.create")).await;
    made.expect("made");
}

async fn key_models(store: &Store) -> String {
    let found = store.api_keys().lookup_authority(&[1; 32], now()).await;
    text(&found.expect("readable").expect("it holds").models)
}

#[tokio::test]
async fn who_is_in_groups_with_lists_may_ask_what_any_of_them_lists() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (_, kim) = (admin(store).await, user(store, "kim@example.org").await);
    let session = sign_in(store, &kim).await;
    key_of(store, &kim, &["b", "x"]).await;
    assert_eq!(text(&models(store, session).await), "all");
    assert_eq!(key_models(store).await, "b x");

    let plain = make(store, "plain", None).await.expect("made");
    join(store, &plain, kim.id, GroupRole::Member).await;
    assert_eq!(text(&models(store, session).await), "all");
    let small = make(store, "small", Some(&["a", "b"])).await.expect("made");
    join(store, &small, kim.id, GroupRole::Member).await;
    assert_eq!(text(&models(store, session).await), "a b");
    assert_eq!(key_models(store).await, "b");
    let large = make(store, "large", Some(&["b", "c"])).await.expect("made");
    join(store, &large, kim.id, GroupRole::Manager).await;
    assert_eq!(text(&models(store, session).await), "a b c");

    let groups = store.groups();
    for group in [small, large] {
        let removed = groups.remove(group.id, &act("group.delete")).await;
        assert_eq!(removed.expect("removed"), [kim.id]);
    }
    assert_eq!(text(&models(store, session).await), "all");
    assert_eq!(key_models(store).await, "b x");
}

#[tokio::test]
async fn what_a_group_changes_is_followed_and_signs_nobody_out() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (admin, kim) = (admin(store).await, user(store, "kim@example.org").await);
    let session = sign_in(store, &kim).await;
    let (groups, sessions) = (store.groups(), store.sessions());
    let group = make(store, "group", None).await.expect("made");
    let at = (Seen::All(admin.id), group.id);
    let (_, mut since) = sessions.changes_since(None).await.expect("readable");
    for step in 0..5 {
        let mut followed = true;
        match step {
            0 => join(store, &group, kim.id, GroupRole::Member).await,
            1 => {
                let list = |terms: &mut GroupTerms| {
                    terms.allowed_models = Some(vec!["a".to_owned()]);
                };
                let edited = groups.edit(at, now(), list, &act("group.update")).await;
                assert_eq!(edited.expect("changed").1, [kim.id]);
            }
            2 => {
                // A name is nobody's authority.
                let rename = |terms: &mut GroupTerms| "renamed".clone_into(&mut terms.name);
                let edited = groups
                    .edit(at, later(1), rename, &act("group.update"))
                    .await;
                let (after, affected) = edited.expect("changed");
                assert_eq!((after.terms.name.as_str(), after.version), ("renamed", 3));
                assert!(affected.is_empty());
                followed = false;
            }
            3 => {
                let act = act("group.member_remove");
                let left = groups.remove_member((group.id, kim.id), Whom::Members, &act);
                left.await.expect("removed");
            }
            _ => {
                let removed = groups.remove(group.id, &act("group.delete")).await;
                assert!(removed.expect("removed").is_empty());
                followed = false;
            }
        }
        let (changes, then) = sessions.changes_since(Some(since)).await.expect("readable");
        let expected: &[AuthorityChange] = if followed {
            &[AuthorityChange::User(kim.id)]
        } else {
            &[]
        };
        assert_eq!(changes, expected, "step {step}");
        since = then;
    }
    assert_eq!(text(&models(store, session).await), "all");
    let read = store.users().get(kim.id).await.expect("there");
    assert_eq!(read.version, kim.version);
}

#[tokio::test]
async fn one_sees_the_groups_that_one_is_in_and_administrators_all() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (admin, kim) = (admin(store).await, user(store, "kim@example.org").await);
    let groups = store.groups();
    let mine = make(store, "Mine", None).await.expect("made");
    let other = make(store, "other", None).await.expect("made");
    join(store, &mine, kim.id, GroupRole::Manager).await;
    let names = |seen| async move {
        let rows = store.groups().list(seen, page(10)).await.expect("a page");
        rows.items
            .into_iter()
            .map(|group| (group.terms.name, group.members, group.role))
            .collect::<Vec<_>>()
    };
    let manager = Some(GroupRole::Manager);
    assert_eq!(
        names(Seen::Of(kim.id)).await,
        [("Mine".to_owned(), 1, manager)]
    );
    assert_eq!(names(Seen::Of(admin.id)).await, []);
    let mut all = names(Seen::All(admin.id)).await;
    all.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        all,
        [("Mine".to_owned(), 1, None), ("other".to_owned(), 0, None)]
    );
    let hidden = groups.get(Seen::Of(kim.id), other.id).await;
    assert!(matches!(hidden, Err(StoreError::NotFound)), "{hidden:?}");
    assert_eq!(
        groups.get(Seen::Of(kim.id), mine.id).await.expect("seen"),
        Group {
            members: 1,
            role: manager,
            ..mine.clone()
        }
    );
    let taken = make(store, "MINE", None).await;
    assert!(
        matches!(taken, Err(StoreError::Conflict(Conflict::GroupNameTaken))),
        "{taken:?}"
    );
}

#[tokio::test]
async fn members_come_once_and_managers_go_by_an_administrator_only() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (_, kim) = (admin(store).await, user(store, "kim@example.org").await);
    let lee = user(store, "lee@example.org").await;
    let groups = store.groups();
    let group = make(store, "group", None).await.expect("made");
    join(store, &group, kim.id, GroupRole::Manager).await;
    join(store, &group, lee.id, GroupRole::Member).await;
    let add = |user| async move {
        let member = NewMember {
            group: group.id,
            user,
            role: GroupRole::Member,
            now: now(),
        };
        let groups = store.groups();
        groups.add_member(&member, &act("group.member_add")).await
    };
    let twice = add(lee.id).await;
    assert!(
        matches!(twice, Err(StoreError::Conflict(Conflict::AlreadyMember))),
        "{twice:?}"
    );
    let visitor = add(guest(store).await.id).await;
    assert!(matches!(visitor, Err(StoreError::NotFound)), "{visitor:?}");

    let rows = groups.members(group.id, page(1)).await.expect("a page");
    assert!(rows.next.is_some());
    let rows = groups.members(group.id, page(10)).await.expect("a page");
    assert_eq!(rows.items.len(), 2);
    let remove = |user, whom| async move {
        let act = act("group.member_remove");
        let groups = store.groups();
        groups.remove_member((group.id, user), whom, &act).await
    };
    let refused = remove(kim.id, Whom::Members).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict(Conflict::ManagerStays))),
        "{refused:?}"
    );
    remove(lee.id, Whom::Members).await.expect("removed");
    let gone = remove(lee.id, Whom::Anyone).await;
    assert!(matches!(gone, Err(StoreError::NotFound)), "{gone:?}");
    let set = groups
        .set_role(
            (group.id, kim.id),
            GroupRole::Member,
            &act("group.member_role"),
        )
        .await;
    assert_eq!(set.expect("set").role, GroupRole::Member);
    let nobody = groups
        .set_role(
            (group.id, lee.id),
            GroupRole::Member,
            &act("group.member_role"),
        )
        .await;
    assert!(matches!(nobody, Err(StoreError::NotFound)), "{nobody:?}");
    assert_eq!(recorded(store, "group.member_remove").await.len(), 1);
}
