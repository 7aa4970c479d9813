//! What can go wrong in the store.

/// An error of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Not there, or not the owner's.
    #[error("not found")]
    NotFound,
    /// It contradicts what is stored.
    #[error("conflict: {0}")]
    Conflict(Conflict),
    /// The database cannot be reached, is shutting down or took too long.
    #[error("the database is not available")]
    Unavailable(#[source] sqlx::Error),
    /// A stored value that this version cannot read.
    #[error("a stored value cannot be read: {0}")]
    Corrupt(String),
    /// A migration failed.
    #[error("the database could not be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// Anything else: a fault of ours.
    #[error("the database refused a statement")]
    Database(#[source] sqlx::Error),
}

/// What a write contradicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Another account has this e-mail.
    #[error("the e-mail is taken")]
    EmailTaken,
    /// Registration is closed, or wants an invitation that was not given.
    #[error("registration is not open")]
    RegistrationClosed,
    /// The invitation is unknown, used, revoked, expired or for someone else.
    #[error("the invitation does not hold")]
    InvitationInvalid,
    /// The last active administrator would be gone.
    #[error("the last administrator must stay")]
    LastAdministrator,
    /// Another node has this name.
    #[error("the node's name is taken")]
    NodeNameTaken,
    /// The message to follow is still being written.
    #[error("a turn is running there")]
    TurnRunning,
    /// The turn is not in a state for this.
    #[error("the turn's state does not allow this")]
    TurnState,
    /// The same idempotency key came with another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// The master key is not the one that this database was used with.
    #[error("the master key is not this database's")]
    WrongMasterKey,
    /// A guest may have one conversation.
    #[error("a guest has one conversation")]
    GuestLimit,
}
