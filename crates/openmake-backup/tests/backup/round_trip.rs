//! There and back again.

use std::{
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use openmake_backup::{
    BackupError, Watcher,
    create::{CreateParts, Destination, create},
    restore::{OnData, Secrets},
    verify::{Verified, verify},
};
use openmake_store::{StoreError, secrets::KeyRing};
use openmake_types::RandomIds;
use uuid::Uuid;

use crate::support::{NODE_KEY, World, but_the_act, digests, fill, keys};

#[tokio::test]
async fn a_restored_instance_is_the_same() {
    let source = World::full().await;
    let before = source.digests().await;
    let backup = source.back_up(None).await;
    let manifest = backup.manifest();
    assert_eq!(manifest.master_key_id, Some(keys().key_id()));
    assert!(manifest.rows() > 400, "{}", manifest.rows());
    let mode = std::fs::metadata(source.path())
        .expect("there")
        .permissions();
    assert_eq!(mode.mode() & 0o777, 0o600);
    assert_eq!(
        std::fs::read_dir(source.directory.path())
            .expect("readable")
            .count(),
        1,
        "nothing else is left beside it"
    );

    let target = World::new().await;
    let restored = target.restore(&backup, OnData::Refuse, Secrets::Keep).await;
    let restored = restored.expect("restored");
    assert_eq!(restored.set_aside, None);
    assert!(restored.lost.is_empty());
    assert_eq!(
        but_the_act(target.digests().await),
        but_the_act(before.clone())
    );
    let acts = target.count("SELECT count(*) FROM audit_logs WHERE action = 'backup.restore'");
    assert_eq!(acts.await, 1);
    let schemas = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'openmake%'";
    assert_eq!(target.count(schemas).await, 0, "nothing is left behind");
    // It goes on as one that was migrated: references hold, days are made,
    // nothing is left to migrate.
    target.store.ping().await.expect("ready");
    target.store.migrate().await.expect("nothing to do");
    target.store.ensure_partitions().await.expect("a log");
    target
        .store
        .check_master_key(&keys())
        .await
        .expect("the same");
    let orphan = sqlx::query(
        "INSERT INTO conversation_messages (id, session_id, role, content, created_at)
         VALUES (gen_random_uuid(), gen_random_uuid(), 'user', '', now())",
    );
    let refused = orphan.execute(target.store.pool()).await;
    assert!(matches!(
        StoreError::from(refused.expect_err("no such conversation")),
        StoreError::NotFound
    ));
    assert_eq!(constraints(&source).await, constraints(&target).await);
    assert_eq!(
        digests(&source.store).await,
        before,
        "the source is as it was"
    );
}

/// Every constraint and index, by what it says.
async fn constraints(world: &World) -> Vec<String> {
    let mut all: Vec<String> = sqlx::query_scalar(
        "SELECT conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid)
           FROM pg_constraint WHERE connamespace = 'public'::regnamespace
         UNION ALL
         SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'",
    )
    .fetch_all(world.store.pool())
    .await
    .expect("the catalogue");
    // Days that the source's own maintenance has made.
    all.retain(|text| !text.contains("turn_events_"));
    all.sort();
    all
}

#[tokio::test]
async fn a_backup_is_of_one_moment_while_others_write() {
    let source = World::full().await;
    let stop = Arc::new(AtomicBool::new(false));
    let mut writers = Vec::new();
    // Fifty turns, each with its count in one table and its events in another.
    for number in 0..50_u128 {
        let turn = Uuid::from_u128(0xffff_0000 + number);
        sqlx::query(
            "INSERT INTO conversation_messages (id, session_id, role, content, created_at)
             VALUES ($1, '00000000-0000-0000-0000-0000000000c1', 'assistant', '', now())",
        )
        .bind(turn)
        .execute(source.store.pool())
        .await
        .expect("a message");
        sqlx::query(
            "INSERT INTO turns (id, session_id, user_id, user_message_id, assistant_message_id,
                                requested_model, owner_process, lease_until, log_day, created_at)
             VALUES ($1, '00000000-0000-0000-0000-0000000000c1',
                     '00000000-0000-0000-0000-000000000001', $1, $1, 'm', $1, now(),
                     '2026-11-23', now())",
        )
        .bind(turn)
        .execute(source.store.pool())
        .await
        .expect("a turn");
        let (stop, pool) = (Arc::clone(&stop), source.store.pool().clone());
        writers.push(source.tasks.spawn(async move {
            let mut seq = 0_i64;
            while !stop.load(Ordering::Relaxed) {
                seq += 1;
                let mut tx = pool.begin().await.expect("begun");
                for statement in [
                    "INSERT INTO turn_events (log_day, turn_id, seq, type, data)
                     VALUES ('2026-11-23', $1, $2, 'text.delta', '{}')",
                    "UPDATE turns SET last_seq = $2 WHERE id = $1",
                ] {
                    let written = sqlx::query(statement)
                        .bind(turn)
                        .bind(seq)
                        .execute(&mut *tx);
                    written.await.expect("written");
                }
                tx.commit().await.expect("committed");
            }
            seq
        }));
    }
    let backup = source.back_up(None).await;
    stop.store(true, Ordering::Relaxed);
    let mut written = 0;
    for writer in writers {
        written += writer.await.expect("ended");
    }
    let target = World::new().await;
    let restored = target.restore(&backup, OnData::Refuse, Secrets::Keep).await;
    restored.expect("restored");
    let torn = target.count(
        "SELECT count(*) FROM turns t
          WHERE t.requested_model = 'm'
            AND t.last_seq <> (SELECT count(*) FROM turn_events e WHERE e.turn_id = t.id)",
    );
    assert_eq!(torn.await, 0, "a turn and its log are of the same moment");
    let turns = target.count("SELECT count(*) FROM turns WHERE requested_model = 'm'");
    assert_eq!(turns.await, 50);
    let carried = "SELECT sum(last_seq)::bigint FROM turns WHERE requested_model = 'm'";
    assert!(target.count(carried).await <= written);
}

