//! Other products' exports: ChatGPT's, Claude's and Open WebUI's.
//!
//! Each product's reader is a pure function over a file: it gives one
//! [`Found`] after the other and holds no more than one conversation. What it
//! cannot carry it says in a [`Note`]; it never gives up on a file because of
//! one bad conversation.

mod archive;
mod chatgpt;
mod claude;
mod form;
mod json;
mod open_webui;
mod text;
mod tree;

use std::{io, ops::ControlFlow, path::Path};

use chrono::{DateTime, Utc};

pub use self::form::{
    Account, Conversation, Flaw, Found, Kept, Message, Note, Refused, Speaker, ToolUse,
};

/// The products that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Product {
    /// OpenAI's ChatGPT: the ZIP of its data export, the folder, or one of its
    /// JSON files.
    ChatGpt,
    /// Anthropic's Claude: the same.
    Claude,
    /// Open WebUI: its SQLite database, `webui.db`.
    OpenWebUi,
}

impl Product {
    /// The name that the command line, the store and the wire use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatGpt => "chatgpt",
            Self::Claude => "claude",
            Self::OpenWebUi => "open-webui",
        }
    }
}

impl std::str::FromStr for Product {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "chatgpt" => Ok(Self::ChatGpt),
            "claude" => Ok(Self::Claude),
            "open-webui" => Ok(Self::OpenWebUi),
            other => Err(other.to_owned()),
        }
    }
}

/// How much of a file is read. A file comes from anybody.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of one conversation's JSON.
    pub conversation: usize,
    /// Messages of one conversation.
    pub messages: usize,
    /// Bytes of all JSON together, unpacked.
    pub unpacked: u64,
    /// Files in an archive.
    pub files: u64,
    /// How many times larger an archive's file may become than it is packed.
    pub ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            conversation: 32 << 20,
            messages: 20_000,
            unpacked: 16 << 30,
            files: 200_000,
            ratio: 400,
        }
    }
}

/// What a reader is told.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// How much is read.
    pub limits: Limits,
    /// Times after this one are not believed.
    pub now: DateTime<Utc>,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ForeignError {
    /// The file cannot be read from the disk.
    #[error("the file cannot be read")]
    Io(#[from] io::Error),
    /// It is neither a ZIP nor JSON nor a folder with an export.
    #[error("this is no export: {0}")]
    NotAnExport(&'static str),
    /// A ZIP that is damaged.
    #[error("the ZIP file is damaged")]
    Zip(#[source] zip::result::ZipError),
    /// It unpacks to more than is read.
    #[error("the file unpacks to more than {0} bytes, or suspiciously well")]
    Bomb(u64),
    /// A ZIP with too many files.
    #[error("the ZIP file has more than {0} files")]
    TooManyFiles(u64),
    /// SQLite says no.
    #[error("the database cannot be read")]
    Sqlite(#[from] rusqlite::Error),
    /// A database, but not Open WebUI's.
    #[error("this database is not Open WebUI's: it has no table {0}")]
    NoTable(&'static str),
}

impl ForeignError {
    /// A stable name for it.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Io(_) => "import_unreadable",
            Self::NotAnExport(_) | Self::NoTable(_) => "import_not_an_export",
            Self::Zip(_) => "import_damaged",
            Self::Bomb(_) | Self::TooManyFiles(_) => "import_too_large",
            Self::Sqlite(_) => "import_database_unreadable",
        }
    }
}

/// What takes what is found; it may say that it has enough.
pub type Take<'a> = &'a mut dyn FnMut(Found) -> ControlFlow<()>;

/// Reads a file to its end, or until `take` breaks. Blocks.
pub fn read(
    product: Product,
    path: &Path,
    reading: &Reading,
    take: Take<'_>,
) -> Result<(), ForeignError> {
    match product {
        Product::ChatGpt => archive::each_document(path, reading, chatgpt::READER, take),
        Product::Claude => archive::each_document(path, reading, claude::READER, take),
        Product::OpenWebUi => open_webui::read(path, reading, take),
    }
}

#[cfg(test)]
mod tests;
