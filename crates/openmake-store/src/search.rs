//! Full-text search over titles and messages.
//!
//! Words are cut here, not by PostgreSQL: NFKC, case folded; Chinese, Japanese
//! and Korean as single characters and overlapping pairs, so that a word of
//! two syllables is found inside a longer one.

use openmake_types::{MessageId, MessageRole, UserId};

use crate::{Store, StoreError, conversations::Conversation};

/// The version of the word cutter. Raise it when words are cut differently:
/// maintenance then indexes again.
pub const TOKENIZER: i32 = 1;

/// A conversation that matches.
#[derive(Debug, Clone)]
pub struct Hit {
    /// The conversation.
    pub conversation: Conversation,
    /// At most three messages; none when only the title matches.
    pub excerpts: Vec<MessageExcerpt>,
}

/// A piece of a message around what was searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageExcerpt {
    /// The message.
    pub message_id: MessageId,
    /// Who it is from.
    pub role: MessageRole,
    /// The piece.
    pub text: String,
    /// What matched, as byte ranges of `text` on character boundaries.
    pub highlights: Vec<(usize, usize)>,
}

/// Search.
#[derive(Debug, Clone, Copy)]
pub struct Search<'a>(&'a Store);

impl Store {
    /// Full-text search.
    pub const fn search(&self) -> Search<'_> {
        Search(self)
    }
}

impl Search<'_> {
    /// An owner's conversations in which every word of `query` occurs (in the
    /// title or in one message), best first; deleted ones are left out.
    pub async fn find(
        &self,
        owner: UserId,
        query: &str,
        limit: u32,
    ) -> Result<Vec<Hit>, StoreError> {
        let _ = (self.0, owner, query, limit);
        todo!()
    }

    /// Indexes a message and its conversation's title. Errors are for the log:
    /// maintenance catches up.
    pub async fn index_message(&self, owner: UserId, message: MessageId) -> Result<(), StoreError> {
        let _ = (owner, message);
        todo!()
    }
}
