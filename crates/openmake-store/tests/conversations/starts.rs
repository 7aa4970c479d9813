//! Starting turns.

use futures_util::future::join_all;
use openmake_store::{
    Conflict, StoreError,
    blobs::NewBlob,
    messages::StoredAttachment,
    turns::{Ask, Follows, Idempotency, Pair, StartTurn, Started},
};
use openmake_types::{BlobId, MessageRole, MessageStatus, TurnId, TurnStatus};

use crate::fixtures::{World, conversation, is_missing, message_id, now, user, uuid};

fn is_conflict<T>(result: Result<T, StoreError>, conflict: Conflict) -> bool {
    matches!(result.err(), Some(StoreError::Conflict(found)) if found == conflict)
}

fn with_key(mut start: StartTurn, key: &str, hash: u8) -> StartTurn {
    start.idempotency = Some(Idempotency {
        key: key.to_owned(),
        request_hash: [hash; 32],
    });
    start
}

#[tokio::test]
async fn a_start_stores_the_question_and_an_empty_answer() {
    let world = World::new().await;
    let before = world.read().await;
    let started = world.store.turns().start(&world.question("왜?")).await;
    let Ok(Started::New(Pair { turn, .. }, version)) = started else {
        panic!("not new: {started:?}");
    };
    let [question, answer] = &world.messages().await[..] else {
        panic!("two messages");
    };
    assert_eq!(question.id, turn.user_message_id);
    assert_eq!(
        (question.role, question.parent_id),
        (MessageRole::User, None)
    );
    assert_eq!(question.content, "왜?");
    assert_eq!(question.status, MessageStatus::Complete);
    assert_eq!(answer.id, turn.assistant_message_id);
    assert_eq!(answer.parent_id, Some(question.id));
    assert_eq!(answer.status, MessageStatus::Running);
    assert_eq!((answer.content.as_str(), answer.metrics), ("", None));
    assert!(question.created_at < answer.created_at);

    let after = world.read().await;
    assert_eq!(after.active_leaf_id, Some(answer.id));
    assert_eq!(after.running_turns, [(turn.id, answer.id)]);
    assert_eq!(
        (after.version, version),
        (before.version + 1, before.version + 1)
    );
    let read = world.store.turns().get(world.owner, turn.id).await;
    assert_eq!(read.expect("readable"), turn);
}

#[tokio::test]
async fn messages_keep_their_order_when_the_clock_stands_still_or_goes_back() {
    let world = World::new().await;
    let mut expected = Vec::new();
    for back in 0..4 {
        let mut start = world.question("Again?");
        start.now = now() - chrono::TimeDelta::hours(back);
        let turn = world.start(&start).await;
        world.end(&turn, TurnStatus::Completed, "Yes.").await;
        expected.extend([turn.user_message_id, turn.assistant_message_id]);
    }
    let messages = world.messages().await;
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    assert_eq!(ids, expected);
    assert!(
        messages
            .windows(2)
            .all(|two| two[0].created_at < two[1].created_at)
    );
}

#[tokio::test]
async fn the_same_key_gives_the_same_turn() {
    let world = World::new().await;
    let first = world.start(&with_key(world.question("Hi"), "k", 1)).await;
    // Even though the leaf is being written now.
    let again = world
        .store
        .turns()
        .start(&with_key(world.question("Hi"), "k", 1))
        .await;
    assert!(matches!(again, Ok(Started::Existing(pair)) if pair.turn == first));
    let other = world
        .store
        .turns()
        .start(&with_key(world.question("Ho"), "k", 2))
        .await;
    assert!(is_conflict(other, Conflict::IdempotencyMismatch));
    assert_eq!(world.messages().await.len(), 2);
}

#[tokio::test]
async fn of_many_starts_with_one_key_at_once_one_is_new() {
    let world = World::new().await;
    let turns = world.store.turns();
    let starts: Vec<_> = (0..8)
        .map(|_| with_key(world.question("Hi"), "k", 1))
        .collect();
    let results = join_all(starts.iter().map(|start| turns.start(start))).await;
    let mut new = 0;
    let mut ids = Vec::new();
    for result in results {
        match result.expect("no start fails") {
            Started::New(pair, _) => {
                new += 1;
                ids.push(pair.turn.id);
            }
            Started::Existing(pair) => ids.push(pair.turn.id),
        }
    }
    ids.dedup();
    assert_eq!((new, ids.len()), (1, 1));
    assert_eq!(world.messages().await.len(), 2);
}

