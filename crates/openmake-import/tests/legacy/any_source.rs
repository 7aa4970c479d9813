//! Whatever is in a source: each row is counted once, and reads back as it was.

use std::collections::BTreeMap;

use proptest::{collection::vec, prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use rusqlite::types::Value;

use crate::fixtures::{New, Old, from};

fn anything() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        any::<f64>().prop_map(Value::Real),
        ".{0,40}".prop_map(Value::Text),
        "\\{\"[a-z]\": [0-9]{1,25}(\\.[0-9]{1,20})?\\}".prop_map(Value::Text),
        vec(any::<u8>(), 0..20).prop_map(Value::Blob),
        "20[0-9]{2}-0[1-9]-[0-2][1-8][ T]1[0-9]:00:00(\\.[0-9]{1,9})?Z?".prop_map(Value::Text),
    ]
}

/// Ids that rows share, so that some find their parents.
fn reference() -> impl Strategy<Value = Value> {
    prop_oneof![
        8 => (0..6_i64).prop_map(|id| Value::Text(format!("id{id}"))),
        1 => anything(),
    ]
}

#[tokio::test]
async fn every_row_is_counted_once_and_reads_back() {
    let mut runner = TestRunner::deterministic();
    for _ in 0..6 {
        let old = Old::new();
        // Constraints of the source are not to be relied on.
        let tables: Vec<(String, Vec<String>)> = tables(&old);
        let numbered = [
            "conversation_messages",
            "api_usage",
            "agent_usage_logs",
            "audit_logs",
            "alert_history",
            "memory_tags",
            "research_steps",
            "agent_installations",
            "canvas_versions",
            "canvas_ai_edits",
        ];
        let mut rows: BTreeMap<String, u64> = BTreeMap::new();
        for (table, columns) in &tables {
            for _ in 0..12 {
                let values: Vec<Value> = columns
                    .iter()
                    .map(|column| {
                        // A number that counts up takes nothing else.
                        if column == "id" && numbered.contains(&&**table) {
                            return Value::Null;
                        }
                        let is_reference = column == "id" || column.ends_with("_id");
                        let tree = if is_reference {
                            reference().boxed().new_tree(&mut runner)
                        } else {
                            anything().boxed().new_tree(&mut runner)
                        };
                        tree.expect("a value").current()
                    })
                    .collect();
                let marks = vec!["?"; columns.len()].join(", ");
                let insert = format!("INSERT OR IGNORE INTO {table} VALUES ({marks})");
                let done = old
                    .connection
                    .execute(&insert, rusqlite::params_from_iter(values));
                *rows.entry(table.clone()).or_default() += done.unwrap_or(0) as u64;
            }
        }
        let new = New::create().await;
        let report = new.import(&from(&old.path)).await;
        for (name, table) in report.tables() {
            let read = rows.get(name).copied().unwrap_or_default();
            assert_eq!(table.read, read, "{name}");
            assert_eq!(read, table.written + table.merged + table.skipped, "{name}");
        }
        let again = new.import(&from(&old.path)).await;
        for (name, table) in again.tables() {
            assert_eq!(table.written, 0, "{name}: {:?}", table.notes);
        }
    }
}

fn tables(old: &Old) -> Vec<(String, Vec<String>)> {
    let mut statement = old
        .connection
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        .expect("read");
    let names: Vec<String> = statement
        .query_map([], |row| row.get(0))
        .expect("read")
        .collect::<Result<_, _>>()
        .expect("read");
    names
        .into_iter()
        .map(|name| {
            let columns = old
                .connection
                .prepare(&format!("SELECT * FROM {name}"))
                .expect("read")
                .column_names()
                .into_iter()
                .map(str::to_owned)
                .collect();
            (name, columns)
        })
        .collect()
}
