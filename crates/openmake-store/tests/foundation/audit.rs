use openmake_store::{
    PageRequest, Store,
    audit::{AuditFilter, NewAudit, Outcome},
};
use openmake_types::UserId;
use serde_json::json;
use testkit::database::TestDatabase;
use uuid::Uuid;

use crate::fixtures::{act, later, page, recorded, user_id};

#[tokio::test]
async fn an_entry_is_read_as_it_was_written() {
    let db = TestDatabase::create().await;
    let entry = NewAudit {
        outcome: Outcome::Denied,
        user_id: Some(user_id()),
        resource_type: Some("node"),
        resource_id: Some("n\0".to_owned()),
        details: json!({"reason": "zero\0byte", "tries": 3}),
        ip_address: Some("2001:db8::1".to_owned()),
        user_agent: Some("x".repeat(1000)),
        request_id: Some("r-1".to_owned()),
        ..act("node.delete")
    };
    db.store().audit().record(&entry).await.expect("recorded");
    let read = recorded(&db.store(), "node.delete").await.remove(0);
    assert_eq!((read.id, read.timestamp), (entry.id, entry.at));
    assert_eq!(
        (read.outcome.as_str(), read.user_id),
        ("denied", entry.user_id)
    );
    assert_eq!(read.resource_type.as_deref(), Some("node"));
    assert_eq!(read.resource_id.as_deref(), Some("n\u{fffd}"));
    assert_eq!(
        read.details,
        json!({"reason": "zero\u{fffd}byte", "tries": 3})
    );
    assert_eq!(read.ip_address.as_deref(), Some("2001:db8::1"));
    assert_eq!(read.user_agent, Some("x".repeat(300)));
    assert_eq!(read.request_id.as_deref(), Some("r-1"));
}

/// The ids of all that `filter` lets through, read two at a time.
async fn listed(store: &Store, filter: &AuditFilter) -> Vec<Uuid> {
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let request = PageRequest { after, limit: 2 };
        let rows = store.audit().list(filter, request).await.expect("a page");
        seen.extend(rows.items.iter().map(|entry| entry.id));
        after = rows.next;
        if after.is_none() {
            return seen;
        }
    }
}

#[tokio::test]
async fn the_trail_is_filtered_and_paged_newest_first() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (kim, lee) = (user_id(), user_id());
    let mut made: Vec<(Uuid, &str, UserId)> = Vec::new();
    for (n, (action, who)) in [
        ("user.login", kim),
        ("user.login", lee),
        ("node.create", kim),
        ("user.login", kim),
        ("user.logout", lee),
    ]
    .into_iter()
    .enumerate()
    {
        // The second and third share their time.
        let at = later([0, 1, 1, 2, 3][n]);
        let entry = NewAudit {
            at,
            user_id: Some(who),
            ..act(action)
        };
        store.audit().record(&entry).await.expect("recorded");
        made.push((entry.id, action, who));
    }
    if made[1].0 > made[2].0 {
        made.swap(1, 2);
    }
    made.reverse();
    for (action, user_id) in [
        (None, None),
        (Some("user.login"), None),
        (None, Some(lee)),
        (Some("user.login"), Some(kim)),
        (Some("no.such.act"), None),
    ] {
        let filter = AuditFilter {
            action: action.map(str::to_owned),
            user_id,
            ..AuditFilter::default()
        };
        let expected: Vec<Uuid> = made
            .iter()
            .filter(|entry| action.is_none_or(|action| entry.1 == action))
            .filter(|entry| user_id.is_none_or(|id| entry.2 == id))
            .map(|entry| entry.0)
            .collect();
        assert_eq!(listed(store, &filter).await, expected, "{filter:?}");
    }
    let exact = store
        .audit()
        .list(&AuditFilter::default(), page(5))
        .await
        .expect("a page");
    assert_eq!((exact.items.len(), exact.next), (5, None));
}
