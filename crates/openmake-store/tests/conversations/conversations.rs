//! Conversations.

use futures_util::future::join_all;
use openmake_store::{
    Conflict, PageRequest, StoreError,
    conversations::{ConversationChange, Filter, TitleSource},
    turns::{Ask, Follows},
};
use openmake_types::{ConversationId, TurnStatus};

use crate::fixtures::{
    World, claim_guest, guest, is_missing, later, message_id, now, page, try_conversation, user,
};

fn titled(title: &str) -> ConversationChange {
    ConversationChange {
        title: Some(title.to_owned()),
        ..ConversationChange::default()
    }
}

#[tokio::test]
async fn what_is_made_is_read_back() {
    let world = World::new().await;
    let made = try_conversation(&world.store, world.owner, Some("계획\0"))
        .await
        .expect("made");
    assert_eq!(made.title, "계획\u{fffd}");
    assert_eq!(made.title_source, TitleSource::User);
    assert!(!made.is_temporary);
    let read = world.store.conversations().get(world.owner, made.id).await;
    assert_eq!(read.expect("readable"), made);
    let nobody = try_conversation(
        &world.store,
        openmake_types::UserId::from_uuid(made.id.as_uuid()),
        None,
    );
    assert!(is_missing(nobody.await));
}

#[tokio::test]
async fn a_guest_makes_one_even_with_two_requests_at_once() {
    let world = World::new().await;
    let guest = guest(&world.store, now()).await;
    let made = join_all((0..6).map(|_| try_conversation(&world.store, guest, None))).await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    assert!(
        made.into_iter()
            .flatten()
            .all(|conversation| conversation.is_temporary)
    );
    assert!(
        refused
            .into_iter()
            .all(|result| matches!(result, Err(StoreError::Conflict(Conflict::GuestLimit))))
    );
}

#[tokio::test]
async fn a_persons_title_is_never_replaced_by_the_models() {
    let world = World::new().await;
    let conversations = world.store.conversations();
    let id = world.conversation;
    let long = "제".repeat(300);
    let made = conversations.set_model_title(world.owner, id, &long).await;
    let made = made.expect("set").expect("there was none");
    assert_eq!(made.title, "제".repeat(200));
    assert_eq!(made.title_source, TitleSource::Model);
    let again = conversations
        .set_model_title(world.owner, id, "Other")
        .await;
    assert_eq!(again.expect("no error"), None);
    let renamed = conversations
        .change(world.owner, id, &titled("Mine"), now())
        .await;
    assert_eq!(renamed.expect("renamed").title_source, TitleSource::User);
    let again = conversations
        .set_model_title(world.owner, id, "Other")
        .await;
    assert_eq!(again.expect("no error"), None);
    assert_eq!(world.read().await.title, "Mine");
    // Taking the title back lets the model make one.
    conversations
        .change(world.owner, id, &titled(""), now())
        .await
        .expect("renamed");
    let anew = conversations
        .set_model_title(world.owner, id, "Other")
        .await;
    assert!(anew.expect("no error").is_some());
}

#[tokio::test]
async fn a_change_changes_what_it_names_and_nothing_else() {
    let world = World::new().await;
    let conversations = world.store.conversations();
    let before = world.read().await;
    let change = ConversationChange {
        model: Some("openmake_pro".to_owned()),
        pinned: Some(true),
        archived: Some(true),
        ..ConversationChange::default()
    };
    let changed = conversations
        .change(world.owner, world.conversation, &change, later(5))
        .await
        .expect("changed");
    assert_eq!(changed.model.as_deref(), Some("openmake_pro"));
    assert_eq!(
        (changed.pinned_at, changed.archived_at),
        (Some(later(5)), Some(later(5)))
    );
    assert_eq!(
        (changed.title, changed.updated_at),
        (before.title, before.updated_at)
    );
    assert_eq!(changed.version, before.version + 1);

    let back = ConversationChange {
        pinned: Some(true),
        archived: Some(false),
        ..ConversationChange::default()
    };
    let changed = conversations
        .change(world.owner, world.conversation, &back, later(9))
        .await
        .expect("changed");
    assert_eq!(
        (changed.pinned_at, changed.archived_at),
        (Some(later(5)), None)
    );
    assert_eq!(changed.model.as_deref(), Some("openmake_pro"));
}

