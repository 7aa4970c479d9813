//! Backups that the server makes by itself.

use std::{path::PathBuf, sync::Arc};

use chrono::TimeDelta;
use openmake_backup::{
    restore::{Backup, OnData, Secrets},
    retention::Retention,
    schedule::Schedule,
    service::{BackupService, BackupSettings, ServiceParts, Trial},
};
use openmake_store::{
    PageRequest,
    audit::AuditFilter,
    backups::{BackupReason, BackupStatus, NewBackup, Verification},
};
use openmake_types::{Clock as _, Ids as _, ManualClock, RandomIds};
use prometheus_client::registry::Registry;
use tokio_util::sync::CancellationToken;

use crate::support::{World, act, keys, now};

struct Server {
    world: World,
    clock: Arc<ManualClock>,
    service: BackupService,
    registry: Registry,
}

fn settings(world: &World) -> BackupSettings {
    BackupSettings {
        directory: world.directory.path().join("backups"),
        schedule: Schedule::Every(24),
        retention: Retention {
            keep: 2,
            keep_days: 0,
        },
        trial: Trial::Restore,
        passphrase: Some("correct horse".into()),
    }
}

fn service(
    world: &World,
    clock: &Arc<ManualClock>,
    settings: BackupSettings,
) -> (BackupService, Registry) {
    let mut registry = Registry::with_prefix("openmake");
    let parts = ServiceParts {
        store: world.store.clone(),
        keys: keys(),
        clock: Arc::clone(clock) as _,
        ids: Arc::new(RandomIds),
        tasks: world.tasks.clone(),
        stop: CancellationToken::new(),
        program: "test",
        settings: Some(settings),
    };
    let service = BackupService::new(parts, &mut registry);
    (service, registry)
}

impl Server {
    async fn start() -> Self {
        let world = World::full().await;
        let clock = Arc::new(ManualClock::new(now()));
        let (service, registry) = service(&world, &clock, settings(&world));
        Self {
            world,
            clock,
            service,
            registry,
        }
    }

    fn directory(&self) -> PathBuf {
        settings(&self.world).directory
    }

