//! The pool, and what pages have in common.

use std::{borrow::Cow, str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use sqlx::{
    ConnectOptions as _, Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::time::{Instant, sleep, timeout, timeout_at};
use uuid::Uuid;

use crate::StoreError;

/// A connection that was idle for this long is tried before it is used, so
/// that a restart of the server costs at most the statements under way. A busy
/// pool pays nothing for it.
const TRY_AFTER_IDLE: Duration = Duration::from_millis(250);

/// How long such a trial may take.
const TRIAL_TIMEOUT: Duration = Duration::from_secs(1);

/// How long [`Store::ping`] waits.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// How long [`Store::close`] waits for statements under way.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(10);

/// No list reads more rows at once.
pub(crate) const MAX_PAGE: u32 = 1000;

/// Limits of the connection pool.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Connections at most.
    pub max_connections: u32,
    /// How long a caller waits for a connection.
    pub acquire_timeout: Duration,
    /// How long one statement may run.
    pub statement_timeout: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            max_connections: 20,
            acquire_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(15),
        }
    }
}

/// The database. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) pool: PgPool,
}

/// What `doctor` says about the database.
#[derive(Debug, Clone)]
pub struct DatabaseInfo {
    /// Such as `18.6`.
    pub server_version: String,
    /// The pgvector that is installed or can be.
    pub vector_version: Option<String>,
    /// The newest migration that was applied.
    pub schema_version: Option<i64>,
    /// Bytes on disk.
    pub size_bytes: i64,
    /// The database's clock.
    pub now: DateTime<Utc>,
}

/// Which rows of a list to read.
#[derive(Debug, Clone, Copy)]
pub struct PageRequest {
    /// After this row.
    pub after: Option<Position>,
    /// How many, at least 1.
    pub limit: u32,
}

/// A row's place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The row's time.
    pub at: DateTime<Utc>,
    /// The row's id.
    pub id: Uuid,
}

/// Rows of a list, and where to go on.
#[derive(Debug, Clone)]
pub struct Rows<T> {
    /// In the list's order.
    pub items: Vec<T>,
    /// The last row's place, when there are more.
    pub next: Option<Position>,
}

impl PageRequest {
    /// How many rows to read: one more than asked for tells whether there are
    /// more.
    pub(crate) fn fetch(self) -> i64 {
        i64::from(self.rows()) + 1
    }

    fn rows(self) -> u32 {
        self.limit.clamp(1, MAX_PAGE)
    }

    /// The two halves of the position, to bind.
    pub(crate) fn after(self) -> (Option<DateTime<Utc>>, Option<Uuid>) {
        self.after
            .map_or((None, None), |after| (Some(after.at), Some(after.id)))
    }
}

impl<T> Rows<T> {
    /// Cuts what [`PageRequest::fetch`] read over; `position` says where an
    /// item stands.
    pub(crate) fn cut(
        mut items: Vec<T>,
        page: PageRequest,
        position: impl Fn(&T) -> Position,
    ) -> Self {
        let rows = page.rows() as usize;
        let more = items.len() > rows;
        items.truncate(rows);
        let next = if more {
            items.last().map(position)
        } else {
            None
        };
        Self { items, next }
    }
}

impl Store {
    /// Connects to `url` (`postgres://…`, a Unix socket as `?host=DIR`). Waits
    /// at most the acquire timeout.
    pub async fn connect(url: &str, settings: &PoolSettings) -> Result<Self, StoreError> {
        let options = connect_options(url, settings)?;
        // The pool would answer every failure of its first connection with a
        // timeout; this says why.
        probe(&options, settings.acquire_timeout).await?;
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move {
                    if meta.idle_for < TRY_AFTER_IDLE {
                        return Ok(true);
                    }
                    Ok(matches!(
                        timeout(TRIAL_TIMEOUT, connection.ping()).await,
                        Ok(Ok(()))
                    ))
                })
            })
            .connect_lazy_with(options);
        Ok(Self { pool })
    }

    /// A store on a pool that exists already, for the test kit.
    #[doc(hidden)]
    pub const fn from_pool(pool: PgPool) -> Self {
        Self { pool }
    }

    /// The pool, for tests that look behind the repositories.
    #[doc(hidden)]
    pub const fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// Whether the database answers and is migrated; bounded to two seconds.
    pub async fn ping(&self) -> Result<(), StoreError> {
        timeout(PING_TIMEOUT, self.require_schema())
            .await
            .map_err(|_| StoreError::timed_out())?
    }

    /// Versions, size and clock, for `doctor`.
    pub async fn info(&self) -> Result<DatabaseInfo, StoreError> {
        let schema_version = self.schema_version().await?;
        let row = sqlx::query!(
            r#"SELECT current_setting('server_version') AS "server_version!",
                      pg_database_size(current_database()) AS "size_bytes!",
                      clock_timestamp() AS "now!",
                      (SELECT coalesce(installed_version, default_version)
                         FROM pg_available_extensions WHERE name = 'vector') AS vector_version"#
        )
        .fetch_one(&self.pool)
        .await?;
        // Distributions add their own: `16.9 (Debian 16.9-1)`.
        let server_version = row
            .server_version
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned();
        Ok(DatabaseInfo {
            server_version,
            vector_version: row.vector_version,
            schema_version,
            size_bytes: row.size_bytes,
            now: row.now,
        })
    }

    /// Closes every connection; one that does not end its statement within ten
    /// seconds is left behind.
    pub async fn close(&self) {
        if timeout(CLOSE_TIMEOUT, self.pool.close()).await.is_err() {
            tracing::warn!("some database connections were still busy when the pool was closed");
        }
    }
}

