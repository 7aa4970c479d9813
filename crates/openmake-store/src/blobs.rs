//! Images and other binary parts (`blobs`).

use chrono::{DateTime, Utc};
use openmake_types::{BlobId, UserId};

use crate::{Store, StoreError};

/// A stored object.
#[derive(Debug, Clone)]
pub struct Blob {
    /// The object.
    pub id: BlobId,
    /// `image/png` and the like.
    pub media_type: String,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// An object to store.
#[derive(Debug)]
pub struct NewBlob<'a> {
    /// Its id, if the bytes are not there yet.
    pub id: BlobId,
    /// Whose.
    pub owner: UserId,
    /// `image/png` and the like.
    pub media_type: &'a str,
    /// At most 8 MiB.
    pub data: &'a [u8],
    /// Now.
    pub now: DateTime<Utc>,
}

/// Stored objects.
#[derive(Debug, Clone, Copy)]
pub struct Blobs<'a>(&'a Store);

impl Store {
    /// Images and other binary parts.
    pub const fn blobs(&self) -> Blobs<'_> {
        Blobs(self)
    }
}

impl Blobs<'_> {
    /// Stores bytes; the same bytes of the same owner are stored once.
    pub async fn put(&self, blob: &NewBlob<'_>) -> Result<BlobId, StoreError> {
        let _ = (self.0, blob);
        todo!()
    }

    /// Reads an owner's object.
    pub async fn get(&self, owner: UserId, id: BlobId) -> Result<Blob, StoreError> {
        let _ = (owner, id);
        todo!()
    }
}
