//! What is refused, and that a failure leaves what was there.

use openmake_backup::{
    BackupError,
    restore::{OnData, Secrets},
};
use openmake_store::{transfer::TransferError, wakeups::Heard};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::support::{World, but_the_act, fill};

#[tokio::test]
async fn an_instance_in_use_is_replaced_only_when_asked_and_kept() {
    let source = World::full().await;
    let backup = source.back_up(None).await;
    let target = World::full().await;
    sqlx::query("UPDATE users SET display_name = 'Old' WHERE role = 'admin'")
        .execute(target.store.pool())
        .await
        .expect("another instance");
    let before = target.digests().await;
    let refused = target.restore(&backup, OnData::Refuse, Secrets::Keep).await;
    assert!(
        matches!(refused, Err(BackupError::NotEmpty { accounts: 2 })),
        "{refused:?}"
    );
    assert_eq!(target.digests().await, before);

    let restored = target
        .restore(&backup, OnData::SetAside, Secrets::Keep)
        .await
        .expect("replaced");
    let aside = restored.set_aside.expect("kept");
    assert_eq!(aside, "openmake_replaced_20261123_080000");
    assert_eq!(
        but_the_act(target.digests().await),
        but_the_act(source.digests().await)
    );
    let old = "SELECT count(*) FROM openmake_replaced_20261123_080000.users
                WHERE display_name = 'Old'";
    assert_eq!(target.count(old).await, 1);
    let listed = target.store.set_aside().await.expect("listed");
    assert_eq!(listed.len(), 1);
    assert!(listed[0].schema == aside && listed[0].size_bytes > 0);
    target.store.discard_set_aside().await.expect("discarded");
    assert!(target.store.set_aside().await.expect("listed").is_empty());
    target.store.ping().await.expect("untouched");
}

#[tokio::test]
async fn a_failure_half_way_leaves_what_was_there() {
    let source = World::full().await;
    let backup = source.back_up(None).await;
    let target = World::full().await;
    let before = target.digests().await;
    // The last step cannot be made: somebody has the name.
    sqlx::query("CREATE SCHEMA openmake_replaced_20261123_080000")
        .execute(target.store.pool())
        .await
        .expect("in the way");
    let refused = target
        .restore(&backup, OnData::SetAside, Secrets::Keep)
        .await;
    assert!(refused.is_err());
    assert_eq!(target.digests().await, before);
    let staged = "SELECT count(*) FROM pg_namespace WHERE nspname = 'openmake_restoring'";
    assert_eq!(target.count(staged).await, 0);
    // And one that a killed process has left is cleared by the next.
    for statement in [
        "DROP SCHEMA openmake_replaced_20261123_080000",
        "CREATE SCHEMA openmake_restoring",
        "CREATE TABLE openmake_restoring.users (left_behind integer)",
    ] {
        let done = sqlx::query(statement).execute(target.store.pool()).await;
        done.expect("out of the way");
    }
    let restored = target
        .restore(&backup, OnData::SetAside, Secrets::Keep)
        .await;
    restored.expect("replaced");
}

#[tokio::test]
async fn a_row_that_breaks_a_reference_is_noticed_before_anything_changes() {
    let source = World::full().await;
    for statement in [
        "ALTER TABLE sessions DROP CONSTRAINT sessions_user_id_fkey",
        "UPDATE sessions SET user_id = gen_random_uuid()",
    ] {
        let done = sqlx::query(statement).execute(source.store.pool()).await;
        done.expect("broken");
    }
    let backup = source.back_up(None).await;
    let target = World::full().await;
    let before = target.digests().await;
    let refused = target
        .restore(&backup, OnData::SetAside, Secrets::Keep)
        .await;
    assert!(refused.is_err());
    assert_eq!(target.digests().await, before);
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'openmake%'";
    assert_eq!(target.count(left).await, 0);
}

#[tokio::test]
async fn somebody_elses_database_is_refused() {
    let source = World::full().await;
    let backup = source.back_up(None).await;
    let target = World::new().await;
    for statement in [
        "DROP SCHEMA public CASCADE",
        "CREATE SCHEMA public",
        "CREATE TABLE invoices (id integer)",
    ] {
        let done = sqlx::query(statement).execute(target.store.pool()).await;
        done.expect("somebody else's");
    }
    let refused = target
        .restore(&backup, OnData::SetAside, Secrets::Keep)
        .await;
    assert!(matches!(refused, Err(BackupError::ForeignDatabase)));
    sqlx::query("DROP TABLE invoices")
        .execute(target.store.pool())
        .await
        .expect("empty now");
    let restored = target.restore(&backup, OnData::Refuse, Secrets::Keep).await;
    restored.expect("an empty database without a schema");
}

#[tokio::test]
async fn a_database_that_a_server_uses_is_refused() {
    let source = World::full().await;
    let backup = source.back_up(None).await;
    let target = World::new().await;
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let wakeups = target.store.wakeups().listen(&tasks, stop.clone());
    let mut heard = wakeups.subscribe();
    while heard.recv().await.expect("it listens") != Heard::Reconnected {}
    let refused = target.restore(&backup, OnData::Refuse, Secrets::Keep).await;
    assert!(
        matches!(refused, Err(BackupError::Transfer(TransferError::InUse))),
        "{refused:?}"
    );
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    let restored = target.restore(&backup, OnData::Refuse, Secrets::Keep).await;
    restored.expect("the server is gone");
}

#[tokio::test]
async fn a_damaged_or_cut_file_is_refused() {
    let world = World::full().await;
    world.back_up(Some("p")).await;
    let whole = std::fs::read(world.path()).expect("readable");
    let damaged = |what: &str, bytes: &[u8]| {
        std::fs::write(world.path(), bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
    };
    for part in 1..40 {
        let place = whole.len() * part / 40;
        let mut changed = whole.clone();
        changed[place] ^= 0x10;
        damaged("changed", &changed);
        assert!(world.open().await.is_err(), "byte {place}");
        damaged("cut", &whole[..place]);
        assert!(world.open().await.is_err(), "cut at {place}");
    }
    damaged("whole again", &whole);
    world.open().await.expect("whole");
}

#[tokio::test]
async fn a_file_that_changes_after_it_was_checked_changes_nothing() {
    let source = World::full().await;
    let backup = source.back_up(None).await;
    let target = World::new().await;
    fill(&target.store).await;
    let before = target.digests().await;
    // The same file, in place.
    let whole = std::fs::read(source.path()).expect("readable");
    let mut changed = whole.clone();
    let last = changed.len() - 100;
    changed[last] ^= 1;
    std::fs::write(source.path(), &changed).expect("changed");
    let refused = target
        .restore(&backup, OnData::SetAside, Secrets::Keep)
        .await;
    assert!(
        matches!(refused, Err(BackupError::Damaged(_))),
        "{refused:?}"
    );
    assert_eq!(target.digests().await, before);
}