#[tokio::test]
async fn an_older_schema_is_brought_to_the_present_one() {
    let source = World::new().await;
    for statement in ["DROP SCHEMA public CASCADE", "CREATE SCHEMA public"] {
        let done = sqlx::query(statement).execute(source.store.pool()).await;
        done.expect("an empty database");
    }
    let mut first = sqlx::migrate!("../openmake-store/migrations");
    let only: Vec<_> = first.iter().filter(|m| m.version == 1).cloned().collect();
    first = sqlx::migrate::Migrator::with_migrations(only);
    first
        .run(source.store.pool())
        .await
        .expect("the first schema");
    fill(&source.store).await;
    let before = source.digests().await;
    assert!(!before.contains_key("backups"), "it is younger");
    let backup = source.back_up(None).await;
    assert_eq!(backup.manifest().schema(), 1);
    let tried = verify(&source.store, &backup, &source.tasks).await;
    assert_eq!(tried.expect("good"), Verified::Same);

    let target = World::new().await;
    let restored = target.restore(&backup, OnData::Refuse, Secrets::Keep).await;
    restored.expect("restored");
    target.store.ping().await.expect("migrated");
    let after = target.digests().await;
    assert!(after.contains_key("backups"));
    for (table, digest) in but_the_act(before) {
        assert_eq!(after[&table].rows, digest.rows, "{table}");
    }
}

