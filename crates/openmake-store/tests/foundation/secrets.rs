use openmake_store::{Conflict, StoreError, secrets::KeyRing};
use testkit::database::TestDatabase;

#[tokio::test]
async fn a_database_stays_with_its_master_key() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (ours, another) = (KeyRing::from_bytes([1; 32]), KeyRing::from_bytes([2; 32]));
    for _ in 0..2 {
        store
            .check_master_key(&ours)
            .await
            .expect("bound, then known");
    }
    let refused = store.check_master_key(&another).await;
    assert!(
        matches!(refused, Err(StoreError::Conflict(Conflict::WrongMasterKey))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn of_two_keys_that_come_first_at_once_one_is_refused() {
    let db = TestDatabase::create().await;
    let store = &db.store();
    let (a, b) = (KeyRing::from_bytes([1; 32]), KeyRing::from_bytes([2; 32]));
    let (first, second) = tokio::join!(store.check_master_key(&a), store.check_master_key(&b));
    assert_ne!(first.is_ok(), second.is_ok(), "{first:?} {second:?}");
}
