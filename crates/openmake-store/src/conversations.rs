//! Conversations (`conversation_sessions`).

use chrono::{DateTime, Utc};
use openmake_types::{ConversationId, MessageId, TurnId, UserId};

use crate::{PageRequest, Rows, Store, StoreError};

/// A conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The model of its turns.
    pub model: Option<&'a str>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// A change: what is None stays.
#[derive(Debug, Clone, Default)]
pub struct ConversationChange {
    /// A person's title.
    pub title: Option<String>,
    /// The model of later turns.
    pub model: Option<String>,
    /// Pin or unpin.
    pub pinned: Option<bool>,
    /// Archive or bring back.
    pub archived: Option<bool>,
    /// Show the branch of this message: its newest descendant becomes the leaf.
    pub active_leaf: Option<MessageId>,
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
        let _ = (self.0, new);
        todo!()
    }

    /// An owner's conversation that is not deleted.
    pub async fn get(&self, owner: UserId, id: ConversationId) -> Result<Conversation, StoreError> {
        let _ = (owner, id);
        todo!()
    }

    /// An owner's conversations by last change, newest first. With
    /// [`Filter::Active`], the first page begins with all pinned ones (at most
    /// 100, latest pin first), which do not count towards the limit and do not
    /// come again.
    pub async fn list(
        &self,
        owner: UserId,
        filter: Filter,
        page: PageRequest,
    ) -> Result<Rows<Conversation>, StoreError> {
        let _ = (owner, filter, page);
        todo!()
    }

    /// Changes one.
    pub async fn change(
        &self,
        owner: UserId,
        id: ConversationId,
        change: &ConversationChange,
        now: DateTime<Utc>,
    ) -> Result<Conversation, StoreError> {
        let _ = (owner, id, change, now);
        todo!()
    }

    /// Sets the model's title, unless there is one already. None when there was.
    pub async fn set_model_title(
        &self,
        owner: UserId,
        id: ConversationId,
        title: &str,
    ) -> Result<Option<Conversation>, StoreError> {
        let _ = (owner, id, title);
        todo!()
    }

    /// Deletes one; it can be restored until maintenance removes it. Gives its
    /// new version. Its running turns are asked to stop: their ids.
    pub async fn delete(
        &self,
        owner: UserId,
        id: ConversationId,
        now: DateTime<Utc>,
    ) -> Result<(i64, Vec<TurnId>), StoreError> {
        let _ = (owner, id, now);
        todo!()
    }

    /// Restores a deleted one.
    pub async fn restore(
        &self,
        owner: UserId,
        id: ConversationId,
    ) -> Result<Conversation, StoreError> {
        let _ = (owner, id);
        todo!()
    }
}
