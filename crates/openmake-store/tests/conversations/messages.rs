//! Messages.

use openmake_store::{PageRequest, turns::Follows};
use openmake_types::TurnStatus;

use crate::fixtures::{World, conversation, is_missing, message_id, now, page, user};

#[tokio::test]
async fn pages_give_every_message_once_and_in_order() {
    let world = World::new().await;
    for _ in 0..4 {
        world.ended(TurnStatus::Completed, "Yes.").await;
    }
    let all: Vec<_> = world
        .messages()
        .await
        .into_iter()
        .map(|one| one.id)
        .collect();
    assert_eq!(all.len(), 8);
    let mut read = Vec::new();
    let mut after = None;
    loop {
        let page = PageRequest { after, limit: 3 };
        let rows = world
            .store
            .messages()
            .page(world.owner, world.conversation, page)
            .await;
        let rows = rows.expect("readable");
        read.extend(rows.items.into_iter().map(|one| one.id));
        after = rows.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(read, all);
}

#[tokio::test]
async fn a_branch_is_what_leads_to_its_leaf() {
    let world = World::new().await;
    let messages = world.store.messages();
    let one = world.ended(TurnStatus::Completed, "One.").await;
    let two = world.ended(TurnStatus::Completed, "Two.").await;
    let beside = Follows::Message(one.assistant_message_id);
    let edited = world.start(&world.following(beside)).await;
    let branch = async |leaf, limit| {
        let read = messages
            .branch(world.owner, world.conversation, leaf, limit)
            .await;
        read.expect("readable")
            .into_iter()
            .map(|one| one.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        branch(edited.assistant_message_id, 100).await,
        [
            one.user_message_id,
            one.assistant_message_id,
            edited.user_message_id,
            edited.assistant_message_id
        ]
    );
    assert_eq!(
        branch(two.assistant_message_id, 3).await,
        [
            one.assistant_message_id,
            two.user_message_id,
            two.assistant_message_id
        ]
    );
}

#[tokio::test]
async fn messages_are_read_by_their_owner_from_their_conversation() {
    let world = World::new().await;
    let messages = world.store.messages();
    let turn = world.ended(TurnStatus::Completed, "Yes.").await;
    let leaf = turn.assistant_message_id;
    let stranger = user(&world.store, "b@example.org").await;
    let other = conversation(&world.store, world.owner).await;
    assert!(is_missing(
        messages.page(stranger, world.conversation, page(10)).await
    ));
    assert!(is_missing(
        messages
            .branch(stranger, world.conversation, leaf, 10)
            .await
    ));
    assert!(is_missing(
        messages.branch(world.owner, other, leaf, 10).await
    ));
    assert!(is_missing(
        messages
            .branch(world.owner, world.conversation, message_id(), 10)
            .await
    ));
    let empty = messages.page(world.owner, other, page(10)).await;
    assert!(empty.expect("readable").items.is_empty());
    let deleted = world
        .store
        .conversations()
        .delete(world.owner, world.conversation, now())
        .await;
    deleted.expect("deleted");
    assert!(is_missing(
        messages
            .page(world.owner, world.conversation, page(10))
            .await
    ));
    assert!(is_missing(
        messages
            .branch(world.owner, world.conversation, leaf, 10)
            .await
    ));
}
