use futures_util::future::join_all;
use openmake_store::{Store, StoreError, blobs::NewBlob};
use openmake_types::{BlobId, UserId};
use testkit::database::TestDatabase;

use crate::fixtures::{admin, now, user, user_id, uuid};

async fn put(store: &Store, owner: UserId, data: &[u8]) -> Result<BlobId, StoreError> {
    let blob = NewBlob {
        id: BlobId::from_uuid(uuid()),
        owner,
        media_type: "image/png",
        data,
        now: now(),
    };
    store.blobs().put(&blob).await
}

#[tokio::test]
async fn the_same_bytes_are_stored_once_for_each_owner() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (one, two) = (admin(store).await.id, user(store, "b@example.org").await.id);
    let bytes = vec![0xff; 100_000];
    let at_once = join_all((0..4).map(|_| put(store, one, &bytes))).await;
    let ids: Vec<BlobId> = at_once.into_iter().map(|id| id.expect("stored")).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(put(store, one, &bytes).await.expect("stored"), ids[0]);
    assert_ne!(put(store, two, &bytes).await.expect("stored"), ids[0]);
    let read = store.blobs().get(one, ids[0]).await.expect("there");
    assert_eq!((read.media_type.as_str(), read.data), ("image/png", bytes));
    let stolen = store.blobs().get(two, ids[0]).await;
    assert!(matches!(stolen, Err(StoreError::NotFound)), "{stolen:?}");
}

#[tokio::test]
async fn bytes_need_an_owner_and_have_a_limit() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let owner = admin(store).await.id;
    let nobody = put(store, user_id(), b"x").await;
    assert!(matches!(nobody, Err(StoreError::NotFound)), "{nobody:?}");
    let largest = vec![1; 8 * 1024 * 1024];
    put(store, owner, &largest).await.expect("8 MiB fit");
    let larger = vec![1; 8 * 1024 * 1024 + 1];
    let refused = put(store, owner, &larger).await;
    assert!(
        matches!(refused, Err(StoreError::Database(_))),
        "{refused:?}"
    );
}
