//! What can go wrong with a backup.

use std::{io, path::PathBuf, time::Duration};

use openmake_store::{StoreError, transfer::TransferError};

/// An error of making, reading or restoring a backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file cannot be read or written.
    #[error("cannot {what} {}", .path.display())]
    File {
        /// What was tried, such as `write`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why it did not work.
        #[source]
        source: io::Error,
    },
    /// Reading or writing the stream itself.
    #[error("the backup cannot be read or written")]
    Io(#[from] io::Error),
    /// There is a file of that name.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// It is no backup of OpenMake's.
    #[error("this is not an OpenMake backup")]
    NotABackup,
    /// It is of a later format.
    #[error("the backup has the format {0}, which only a newer version of OpenMake reads")]
    FormatNewer(u32),
    /// Bytes are missing or were changed.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// The passphrase does not open the master key.
    #[error("the passphrase does not open the master key in this backup")]
    WrongPassphrase,
    /// The passphrase is empty or far too long.
    #[error("a passphrase has 1 to 1000 characters")]
    PassphraseLength,
    /// What was restored is not what the backup has.
    #[error("what was restored differs from the backup: {0}")]
    Differs(String),
    /// The database that is to be replaced is in use.
    #[error("the database has data: {accounts} accounts")]
    NotEmpty {
        /// How many accounts it has.
        accounts: i64,
    },
    /// The database has tables of something else.
    #[error("the database has tables that are not OpenMake's")]
    ForeignDatabase,
    /// Out of the database, or into it.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database was silent for too long.
    #[error("the database was silent for {} s", .0.as_secs())]
    Silent(Duration),
    /// The task that reads or writes the file ended early.
    #[error("the task that handles the file ended early")]
    TaskEnded,
}

impl BackupError {
    /// Bytes are missing or were changed.
    pub(crate) fn damaged(what: impl Into<String>) -> Self {
        Self::Damaged(what.into())
    }

    /// The error with all its causes in one line, for a record.
    pub(crate) fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