#[tokio::test]
async fn one_key_in_two_conversations_at_once_is_one_turn() {
    let world = World::new().await;
    let other = conversation(&world.store, world.owner).await;
    let turns = world.store.turns();
    let one = with_key(world.question("Hi"), "k", 1);
    let mut two = with_key(world.question("Hi"), "k", 1);
    two.conversation_id = other;
    let (one, two) = tokio::join!(turns.start(&one), turns.start(&two));
    let new = [one.expect("started"), two.expect("started")]
        .iter()
        .filter(|started| matches!(started, Started::New(..)))
        .count();
    assert_eq!(new, 1);
}

#[tokio::test]
async fn keys_of_different_people_do_not_meet() {
    let world = World::new().await;
    world.start(&with_key(world.question("Hi"), "k", 1)).await;
    let owner = user(&world.store, "b@example.org").await;
    let mut theirs = with_key(world.question("Ho"), "k", 2);
    theirs.owner = owner;
    theirs.conversation_id = conversation(&world.store, owner).await;
    world.start(&theirs).await;
}

#[tokio::test]
async fn of_many_starts_on_one_leaf_one_runs() {
    let world = World::new().await;
    world.ended(TurnStatus::Completed, "Yes.").await;
    let turns = world.store.turns();
    let starts: Vec<_> = (0..8).map(|_| world.question("More")).collect();
    let results = join_all(starts.iter().map(|start| turns.start(start))).await;
    let (started, refused): (Vec<_>, Vec<_>) = results.into_iter().partition(Result::is_ok);
    assert_eq!(started.len(), 1);
    assert!(
        refused
            .into_iter()
            .all(|result| is_conflict(result, Conflict::TurnRunning))
    );
}

#[tokio::test]
async fn branches_run_at_the_same_time() {
    let world = World::new().await;
    let first = world.ended(TurnStatus::Completed, "Yes.").await;
    let running = world.running().await;
    let turns = world.store.turns();
    let on_running = world.following(Follows::Message(running.assistant_message_id));
    assert!(is_conflict(
        turns.start(&on_running).await,
        Conflict::TurnRunning
    ));
    // Editing a question: a sibling of it.
    let beside = Follows::Message(first.assistant_message_id);
    let edited = world.start(&world.following(beside)).await;
    let root = world.start(&world.following(Follows::Nothing)).await;
    assert_eq!(
        world.message(edited.user_message_id).await.parent_id,
        Some(first.assistant_message_id)
    );
    assert_eq!(world.message(root.user_message_id).await.parent_id, None);
    let conversation = world.read().await;
    assert_eq!(conversation.running_turns.len(), 3);
    assert_eq!(conversation.active_leaf_id, Some(root.assistant_message_id));
}

#[tokio::test]
async fn asking_again_gives_the_answer_a_sibling() {
    let world = World::new().await;
    let first = world.running().await;
    let again = world.asking(Ask::Again(first.id));
    let turns = world.store.turns();
    assert!(is_conflict(
        turns.start(&again).await,
        Conflict::TurnRunning
    ));
    world.end(&first, TurnStatus::Completed, "Yes.").await;

    let second = world.start(&world.asking(Ask::Again(first.id))).await;
    assert_eq!(second.user_message_id, first.user_message_id);
    assert_eq!(second.continues_message_id, None);
    let answer = world.message(second.assistant_message_id).await;
    assert_eq!(answer.parent_id, Some(first.user_message_id));
    assert_eq!(world.messages().await.len(), 3);
    // A second press of the button.
    assert!(is_conflict(
        turns.start(&again).await,
        Conflict::TurnRunning
    ));
}

#[tokio::test]
async fn an_answer_that_stopped_can_be_continued_and_no_other() {
    let world = World::new().await;
    let turns = world.store.turns();
    let running = world.running().await;
    let early = turns.start(&world.asking(Ask::Continue(running.id))).await;
    assert!(is_conflict(early, Conflict::TurnState));
    world.end(&running, TurnStatus::Completed, "Yes.").await;
    let complete = turns.start(&world.asking(Ask::Continue(running.id))).await;
    assert!(is_conflict(complete, Conflict::TurnState));

    for status in [
        TurnStatus::Interrupted,
        TurnStatus::Cancelled,
        TurnStatus::Failed,
    ] {
        let stopped = world.ended(status, "Because").await;
        let more = world.start(&world.asking(Ask::Continue(stopped.id))).await;
        assert_eq!(more.user_message_id, stopped.user_message_id);
        assert_eq!(
            more.continues_message_id,
            Some(stopped.assistant_message_id)
        );
        let answer = world.message(more.assistant_message_id).await;
        assert_eq!(answer.parent_id, Some(stopped.assistant_message_id));
        let twice = turns.start(&world.asking(Ask::Continue(stopped.id))).await;
        assert!(is_conflict(twice, Conflict::TurnRunning));
        world
            .end(&more, TurnStatus::Completed, " of the air.")
            .await;

        // Once more from where it stopped.
        let again = world.start(&world.asking(Ask::Again(more.id))).await;
        assert_eq!(
            again.continues_message_id,
            Some(stopped.assistant_message_id)
        );
        let answer = world.message(again.assistant_message_id).await;
        assert_eq!(answer.parent_id, Some(stopped.assistant_message_id));
        world
            .end(&again, TurnStatus::Completed, " of the light.")
            .await;
    }
}

