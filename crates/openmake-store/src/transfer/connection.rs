//! Connections for work that takes as long as it takes.

use std::time::Duration;

use sqlx::{ConnectOptions as _, Connection as _, PgConnection};
use tokio::time::timeout;

use super::TransferError;
use crate::{Store, StoreError};

/// How long to wait for a connection, and for its end.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Settings under which rows read the same everywhere, and statements may take
/// their time. A lock that is not there in ten seconds is another's.
const SETTINGS: [(&str, &str); 10] = [
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("lock_timeout", "10s"),
    ("datestyle", "ISO"),
    ("intervalstyle", "postgres"),
    ("timezone", "UTC"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
    ("client_encoding", "UTF8"),
    ("row_security", "off"),
];

/// Opens one outside of the pool, by this name in the database's list of
/// sessions.
pub(crate) async fn open(store: &Store, name: &str) -> Result<PgConnection, TransferError> {
    let options = (*store.pool.connect_options())
        .clone()
        .application_name(name)
        .options(SETTINGS);
    let connected = timeout(CONNECT_TIMEOUT, options.connect()).await;
    Ok(connected.map_err(|_| StoreError::timed_out())??)
}

/// Closes it; one that does not say goodbye in time is left behind.
pub(super) async fn close(connection: PgConnection) {
    if timeout(CONNECT_TIMEOUT, connection.close()).await.is_err() {
        tracing::debug!("a backup's connection did not close in time");
    }
}
