use std::time::Duration;

use openmake_store::wakeups::{Heard, Wakeup, WakeupKind};
use testkit::database::TestDatabase;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::fixtures::{user_id, uuid};

/// Only so that a test that fails does not hang.
const PATIENCE: Duration = Duration::from_secs(20);

async fn hear(receiver: &mut Receiver<Heard>) -> Heard {
    timeout(PATIENCE, receiver.recv())
        .await
        .expect("something is heard in time")
        .expect("the listener lives")
}

fn wakeup(kind: WakeupKind) -> Wakeup {
    Wakeup {
        kind,
        id: uuid(),
        version: 3,
        owner: Some(user_id()),
    }
}

#[tokio::test]
async fn every_process_hears_what_one_tells() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let mut heard = [
        store.wakeups().listen(&tasks, stop.clone()).subscribe(),
        store.wakeups().listen(&tasks, stop.clone()).subscribe(),
    ];
    for receiver in &mut heard {
        assert_eq!(hear(receiver).await, Heard::Reconnected);
    }
    // More than go in one notification, and one without an owner.
    let mut told: Vec<Wakeup> = (0..200).map(|_| wakeup(WakeupKind::Turn)).collect();
    told.push(Wakeup {
        owner: None,
        version: 0,
        ..wakeup(WakeupKind::Settings)
    });
    store.wakeups().notify(&told).await.expect("told");
    store.wakeups().notify(&[]).await.expect("nothing to tell");
    for receiver in &mut heard {
        for wakeup in &told {
            assert_eq!(hear(receiver).await, Heard::Changed(*wakeup));
        }
    }
    stop.cancel();
    tasks.close();
    timeout(PATIENCE, tasks.wait())
        .await
        .expect("both listeners end");
    for receiver in &mut heard {
        assert_eq!(receiver.recv().await, Err(RecvError::Closed));
    }
}

#[tokio::test]
async fn a_lost_connection_is_made_again_and_told() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let mut heard = store.wakeups().listen(&tasks, stop.clone()).subscribe();
    assert_eq!(hear(&mut heard).await, Heard::Reconnected);
    let ended: i64 = sqlx::query_scalar(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
          WHERE datname = current_database() AND application_name = 'openmake listener'",
    )
    .fetch_one(store.pool())
    .await
    .expect("the listener's connection is cut");
    assert_eq!(ended, 1);
    assert_eq!(hear(&mut heard).await, Heard::Reconnected);
    let told = wakeup(WakeupKind::Conversation);
    store.wakeups().notify(&[told]).await.expect("told");
    assert_eq!(hear(&mut heard).await, Heard::Changed(told));
    stop.cancel();
    tasks.close();
    timeout(PATIENCE, tasks.wait())
        .await
        .expect("the listener ends");
}
