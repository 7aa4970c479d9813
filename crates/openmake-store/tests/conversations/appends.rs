//! The log of a turn.

use futures_util::future::join_all;
use openmake_store::turns::{Append, NewEvent};
use openmake_types::{TurnId, TurnStatus};
use serde_json::json;
use sqlx::Connection as _;

use crate::fixtures::{LEASE, World, append, conversation, delta, finish, process_id, uuid};

#[tokio::test]
async fn events_come_back_as_they_were_appended() {
    let world = World::new().await;
    let turn = world.running().await;
    let turns = world.store.turns();
    let odd = json!({"type": "text.delta", "text": "글 \"q\" \\ \u{1F600}\n", "n": [1, 2.5, null]});
    let events = Append {
        turn_id: turn.id,
        epoch: turn.epoch,
        events: vec![
            NewEvent {
                seq: 1,
                kind: "text.delta",
                data: odd.clone(),
            },
            delta(2, "a\0b"),
        ],
    };
    assert_eq!(
        turns.append(&[events], LEASE).await.expect("appended"),
        [turn.id]
    );
    let log = turns
        .log(world.owner, turn.id, 0, 10)
        .await
        .expect("readable");
    assert_eq!((log.status, log.kept), (TurnStatus::Running, true));
    assert_eq!(log.events[0].data, odd);
    assert_eq!(log.events[1].data["text"], "a\u{fffd}b");
    let read = turns.get(world.owner, turn.id).await.expect("readable");
    assert_eq!(read.last_seq, 2);
}

