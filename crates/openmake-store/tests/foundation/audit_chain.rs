use openmake_store::{
    Store,
    audit::{AuditFilter, ChainFault, ChainHead, FaultKind, NewAudit},
};
use serde_json::json;
use testkit::database::TestDatabase;

use crate::fixtures::{act, later, user_id};

async fn record(store: &Store, count: i64) {
    for n in 0..count {
        let entry = NewAudit {
            at: later(n),
            user_id: Some(user_id()),
            details: json!({"z": n, "a": [0.5, {"é": null, "b": "\0"}], "big": u64::MAX}),
            user_agent: Some("x".repeat(400)),
            ..act("user.login")
        };
        store.audit().record(&entry).await.expect("recorded");
    }
}

async fn execute(db: &TestDatabase, statement: &'static str) {
    let mut connection = db.connection().await;
    let done = sqlx::query(statement).execute(&mut connection).await;
    assert!(done.expect("executed").rows_affected() > 0, "{statement}");
}

async fn fault(store: &Store, noted: Option<ChainHead>) -> Option<(FaultKind, Option<i64>)> {
    let report = store.audit().verify(noted).await.expect("verified");
    report.fault.map(|ChainFault { kind, seq, .. }| (kind, seq))
}

#[tokio::test]
async fn entries_that_are_written_at_once_make_one_chain() {
    let db = TestDatabase::create().await;
    let store = db.store();
    let writers = (0..10).map(|_| record(&store, 5));
    futures_util::future::join_all(writers).await;
    let report = store.audit().verify(None).await.expect("verified");
    assert_eq!((report.entries, report.head.seq), (50, 50));
    assert_eq!(report.fault, None);
    let seqs = async |after, end| {
        let filter = AuditFilter::default();
        let read = store.audit().in_order(&filter, (after, end), 30).await;
        let read = read.expect("read").into_iter();
        read.filter_map(|entry| entry.seq).collect::<Vec<_>>()
    };
    assert_eq!(seqs(0, 50).await, (1..=30).collect::<Vec<_>>());
    assert_eq!(seqs(30, 45).await, (31..=45).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_done_to_the_trail_behind_its_back_is_seen() {
    for (statement, kind, seq) in [
        (
            "UPDATE audit_logs SET details = details || '{\"z\": 7}' WHERE seq = 2",
            FaultKind::Altered,
            Some(2),
        ),
        (
            "UPDATE audit_logs SET timestamp = timestamp + interval '1 us' WHERE seq = 3",
            FaultKind::Altered,
            Some(3),
        ),
        (
            "UPDATE audit_logs SET hash = sha256('x') WHERE seq = 3",
            FaultKind::Altered,
            Some(3),
        ),
        (
            "DELETE FROM audit_logs WHERE seq = 2",
            FaultKind::Missing,
            Some(2),
        ),
        (
            "DELETE FROM audit_logs WHERE seq = 4",
            FaultKind::Missing,
            Some(4),
        ),
        (
            "UPDATE audit_chain SET hash = sha256('x')",
            FaultKind::Altered,
            Some(4),
        ),
        (
            "INSERT INTO audit_logs (id, timestamp, action, outcome)
             VALUES (gen_random_uuid(), now(), 'user.login', 'success')",
            FaultKind::Unchained,
            None,
        ),
    ] {
        let db = TestDatabase::create().await;
        let store = db.store();
        record(&store, 4).await;
        assert_eq!(fault(&store, None).await, None);
        execute(&db, statement).await;
        assert_eq!(fault(&store, None).await, Some((kind, seq)), "{statement}");
    }
}

#[tokio::test]
async fn a_chain_that_was_written_anew_is_not_the_one_that_was_noted() {
    let db = TestDatabase::create().await;
    let store = db.store();
    record(&store, 3).await;
    let noted = store.audit().head().await.expect("a head");
    record(&store, 2).await;
    assert_eq!(fault(&store, Some(noted)).await, None);
    execute(&db, "UPDATE audit_logs SET seq = NULL, hash = NULL").await;
    execute(
        &db,
        "DELETE FROM audit_logs WHERE timestamp = (SELECT min(timestamp) FROM audit_logs)",
    )
    .await;
    execute(
        &db,
        "UPDATE audit_chain SET seq = 0, hash = decode(repeat('00', 32), 'hex')",
    )
    .await;
    let short = Some((FaultKind::Missing, Some(3)));
    assert_eq!(fault(&store, Some(noted)).await, short);
    // As the first start after the migration does with what is older.
    store.audit().chain_waiting().await.expect("chained");
    assert_eq!(fault(&store, None).await, None);
    let replaced = Some((FaultKind::Replaced, Some(3)));
    assert_eq!(fault(&store, Some(noted)).await, replaced);
    record(&store, 1).await;
    assert_eq!(store.audit().chain_waiting().await.expect("chained"), 0);
    assert_eq!(fault(&store, None).await, None);
}
