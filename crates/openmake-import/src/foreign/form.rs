//! The form that every product's data is brought into.

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

/// One thing out of a file.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A conversation with its messages.
    Conversation(Box<Conversation>),
    /// An account of the other product.
    Account(Account),
    /// Something that has no place of its own here and is kept as it is.
    Kept(Kept),
    /// Something that was read and cannot be carried.
    Refused(Refused),
    /// How many bytes of the file have been read so far, of how many.
    Progress {
        /// Read so far.
        read: u64,
        /// In all.
        total: u64,
    },
}

/// A conversation.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// The product's id of it.
    pub id: String,
    /// The product's id of its owner, where a file holds several accounts.
    pub owner: Option<String>,
    /// Its title, at most 200 characters, or empty.
    pub title: String,
    /// The model that answered last.
    pub model: Option<String>,
    /// What the model is told in every turn, at most 8,000 characters.
    pub instructions: Option<String>,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it changed last.
    pub updated_at: DateTime<Utc>,
    /// When it was pinned; the other products do not say, so it is the time of
    /// its last change.
    pub pinned_at: Option<DateTime<Utc>>,
    /// Whether it is archived.
    pub archived: bool,
    /// Parents before what follows them.
    pub messages: Vec<Message>,
    /// The index of the last message of the branch that is shown.
    pub active: Option<usize>,
    /// What has no column: folder, tags, the whole title.
    pub metadata: Map<String, Value>,
    /// What became of it on the way.
    pub remarks: Vec<Note>,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The person.
    User,
    /// The model.
    Assistant,
}

/// A message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// The product's id of it.
    pub id: String,
    /// The index of the message that it follows.
    pub parent: Option<usize>,
    /// Who wrote it.
    pub speaker: Speaker,
    /// Its text, Markdown.
    pub text: String,
    /// What the model thought before it.
    pub thinking: Option<String>,
    /// The tools that it used, in order.
    pub tools: Vec<ToolUse>,
    /// The model that wrote it.
    pub model: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

/// One use of a tool.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolUse {
    /// The product's id of the call.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// What it was asked, JSON or text.
    pub arguments: String,
    /// What it answered, where the file says so.
    pub output: Option<String>,
    /// Whether what it answered was an error.
    pub is_error: bool,
}

/// An account of Open WebUI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its id there.
    pub id: String,
    /// Its e-mail address, as it was typed.
    pub email: String,
    /// Its name.
    pub name: String,
    /// `admin`, `user`, `pending` or what an extension made of it.
    pub role: String,
    /// A bcrypt hash, where it has a password.
    pub password: Option<String>,
    /// Whether it may sign in there.
    pub is_active: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Something kept as it is, for a later release to find a place for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// What it is: `projects`, `memories`, `prompts`, `models`, `files`,
    /// `folders`.
    pub table: &'static str,
    /// Its id there.
    pub id: String,
    /// Whose, where a file holds several accounts.
    pub owner: Option<String>,
    /// All of it.
    pub row: Value,
}

/// Something that cannot be carried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What it is.
    pub table: &'static str,
    /// Its id there, or where it was found.
    pub id: String,
    /// What is wrong with it.
    pub flaw: Flaw,
    /// In words.
    pub why: String,
}

/// What became of something on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The message's id, or the conversation's.
    pub id: String,
    /// What.
    pub flaw: Flaw,
    /// In words.
    pub why: String,
}

/// All that can be wrong with something in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flaw {
    /// It cannot be parsed, or is not what it should be.
    Unreadable,
    /// It is larger than is read.
    TooLarge,
    /// The file ends in the middle.
    Truncated,
    /// A conversation without anything that a person or a model said.
    Empty,
    /// The same id came before.
    Duplicate,
    /// What it follows is not there.
    ParentMissing,
    /// It followed itself.
    Cycle,
    /// Its time was missing or absurd.
    Time,
    /// Its text had bytes that are none.
    Text,
    /// It was longer than it may be.
    Shortened,
    /// A kind of content that is not known; its text was kept.
    UnknownContent,
    /// A file or an image that is not in the text.
    Attachment,
    /// A hidden message: instructions of the product to its model.
    Hidden,
}

impl Flaw {
    /// The name in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::TooLarge => "too_large",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
            Self::Duplicate => "duplicate",
            Self::ParentMissing => "parent_missing",
            Self::Cycle => "cycle",
            Self::Time => "time",
            Self::Text => "text",
            Self::Shortened => "shortened",
            Self::UnknownContent => "unknown_content",
            Self::Attachment => "attachment",
            Self::Hidden => "hidden",
        }
    }
}
