//! Identifiers. Each is a UUID of its own type, so that one kind can never be
//! passed where another is meant. They are not ordered: pages go by
//! `(created_at, id)`.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

use chrono::{DateTime, Utc};
use rand::Rng as _;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that is known to name this kind of thing.
            pub const fn from_uuid(id: Uuid) -> Self {
                Self(id)
            }

            /// The UUID inside, for the store and the wire.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

id!(/// An account.
    UserId);
id!(/// One sign-in on one device; access tokens are bound to it.
    SessionId);
id!(/// A conversation (`conversation_sessions`).
    ConversationId);
id!(/// One message in a conversation's tree.
    MessageId);
id!(/// One user message and all that answers it.
    TurnId);
id!(/// One model server with its credentials.
    NodeId);
id!(/// A stored binary object, such as an image in a message.
    BlobId);
id!(/// An invitation to register.
    InvitationId);
id!(/// A key for programs.
    ApiKeyId);
id!(/// A limit on tokens or money.
    BudgetId);
id!(/// A part of a budget that one process has drawn.
    SliceId);
id!(/// A group of accounts.
    GroupId);
id!(/// One run of the server program; the owner of leases.
    ProcessId);

/// Where new identifiers and secret bytes come from.
pub trait Ids: Send + Sync + 'static {
    /// A new UUID version 7 (RFC 9562) for something made at `now`.
    fn uuid(&self, now: DateTime<Utc>) -> Uuid;

    /// Fills `bytes` with cryptographically secure random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness: what the server uses.
#[derive(Debug, Clone, Copy, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn uuid(&self, now: DateTime<Utc>) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    fn fill(&self, bytes: &mut [u8]) {
        rand::rng().fill_bytes(bytes);
    }
}

/// Counts up from a seed: for tests that name what they make.
#[derive(Debug, Default)]
pub struct FixedIds(AtomicU64);

impl Ids for FixedIds {
    fn uuid(&self, now: DateTime<Utc>) -> Uuid {
        let mut random = [0; 10];
        self.fill(&mut random);
        let millis = u64::try_from(now.timestamp_millis()).unwrap_or(0);
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let next = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
            let start = next.len() - chunk.len();
            chunk.copy_from_slice(next.get(start..).unwrap_or_default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_prints() {
        let id = UserId::from_uuid(RandomIds.uuid(DateTime::UNIX_EPOCH));
        assert_eq!(id.to_string().parse::<UserId>(), Ok(id));
    }

    #[test]
    fn random_ids_are_version_seven_and_differ() {
        let now = DateTime::from_timestamp_millis(1_800_000_000_000).expect("in range");
        let (a, b) = (RandomIds.uuid(now), RandomIds.uuid(now));
        assert_ne!(a, b);
        assert_eq!(a.get_version_num(), 7);
    }
}
