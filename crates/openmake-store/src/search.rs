//! Full-text search over titles and messages.
//!
//! Words are cut here, not by PostgreSQL: NFKC, case folded; Chinese, Japanese
//! and Korean as single characters and overlapping pairs, so that a word of
//! two syllables is found inside a longer one. What the index finds is read
//! again before it is shown, since pairs can occur apart from each other.

mod excerpt;
mod find;
mod index;
mod query;
mod words;

use openmake_types::{MessageId, MessageRole, UserId};

pub(crate) use self::index::index_title;
use crate::{Store, conversations::Conversation};

/// The version of the word cutter. Raise it when words are cut differently:
/// maintenance then indexes again.
pub const TOKENIZER: i32 = 1;

/// The lexemes under which the words of a message of `owner`'s are found, in
/// the pieces in which they are stored: for whoever fills a database past the
/// repositories.
pub fn lexemes(owner: UserId, text: &str) -> Vec<Vec<String>> {
    index::pieces(owner, words::words(text))
}

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