#[tokio::test]
async fn a_chosen_message_shows_the_newest_end_of_its_branch() {
    let world = World::new().await;
    let conversations = world.store.conversations();
    let first = world.ended(TurnStatus::Completed, "Yes.").await;
    let second = world.ended(TurnStatus::Completed, "More.").await;
    let again = world.start(&world.asking(Ask::Again(second.id))).await;
    let root = world.start(&world.following(Follows::Nothing)).await;
    assert_eq!(
        world.read().await.active_leaf_id,
        Some(root.assistant_message_id)
    );
    for (chosen, leaf) in [
        (first.user_message_id, again.assistant_message_id),
        (second.user_message_id, again.assistant_message_id),
        (second.assistant_message_id, second.assistant_message_id),
        (root.user_message_id, root.assistant_message_id),
    ] {
        let change = ConversationChange {
            active_leaf: Some(chosen),
            ..ConversationChange::default()
        };
        let changed = conversations
            .change(world.owner, world.conversation, &change, now())
            .await;
        assert_eq!(changed.expect("changed").active_leaf_id, Some(leaf));
    }
    let unknown = ConversationChange {
        active_leaf: Some(message_id()),
        ..ConversationChange::default()
    };
    let refused = conversations
        .change(world.owner, world.conversation, &unknown, now())
        .await;
    assert!(is_missing(refused));
}

#[tokio::test]
async fn what_is_not_yours_does_not_exist() {
    let world = World::new().await;
    let conversations = world.store.conversations();
    let stranger = user(&world.store, "b@example.org").await;
    let id = world.conversation;
    assert!(is_missing(conversations.get(stranger, id).await));
    assert!(is_missing(
        conversations
            .change(stranger, id, &titled("x"), now())
            .await
    ));
    assert!(is_missing(
        conversations.set_model_title(stranger, id, "x").await
    ));
    assert!(is_missing(conversations.delete(stranger, id, now()).await));
    assert!(is_missing(conversations.restore(stranger, id).await));
    for filter in [Filter::Active, Filter::Archived, Filter::Deleted] {
        let theirs = conversations.list(stranger, filter, page(10)).await;
        assert!(theirs.expect("readable").items.is_empty());
    }
}

#[tokio::test]
async fn deleting_stops_what_runs_and_can_be_undone() {
    let world = World::new().await;
    let conversations = world.store.conversations();
    let turn = world.running().await;
    let version = world.read().await.version;
    let deleted = conversations
        .delete(world.owner, world.conversation, later(3))
        .await;
    assert_eq!(deleted.expect("deleted"), (version + 1, vec![turn.id]));
    assert!(is_missing(
        conversations.get(world.owner, world.conversation).await
    ));
    assert!(is_missing(
        conversations
            .delete(world.owner, world.conversation, now())
            .await
    ));
    let stopping = world
        .store
        .turns()
        .renew(world.process, crate::fixtures::LEASE)
        .await;
    assert_eq!(stopping.expect("renewed"), [turn.id]);
    // What was written until then is kept.
    world.end(&turn, TurnStatus::Cancelled, "Because").await;
    let trash = conversations
        .list(world.owner, Filter::Deleted, page(10))
        .await;
    assert_eq!(trash.expect("readable").items[0].deleted_at, Some(later(3)));
    let restored = conversations.restore(world.owner, world.conversation).await;
    assert_eq!(restored.expect("restored").deleted_at, None);
    assert!(
        conversations
            .restore(world.owner, world.conversation)
            .await
            .is_ok()
    );
    assert_eq!(world.messages().await[1].content, "Because");
}

/// The conversations of `owner` by pages of `limit`.
async fn listed(world: &World, filter: Filter, limit: u32) -> Vec<Vec<ConversationId>> {
    let mut pages = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest { after, limit };
        let rows = world
            .store
            .conversations()
            .list(world.owner, filter, page)
            .await;
        let rows = rows.expect("readable");
        pages.push(rows.items.iter().map(|one| one.id).collect());
        after = rows.next;
        if after.is_none() {
            return pages;
        }
    }
}

#[tokio::test]
async fn pinned_ones_come_first_once_and_beyond_the_limit() {
    let world = World::new().await;
    let conversations = world.store.conversations();
    let mut ids = vec![world.conversation];
    for _ in 0..6 {
        ids.push(crate::fixtures::conversation(&world.store, world.owner).await);
    }
    // All were made at the same moment, so that only their ids part them.
    for (nth, pinned) in [2, 0, 4].into_iter().enumerate() {
        let change = ConversationChange {
            pinned: Some(true),
            ..ConversationChange::default()
        };
        let at = later(i64::try_from(nth).expect("small"));
        conversations
            .change(world.owner, ids[pinned], &change, at)
            .await
            .expect("pinned");
    }
    let mut rest: Vec<_> = [1, 3, 5, 6].map(|n| ids[n]).into();
    rest.sort_by_key(|id| std::cmp::Reverse(id.as_uuid()));
    let pages = listed(&world, Filter::Active, 2).await;
    assert_eq!(
        pages,
        [
            vec![ids[4], ids[0], ids[2], rest[0], rest[1]],
            vec![rest[2], rest[3]]
        ]
    );
}

