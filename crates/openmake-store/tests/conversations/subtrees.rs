//! Deleted parts of a conversation's tree, and what a log leaves to its message.

use openmake_store::{
    Conflict, StoreError,
    blobs::NewBlob,
    messages::{StoredAttachment, StoredCut},
    turns::{Append, Ask, Follows, NewEvent},
};
use openmake_types::{BlobId, MessageId, TurnStatus};
use serde_json::json;

use crate::{
    fixtures::{LEASE, World, finish, is_missing, later, message_id, now, uuid},
    maintenance::maintain,
};

#[tokio::test]
async fn thinking_lasts_until_something_else_comes_and_not_while_the_process_is_dead() {
    let world = World::new().await;
    for (last, ended, expected) in [
        ("turn.completed", TurnStatus::Completed, 12_000 + 12_000),
        ("turn.interrupted", TurnStatus::Interrupted, 12_000),
    ] {
        let turn = world.running().await;
        let event = |seq, data: serde_json::Value, kind| NewEvent { seq, kind, data };
        let cut = json!({"type": "context.cut", "messages": 3, "tokens": 40,
                         "context_tokens": 100});
        let thought = json!({"type": "thinking.delta", "text": "hm"});
        let append = Append {
            turn_id: turn.id,
            epoch: turn.epoch,
            events: vec![
                event(1, cut, "context.cut"),
                event(2, thought.clone(), "thinking.delta"),
                event(3, json!({"type": "text.delta", "text": "a"}), "text.delta"),
                event(4, thought, "thinking.delta"),
            ],
        };
        let appended = world.store.turns().append(&[append], LEASE).await;
        assert_eq!(appended.expect("appended"), [turn.id]);
        // The last event comes with the end, at a time that is now.
        let mut connection = world.db.connection().await;
        sqlx::query(
            "UPDATE turn_events
                SET created_at = now() + make_interval(secs => 12 * (seq - 5)) WHERE turn_id = $1",
        )
        .bind(turn.id.as_uuid())
        .execute(&mut connection)
        .await
        .expect("moved");
        let mut end = finish(&turn, ended);
        end.events = vec![event(
            5,
            json!({"type": last, "finish_reason": "length"}),
            last,
        )];
        assert!(
            world
                .store
                .turns()
                .finish(&end)
                .await
                .expect("ended")
                .is_some()
        );
        let answer = world.message(turn.assistant_message_id).await;
        let thought = answer.thinking_ms.expect("it thought");
        // What the end itself takes comes on top.
        assert!(
            thought >= expected && thought < expected + 12_000,
            "{thought}"
        );
        assert_eq!(
            answer.cut,
            Some(StoredCut {
                messages: 3,
                tokens: 40
            })
        );
        let reason = (last == "turn.completed").then_some("length");
        assert_eq!(answer.finish_reason.as_deref(), reason);
    }
}

#[tokio::test]
async fn the_newest_branch_beside_a_deleted_one_is_shown() {
    let world = World::new().await;
    let messages = world.store.messages();
    let root = world.ended(TurnStatus::Completed, "root").await;
    let left = world.ended(TurnStatus::Completed, "left").await;
    let beside = Follows::Message(root.assistant_message_id);
    let right = world.start(&world.following(beside)).await;
    world.end(&right, TurnStatus::Completed, "right").await;
    let delete = async |message: MessageId| {
        messages
            .delete(world.owner, world.conversation, message, later(5))
            .await
    };
    let restore = async |message: MessageId| {
        messages
            .restore(world.owner, world.conversation, message)
            .await
    };
    // What is not shown goes without changing what is.
    let after = delete(left.assistant_message_id).await.expect("deleted");
    assert_eq!(after.active_leaf_id, Some(right.assistant_message_id));
    let after = delete(right.user_message_id).await.expect("deleted");
    assert_eq!(after.active_leaf_id, Some(left.user_message_id));
    // A question without its answer can be asked again, but not continued.
    let ask = async |ask| world.store.turns().start(&world.asking(ask)).await;
    assert!(is_missing(ask(Ask::Again(right.id)).await));
    assert!(is_missing(
        world
            .store
            .turns()
            .start(&world.following(Follows::Message(right.assistant_message_id)))
            .await
    ));
    let again = ask(Ask::Again(left.id)).await;
    assert!(again.is_ok(), "{again:?}");
    assert!(matches!(
        delete(left.user_message_id).await,
        Err(StoreError::Conflict(Conflict::TurnRunning))
    ));
    // Deleted apart, restored apart; and not under what is deleted still.
    let all = delete(right.user_message_id).await;
    assert!(is_missing(all));
    let back = restore(right.user_message_id).await.expect("restored");
    assert_eq!(back.active_leaf_id, Some(right.assistant_message_id));
    let shown = delete(right.assistant_message_id).await.expect("deleted");
    assert_eq!(shown.active_leaf_id, Some(right.user_message_id));
    delete(right.user_message_id).await.expect("deleted");
    assert!(is_missing(restore(right.assistant_message_id).await));
    restore(right.user_message_id).await.expect("restored");
    let ids: Vec<_> = world.messages().await.iter().map(|one| one.id).collect();
    assert!(ids.contains(&right.user_message_id));
    assert!(!ids.contains(&right.assistant_message_id));
    restore(right.assistant_message_id).await.expect("restored");
}

#[tokio::test]
async fn deleted_messages_and_their_images_are_removed_when_their_time_is_over() {
    let world = World::new().await;
    let blob = NewBlob {
        id: BlobId::from_uuid(uuid()),
        owner: world.owner,
        media_type: "image/png",
        data: b"an image",
        now: now(),
    };
    let blob = world.store.blobs().put(&blob).await.expect("stored");
    let kept = world.ended(TurnStatus::Completed, "kept").await;
    let going = world
        .start(&world.asking(Ask::Question {
            message_id: message_id(),
            follows: Follows::ActiveLeaf,
            content: "Look.".to_owned(),
            attachments: vec![StoredAttachment {
                blob,
                media_type: "image/png".to_owned(),
            }],
        }))
        .await;
    world.end(&going, TurnStatus::Completed, "Seen.").await;
    world
        .store
        .messages()
        .delete(
            world.owner,
            world.conversation,
            going.user_message_id,
            later(10),
        )
        .await
        .expect("deleted");
    let early = maintain(&world, later(10)).await;
    assert_eq!((early.messages_removed, early.blobs_removed), (0, 0));
    let month = chrono::TimeDelta::days(40);
    let due = maintain(&world, later(10) + month).await;
    assert_eq!((due.messages_removed, due.blobs_removed), (1, 1));
    assert!(is_missing(
        world
            .store
            .messages()
            .restore(world.owner, world.conversation, going.user_message_id)
            .await
    ));
    assert!(is_missing(
        world.store.turns().get(world.owner, going.id).await
    ));
    assert_eq!(world.messages().await.len(), 2);
    let leaf = world.read().await.active_leaf_id;
    assert_eq!(leaf, Some(kept.assistant_message_id));
}