#[tokio::test]
async fn the_master_key_comes_back_by_its_passphrase() {
    let source = World::full().await;
    let backup = source.back_up(Some("correct horse")).await;
    assert!(backup.manifest().has_key);
    let text = std::fs::read(source.path()).expect("readable");
    let master = hex::encode([7; 32]);
    for secret in [
        keys().master().as_slice(),
        master.as_bytes(),
        b"sk-workshop",
    ] {
        let found = text.windows(secret.len()).any(|bytes| bytes == secret);
        assert!(!found, "the file tells a secret");
    }
    let wrong = backup.open_key(&"wrong".into(), &source.tasks).await;
    assert!(matches!(wrong, Err(BackupError::WrongPassphrase)));
    let opened = backup
        .open_key(&"correct horse".into(), &source.tasks)
        .await;
    let opened = opened.expect("opened").expect("it has one");
    assert_eq!(opened.key_id(), keys().key_id());

    let target = World::new().await;
    let restored = target.restore(&backup, OnData::Refuse, Secrets::Keep).await;
    restored.expect("restored");
    target
        .store
        .check_master_key(&opened)
        .await
        .expect("bound to it");
    let node = target.store.nodes().list().await.expect("listed").remove(0);
    let key = opened.open(NODE_KEY, &node.keys[0].sealed);
    assert_eq!(key.as_deref(), Ok(&b"sk-workshop-1234"[..]));
}

#[tokio::test]
async fn without_the_key_it_says_what_is_lost_and_starts_with_another() {
    let source = World::full().await;
    let backup = source.back_up(None).await;
    assert!(!backup.manifest().has_key);
    let none = backup.open_key(&"anything".into(), &source.tasks).await;
    assert!(none.expect("no error").is_none());
    let target = World::new().await;
    let restored = target
        .restore(&backup, OnData::Refuse, Secrets::Forget)
        .await;
    assert_eq!(
        restored.expect("restored").lost,
        ["the key …1234 of the model server Workshop"]
    );
    let workshop = target.store.nodes().list().await.expect("listed").remove(0);
    assert!(workshop.keys.is_empty() && workshop.name == "Workshop");
    let open = "SELECT count(*) FROM sessions WHERE ended_at IS NULL";
    assert_eq!(target.count(open).await, 0, "their tokens derive from it");
    let another = KeyRing::from_bytes([8; 32]);
    target
        .store
        .check_master_key(&another)
        .await
        .expect("bound anew");
}

#[tokio::test]
async fn a_file_is_never_written_over_unless_asked() {
    let world = World::full().await;
    world.back_up(None).await;
    let first = std::fs::read(world.path()).expect("readable");
    let again = world
        .try_back_up(None, Destination::New(world.path()))
        .await;
    assert!(matches!(again, Err(BackupError::Exists(_))));
    assert!(std::fs::read(world.path()).expect("readable") == first);
    sqlx::query("DELETE FROM blobs")
        .execute(world.store.pool())
        .await
        .expect("smaller");
    let over = world
        .try_back_up(None, Destination::Over(world.path()))
        .await;
    over.expect("written over");
    assert!(std::fs::read(world.path()).expect("readable").len() < first.len());
    let nowhere = world.directory.path().join("no/such/directory");
    let refused = world.try_back_up(None, Destination::New(nowhere)).await;
    assert!(matches!(refused, Err(BackupError::File { .. })));
}

#[tokio::test]
async fn a_backup_that_is_given_up_leaves_no_file() {
    let world = World::full().await;
    let begun = Arc::new(tokio::sync::Notify::new());
    let tell = Arc::clone(&begun);
    let watcher: Watcher = Arc::new(move |progress| {
        if progress.tables_done > 1 {
            tell.notify_one();
        }
    });
    let parts = CreateParts {
        store: &world.store,
        tasks: &world.tasks,
        ids: &RandomIds,
        program: "test",
        key: None,
        watcher: &watcher,
    };
    tokio::select! {
        biased;
        () = begun.notified() => {}
        made = create(parts, Destination::New(world.path())) => panic!("too fast: {made:?}"),
    }
    world.tasks.close();
    world.tasks.wait().await;
    let left = std::fs::read_dir(world.directory.path()).expect("readable");
    assert_eq!(left.count(), 0);
}