#[tokio::test]
async fn a_log_is_read_in_pieces() {
    let world = World::new().await;
    let turn = world.running().await;
    let turns = world.store.turns();
    let none = turns
        .log(world.owner, turn.id, 0, 10)
        .await
        .expect("readable");
    assert!(none.events.is_empty() && none.kept);
    turns
        .append(&[append(&turn, 1..=5)], LEASE)
        .await
        .expect("appended");
    let mut read = Vec::new();
    while let Some(last) = {
        let after = read.last().copied().unwrap_or(0);
        let piece = turns
            .log(world.owner, turn.id, after, 2)
            .await
            .expect("readable");
        read.extend(piece.events.iter().map(|event| event.seq));
        piece.events.last().map(|event| event.seq)
    } {
        assert!(last <= 5);
    }
    assert_eq!(read, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn one_statement_serves_many_turns_and_says_whose_were_lost() {
    let world = World::new().await;
    let turns = world.store.turns();
    let mut running = Vec::new();
    for _ in 0..5 {
        let mut start = world.question("Hi");
        start.conversation_id = conversation(&world.store, world.owner).await;
        running.push(world.start(&start).await);
    }
    let mut appends: Vec<Append> = running.iter().map(|turn| append(turn, 1..=3)).collect();
    // Not its epoch; ended; a gap; not there.
    appends[0].epoch += 1;
    world.end(&running[1], TurnStatus::Cancelled, "").await;
    appends[2] = append(&running[2], 2..=3);
    appends.push(Append {
        turn_id: TurnId::from_uuid(uuid()),
        ..append(&running[3], 1..=1)
    });
    let mut held = turns.append(&appends, LEASE).await.expect("appended");
    held.sort_by_key(|id| id.as_uuid());
    let mut expected = [running[3].id, running[4].id];
    expected.sort_by_key(|id| id.as_uuid());
    assert_eq!(held, expected);
    for lost in &running[..3] {
        assert!(world.seqs(lost).await.is_empty());
    }
    for kept in &running[3..] {
        assert_eq!(world.seqs(kept).await, [1, 2, 3]);
    }
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_can_be_repeated_with_more() {
    let world = World::new().await;
    let turn = world.running().await;
    let turns = world.store.turns();
    turns
        .append(&[append(&turn, 1..=2)], LEASE)
        .await
        .expect("appended");
    for again in [1..=2, 1..=4, 4..=5] {
        let held = turns.append(&[append(&turn, again)], LEASE).await;
        assert_eq!(held.expect("appended"), [turn.id]);
    }
    // Two of one turn in one call count as one.
    let two = [append(&turn, 6..=6), append(&turn, 7..=8)];
    assert_eq!(
        turns.append(&two, LEASE).await.expect("appended"),
        [turn.id]
    );
    assert_eq!(world.seqs(&turn).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    let read = turns.get(world.owner, turn.id).await.expect("readable");
    assert_eq!(read.last_seq, 8);
}

#[tokio::test]
async fn an_append_that_waits_for_a_claim_writes_nothing() {
    let world = World::new().await;
    let turn = world.running().await;
    let mut other = world.db.connection().await;
    let mut claim = other.begin().await.expect("a transaction");
    sqlx::query("UPDATE turns SET epoch = epoch + 1, owner_process = $2 WHERE id = $1")
        .bind(turn.id.as_uuid())
        .bind(process_id().as_uuid())
        .execute(&mut *claim)
        .await
        .expect("claimed");
    let appends = [append(&turn, 1..=3)];
    let turns = world.store.turns();
    let (held, ()) = world
        .meet(turns.append(&appends, LEASE), async {
            claim.commit().await.expect("committed");
        })
        .await;
    assert!(held.expect("no error").is_empty());
    assert!(world.seqs(&turn).await.is_empty());
}

#[tokio::test]
async fn an_append_that_waits_for_a_request_to_stop_is_written() {
    let world = World::new().await;
    let turn = world.running().await;
    let mut other = world.db.connection().await;
    let mut cancel = other.begin().await.expect("a transaction");
    sqlx::query("UPDATE turns SET cancel_requested_at = now() WHERE id = $1")
        .bind(turn.id.as_uuid())
        .execute(&mut *cancel)
        .await
        .expect("asked");
    let appends = [append(&turn, 1..=3)];
    let turns = world.store.turns();
    let (held, ()) = world
        .meet(turns.append(&appends, LEASE), async {
            cancel.commit().await.expect("committed");
        })
        .await;
    assert_eq!(held.expect("no error"), [turn.id]);
    assert_eq!(world.seqs(&turn).await, [1, 2, 3]);
}

#[tokio::test]
async fn appending_renewing_stopping_and_deleting_at_once_never_deadlock() {
    let world = World::new().await;
    let turns = world.store.turns();
    let first = world.ended(TurnStatus::Completed, "Yes.").await;
    let mut running = Vec::new();
    for _ in 0..12 {
        let beside = openmake_store::turns::Follows::Message(first.assistant_message_id);
        running.push(world.start(&world.following(beside)).await);
    }
    let append_all = async {
        for seq in 1..=20 {
            let mut appends: Vec<Append> =
                running.iter().map(|turn| append(turn, seq..=seq)).collect();
            if seq % 2 == 0 {
                appends.reverse();
            }
            let held = turns.append(&appends, LEASE).await.expect("no deadlock");
            assert_eq!(held.len(), running.len());
        }
    };
    let renew = async {
        for _ in 0..20 {
            turns
                .renew(world.process, LEASE)
                .await
                .expect("no deadlock");
        }
    };
    let stop = join_all(
        running
            .iter()
            .rev()
            .map(|turn| turns.request_cancel(world.owner, turn.id)),
    );
    let conversations = world.store.conversations();
    let delete_and_restore = async {
        for _ in 0..10 {
            conversations
                .delete(world.owner, world.conversation, crate::fixtures::now())
                .await
                .expect("no deadlock");
            conversations
                .restore(world.owner, world.conversation)
                .await
                .expect("no deadlock");
        }
    };
    let ((), (), stopped, ()) = tokio::join!(append_all, renew, stop, delete_and_restore);
    assert!(stopped.into_iter().all(|result| result.is_ok()));
    let ends = running.iter().map(|turn| {
        let mut end = finish(turn, TurnStatus::Cancelled);
        end.events = vec![delta(21, "end")];
        end
    });
    let ends: Vec<_> = ends.collect();
    let finished = join_all(ends.iter().map(|end| turns.finish(end))).await;
    assert!(
        finished
            .iter()
            .all(|version| matches!(version, Ok(Some(_))))
    );
    assert_eq!(world.seqs(&running[7]).await.len(), 21);
}