fn connect_options(url: &str, settings: &PoolSettings) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(&with_host(url)?).map_err(StoreError::InvalidUrl)?;
    let options = if options.get_application_name().is_some() {
        options
    } else {
        options.application_name("openmake")
    };
    let statement = settings.statement_timeout.as_millis();
    // A lock that is not there within a third of a statement's time is one
    // that a caller should hear about rather than wait for.
    let lock = (statement / 3).max(1);
    Ok(options.options([
        ("statement_timeout", statement),
        ("lock_timeout", lock),
        ("idle_in_transaction_session_timeout", statement * 2),
    ]))
}

/// `url` with a host. PostgreSQL's own form for a Unix socket,
/// `postgres://user@/database?host=DIR`, names none before the database, which
/// no general parser of URLs accepts.
fn with_host(url: &str) -> Result<Cow<'_, str>, StoreError> {
    let (scheme, rest) = url
        .split_once("://")
        .filter(|(scheme, _)| matches!(*scheme, "postgres" | "postgresql"))
        .ok_or_else(|| {
            let reason = "it does not begin with postgres:// or postgresql://";
            StoreError::InvalidUrl(sqlx::Error::Configuration(reason.into()))
        })?;
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    if authority.ends_with('@') {
        let path = rest.get(authority.len()..).unwrap_or_default();
        Ok(format!("{scheme}://{authority}localhost{path}").into())
    } else {
        Ok(url.into())
    }
}

/// Connects once, and again while the server is starting, until `patience` is
/// over.
async fn probe(options: &PgConnectOptions, patience: Duration) -> Result<(), StoreError> {
    let deadline = Instant::now() + patience;
    let mut pause = Duration::from_millis(20);
    loop {
        let error = match timeout_at(deadline, options.connect()).await {
            Err(_) => return Err(StoreError::timed_out()),
            Ok(Ok(connection)) => {
                // A probe that cannot say goodbye has told what it should.
                let _ = timeout_at(deadline, connection.close()).await;
                return Ok(());
            }
            Ok(Err(error)) => error,
        };
        if !is_starting(&error) || Instant::now() + pause >= deadline {
            return Err(StoreError::Unavailable(error));
        }
        sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(500));
    }
}

/// Whether the server may be there in a moment.
fn is_starting(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(error) => matches!(
            error.kind(),
            std::io::ErrorKind::ConnectionRefused
                | std::io::ErrorKind::ConnectionReset
                | std::io::ErrorKind::NotFound
                | std::io::ErrorKind::UnexpectedEof
        ),
        sqlx::Error::Database(refusal) => matches!(
            refusal.code().as_deref(),
            // Shutting down, crashed, starting up, too many connections.
            Some("57P01" | "57P02" | "57P03" | "53300")
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(n: u32) -> Position {
        Position {
            at: DateTime::UNIX_EPOCH,
            id: Uuid::from_u128(u128::from(n)),
        }
    }

    #[test]
    fn a_page_ends_where_there_is_no_more() {
        let page = PageRequest {
            after: None,
            limit: 2,
        };
        assert_eq!(page.fetch(), 3);
        let rows = Rows::cut(vec![1, 2, 3], page, |n| at(*n));
        assert_eq!((rows.items, rows.next), (vec![1, 2], Some(at(2))));
        let rows = Rows::cut(vec![1, 2], page, |n| at(*n));
        assert_eq!((rows.items, rows.next), (vec![1, 2], None));
    }

    #[test]
    fn a_limit_is_kept_within_bounds() {
        let page = |limit| PageRequest { after: None, limit };
        assert_eq!(page(0).fetch(), 2);
        assert_eq!(page(u32::MAX).fetch(), i64::from(MAX_PAGE) + 1);
    }

    #[test]
    fn a_url_may_name_a_unix_socket() {
        for url in [
            "postgres://openmake:p%40ss@/openmake?host=/run/open%20make&port=5433",
            "postgresql://openmake@/openmake?host=%2Frun%2Fopen+make&port=5433",
            "postgres:///openmake?user=openmake&host=/run/open%20make&port=5433",
            "postgres://openmake@%2Frun%2Fopen%20make:5433/openmake",
        ] {
            let options = connect_options(url, &PoolSettings::default()).expect(url);
            assert_eq!(
                options.get_socket().map(|path| path.display().to_string()),
                Some("/run/open make".to_owned()),
                "{url}"
            );
            assert_eq!(options.get_port(), 5433, "{url}");
            assert_eq!(options.get_username(), "openmake", "{url}");
            assert_eq!(options.get_database(), Some("openmake"), "{url}");
        }
    }

    #[test]
    fn a_url_may_name_a_host_and_an_application() {
        let url = "postgres://u:p@db.example.org/openmake?application_name=mine";
        let options = connect_options(url, &PoolSettings::default()).expect("a valid URL");
        assert_eq!(options.get_host(), "db.example.org");
        assert_eq!(options.get_application_name(), Some("mine"));
    }

    #[test]
    fn what_is_no_url_is_said_so_without_repeating_it() {
        for url in [
            "",
            "secret",
            "mysql://u:secret@h/d",
            "postgres://u:secret@h:port/d",
        ] {
            let refused = connect_options(url, &PoolSettings::default()).expect_err(url);
            let StoreError::InvalidUrl(reason) = refused else {
                panic!("{url}: {refused:?}");
            };
            assert!(!reason.to_string().contains("secret"), "{reason}");
        }
    }
}
