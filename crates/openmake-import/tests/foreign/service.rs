//! What the server's task does with what was uploaded.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use openmake_import::service::{ImportService, ServiceParts};
use openmake_store::{
    Conflict, Store, StoreError,
    audit::{NewAudit, Outcome},
    import_jobs::{Chunk, ImportJob, JobStatus, NewImportJob},
};
use openmake_types::{Clock as _, Ids as _, ProcessId, RandomIds, SystemClock, UserId};
use serde_json::json;
use testkit::database::TestDatabase;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use uuid::Uuid;

use crate::support::{account, conversation, listed};

fn now() -> DateTime<Utc> {
    SystemClock.now()
}

fn act(action: &'static str) -> NewAudit {
    NewAudit {
        id: RandomIds.uuid(now()),
        at: now(),
        action,
        outcome: Outcome::Success,
        user_id: None,
        resource_type: None,
        resource_id: None,
        details: json!({}),
        ip_address: None,
        user_agent: None,
        request_id: None,
    }
}

fn service(store: &Store) -> ImportService {
    ImportService::new(ServiceParts {
        store: store.clone(),
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        process: process(),
        tasks: TaskTracker::new(),
        stop: CancellationToken::new(),
    })
}

fn process() -> ProcessId {
    ProcessId::from_uuid(RandomIds.uuid(now()))
}

async fn upload(store: &Store, owner: UserId, bytes: &[u8]) -> ImportJob {
    let jobs = store.import_jobs();
    let new = NewImportJob {
        id: RandomIds.uuid(now()),
        owner,
        kind: "chatgpt",
        file_name: "conversations.json".to_owned(),
        size: i64::try_from(bytes.len()).expect("small"),
        room: 1 << 20,
        now: now(),
    };
    let mut job = jobs
        .create(&new, &act("import.create"))
        .await
        .expect("begun");
    for piece in bytes.chunks(200) {
        let chunk = Chunk {
            position: job.received,
            data: piece,
            now: now(),
        };
        job = jobs.append(owner, job.id, &chunk).await.expect("appended");
        // Its answer was lost, and it comes again.
        let twice = jobs.append(owner, job.id, &chunk).await.expect("known");
        assert_eq!(twice.received, job.received);
    }
    assert_eq!(job.status, JobStatus::Waiting);
    job
}

fn file() -> Vec<u8> {
    let conversations = [
        conversation("one", &["Hi", "Hello"]),
        conversation("two", &["What?", "That."]),
    ];
    json!(conversations).to_string().into_bytes()
}

#[tokio::test]
async fn an_upload_is_brought_in_and_taken_back() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let owner = account(&store, 1, "ada@example.org").await;
    let job = upload(&store, owner, &file()).await;
    assert!(service(&store).round().await.expect("a round"));
    let jobs = store.import_jobs();
    let done = jobs.get(owner, job.id).await.expect("it is there");
    assert_eq!(done.status, JobStatus::Done, "{:?}", done.error_detail);
    assert_eq!((done.conversations, done.messages), (2, 4));
    let summary = done.summary.expect("a summary");
    assert_eq!(summary["accounted"], true);
    assert_eq!(summary["tables"]["messages"]["written"], 4);
    let report = jobs
        .report(owner, job.id)
        .await
        .expect("asked")
        .expect("there");
    assert_eq!(report["tables"]["conversations"]["read"], 2);
    assert!(jobs.chunk(job.id, 0).await.expect("asked").is_none());
    let here = listed(&store, owner).await;
    assert_eq!(here.len(), 2);

    // One is changed: that one stays.
    let change = openmake_store::conversations::ConversationChange {
        pinned: Some(true),
        ..Default::default()
    };
    let kept = here.first().expect("one").id;
    let changed = store
        .conversations()
        .change(owner, kept, &change, now())
        .await;
    changed.expect("pinned");
    let undone = jobs.undo(owner, job.id, &act("import.undo")).await;
    assert_eq!(undone.expect("taken back").undone, Some(1));
    assert_eq!(listed(&store, owner).await.len(), 1);
    let twice = jobs.undo(owner, job.id, &act("import.undo")).await;
    assert!(matches!(
        twice,
        Err(StoreError::Conflict(Conflict::ImportState))
    ));

    // What was taken back can come again.
    upload(&store, owner, &file()).await;
    assert!(service(&store).round().await.expect("a round"));
    assert_eq!(listed(&store, owner).await.len(), 2);
    assert!(!service(&store).round().await.expect("a round"));
}

#[tokio::test]
async fn a_process_that_is_gone_is_followed_by_another_and_cannot_come_back() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let owner = account(&store, 1, "ada@example.org").await;
    let job = upload(&store, owner, &file()).await;
    let jobs = store.import_jobs();
    let gone = jobs.claim(process()).await.expect("asked").expect("its");
    assert!(jobs.claim(process()).await.expect("asked").is_none());
    jobs.release(&gone).await.expect("given back");
    assert!(service(&store).round().await.expect("a round"));
    let progress = openmake_store::import_jobs::Progress::default();
    assert_eq!(
        jobs.renew(&gone, &progress).await.expect("asked"),
        openmake_store::import_jobs::Renewed::Lost
    );
    let done = jobs.get(owner, job.id).await.expect("it is there");
    assert_eq!(done.status, JobStatus::Done);
}

#[tokio::test]
async fn one_at_a_time_and_only_ones_own() {
    let database = TestDatabase::create().await;
    let store = database.store();
    let owner = account(&store, 1, "ada@example.org").await;
    let other = account(&store, 2, "bob@example.org").await;
    let job = upload(&store, owner, b"%PDF").await;
    let jobs = store.import_jobs();
    let new = NewImportJob {
        id: Uuid::from_u128(9),
        owner,
        kind: "claude",
        file_name: "x".to_owned(),
        size: 1,
        room: 1 << 20,
        now: now(),
    };
    let second = jobs.create(&new, &act("import.create")).await;
    assert!(matches!(
        second,
        Err(StoreError::Conflict(Conflict::ImportRunning))
    ));
    let full = NewImportJob {
        owner: other,
        size: 1 << 20,
        ..new.clone()
    };
    let full = jobs.create(&full, &act("import.create")).await;
    assert!(matches!(
        full,
        Err(StoreError::Conflict(Conflict::ImportsFull))
    ));
    for answer in [
        jobs.get(other, job.id).await.map(drop),
        jobs.report(other, job.id).await.map(drop),
        jobs.cancel(other, job.id, &act("import.cancel"))
            .await
            .map(drop),
        jobs.undo(other, job.id, &act("import.undo"))
            .await
            .map(drop),
    ] {
        assert!(matches!(answer, Err(StoreError::NotFound)));
    }
    // What is no export fails, and says so.
    assert!(service(&store).round().await.expect("a round"));
    let failed = jobs.get(owner, job.id).await.expect("it is there");
    assert_eq!(failed.status, JobStatus::Failed);
    assert_eq!(failed.error_code.as_deref(), Some("import_not_an_export"));
    let third = jobs
        .create(&new, &act("import.create"))
        .await
        .expect("begun");
    let cancelled = jobs.cancel(owner, third.id, &act("import.cancel")).await;
    assert_eq!(cancelled.expect("called off").status, JobStatus::Cancelled);
}
