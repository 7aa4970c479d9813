use openmake_store::{
    Conflict, Store, StoreError,
    nodes::{NewNode, NodeChange, SealedKey, StoredNode},
};
use openmake_types::NodeId;
use testkit::database::TestDatabase;

use crate::fixtures::{act, now, recorded, uuid};

fn key(last_four: &str) -> SealedKey {
    SealedKey {
        last_four: last_four.to_owned(),
        sealed: last_four.as_bytes().repeat(3),
    }
}

async fn create(store: &Store, name: &str, keys: Vec<SealedKey>) -> Result<StoredNode, StoreError> {
    let node = NewNode {
        id: NodeId::from_uuid(uuid()),
        name,
        kind: "openai",
        base_url: "https://models.example.org/v1",
        keys,
        now: now(),
    };
    store.nodes().create(&node, &act("node.create")).await
}

#[tokio::test]
async fn a_node_keeps_its_keys_in_order() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let made = create(store, "Beta", vec![key("wxyz"), key("abcd"), key("abcd")])
        .await
        .expect("made");
    assert_eq!(made.keys, [key("wxyz"), key("abcd"), key("abcd")]);
    assert!(made.enabled && !made.draining);
    create(store, "alpha", Vec::new()).await.expect("made");
    let names: Vec<_> = store
        .nodes()
        .list()
        .await
        .expect("a list")
        .into_iter()
        .map(|node| (node.name, node.keys.len()))
        .collect();
    assert_eq!(names, [("alpha".to_owned(), 0), ("Beta".to_owned(), 3)]);
}

#[tokio::test]
async fn a_change_touches_what_it_names() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let made = create(store, "one", vec![key("abcd")]).await.expect("made");
    let drain = NodeChange {
        draining: Some(true),
        ..NodeChange::default()
    };
    let drained = store
        .nodes()
        .change(made.id, &drain, &act("node.change"))
        .await
        .expect("changed");
    assert!(drained.draining && drained.enabled);
    assert_eq!(
        (drained.version, &drained.keys),
        (made.version + 1, &made.keys)
    );

    let replace = NodeChange {
        name: Some("two".to_owned()),
        keys: Some(vec![key("efgh"), key("ijkl")]),
        ..NodeChange::default()
    };
    let replaced = store
        .nodes()
        .change(made.id, &replace, &act("node.change"))
        .await
        .expect("changed");
    assert_eq!(replaced.name, "two");
    assert_eq!(replaced.keys, [key("efgh"), key("ijkl")]);
    assert_eq!(
        store.nodes().get(made.id).await.expect("there").version,
        made.version + 2
    );
}

#[tokio::test]
async fn names_are_one_node_whatever_their_case() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    create(store, "Home", Vec::new()).await.expect("made");
    let other = create(store, "Office", Vec::new()).await.expect("made");
    let taken = create(store, "HOME", vec![key("abcd")]).await;
    assert!(
        matches!(taken, Err(StoreError::Conflict(Conflict::NodeNameTaken))),
        "{taken:?}"
    );
    let rename = NodeChange {
        name: Some("home".to_owned()),
        ..NodeChange::default()
    };
    let taken = store
        .nodes()
        .change(other.id, &rename, &act("node.change"))
        .await;
    assert!(
        matches!(taken, Err(StoreError::Conflict(Conflict::NodeNameTaken))),
        "{taken:?}"
    );
    assert_eq!(recorded(store, "node.create").await.len(), 2);
    assert!(recorded(store, "node.change").await.is_empty());
}

#[tokio::test]
async fn a_node_that_is_gone_is_not_found() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let made = create(store, "one", vec![key("abcd")]).await.expect("made");
    store
        .nodes()
        .delete(made.id, &act("node.delete"))
        .await
        .expect("removed");
    let change = NodeChange::default();
    let again = [
        store.nodes().get(made.id).await.err(),
        store
            .nodes()
            .change(made.id, &change, &act("node.change"))
            .await
            .err(),
        store
            .nodes()
            .delete(made.id, &act("node.delete"))
            .await
            .err(),
    ];
    for error in again {
        assert!(matches!(error, Some(StoreError::NotFound)), "{error:?}");
    }
    create(store, "one", Vec::new())
        .await
        .expect("the name is free again");
}
