//! The file: whatever was changed in it is noticed.

use openmake_backup::{
    BackupError,
    file::{BackupReader, BackupWriter, FORMAT, Item, Manifest, check},
};
use openmake_store::transfer::{
    AppliedMigration, ColumnShape, TableShape, TransferError, newest_schema,
};
use proptest::prelude::*;
use uuid::Uuid;

use crate::support::now;

fn table(name: &str, rows: u64) -> TableShape {
    TableShape {
        name: name.to_owned(),
        columns: vec![ColumnShape {
            name: "id".to_owned(),
            kind: "uuid".to_owned(),
        }],
        partitions: Vec::new(),
        rows,
    }
}

fn manifest(tables: Vec<TableShape>) -> Manifest {
    Manifest {
        program: "test".to_owned(),
        instance: Uuid::from_u128(1),
        taken_at: now(),
        postgres: "18.0".to_owned(),
        master_key_id: None,
        has_key: false,
        migrations: Vec::new(),
        tables,
        sequences: Vec::new(),
    }
}

/// A backup of these tables, each with its rows.
fn written(tables: &[(&str, &[u8])]) -> Vec<u8> {
    let count = |rows: &[u8]| rows.split_inclusive(|byte| *byte == b'\n').count() as u64;
    let shapes = tables.iter().map(|(name, rows)| table(name, count(rows)));
    let manifest = manifest(shapes.collect());
    let mut writer = BackupWriter::begin(Vec::new(), &manifest, None).expect("begun");
    for (name, rows) in tables {
        writer.table(name).expect("a table");
        for piece in rows.chunks(7) {
            writer.rows(piece).expect("rows");
        }
        writer.end_table().expect("ended");
    }
    let (bytes, written) = writer.finish().expect("finished");
    assert_eq!(written.size, bytes.len() as u64);
    bytes
}

fn small() -> Vec<u8> {
    written(&[("a", b"1\tx\n2\ty\n"), ("b", b""), ("c", b"\\N\n")])
}

#[test]
fn what_was_written_is_read() {
    // More than one block, and nothing that could be compressed away.
    let mut big = Vec::new();
    let mut state = 1_u32;
    while big.len() < 3 << 20 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        big.extend_from_slice(format!("{state:x}\n").as_bytes());
    }
    let bytes = written(&[("big", &big), ("empty", b"")]);
    let mut reader = BackupReader::open(bytes.as_slice()).expect("opened");
    let mut read = Vec::new();
    let mut tables = Vec::new();
    loop {
        match reader.next_item().expect("an item") {
            Item::Table(place) => tables.push(place),
            Item::Rows(rows) => read.extend(rows),
            Item::TableEnd(_) => {}
            Item::End => break,
        }
    }
    assert_eq!(tables, [0, 1]);
    assert!(read == big);
}

#[test]
fn every_changed_byte_is_noticed() {
    let whole = small();
    check(whole.as_slice()).expect("whole");
    for place in 0..whole.len() {
        for bit in [0, 3, 7] {
            let mut changed = whole.clone();
            changed[place] ^= 1 << bit;
            assert!(
                check(changed.as_slice()).is_err(),
                "byte {place}, bit {bit}"
            );
        }
    }
}

#[test]
fn every_missing_end_is_noticed_and_everything_that_follows() {
    let whole = small();
    for length in 0..whole.len() {
        assert!(check(&whole[..length]).is_err(), "{length} bytes");
    }
    let more = [whole.as_slice(), b"\0"].concat();
    assert!(check(more.as_slice()).is_err());
    let twice = [whole.as_slice(), &whole].concat();
    assert!(check(twice.as_slice()).is_err());
}

#[test]
fn a_manifest_that_promises_something_else_is_noticed() {
    let mut writer =
        BackupWriter::begin(Vec::new(), &manifest(vec![table("a", 2)]), None).expect("begun");
    writer.table("a").expect("a table");
    writer.rows(b"1\n").expect("a row");
    writer.end_table().expect("ended");
    let (bytes, _) = writer.finish().expect("finished");
    let refused = check(bytes.as_slice()).expect_err("one row is missing");
    assert!(matches!(refused, BackupError::Damaged(_)), "{refused}");

    let writer = BackupWriter::begin(Vec::new(), &manifest(vec![table("a", 0)]), None);
    let (bytes, _) = writer.expect("begun").finish().expect("finished");
    assert!(check(bytes.as_slice()).is_err(), "a table is missing");
}

#[test]
fn a_newer_format_and_a_newer_schema_are_refused_as_such() {
    let mut newer = small();
    newer[16..20].copy_from_slice(&(FORMAT + 1).to_be_bytes());
    let refused = check(newer.as_slice()).expect_err("newer");
    assert!(matches!(refused, BackupError::FormatNewer(2)), "{refused}");

    let mut manifest = manifest(Vec::new());
    manifest.migrations.push(AppliedMigration {
        version: newest_schema() + 1,
        checksum: "00".to_owned(),
    });
    let writer = BackupWriter::begin(Vec::new(), &manifest, None).expect("begun");
    let (bytes, _) = writer.finish().expect("finished");
    let refused = check(bytes.as_slice()).expect_err("newer");
    assert!(
        matches!(
            refused,
            BackupError::Transfer(TransferError::SchemaNewer { .. })
        ),
        "{refused}"
    );
    for other in [
        &b""[..],
        b"hello",
        b"PK\x03\x04 and so on, longer than a head",
    ] {
        let refused = check(other).expect_err("none of ours");
        assert!(matches!(refused, BackupError::NotABackup), "{refused}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_rows_come_back_in_any_pieces(rows in proptest::collection::vec("[^\\n]{0,40}", 0..50)) {
        let text: String = rows.iter().flat_map(|row| [row.as_str(), "\n"]).collect();
        let bytes = written(&[("t", text.as_bytes())]);
        let checked = check(bytes.as_slice()).expect("whole");
        prop_assert_eq!(checked.digests[0].rows, rows.len() as u64);
    }

    #[test]
    fn no_bytes_make_the_reader_fail_otherwise(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let made_up = [small()[..20].to_vec(), bytes].concat();
        prop_assert!(check(made_up.as_slice()).is_err());
    }
}
