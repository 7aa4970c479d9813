//! Ending turns.

use openmake_store::{
    budgets::{
        NewBudget,
        ledger::{Surplus, Wish},
        slices::{Exchange, SliceUse},
    },
    messages::{StoredError, StoredMetrics},
    turns::CancelOutcome,
};
use openmake_types::{
    ApiKeyId, BudgetId, BudgetPeriod, BudgetSubject, BudgetUnit, MessageStatus, SliceId,
    TokenCounts, TurnMetrics, TurnStatus,
};
use serde_json::json;

use crate::fixtures::{LEASE, World, act, append, delta, finish, later, now, uuid};

#[tokio::test]
async fn an_end_writes_the_message_the_turn_the_log_and_the_usage() {
    let world = World::new().await;
    let turns = world.store.turns();
    let mut start = world.question("Why?");
    start.api_key = Some(ApiKeyId::from_uuid(uuid()));
    let turn = world.start(&start).await;
    turns
        .append(&[append(&turn, 1..=2)], LEASE)
        .await
        .expect("appended");
    let before = world.read().await;

    let mut end = finish(&turn, TurnStatus::Failed);
    end.events = vec![delta(3, "…"), delta(4, "end")];
    end.content = "Because\0".to_owned();
    end.thinking = Some("Hm.".to_owned());
    end.tool_calls = json!([{"call_id": "1", "name": "t", "output": "\0"}]);
    end.error = Some(StoredError {
        code: "upstream_failed".to_owned(),
        detail: "The model server hung up.".to_owned(),
        hint: Some("Try again.".to_owned()),
    });
    end.metrics = TurnMetrics {
        tokens: TokenCounts {
            input: 7,
            output: 9,
        },
        estimated: true,
        first_token_ms: Some(120),
        tokens_per_second: Some(30.5),
        total_ms: 900,
    };
    let version = turns.finish(&end).await.expect("finished");
    assert_eq!(version, Some(before.version + 1));

    let answer = world.message(turn.assistant_message_id).await;
    assert_eq!(answer.status, MessageStatus::Failed);
    assert_eq!(answer.content, "Because\u{fffd}");
    assert_eq!(answer.thinking.as_deref(), Some("Hm."));
    assert_eq!(answer.tool_calls[0]["output"], "\u{fffd}");
    assert_eq!(answer.model.as_deref(), Some("qwen3:8b"));
    assert_eq!(answer.error, end.error);
    let metrics = StoredMetrics {
        input_tokens: 7,
        output_tokens: 9,
        estimated: true,
        first_token_ms: Some(120),
        response_time_ms: Some(900),
        tokens_per_second: Some(30.5),
    };
    assert_eq!(answer.metrics, Some(metrics));

    let read = turns.get(world.owner, turn.id).await.expect("readable");
    assert_eq!(read.status, TurnStatus::Failed);
    assert_eq!((read.last_seq, read.metrics), (4, Some(metrics)));
    assert_eq!((read.error, read.finished_at), (end.error, Some(later(2))));
    assert_eq!(world.seqs(&turn).await, [1, 2, 3, 4]);
    let log = turns
        .log(world.owner, turn.id, 2, 10)
        .await
        .expect("readable");
    assert_eq!((log.status, log.events.len()), (TurnStatus::Failed, 2));

    let conversation = world.read().await;
    assert!(conversation.running_turns.is_empty());
    assert_eq!(conversation.updated_at, later(2));
    let day = now().date_naive();
    let usage = world.store.usage().report(world.owner, day, day).await;
    let usage = usage.expect("readable");
    assert_eq!(usage.len(), 1);
    assert_eq!((usage[0].requests, usage[0].errors), (1, 1));
    assert_eq!((usage[0].input_tokens, usage[0].output_tokens), (7, 9));
}

#[tokio::test]
async fn an_end_whose_answer_was_lost_can_be_repeated_and_counts_once() {
    let world = World::new().await;
    let turns = world.store.turns();
    let turn = world.running().await;
    let mut end = finish(&turn, TurnStatus::Completed);
    end.events = vec![delta(1, "all"), delta(2, "end")];
    let first = turns.finish(&end).await.expect("finished");
    assert!(first.is_some());
    assert_eq!(turns.finish(&end).await.expect("no error"), first);
    assert_eq!(world.seqs(&turn).await, [1, 2]);
    let day = now().date_naive();
    let usage = world.store.usage().report(world.owner, day, day).await;
    assert_eq!(usage.expect("readable")[0].requests, 1);
}

#[tokio::test]
async fn an_end_may_bring_events_of_an_append_whose_answer_was_lost() {
    let world = World::new().await;
    let turns = world.store.turns();
    let turn = world.running().await;
    turns
        .append(&[append(&turn, 1..=2)], LEASE)
        .await
        .expect("appended");
    let mut end = finish(&turn, TurnStatus::Completed);
    end.events = vec![delta(2, "…"), delta(3, "end")];
    assert!(turns.finish(&end).await.expect("finished").is_some());
    assert_eq!(world.seqs(&turn).await, [1, 2, 3]);
}

