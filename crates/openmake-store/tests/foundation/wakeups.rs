use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use openmake_store::{
    StoreError,
    settings::SettingsChange,
    wakeups::{Follow, Heard, Wakeup, WakeupKind},
};
use testkit::database::TestDatabase;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::fixtures::{act, user_id, uuid};

/// Only so that a test that fails does not hang.
const PATIENCE: Duration = Duration::from_secs(20);

/// The next thing that is heard; what the poll says of the settings is passed
/// over.
async fn hear(receiver: &mut Receiver<Heard>) -> Heard {
    loop {
        let heard = timeout(PATIENCE, receiver.recv())
            .await
            .expect("something is heard in time")
            .expect("the listener lives");
        if !matches!(heard, Heard::Changed(change) if is_settings(&change)) {
            return heard;
        }
    }
}

/// Whether it says that the settings changed.
fn is_settings(change: &Wakeup) -> bool {
    change.kind == WakeupKind::Settings && change.id.is_nil()
}

/// Waits until the poll says that the settings have this version.
async fn hear_settings(receiver: &mut Receiver<Heard>, version: i64) {
    let told = async {
        loop {
            if let Ok(Heard::Changed(change)) = receiver.recv().await
                && is_settings(&change)
                && change.version == version
            {
                return;
            }
        }
    };
    timeout(PATIENCE, told).await.expect("told in time");
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

#[tokio::test]
async fn what_nobody_tells_of_is_told_by_the_poll() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let mut heard = store.wakeups().listen(&tasks, stop.clone()).subscribe();
    let before = store.settings().get().await.expect("settings").version;
    hear_settings(&mut heard, before).await;
    // A process that is killed between its commit and its wake-up.
    let change = SettingsChange {
        instance_name: Some("Otters".to_owned()),
        ..SettingsChange::default()
    };
    let changed = store
        .settings()
        .change(&change, &act("settings.change"))
        .await;
    let version = changed.expect("changed").version;
    hear_settings(&mut heard, version).await;
    let node: uuid::Uuid = sqlx::query_scalar(
        "INSERT INTO model_nodes (id, name, kind, base_url, created_at, updated_at)
         VALUES (gen_random_uuid(), 'n', 'ollama', 'http://n', now(), now()) RETURNING id",
    )
    .fetch_one(store.pool())
    .await
    .expect("a node");
    loop {
        if let Heard::Changed(change) = hear(&mut heard).await {
            assert_eq!((change.kind, change.id), (WakeupKind::Node, node));
            break;
        }
    }
    stop.cancel();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.expect("all end");
}

#[tokio::test(start_paused = true)]
async fn what_is_followed_is_read_at_first_after_changes_and_after_failures() {
    let (sender, heard) = tokio::sync::broadcast::channel(8);
    let (reads, failures) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(2)));
    let stop = CancellationToken::new();
    let follow = Follow {
        heard,
        kind: WakeupKind::Settings,
        what: "a thing",
    };
    let (counted, failing) = (Arc::clone(&reads), Arc::clone(&failures));
    let read = move || {
        counted.fetch_add(1, Ordering::SeqCst);
        let fails = failing
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
                left.checked_sub(1)
            })
            .is_ok();
        async move {
            if fails {
                Err(StoreError::NotFound)
            } else {
                Ok(())
            }
        }
    };
    let tasks = TaskTracker::new();
    tasks.spawn(follow.run(read, stop.clone()));
    let count = || reads.load(Ordering::SeqCst);
    // Two that fail, a second apart, and one that does not.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(count(), 3);
    for (told, expected) in [
        (Heard::Changed(wakeup(WakeupKind::Turn)), 3),
        (Heard::Changed(wakeup(WakeupKind::Settings)), 4),
        (Heard::Reconnected, 5),
    ] {
        sender.send(told).expect("followed");
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(count(), expected, "{told:?}");
    }
    stop.cancel();
    tasks.close();
    timeout(PATIENCE, tasks.wait()).await.expect("it ends");
}
