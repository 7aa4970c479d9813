//! Images and other binary parts (`blobs`).

use chrono::{DateTime, Utc};
use openmake_types::{BlobId, UserId};
use sha2::{Digest as _, Sha256};

use crate::{PageRequest, Position, Rows, Store, StoreError, text::storable};

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
        let sha256 = Sha256::digest(blob.data);
        // Asked first, so that what is there already is not sent again.
        let there = sqlx::query_scalar!(
            "SELECT id FROM blobs WHERE user_id = $1 AND sha256 = $2",
            blob.owner.as_uuid(),
            sha256.as_slice(),
        )
        .fetch_optional(&self.0.pool)
        .await?;
        if let Some(id) = there {
            return Ok(BlobId::from_uuid(id));
        }
        let size = i64::try_from(blob.data.len()).unwrap_or(i64::MAX);
        // Someone else may have stored them in between. The update changes
        // nothing; it makes the statement answer with the row that is there.
        let id = sqlx::query_scalar!(
            "INSERT INTO blobs AS b (id, user_id, sha256, media_type, size, data, created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (user_id, sha256) DO UPDATE SET media_type = b.media_type
             RETURNING id",
            blob.id.as_uuid(),
            blob.owner.as_uuid(),
            sha256.as_slice(),
            &*storable(blob.media_type),
            size,
            blob.data,
            blob.now,
        )
        .fetch_one(&self.0.pool)
        .await?;
        Ok(BlobId::from_uuid(id))
    }

    /// An owner's objects, oldest first.
    pub async fn list(&self, owner: UserId, page: PageRequest) -> Result<Rows<BlobId>, StoreError> {
        let (at, id) = page.after();
        let rows = sqlx::query!(
            "SELECT id, created_at FROM blobs
              WHERE user_id = $1
                AND ($2::timestamptz IS NULL OR (created_at, id) > ($2, $3::uuid))
              ORDER BY created_at, id
              LIMIT $4",
            owner.as_uuid(),
            at,
            id,
            page.fetch(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        let rows = Rows::cut(rows, page, |row| Position {
            at: row.created_at,
            id: row.id,
        });
        Ok(Rows {
            items: rows
                .items
                .into_iter()
                .map(|row| BlobId::from_uuid(row.id))
                .collect(),
            next: rows.next,
        })
    }

    /// Reads an owner's object.
    pub async fn get(&self, owner: UserId, id: BlobId) -> Result<Blob, StoreError> {
        let row = sqlx::query!(
            "SELECT id, media_type, data FROM blobs WHERE id = $1 AND user_id = $2",
            id.as_uuid(),
            owner.as_uuid(),
        )
        .fetch_one(&self.0.pool)
        .await?;
        Ok(Blob {
            id: BlobId::from_uuid(row.id),
            media_type: row.media_type,
            data: row.data,
        })
    }
}
