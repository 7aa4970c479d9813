//! Who writes a turn, and who takes it over.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use openmake_types::TurnStatus;

use crate::fixtures::{LEASE, World, append, conversation, finish, process_id};

/// Over as soon as it begins.
const NONE: Duration = Duration::ZERO;

#[tokio::test]
async fn a_turn_is_taken_over_when_its_lease_is_over_and_not_before() {
    let world = World::new().await;
    let turns = world.store.turns();
    let turn = world.running().await;
    turns
        .append(&[append(&turn, 1..=3)], LEASE)
        .await
        .expect("appended");
    let heir = process_id();
    let early = turns
        .claim_expired(heir, LEASE, 10)
        .await
        .expect("no error");
    assert!(early.is_empty());

    turns
        .append(&[append(&turn, 4..=4)], NONE)
        .await
        .expect("appended");
    let claimed = turns
        .claim_expired(heir, LEASE, 10)
        .await
        .expect("no error");
    assert_eq!(claimed.len(), 1);
    let taken = &claimed[0];
    assert_eq!(taken.turn.id, turn.id);
    assert_eq!(taken.turn.owner_process, heir);
    assert_eq!(taken.turn.epoch, turn.epoch + 1);
    let seqs: Vec<u64> = taken.events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, [1, 2, 3, 4]);

    // The one that lost it writes nothing more, and the heir ends it.
    let held = turns
        .append(&[append(&turn, 5..=5)], LEASE)
        .await
        .expect("no error");
    assert!(held.is_empty());
    let stale = turns.finish(&finish(&turn, TurnStatus::Completed)).await;
    assert_eq!(stale.expect("no error"), None);
    assert!(
        turns
            .renew(world.process, LEASE)
            .await
            .expect("renewed")
            .is_empty()
    );
    world
        .end(&taken.turn, TurnStatus::Interrupted, "Because")
        .await;
    let again = turns
        .claim_expired(heir, LEASE, 10)
        .await
        .expect("no error");
    assert!(again.is_empty());
}

#[tokio::test]
async fn a_lease_that_is_over_but_not_taken_is_renewed() {
    let world = World::new().await;
    let turns = world.store.turns();
    let mut start = world.question("Hi");
    start.lease = NONE;
    let turn = world.start(&start).await;
    let held = turns
        .append(&[append(&turn, 1..=1)], LEASE)
        .await
        .expect("appended");
    assert_eq!(held, [turn.id]);
    let heir = process_id();
    assert!(
        turns
            .claim_expired(heir, LEASE, 10)
            .await
            .expect("no error")
            .is_empty()
    );
    turns.renew(world.process, NONE).await.expect("renewed");
    turns.renew(world.process, LEASE).await.expect("renewed");
    assert!(
        turns
            .claim_expired(heir, LEASE, 10)
            .await
            .expect("no error")
            .is_empty()
    );
    // Without events an append renews too.
    turns.renew(world.process, NONE).await.expect("renewed");
    let mut empty = append(&turn, 1..=1);
    empty.events.clear();
    assert_eq!(
        turns.append(&[empty], LEASE).await.expect("renewed"),
        [turn.id]
    );
    assert!(
        turns
            .claim_expired(heir, LEASE, 10)
            .await
            .expect("no error")
            .is_empty()
    );
}

#[tokio::test]
async fn each_turn_is_taken_over_once() {
    let world = World::new().await;
    let turns = world.store.turns();
    let mut expired = BTreeSet::new();
    for _ in 0..20 {
        let mut start = world.question("Hi");
        start.conversation_id = conversation(&world.store, world.owner).await;
        start.lease = NONE;
        expired.insert(world.start(&start).await.id.as_uuid());
    }
    let mut taken = Vec::new();
    while taken.len() < expired.len() {
        let rounds = (0..6).map(|_| turns.claim_expired(process_id(), LEASE, 3));
        let before = taken.len();
        for round in join_all(rounds).await {
            taken.extend(round.expect("no error").into_iter().map(|one| one.turn));
        }
        assert!(taken.len() > before, "some are left and none was taken");
    }
    assert!(taken.iter().all(|turn| turn.epoch == 2));
    let ids: BTreeSet<_> = taken.iter().map(|turn| turn.id.as_uuid()).collect();
    assert_eq!((ids.len(), &ids), (taken.len(), &expired));
}

#[tokio::test]
async fn a_restarted_process_ends_the_leases_of_its_predecessors() {
    let world = World::new().await;
    let turns = world.store.turns();
    let old = world.running().await;
    let mut start = world.question("Hi");
    start.conversation_id = conversation(&world.store, world.owner).await;
    start.process = process_id();
    let own = world.start(&start).await;
    let expired = turns.expire_leases_except(own.owner_process).await;
    assert_eq!(expired.expect("no error"), 1);
    let claimed = turns.claim_expired(own.owner_process, LEASE, 10).await;
    let ids: Vec<_> = claimed
        .expect("no error")
        .into_iter()
        .map(|one| one.turn.id)
        .collect();
    assert_eq!(ids, [old.id]);
}
