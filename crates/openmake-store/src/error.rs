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
    /// The database's URL is not one.
    #[error("the database URL is not valid")]
    InvalidUrl(#[source] sqlx::Error),
    /// A newer version of the program has migrated the database.
    #[error(
        "the database was migrated to schema {database} by a newer version of OpenMake, and this \
         one knows {program}: start the newer version"
    )]
    SchemaNewer {
        /// The newest migration that was applied.
        database: i64,
        /// The newest that this program has.
        program: i64,
    },
    /// The database has not been migrated to what this program needs.
    #[error("the database's schema is older than this version of OpenMake needs ({program})")]
    SchemaOlder {
        /// The newest migration that was applied, if any was.
        database: Option<i64>,
        /// The newest that this program has.
        program: i64,
    },
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
    /// The key, account or group has a budget of this unit and period.
    #[error("there is such a budget")]
    BudgetExists,
    /// The account has an import that has not ended.
    #[error("an import is running")]
    ImportRunning,
    /// The account began as many imports today as one may.
    #[error("too many imports today")]
    TooManyImports,
    /// The files of other imports leave no room for this one.
    #[error("no room for another import's file")]
    ImportsFull,
    /// The import is not in a state for this.
    #[error("the import's state does not allow this")]
    ImportState,
    /// The piece of a file does not follow what is here.
    #[error("the piece does not follow the last one")]
    ImportOffset,
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
    /// The account has an authenticator app already.
    #[error("an authenticator app is set up already")]
    TotpEnabled,
    /// The passkey was added before, here or to another account.
    #[error("the passkey is known")]
    PasskeyKnown,
    /// The account has as many passkeys as it may.
    #[error("the account has too many passkeys")]
    PasskeyLimit,
    /// The account elsewhere is linked already, here or to another account.
    #[error("the identity is linked")]
    IdentityTaken,
    /// Nothing would be left to sign in with.
    #[error("the last way to sign in must stay")]
    LastSignInMethod,
    /// A guest may have one conversation.
    #[error("a guest has one conversation")]
    GuestLimit,
    /// The account has as many keys as one may have.
    #[error("there are too many keys")]
    TooManyKeys,
    /// The key was taken back for good.
    #[error("the key was revoked")]
    KeyRevoked,
    /// The key's time is over.
    #[error("the key has expired")]
    KeyExpired,
    /// Another group has this name.
    #[error("the group's name is taken")]
    GroupNameTaken,
    /// The account belongs to the group already.
    #[error("the account is in the group")]
    AlreadyMember,
    /// Only an administrator removes a manager from a group.
    #[error("a manager is removed by an administrator only")]
    ManagerStays,
}

impl From<Conflict> for StoreError {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Database(refusal) => match Refusal::of(refusal.as_ref()) {
                Refusal::Conflict(conflict) => Self::Conflict(conflict),
                Refusal::Missing => Self::NotFound,
                Refusal::Unavailable => Self::Unavailable(error),
                Refusal::Fault => Self::Database(error),
            },
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed
            | sqlx::Error::Protocol(_) => Self::Unavailable(error),
            _ => Self::Database(error),
        }
    }
}

impl StoreError {
    /// A stored value that this version cannot read.
    pub(crate) fn corrupt(column: &str, value: impl std::fmt::Debug) -> Self {
        Self::Corrupt(format!("{column} is {value:?}"))
    }

    /// The database did not answer in time.
    pub(crate) const fn timed_out() -> Self {
        Self::Unavailable(sqlx::Error::PoolTimedOut)
    }
}

/// What a refusal of the database means.
enum Refusal {
    Conflict(Conflict),
    Missing,
    Unavailable,
    Fault,
}

impl Refusal {
    fn of(error: &dyn sqlx::error::DatabaseError) -> Self {
        if error.is_unique_violation() {
            return match error.constraint() {
                Some("users_email_key") => Self::Conflict(Conflict::EmailTaken),
                Some("budgets_subject_key") => Self::Conflict(Conflict::BudgetExists),
                Some("passkeys_credential_key") => Self::Conflict(Conflict::PasskeyKnown),
                Some("identities_subject_key") => Self::Conflict(Conflict::IdentityTaken),
                Some("user_groups_name_key") => Self::Conflict(Conflict::GroupNameTaken),
                Some("model_nodes_name_key") => Self::Conflict(Conflict::NodeNameTaken),
                _ => Self::Fault,
            };
        }
        // What the row refers to was removed, or never was.
        if error.is_foreign_key_violation() {
            return Self::Missing;
        }
        match error.code().as_deref() {
            Some(code) if is_outage(code) => Self::Unavailable,
            _ => Self::Fault,
        }
    }
}

/// Whether a SQLSTATE says that the same statement may well succeed later, or
/// that the operator must mend the connection: neither is a fault of the
/// statement.
fn is_outage(code: &str) -> bool {
    matches!(
        code.get(..2),
        // Connection, authorization, rollback (deadlock), resources.
        Some("08" | "28" | "40" | "53")
    ) || matches!(
        code,
        // Shutdown, crash, starting up, too busy for us, and the timeouts of
        // statements, locks, idle transactions and whole transactions.
        "57P01" | "57P02" | "57P03" | "57P05" | "57014" | "55P03" | "25P03" | "25P04"
        // The database does not exist (yet).
        | "3D000"
        // A replica, or a server that was told to take no writes.
        | "25006"
    )
}

/// Reads an enumeration that is stored as text.
pub(crate) fn parsed<T: std::str::FromStr>(column: &str, text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::corrupt(column, text))
}
