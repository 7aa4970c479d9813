//! Ids that derive from the source's: the same row gets the same id in every
//! run, and rows of two sources never meet.

use openmake_types::UserId;
use uuid::Uuid;

/// The root of all of them. It must never change.
const ROOT: Uuid = Uuid::from_u128(0x6f70_656e_6d61_6b65_8000_696d_706f_7274);

/// The ids of one source.
#[derive(Debug, Clone, Copy)]
pub struct Identity(Uuid);

impl Identity {
    /// For a source of this kind and name, and for one's own import, whose it
    /// is: two people who import the same file get rows of their own.
    pub fn new(kind: &str, name: &str, owner: Option<UserId>) -> Self {
        let mut text = format!("{kind}\0{name}\0").into_bytes();
        if let Some(owner) = owner {
            text.extend_from_slice(owner.as_uuid().as_bytes());
        }
        Self(Uuid::new_v5(&ROOT, &text))
    }

    /// The id of a row: the source's own id as bytes, since text in old
    /// databases need not be UTF-8.
    pub fn of(&self, table: &str, old: &[u8]) -> Uuid {
        let mut text = Vec::with_capacity(table.len() + 1 + old.len());
        text.extend_from_slice(table.as_bytes());
        text.push(0);
        text.extend_from_slice(old);
        Uuid::new_v5(&self.0, &text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_source_table_and_row() {
        let ours = Identity::new("legacy", "unified", None);
        assert_eq!(ours.of("users", b"1"), ours.of("users", b"1"));
        assert_ne!(ours.of("users", b"1"), ours.of("users", b"2"));
        assert_ne!(ours.of("users", b"1"), ours.of("canvas", b"1"));
        let other = Identity::new("legacy", "second", None);
        assert_ne!(ours.of("users", b"1"), other.of("users", b"1"));
        let own = Identity::new("legacy", "unified", Some(UserId::from_uuid(Uuid::nil())));
        assert_ne!(ours.of("users", b"1"), own.of("users", b"1"));
    }

    /// A later version must find the rows that an earlier one brought.
    #[test]
    fn ids_stay() {
        let id = Identity::new("legacy", "unified", None).of("users", b"1");
        assert_eq!(id.get_version_num(), 5);
        assert_eq!(id.to_string(), "b840c71f-0650-529e-b48a-b8332b250d50");
    }
}
