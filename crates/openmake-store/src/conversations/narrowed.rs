//! Lists of conversations that are narrowed, or in another order.

use openmake_types::UserId;
use sqlx::PgConnection;

use super::{Conversation, Filter, Narrowed, Sort, read};
use crate::{PageRequest, Position, Rows, StoreError};

pub(super) async fn list(
    connection: &mut PgConnection,
    owner: UserId,
    narrowed: Narrowed,
    page: PageRequest,
) -> Result<Rows<Conversation>, StoreError> {
    let of = match narrowed.filter {
        Filter::Active => "active",
        Filter::Archived => "archived",
        Filter::Deleted => "deleted",
    };
    let (at, id) = page.after();
    let ids = match narrowed.sort {
        Sort::Recent => {
            sqlx::query_scalar!(
                "SELECT c.id FROM conversation_sessions c
              WHERE c.user_id = $1
                AND (c.deleted_at IS NOT NULL) = ($2 = 'deleted')
                AND ($2 = 'deleted' OR (c.archived_at IS NOT NULL) = ($2 = 'archived'))
                AND ($3::boolean IS NULL OR (c.pinned_at IS NOT NULL) = $3)
                AND ($4::timestamptz IS NULL OR c.updated_at >= $4)
                AND ($5::timestamptz IS NULL OR c.updated_at < $5)
                AND ($7::timestamptz IS NULL OR (c.updated_at, c.id) < ($7, $8::uuid))
              ORDER BY c.updated_at DESC, c.id DESC
              LIMIT $6",
                owner.as_uuid(),
                of,
                narrowed.pinned,
                narrowed.from,
                narrowed.to,
                page.fetch(),
                at,
                id,
            )
            .fetch_all(&mut *connection)
            .await?
        }
        Sort::Oldest => {
            sqlx::query_scalar!(
                "SELECT c.id FROM conversation_sessions c
              WHERE c.user_id = $1
                AND (c.deleted_at IS NOT NULL) = ($2 = 'deleted')
                AND ($2 = 'deleted' OR (c.archived_at IS NOT NULL) = ($2 = 'archived'))
                AND ($3::boolean IS NULL OR (c.pinned_at IS NOT NULL) = $3)
                AND ($4::timestamptz IS NULL OR c.updated_at >= $4)
                AND ($5::timestamptz IS NULL OR c.updated_at < $5)
                AND ($7::timestamptz IS NULL OR (c.updated_at, c.id) > ($7, $8::uuid))
              ORDER BY c.updated_at, c.id
              LIMIT $6",
                owner.as_uuid(),
                of,
                narrowed.pinned,
                narrowed.from,
                narrowed.to,
                page.fetch(),
                at,
                id,
            )
            .fetch_all(&mut *connection)
            .await?
        }
        // A title is too long for a cursor: the page begins where the row that
        // it names stands now. One that was renamed meanwhile moves the page,
        // and no row is lost that kept its title.
        Sort::Title => {
            sqlx::query_scalar!(
                "SELECT c.id FROM conversation_sessions c
              WHERE c.user_id = $1
                AND (c.deleted_at IS NOT NULL) = ($2 = 'deleted')
                AND ($2 = 'deleted' OR (c.archived_at IS NOT NULL) = ($2 = 'archived'))
                AND ($3::boolean IS NULL OR (c.pinned_at IS NOT NULL) = $3)
                AND ($4::timestamptz IS NULL OR c.updated_at >= $4)
                AND ($5::timestamptz IS NULL OR c.updated_at < $5)
                AND ($7::uuid IS NULL
                     OR (c.title = '', lower(c.title), c.id)
                        > (SELECT l.title = '', lower(l.title), l.id
                             FROM conversation_sessions l WHERE l.id = $7 AND l.user_id = $1))
              ORDER BY c.title = '', lower(c.title), c.id
              LIMIT $6",
                owner.as_uuid(),
                of,
                narrowed.pinned,
                narrowed.from,
                narrowed.to,
                page.fetch(),
                id,
            )
            .fetch_all(&mut *connection)
            .await?
        }
    };
    let found = read(connection, owner, &ids).await?;
    Ok(Rows::cut(found, page, |conversation| Position {
        at: conversation.updated_at,
        id: conversation.id.as_uuid(),
    }))
}
