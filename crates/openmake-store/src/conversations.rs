//! Conversations (`conversation_sessions`).

mod changes;
mod list;
mod narrowed;
mod row;

use chrono::{DateTime, Utc};
use openmake_types::{ConversationId, MessageId, Role, TurnId, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::changes::{RecentChange, RecentChanges};
pub(crate) use self::row::read;
use crate::{
    Conflict, PageRequest, Rows, Set, Store, StoreError,
    error::parsed,
    search,
    text::{storable, storable_option},
    turns::pair,
};

/// The longest title, in characters.
const TITLE_MAX: usize = 200;

/// A conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// The conversation.
    pub id: ConversationId,
    /// Whose.
    pub owner: UserId,
    /// Empty until one is made.
    pub title: String,
    /// Who made the title.
    pub title_source: TitleSource,
    /// The model of its turns unless they name one.
    pub model: Option<String>,
    /// How much its turns think unless they say so: `off`, `low`, `medium` or
    /// `high`.
    pub thinking: Option<String>,
    /// The temperature of its turns, 0 to 2.
    pub temperature: Option<f64>,
    /// What its owner tells the model in every turn, at most 8,000 characters.
    pub instructions: Option<String>,
    /// When it was pinned.
    pub pinned_at: Option<DateTime<Utc>>,
    /// When it was archived.
    pub archived_at: Option<DateTime<Utc>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// Whether it goes with its guest.
    pub is_temporary: bool,
    /// The last message of the branch that is shown.
    pub active_leaf_id: Option<MessageId>,
    /// Turns that run now, with the answers that they write.
    pub running_turns: Vec<(TurnId, MessageId)>,
    /// Rises with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When a message last changed it.
    pub updated_at: DateTime<Utc>,
}

/// Who made a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TitleSource {
    /// Nobody yet.
    None,
    /// The model.
    Model,
    /// The person.
    User,
}

/// A conversation to make.
#[derive(Debug, Clone)]
pub struct NewConversation<'a> {
    /// Its id.
    pub id: ConversationId,
    /// Whose. A guest gets a temporary one, and only one.
    pub owner: UserId,
    /// A person's title.
    pub title: Option<&'a str>,
    /// The model of its turns; the owner's default unless given.
    pub model: Option<&'a str>,
    /// How much its turns think.
    pub thinking: Option<&'a str>,
    /// The temperature of its turns.
    pub temperature: Option<f64>,
    /// What its owner tells the model in every turn.
    pub instructions: Instructions<'a>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// The instructions that a new conversation begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instructions<'a> {
    /// The owner's default ones, if they have any.
    OfOwner,
    /// None.
    None,
    /// These, 1 to 8,000 characters.
    These(&'a str),
}

/// A change: what is None stays.
#[derive(Debug, Clone, Default)]
pub struct ConversationChange {
    /// A person's title.
    pub title: Option<String>,
    /// The model of later turns.
    pub model: Option<String>,
    /// How much later turns think.
    pub thinking: Set<String>,
    /// The temperature of later turns.
    pub temperature: Set<f64>,
    /// What its owner tells the model.
    pub instructions: Set<String>,
    /// Pin or unpin.
    pub pinned: Option<bool>,
    /// Archive or bring back.
    pub archived: Option<bool>,
    /// Show the branch of this message: its newest descendant becomes the leaf.
    pub active_leaf: Option<MessageId>,
    /// Keep this one of two answers that are compared: it becomes the leaf.
    pub kept: Option<MessageId>,
}

/// Which conversations to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filter {
    /// Neither archived nor deleted.
    Active,
    /// Archived.
    Archived,
    /// Deleted, and still to be restored.
    Deleted,
}

/// In which order to list conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// By last change, newest first.
    Recent,
    /// By last change, oldest first.
    Oldest,
    /// By title, whatever its case; those without one last.
    Title,
}

/// A part of a list, in an order of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Narrowed {
    /// Of which list.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// Only those that are pinned, or are not.
    pub pinned: Option<bool>,
    /// Only what changed at this time or later.
    pub from: Option<DateTime<Utc>>,
    /// Only what changed before this time.
    pub to: Option<DateTime<Utc>>,
}

/// Conversations.
#[derive(Debug, Clone, Copy)]
pub struct Conversations<'a>(&'a Store);

impl Store {
    /// Conversations.
    pub const fn conversations(&self) -> Conversations<'_> {
        Conversations(self)
    }
}

