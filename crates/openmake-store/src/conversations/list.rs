//! Lists of conversations.

use openmake_types::UserId;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Conversation, Filter, read};
use crate::{PageRequest, Position, Rows, StoreError};

/// Pinned conversations that stand before all others.
const PINNED_MAX: i64 = 100;

pub(super) async fn list(
    connection: &mut PgConnection,
    owner: UserId,
    filter: Filter,
    page: PageRequest,
) -> Result<Rows<Conversation>, StoreError> {
    let ids = match filter {
        Filter::Active => unpinned(connection, owner, page).await?,
        Filter::Archived => archived(connection, owner, page).await?,
        Filter::Deleted => deleted(connection, owner, page).await?,
    };
    let found = read(connection, owner, &ids).await?;
    let mut rows = Rows::cut(found, page, |conversation| Position {
        at: conversation.updated_at,
        id: conversation.id.as_uuid(),
    });
    if filter == Filter::Active && page.after.is_none() {
        let pinned = pinned(connection, owner).await?;
        let mut items = read(connection, owner, &pinned).await?;
        items.append(&mut rows.items);
        rows.items = items;
    }
    Ok(rows)
}

async fn pinned(connection: &mut PgConnection, owner: UserId) -> Result<Vec<Uuid>, StoreError> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM conversation_sessions
          WHERE user_id = $1 AND pinned_at IS NOT NULL AND archived_at IS NULL
            AND deleted_at IS NULL
          ORDER BY pinned_at DESC, id DESC LIMIT $2",
        owner.as_uuid(),
        PINNED_MAX,
    )
    .fetch_all(connection)
    .await?)
}

// Without a position the first page begins at the end of time: so the
// condition is always one that the index can start from.

async fn unpinned(
    connection: &mut PgConnection,
    owner: UserId,
    page: PageRequest,
) -> Result<Vec<Uuid>, StoreError> {
    let (at, id) = page.after();
    Ok(sqlx::query_scalar!(
        "SELECT c.id FROM conversation_sessions c
          WHERE c.user_id = $1 AND c.archived_at IS NULL AND c.deleted_at IS NULL
            AND (c.updated_at, c.id) < (coalesce($2, 'infinity'::timestamptz),
                     coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
            AND c.id NOT IN (
                SELECT p.id FROM conversation_sessions p
                 WHERE p.user_id = $1 AND p.pinned_at IS NOT NULL AND p.archived_at IS NULL
                   AND p.deleted_at IS NULL
                 ORDER BY p.pinned_at DESC, p.id DESC LIMIT $4)
          ORDER BY c.updated_at DESC, c.id DESC LIMIT $5",
        owner.as_uuid(),
        at,
        id,
        PINNED_MAX,
        page.fetch(),
    )
    .fetch_all(connection)
    .await?)
}

async fn archived(
    connection: &mut PgConnection,
    owner: UserId,
    page: PageRequest,
) -> Result<Vec<Uuid>, StoreError> {
    let (at, id) = page.after();
    Ok(sqlx::query_scalar!(
        "SELECT id FROM conversation_sessions
          WHERE user_id = $1 AND archived_at IS NOT NULL AND deleted_at IS NULL
            AND (updated_at, id) < (coalesce($2, 'infinity'::timestamptz),
                     coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
          ORDER BY updated_at DESC, id DESC LIMIT $4",
        owner.as_uuid(),
        at,
        id,
        page.fetch(),
    )
    .fetch_all(connection)
    .await?)
}

async fn deleted(
    connection: &mut PgConnection,
    owner: UserId,
    page: PageRequest,
) -> Result<Vec<Uuid>, StoreError> {
    let (at, id) = page.after();
    Ok(sqlx::query_scalar!(
        "SELECT id FROM conversation_sessions
          WHERE user_id = $1 AND deleted_at IS NOT NULL
            AND (updated_at, id) < (coalesce($2, 'infinity'::timestamptz),
                     coalesce($3, 'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid))
          ORDER BY updated_at DESC, id DESC LIMIT $4",
        owner.as_uuid(),
        at,
        id,
        page.fetch(),
    )
    .fetch_all(connection)
    .await?)
}