#[tokio::test]
async fn what_is_not_the_owners_cannot_be_asked() {
    let world = World::new().await;
    let turn = world.ended(TurnStatus::Failed, "").await;
    let turns = world.store.turns();
    let stranger = user(&world.store, "b@example.org").await;
    let mut theirs = world.question("Hi");
    theirs.owner = stranger;
    assert!(is_missing(turns.start(&theirs).await));

    let own = conversation(&world.store, stranger).await;
    for ask in [
        Ask::Again(turn.id),
        Ask::Continue(turn.id),
        Ask::Question {
            message_id: message_id(),
            follows: Follows::Message(turn.assistant_message_id),
            content: "Hi".to_owned(),
            attachments: Vec::new(),
        },
    ] {
        let mut start = world.asking(ask);
        start.owner = stranger;
        start.conversation_id = own;
        assert!(is_missing(turns.start(&start).await), "{:?}", start.ask);
    }
    // Not even from another conversation of the same person.
    let mut start = world.asking(Ask::Again(turn.id));
    start.conversation_id = conversation(&world.store, world.owner).await;
    assert!(is_missing(turns.start(&start).await));
    assert!(is_missing(turns.get(stranger, turn.id).await));
    assert!(is_missing(turns.log(stranger, turn.id, 0, 10).await));
    assert!(is_missing(turns.request_cancel(stranger, turn.id).await));
    let unknown = TurnId::from_uuid(uuid());
    assert!(is_missing(turns.get(world.owner, unknown).await));
}

#[tokio::test]
async fn a_deleted_conversation_is_not_asked() {
    let world = World::new().await;
    let conversations = world.store.conversations();
    conversations
        .delete(world.owner, world.conversation, now())
        .await
        .expect("deleted");
    assert!(is_missing(
        world.store.turns().start(&world.question("Hi")).await
    ));
}

#[tokio::test]
async fn images_come_back_in_order_and_must_be_the_owners() {
    let world = World::new().await;
    let stranger = user(&world.store, "b@example.org").await;
    let mut ids = Vec::new();
    for (owner, data) in [
        (world.owner, b"one"),
        (world.owner, b"two"),
        (stranger, b"six"),
    ] {
        let blob = NewBlob {
            id: BlobId::from_uuid(uuid()),
            owner,
            media_type: "image/png",
            data,
            now: now(),
        };
        ids.push(world.store.blobs().put(&blob).await.expect("stored"));
    }
    let asking = |blobs: &[BlobId]| {
        world.asking(Ask::Question {
            message_id: message_id(),
            follows: Follows::ActiveLeaf,
            content: "Look".to_owned(),
            attachments: blobs
                .iter()
                .map(|blob| StoredAttachment {
                    blob: *blob,
                    media_type: "image/png".to_owned(),
                })
                .collect(),
        })
    };
    let stolen = world.store.turns().start(&asking(&[ids[0], ids[2]])).await;
    assert!(is_missing(stolen));
    let turn = world.start(&asking(&[ids[1], ids[0], ids[1]])).await;
    let shown = world.message(turn.user_message_id).await.attachments;
    let shown: Vec<_> = shown.into_iter().map(|one| one.blob).collect();
    assert_eq!(shown, [ids[1], ids[0], ids[1]]);
}

#[tokio::test]
async fn a_day_without_a_partition_gets_one() {
    let world = World::new().await;
    let turns = world.store.turns();
    // Several at once, on a day that nobody prepared.
    let mut conversations = Vec::new();
    for _ in 0..4 {
        conversations.push(conversation(&world.store, world.owner).await);
    }
    let starts: Vec<_> = conversations
        .into_iter()
        .map(|conversation| {
            let mut start = world.question("Hi");
            start.conversation_id = conversation;
            start.now = now() + chrono::TimeDelta::days(400);
            start
        })
        .collect();
    for started in join_all(starts.iter().map(|start| turns.start(start))).await {
        assert!(matches!(started, Ok(Started::New(..))), "{started:?}");
    }
}

#[tokio::test]
async fn nul_in_a_question_is_replaced() {
    let world = World::new().await;
    let turn = world.start(&world.question("a\0b")).await;
    let question = world.message(turn.user_message_id).await;
    assert_eq!(question.content, "a\u{fffd}b");
}