impl Conversations<'_> {
    /// Makes one. Conflict: `GuestLimit`.
    pub async fn create(&self, new: &NewConversation<'_>) -> Result<Conversation, StoreError> {
        let owner = new.owner.as_uuid();
        let title = storable_title(new.title.unwrap_or_default());
        let mut tx = self.0.pool.begin().await?;
        let role = sqlx::query_scalar!("SELECT role FROM users WHERE id = $1", owner)
            .fetch_one(&mut *tx)
            .await?;
        let is_guest = parsed::<Role>("role", &role)? == Role::Guest;
        if is_guest {
            refuse_a_second(&mut tx, owner).await?;
        }
        sqlx::query!(
            "INSERT INTO conversation_sessions (id, user_id, title, title_source, model,
                                                is_temporary, created_at, updated_at, thinking,
                                                temperature, instructions)
             SELECT $1, id, $3, CASE WHEN $3 = '' THEN 'none' ELSE 'user' END,
                    coalesce($4, default_model), $5, $6, $6, $7, $8,
                    CASE WHEN $9 THEN default_instructions ELSE $10 END
               FROM users WHERE id = $2",
            new.id.as_uuid(),
            owner,
            title,
            storable_option(new.model),
            is_guest,
            new.now,
            new.thinking,
            new.temperature,
            new.instructions == Instructions::OfOwner,
            storable_option(match new.instructions {
                Instructions::These(text) => Some(text),
                Instructions::OfOwner | Instructions::None => None,
            }),
        )
        .execute(&mut *tx)
        .await?;
        search::index_title(&mut tx, new.owner, new.id, &title).await?;
        let made = one(&mut tx, new.owner, new.id).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// An owner's conversation that is not deleted.
    pub async fn get(&self, owner: UserId, id: ConversationId) -> Result<Conversation, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        one(&mut connection, owner, id).await
    }

    /// An owner's conversations by last change, newest first. With
    /// [`Filter::Active`], the first page begins with all pinned ones (at most
    /// 100, latest pin first), which do not count towards the limit and do not
    /// come again; what was pinned before those stands among the others.
    pub async fn list(
        &self,
        owner: UserId,
        filter: Filter,
        page: PageRequest,
    ) -> Result<Rows<Conversation>, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        list::list(&mut connection, owner, filter, page).await
    }

    /// An owner's conversations that `narrowed` names, in its order; pinned ones
    /// stand among the others.
    pub async fn list_narrowed(
        &self,
        owner: UserId,
        narrowed: Narrowed,
        page: PageRequest,
    ) -> Result<Rows<Conversation>, StoreError> {
        let mut connection = self.0.pool.acquire().await?;
        narrowed::list(&mut connection, owner, narrowed, page).await
    }

    /// Changes one. `NotFound` also when the message whose branch is to be
    /// shown is not in it.
    pub async fn change(
        &self,
        owner: UserId,
        id: ConversationId,
        change: &ConversationChange,
        now: DateTime<Utc>,
    ) -> Result<Conversation, StoreError> {
        let title = change.title.as_deref().map(storable_title);
        let mut tx = self.0.pool.begin().await?;
        lock(&mut tx, owner, id).await?;
        let leaf = match change.kept.or(change.active_leaf) {
            None => None,
            Some(message) => Some(newest_descendant(&mut tx, id, message).await?),
        };
        if let Some(kept) = change.kept {
            pair::close(&mut tx, kept.as_uuid()).await?;
        }
        let (sets_thinking, thinking) = change.thinking.columns();
        let (sets_temperature, temperature) = change.temperature.columns();
        let (sets_instructions, instructions) = change.instructions.columns();
        sqlx::query!(
            "UPDATE conversation_sessions
                SET title = coalesce($2, title),
                    title_source = CASE WHEN $2::text IS NULL THEN title_source
                                        WHEN $2 = '' THEN 'none' ELSE 'user' END,
                    model = coalesce($3, model),
                    pinned_at = CASE WHEN $4::boolean IS NULL THEN pinned_at
                                     WHEN $4 THEN coalesce(pinned_at, $6) END,
                    archived_at = CASE WHEN $5::boolean IS NULL THEN archived_at
                                       WHEN $5 THEN coalesce(archived_at, $6) END,
                    active_leaf_id = coalesce($7, active_leaf_id),
                    thinking = CASE WHEN $8 THEN $9 ELSE thinking END,
                    temperature = CASE WHEN $10 THEN $11 ELSE temperature END,
                    instructions = CASE WHEN $12 THEN $13 ELSE instructions END,
                    version = version + 1
              WHERE id = $1",
            id.as_uuid(),
            title,
            storable_option(change.model.as_deref()),
            change.pinned,
            change.archived,
            now,
            leaf,
            sets_thinking,
            thinking,
            sets_temperature,
            temperature,
            sets_instructions,
            storable_option(instructions.map(String::as_str)),
        )
        .execute(&mut *tx)
        .await?;
        if let Some(title) = &title {
            search::index_title(&mut tx, owner, id, title).await?;
        }
        let changed = one(&mut tx, owner, id).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Sets the model's title, cut to 200 characters, unless there is one
    /// already. None when there was.
    pub async fn set_model_title(
        &self,
        owner: UserId,
        id: ConversationId,
        title: &str,
    ) -> Result<Option<Conversation>, StoreError> {
        let title = storable_title(title);
        let mut tx = self.0.pool.begin().await?;
        lock(&mut tx, owner, id).await?;
        let set = sqlx::query!(
            "UPDATE conversation_sessions
                SET title = $2, title_source = 'model', version = version + 1
              WHERE id = $1 AND title_source = 'none'",
            id.as_uuid(),
            title,
        )
        .execute(&mut *tx)
        .await?;
        if set.rows_affected() == 0 {
            return Ok(None);
        }
        search::index_title(&mut tx, owner, id, &title).await?;
        let titled = one(&mut tx, owner, id).await?;
        tx.commit().await?;
        Ok(Some(titled))
    }

    /// Deletes one; it can be restored until maintenance removes it. Gives its
    /// new version. Its running turns are asked to stop: their ids.
    pub async fn delete(
        &self,
        owner: UserId,
        id: ConversationId,
        now: DateTime<Utc>,
    ) -> Result<(i64, Vec<TurnId>), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let version = sqlx::query_scalar!(
            "UPDATE conversation_sessions SET deleted_at = $3, version = version + 1
              WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL
             RETURNING version",
            id.as_uuid(),
            owner.as_uuid(),
            now,
        )
        .fetch_one(&mut *tx)
        .await?;
        // Locked in the order in which the log's writer locks them.
        let turns = sqlx::query_scalar!(
            "WITH running AS (
                 SELECT id FROM turns WHERE session_id = $1 AND status = 'running'
                  ORDER BY id FOR NO KEY UPDATE
             )
             UPDATE turns t
                SET cancel_requested_at = coalesce(t.cancel_requested_at, clock_timestamp())
               FROM running WHERE t.id = running.id
             RETURNING t.id",
            id.as_uuid(),
        )
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok((version, turns.into_iter().map(TurnId::from_uuid).collect()))
    }

    /// Restores a deleted one; one that is not deleted stays as it is.
    pub async fn restore(
        &self,
        owner: UserId,
        id: ConversationId,
    ) -> Result<Conversation, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        sqlx::query!(
            "UPDATE conversation_sessions SET deleted_at = NULL, version = version + 1
              WHERE id = $1 AND user_id = $2 AND deleted_at IS NOT NULL",
            id.as_uuid(),
            owner.as_uuid(),
        )
        .execute(&mut *tx)
        .await?;
        let restored = one(&mut tx, owner, id).await?;
        tx.commit().await?;
        Ok(restored)
    }
}