#[tokio::test]
async fn lists_go_by_the_last_message_and_hold_what_they_should() {
    let world = World::new().await;
    let conversations = world.store.conversations();
    let second = crate::fixtures::conversation(&world.store, world.owner).await;
    let third = crate::fixtures::conversation(&world.store, world.owner).await;
    // The first one is talked to last.
    let mut start = world.question("Hi");
    start.now = later(60);
    world.start(&start).await;
    assert_eq!(
        listed(&world, Filter::Active, 10).await[0][0],
        world.conversation
    );

    let archive = ConversationChange {
        archived: Some(true),
        pinned: Some(true),
        ..ConversationChange::default()
    };
    conversations
        .change(world.owner, second, &archive, now())
        .await
        .expect("archived");
    conversations
        .delete(world.owner, third, now())
        .await
        .expect("deleted");
    assert_eq!(
        listed(&world, Filter::Active, 10).await,
        [[world.conversation]]
    );
    assert_eq!(listed(&world, Filter::Archived, 10).await, [[second]]);
    assert_eq!(listed(&world, Filter::Deleted, 10).await, [[third]]);
}

#[tokio::test]
async fn what_was_pinned_before_the_hundred_latest_is_still_listed() {
    let world = World::new().await;
    sqlx::query(
        "INSERT INTO conversation_sessions (id, user_id, pinned_at, created_at, updated_at)
         SELECT gen_random_uuid(), $1, now() - n * interval '1 minute', now(), now()
           FROM generate_series(1, 103) n",
    )
    .bind(world.owner.as_uuid())
    .execute(world.store.pool())
    .await
    .expect("many pinned");
    let all: Vec<_> = listed(&world, Filter::Active, 2).await.concat();
    let mut once: Vec<_> = all.iter().map(|id| id.as_uuid()).collect();
    once.sort_unstable();
    once.dedup();
    assert_eq!((all.len(), once.len()), (104, 104));
}

#[tokio::test]
async fn a_claimed_conversation_is_the_accounts() {
    let world = World::new().await;
    let guest = guest(&world.store, now()).await;
    let made = try_conversation(&world.store, guest, Some("Trying it"))
        .await
        .expect("made");
    claim_guest(&world.store, guest, world.owner).await;
    let read = world.store.conversations().get(world.owner, made.id).await;
    assert!(!read.expect("theirs now").is_temporary);
}

#[tokio::test]
async fn what_changed_is_named_to_those_whose_it_is() {
    let world = World::new().await;
    let conversations = world.store.conversations();
    let stranger = user(&world.store, "stranger@example.com").await;
    let first = conversations.changes_since(&[world.owner], None).await;
    let first = first.expect("readable");
    let made = first.changed.expect("few");
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].id, made[0].version), (world.conversation, 1));
    // Longer ago than windows overlap.
    sqlx::query("UPDATE conversation_sessions SET changed_at = changed_at - interval '1 minute'")
        .execute(world.store.pool())
        .await
        .expect("older");
    let quiet = conversations
        .changes_since(&[world.owner], Some(first.now))
        .await;
    assert_eq!(quiet.expect("readable").changed, Some(Vec::new()));
    conversations
        .change(world.owner, world.conversation, &titled("Otters"), now())
        .await
        .expect("changed");
    for (owners, expected) in [
        (
            vec![world.owner, stranger],
            vec![(world.conversation, world.owner, 2)],
        ),
        (vec![stranger], vec![]),
        (vec![], vec![]),
    ] {
        let changes = conversations.changes_since(&owners, Some(first.now)).await;
        let changes = changes.expect("readable");
        assert!(changes.now >= first.now);
        let named: Vec<_> = changes
            .changed
            .expect("few")
            .into_iter()
            .map(|change| (change.id, change.owner, change.version))
            .collect();
        assert_eq!(named, expected);
    }
}

#[tokio::test]
async fn more_changes_than_can_be_named_are_said_to_be_many() {
    let world = World::new().await;
    sqlx::query(
        "INSERT INTO conversation_sessions (id, user_id, created_at, updated_at)
         SELECT gen_random_uuid(), $1, now(), now() FROM generate_series(1, 1000)",
    )
    .bind(world.owner.as_uuid())
    .execute(world.store.pool())
    .await
    .expect("many");
    let conversations = world.store.conversations();
    let changes = conversations.changes_since(&[world.owner], None).await;
    assert_eq!(changes.expect("readable").changed, None);
}