#[tokio::test]
async fn who_lost_the_turn_ends_nothing() {
    let world = World::new().await;
    let turns = world.store.turns();
    let turn = world.running().await;
    let before = world.read().await;
    let mut stale = finish(&turn, TurnStatus::Completed);
    stale.epoch -= 1;
    let mut gap = finish(&turn, TurnStatus::Completed);
    gap.events = vec![delta(2, "end")];
    for end in [stale, gap] {
        assert_eq!(turns.finish(&end).await.expect("no error"), None);
    }
    assert_eq!(world.read().await, before);
    let answer = world.message(turn.assistant_message_id).await;
    assert_eq!(answer.status, MessageStatus::Running);
    let day = now().date_naive();
    let usage = world.store.usage().report(world.owner, day, day).await;
    assert!(usage.expect("readable").is_empty());

    // An end of another kind after the end does not count as a repetition.
    world.end(&turn, TurnStatus::Completed, "Yes.").await;
    let other = finish(&turn, TurnStatus::Cancelled);
    assert_eq!(turns.finish(&other).await.expect("no error"), None);
    assert_eq!(
        world.message(turn.assistant_message_id).await.content,
        "Yes."
    );
}

#[tokio::test]
async fn of_an_end_and_an_append_at_once_the_log_stays_whole() {
    let world = World::new().await;
    let turns = world.store.turns();
    for _ in 0..10 {
        let turn = world.running().await;
        let appends = [append(&turn, 1..=1)];
        let mut end = finish(&turn, TurnStatus::Completed);
        end.events = vec![delta(1, "end")];
        let (held, ended) = tokio::join!(turns.append(&appends, LEASE), turns.finish(&end));
        // One came first; the other either agreed with it or wrote nothing.
        assert!(ended.expect("no error").is_some());
        assert!(held.expect("no error").len() <= 1);
        assert_eq!(world.seqs(&turn).await, [1]);
    }
}

#[tokio::test]
async fn without_a_model_nothing_was_used() {
    let world = World::new().await;
    let turn = world.running().await;
    let mut end = finish(&turn, TurnStatus::Failed);
    end.model = None;
    world.store.turns().finish(&end).await.expect("finished");
    let day = now().date_naive();
    let usage = world.store.usage().report(world.owner, day, day).await;
    assert!(usage.expect("readable").is_empty());
}

#[tokio::test]
async fn a_stop_is_asked_of_the_process_that_writes() {
    let world = World::new().await;
    let turns = world.store.turns();
    let turn = world.running().await;
    assert!(
        turns
            .renew(world.process, LEASE)
            .await
            .expect("renewed")
            .is_empty()
    );
    for _ in 0..2 {
        let outcome = turns.request_cancel(world.owner, turn.id).await;
        assert_eq!(
            outcome.expect("asked"),
            CancelOutcome::Requested(world.process)
        );
    }
    assert_eq!(
        turns.renew(world.process, LEASE).await.expect("renewed"),
        [turn.id]
    );
    world.end(&turn, TurnStatus::Cancelled, "Because").await;
    let outcome = turns.request_cancel(world.owner, turn.id).await;
    assert_eq!(
        outcome.expect("asked"),
        CancelOutcome::AlreadyEnded(TurnStatus::Cancelled)
    );
    assert!(
        turns
            .renew(world.process, LEASE)
            .await
            .expect("renewed")
            .is_empty()
    );
}

#[tokio::test]
async fn an_end_settles_what_its_calls_were_paid_from_once() {
    let world = World::new().await;
    let budget = NewBudget {
        id: BudgetId::from_uuid(uuid()),
        subject: BudgetSubject::User,
        subject_id: world.owner.as_uuid(),
        unit: BudgetUnit::Tokens,
        period: BudgetPeriod::Day,
        limit: 1_000,
        now: now(),
    };
    let budgets = world.store.budgets();
    let made = budgets.create(&budget, &act("budget.create")).await;
    made.expect("made");
    let slice = SliceId::from_uuid(uuid());
    let exchange = Exchange {
        slice,
        budget: budget.id,
        period_start: now().date_naive(),
        process: world.process,
        seq: 1,
        wish: Wish {
            used: 0,
            reserved: 0,
            need: 300,
            ahead: 0,
            surplus: Surplus::Keep,
        },
        keep_for: LEASE,
    };
    budgets.exchange(&exchange).await.expect("exchanged");
    let turn = world.running().await;
    let mut end = finish(&turn, TurnStatus::Completed);
    end.settled = vec![SliceUse { slice, used: 120 }];
    for _ in 0..2 {
        world.store.turns().finish(&end).await.expect("finished");
        let status = budgets.get(budget.id, now()).await.expect("there");
        assert_eq!((status.spent, status.reserved), (120, 180));
    }
}