/// An owner's conversation that is not deleted.
pub(crate) async fn one(
    connection: &mut PgConnection,
    owner: UserId,
    id: ConversationId,
) -> Result<Conversation, StoreError> {
    read(connection, owner, &[id.as_uuid()])
        .await?
        .pop()
        .filter(|conversation| conversation.deleted_at.is_none())
        .ok_or(StoreError::NotFound)
}

/// Refuses what is not the owner's, or is deleted.
pub(crate) async fn require(
    connection: &mut PgConnection,
    owner: UserId,
    id: ConversationId,
) -> Result<(), StoreError> {
    sqlx::query_scalar!(
        "SELECT id FROM conversation_sessions
          WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL",
        id.as_uuid(),
        owner.as_uuid(),
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// The same, and whatever else changes the conversation waits until the
/// transaction ends.
pub(crate) async fn lock(
    connection: &mut PgConnection,
    owner: UserId,
    id: ConversationId,
) -> Result<(), StoreError> {
    sqlx::query_scalar!(
        "SELECT id FROM conversation_sessions
          WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL
            FOR NO KEY UPDATE",
        id.as_uuid(),
        owner.as_uuid(),
    )
    .fetch_one(connection)
    .await?;
    Ok(())
}

/// Locks a guest, so that of two conversations that they make at once there
/// is one.
async fn refuse_a_second(connection: &mut PgConnection, guest: Uuid) -> Result<(), StoreError> {
    sqlx::query_scalar!(
        "SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE",
        guest
    )
    .fetch_one(&mut *connection)
    .await?;
    let has_one = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM conversation_sessions
                           WHERE user_id = $1 AND deleted_at IS NULL) AS "has_one!""#,
        guest,
    )
    .fetch_one(connection)
    .await?;
    if has_one {
        return Err(Conflict::GuestLimit.into());
    }
    Ok(())
}

/// The newest of a message and all that follows it. A child is always newer
/// than its parent, so that is a leaf.
pub(crate) async fn newest_descendant(
    connection: &mut PgConnection,
    conversation: ConversationId,
    message: MessageId,
) -> Result<Uuid, StoreError> {
    Ok(sqlx::query_scalar!(
        r#"WITH RECURSIVE below AS (
               SELECT m.id, m.created_at FROM conversation_messages m
                WHERE m.id = $1 AND m.session_id = $2 AND m.deleted_at IS NULL
               UNION ALL
               SELECT m.id, m.created_at
                 FROM conversation_messages m JOIN below ON m.parent_id = below.id
                WHERE m.deleted_at IS NULL
           )
           SELECT id AS "id!" FROM below ORDER BY created_at DESC, id DESC LIMIT 1"#,
        message.as_uuid(),
        conversation.as_uuid(),
    )
    .fetch_one(connection)
    .await?)
}

fn storable_title(title: &str) -> String {
    let cut: String = title.trim().chars().take(TITLE_MAX).collect();
    storable(&cut).into_owned()
}
