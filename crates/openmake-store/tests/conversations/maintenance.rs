//! What is done from time to time.

use chrono::{DateTime, TimeDelta, Utc};
use openmake_store::{
    blobs::NewBlob,
    maintenance::{MaintenanceReport, Retention},
    messages::StoredAttachment,
    throttle::ThrottlePolicy,
    turns::{Ask, Follows},
};
use openmake_types::{BlobId, TurnStatus};

use crate::fixtures::{
    LEASE, World, append, conversation, finish, guest, is_missing, message_id, now,
    try_conversation, uuid,
};

pub(crate) async fn maintain(world: &World, now: DateTime<Utc>) -> MaintenanceReport {
    let retention = Retention {
        events: TimeDelta::hours(24),
        deleted_conversations: TimeDelta::days(30),
        guests: TimeDelta::days(7),
        ended_sessions: TimeDelta::days(30),
        failed_sign_ins: TimeDelta::days(2),
    };
    world
        .store
        .maintain(&retention, now)
        .await
        .expect("maintained")
}

fn days(days: i64) -> DateTime<Utc> {
    now() + TimeDelta::days(days)
}

#[tokio::test]
async fn partitions_are_made_once() {
    let world = World::new().await;
    let store = &world.store;
    let made = tokio::join!(store.ensure_partitions(), store.ensure_partitions());
    assert_eq!(made.0.expect("made") + made.1.expect("made"), 4);
    assert_eq!(store.ensure_partitions().await.expect("nothing to do"), 0);
}

#[tokio::test]
async fn a_log_goes_a_day_after_its_last_turn_ended() {
    let world = World::new().await;
    let turns = world.store.turns();
    let turn = world.running().await;
    turns
        .append(&[append(&turn, 1..=3)], LEASE)
        .await
        .expect("appended");
    assert_eq!(
        maintain(&world, days(9)).await.partitions_dropped,
        0,
        "it runs"
    );
    let mut end = finish(&turn, TurnStatus::Completed);
    end.now = days(9);
    turns.finish(&end).await.expect("finished");
    assert_eq!(
        maintain(&world, days(9)).await.partitions_dropped,
        0,
        "it just ended"
    );
    assert!(
        turns
            .log(world.owner, turn.id, 0, 10)
            .await
            .expect("readable")
            .kept
    );

    let report = maintain(&world, days(10) + TimeDelta::seconds(1)).await;
    assert_eq!((report.partitions_made, report.partitions_dropped), (0, 1));
    let log = turns
        .log(world.owner, turn.id, 0, 10)
        .await
        .expect("readable");
    assert_eq!((log.kept, log.events.len()), (false, 0));
    assert_eq!(log.status, TurnStatus::Completed);
    let answer = world.message(turn.assistant_message_id).await;
    assert_eq!(answer.content, "Because of Rayleigh.");
}