    fn files(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.directory()) else {
            return Vec::new();
        };
        let mut names: Vec<String> = entries
            .map(|entry| {
                entry
                    .expect("readable")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    async fn round(&self) -> Option<openmake_store::backups::Backup> {
        self.service.round().await.expect("looked")
    }

    fn metrics(&self) -> String {
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("text");
        text
    }
}

#[tokio::test]
async fn backups_are_made_tried_recorded_and_old_ones_removed() {
    let server = Server::start().await;
    let first = server.round().await.expect("due at once");
    assert_eq!(first.status, BackupStatus::Done, "{first:?}");
    assert_eq!(first.reason, BackupReason::Schedule);
    assert_eq!(first.verification, Some(Verification::Verified));
    assert!(first.has_key && first.size > Some(1000) && first.rows > Some(400));
    assert_eq!(server.files(), [first.file.clone().expect("a file")]);
    assert!(server.round().await.is_none(), "not due again");

    server.clock.advance(TimeDelta::hours(23));
    assert!(server.round().await.is_none(), "not yet");
    let mut names = server.files();
    for _ in 0..3 {
        server.clock.advance(TimeDelta::hours(24));
        let made = server.round().await.expect("due");
        assert_eq!(made.verification, Some(Verification::Verified), "{made:?}");
        names.push(made.file.expect("a file"));
    }
    assert_eq!(server.files(), names[2..], "the newest two are kept");

    let filter = AuditFilter {
        action: Some("backup.create".to_owned()),
        ..AuditFilter::default()
    };
    let page = PageRequest {
        after: None,
        limit: 10,
    };
    let audit = server.world.store.audit();
    let trail = audit.list(&filter, page).await.expect("listed").items;
    assert_eq!(trail.len(), 4);
    assert_eq!(trail[0].details["verification"], "verified");
    let metrics = server.metrics();
    let at = server.clock.now().timestamp();
    for line in [
        "openmake_backup_last_succeeded 1".to_owned(),
        "openmake_backup_last_verified 1".to_owned(),
        format!("openmake_backup_last_success_timestamp_seconds {at}"),
        "openmake_backup_running 0".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line}: {metrics}");
    }
    let scratch = "SELECT count(*) FROM pg_database
                    WHERE datname = 'openmake_verify_' || (SELECT oid FROM pg_database
                                                            WHERE datname = current_database())";
    assert_eq!(server.world.count(scratch).await, 0, "nothing is left");

    // And it is a backup.
    let path = server.directory().join(names.last().expect("one"));
    let backup = Backup::open(&path, &server.world.tasks)
        .await
        .expect("whole");
    let target = World::new().await;
    let restored = target.restore(&backup, OnData::Refuse, Secrets::Keep).await;
    restored.expect("restored");
}

#[tokio::test]
async fn one_of_several_processes_makes_it() {
    let server = Server::start().await;
    let (other, _) = service(&server.world, &server.clock, settings(&server.world));
    let held = server
        .world
        .store
        .backups()
        .lock(now())
        .await
        .expect("asked");
    let held = held.expect("free");
    assert!(server.round().await.is_none(), "another one is at it");
    held.release().await;
    let (a, b) = tokio::join!(server.service.round(), other.round());
    let made = [a.expect("looked"), b.expect("looked")];
    assert_eq!(made.iter().flatten().count(), 1, "{made:?}");
    assert_eq!(server.files().len(), 1);
}

#[tokio::test]
async fn what_a_killed_process_was_at_is_said_and_made_again() {
    let server = Server::start().await;
    let killed = NewBackup {
        id: RandomIds.uuid(now()),
        reason: BackupReason::Schedule,
        requested_by: None,
        now: now() - TimeDelta::hours(2),
    };
    server
        .world
        .store
        .backups()
        .begin(&killed)
        .await
        .expect("begun");
    let made = server.round().await.expect("made again");
    assert_eq!(made.status, BackupStatus::Done);
    let page = PageRequest {
        after: None,
        limit: 10,
    };
    let all = server
        .world
        .store
        .backups()
        .list(page)
        .await
        .expect("listed");
    let killed = all.items.iter().find(|backup| backup.id == killed.id);
    let killed = killed.expect("listed");
    assert_eq!(killed.status, BackupStatus::Failed);
    assert!(
        killed
            .detail
            .as_deref()
            .is_some_and(|why| why.contains("ended"))
    );
}

#[tokio::test]
async fn a_failure_is_recorded_keeps_what_is_there_and_is_tried_again() {
    let server = Server::start().await;
    let good = server.round().await.expect("made").file.expect("a file");
    // A row that no restore takes: the file is written, and is not good.
    for statement in [
        "ALTER TABLE sessions DROP CONSTRAINT sessions_user_id_fkey",
        "UPDATE sessions SET user_id = gen_random_uuid()",
    ] {
        let done = sqlx::query(statement)
            .execute(server.world.store.pool())
            .await;
        done.expect("broken");
    }
    for _ in 0..3 {
        server.clock.advance(TimeDelta::hours(24));
        let failed = server.round().await.expect("tried");
        assert_eq!(failed.status, BackupStatus::Failed, "{failed:?}");
        assert_eq!(failed.verification, Some(Verification::Failed));
        assert!(failed.detail.is_some());
        assert!(server.round().await.is_none(), "not at once again");
        assert!(server.files().contains(&good), "the only good one stays");
        let metrics = server.metrics();
        assert!(
            metrics.contains("openmake_backup_last_succeeded 0"),
            "{metrics}"
        );
    }
    sqlx::query("DELETE FROM sessions")
        .execute(server.world.store.pool())
        .await
        .expect("mended");
    server.clock.advance(TimeDelta::hours(1));
    let made = server.round().await.expect("tried again");
    assert_eq!(made.status, BackupStatus::Done, "{made:?}");
    let there = server.files();
    assert!(there.contains(&good) && there.contains(&made.file.expect("a file")));

    // A place that is none.
    std::fs::remove_dir_all(server.directory()).expect("removed");
    std::fs::write(server.directory(), "in the way").expect("written");
    server.clock.advance(TimeDelta::hours(24));
    let failed = server.round().await.expect("tried");
    assert_eq!(failed.status, BackupStatus::Failed);
    assert_eq!(failed.file, None);
}

#[tokio::test]
async fn one_that_is_asked_for_is_made_at_once_and_only_once() {
    let server = Server::start().await;
    server.round().await.expect("the scheduled one");
    server.clock.advance(TimeDelta::seconds(5));
    let backups = server.world.store.backups();
    let request = || NewBackup {
        id: RandomIds.uuid(now()),
        reason: BackupReason::Request,
        requested_by: None,
        now: server.clock.now(),
    };
    let (audit, again) = (act("backup.request"), act("backup.request"));
    let first = backups.request(&request(), &audit).await.expect("asked");
    let second = backups.request(&request(), &again).await.expect("asked");
    assert_eq!(first.id, second.id, "one waits already");
    let made = server.round().await.expect("made");
    assert_eq!((made.id, made.status), (first.id, BackupStatus::Done));
    assert_eq!(made.reason, BackupReason::Request);
    assert!(server.round().await.is_none());
}
