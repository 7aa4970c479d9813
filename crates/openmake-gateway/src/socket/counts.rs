//! How many sockets each account has on this process.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use openmake_types::UserId;
use parking_lot::Mutex;

/// Counts sockets by account.
#[derive(Clone, Default)]
pub(crate) struct SocketCounts(Arc<Mutex<HashMap<UserId, u32>>>);

/// One counted socket. Dropping it gives the place back.
pub(crate) struct Place {
    counts: SocketCounts,
    user: UserId,
}

impl SocketCounts {
    /// The accounts that have any.
    pub(crate) fn users(&self) -> Vec<UserId> {
        self.0.lock().keys().copied().collect()
    }

    /// A place for one more socket of `user`, if there is one.
    pub(crate) fn enter(&self, user: UserId, max: u32) -> Option<Place> {
        let mut counts = self.0.lock();
        let count = counts.entry(user).or_insert(0);
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Place {
            counts: self.clone(),
            user,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.counts.0.lock();
        if let Entry::Occupied(mut entry) = counts.entry(self.user) {
            *entry.get_mut() -= 1;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn places_come_back() {
        let counts = SocketCounts::default();
        let user = UserId::from_uuid(Uuid::from_u128(1));
        let first = counts.enter(user, 2).expect("one");
        let second = counts.enter(user, 2).expect("two");
        assert!(counts.enter(user, 2).is_none());
        drop(first);
        let third = counts.enter(user, 2);
        assert!(third.is_some());
        drop((third, second));
        assert!(counts.0.lock().is_empty());
    }
}
