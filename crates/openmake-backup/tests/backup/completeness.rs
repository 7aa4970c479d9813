//! That nothing is left out, whatever migrations add.

use openmake_store::transfer::{EXCLUDED, SEALED};

use crate::support::World;

#[tokio::test]
async fn every_table_is_in_a_backup_or_left_out_on_purpose() {
    let world = World::new().await;
    let all: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p', 'm', 'f') AND NOT c.relispartition
          ORDER BY 1",
    )
    .fetch_all(world.store.pool())
    .await
    .expect("the catalogue");
    let snapshot = world.store.snapshot().await.expect("a snapshot");
    let carried = &snapshot.contents().tables;
    for table in &all {
        let carried = carried.iter().any(|shape| shape.name == *table);
        let excluded = EXCLUDED.iter().any(|(name, _)| name == table);
        assert_ne!(
            carried, excluded,
            "`{table}` is neither carried nor in EXCLUDED, or both"
        );
    }
    assert!(all.len() > 15, "{all:?}");
    for (name, why) in EXCLUDED {
        assert!(all.iter().any(|table| table == name), "{name} is gone");
        assert!(!why.is_empty());
    }
}

#[tokio::test]
async fn every_column_of_ciphertexts_is_known() {
    let world = World::new().await;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text FROM information_schema.columns
          WHERE table_schema = 'public' AND column_name LIKE '%sealed%'",
    )
    .fetch_all(world.store.pool())
    .await
    .expect("the catalogue");
    for (table, column) in &columns {
        assert!(
            SEALED
                .iter()
                .any(|sealed| sealed.table == table && sealed.column == column),
            "{table}.{column} holds ciphertexts of the master key: add it to SEALED"
        );
    }
    assert_eq!(columns.len(), SEALED.len(), "{columns:?}");
}