#[tokio::test]
async fn deleted_conversations_go_with_all_that_is_theirs() {
    let world = World::new().await;
    let mut blobs = Vec::new();
    for data in [b"one", b"two"] {
        let blob = NewBlob {
            id: BlobId::from_uuid(uuid()),
            owner: world.owner,
            media_type: "image/png",
            data,
            now: now(),
        };
        blobs.push(world.store.blobs().put(&blob).await.expect("stored"));
    }
    let kept = conversation(&world.store, world.owner).await;
    let showing = |blobs: &[BlobId]| {
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
    let turn = world.start(&showing(&blobs)).await;
    world.end(&turn, TurnStatus::Completed, "A cat").await;
    let more = world.start(&world.question("And?")).await;
    world.end(&more, TurnStatus::Failed, "").await;
    world.start(&world.asking(Ask::Continue(more.id))).await;
    let mut other = showing(&blobs[..1]);
    other.conversation_id = kept;
    world.start(&other).await;

    let conversations = world.store.conversations();
    conversations
        .delete(world.owner, world.conversation, now())
        .await
        .expect("deleted");
    let early = maintain(&world, days(30)).await;
    assert_eq!(early.conversations_removed, 0);
    let report = maintain(&world, days(31)).await;
    assert_eq!((report.conversations_removed, report.blobs_removed), (1, 1));
    assert!(is_missing(
        conversations.restore(world.owner, world.conversation).await
    ));
    assert!(is_missing(
        world.store.turns().get(world.owner, turn.id).await
    ));
    // What another conversation shows is still there.
    assert!(world.store.blobs().get(world.owner, blobs[0]).await.is_ok());
    assert!(is_missing(
        world.store.blobs().get(world.owner, blobs[1]).await
    ));
    assert!(conversations.get(world.owner, kept).await.is_ok());
}

#[tokio::test]
async fn guests_go_when_they_were_silent_for_long() {
    let world = World::new().await;
    let silent = guest(&world.store, now()).await;
    try_conversation(&world.store, silent, None)
        .await
        .expect("made");
    let talking = guest(&world.store, now()).await;
    let made = try_conversation(&world.store, talking, None)
        .await
        .expect("made");
    let mut start = world.question("Hi");
    (start.owner, start.conversation_id) = (talking, made.id);
    start.now = days(3);
    world.start(&start).await;
    assert_eq!(maintain(&world, days(6)).await.guests_removed, 0);
    assert_eq!(maintain(&world, days(8)).await.guests_removed, 1);
    assert!(is_missing(world.store.users().get(silent).await));
    assert!(world.store.users().get(talking).await.is_ok());
    assert!(world.store.users().get(world.owner).await.is_ok());
}

#[tokio::test]
async fn ended_sessions_go_and_living_ones_stay() {
    let world = World::new().await;
    for (ended, expires) in [(Some(now()), days(60)), (None, now()), (None, days(60))] {
        sqlx::query(
            "INSERT INTO sessions (id, user_id, nonce, rotated_at, created_at, last_seen_at,
                                   expires_at, ended_at, ended_reason)
             VALUES ($1, $2, '', $3, $3, $3, $4, $5, $6)",
        )
        .bind(uuid())
        .bind(world.owner.as_uuid())
        .bind(now())
        .bind(expires)
        .bind(ended)
        .bind(ended.map(|_| "signed_out"))
        .execute(world.store.pool())
        .await
        .expect("a session");
    }
    assert_eq!(maintain(&world, days(29)).await.sessions_removed, 0);
    assert_eq!(maintain(&world, days(31)).await.sessions_removed, 2);
    assert_eq!(maintain(&world, days(31)).await.sessions_removed, 0);
}

#[tokio::test]
async fn old_failures_to_sign_in_are_forgotten_unless_they_still_lock() {
    let world = World::new().await;
    let policy = |max_delay| ThrottlePolicy {
        free: 0,
        first_delay: max_delay,
        max_delay,
        forget_after: TimeDelta::days(1),
    };
    for (key, lock) in [
        ([1; 32], TimeDelta::hours(1)),
        ([2; 32], TimeDelta::days(9)),
    ] {
        world
            .store
            .throttle()
            .fail(&key, &policy(lock), now())
            .await
            .expect("counted");
    }
    assert_eq!(maintain(&world, days(1)).await.throttles_removed, 0);
    assert_eq!(maintain(&world, days(3)).await.throttles_removed, 1);
    assert_eq!(maintain(&world, days(10)).await.throttles_removed, 1);
}

#[tokio::test]
async fn what_nobody_indexed_is_indexed_later() {
    let world = World::new().await;
    world.ended(TurnStatus::Completed, "Rayleigh").await;
    world.running().await;
    let search = world.store.search();
    assert!(
        search
            .find(world.owner, "rayleigh", 5)
            .await
            .expect("found")
            .is_empty()
    );
    // Two questions and one answer; the other answer is still being written.
    assert_eq!(maintain(&world, now()).await.messages_indexed, 3);
    assert_eq!(
        search
            .find(world.owner, "rayleigh", 5)
            .await
            .expect("found")
            .len(),
        1
    );
    assert_eq!(maintain(&world, now()).await.messages_indexed, 0);
    // Another version of the word cutter would do it again.
    sqlx::query("UPDATE message_search SET tokenizer = 0, words = ''")
        .execute(world.store.pool())
        .await
        .expect("changed");
    assert_eq!(maintain(&world, now()).await.messages_indexed, 3);
    assert_eq!(
        search
            .find(world.owner, "rayleigh", 5)
            .await
            .expect("found")
            .len(),
        1
    );
}
