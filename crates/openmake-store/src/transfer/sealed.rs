//! Secrets that are sealed with the master key, and what becomes of them where
//! that key is not at hand.

use chrono::{DateTime, Utc};
use sqlx::{Executor as _, PgConnection};

use super::TransferError;

/// A column of ciphertexts.
#[derive(Debug, Clone, Copy)]
pub struct SealedColumn {
    /// Its table.
    pub table: &'static str,
    /// Its name.
    pub column: &'static str,
    /// Names what is lost, a row each, in words for the operator.
    labels: &'static str,
    /// Takes away what can never be opened.
    clear: &'static str,
}

/// Every column that holds ciphertexts of the master key. A new one belongs
/// here; a test finds those that are missing.
pub const SEALED: &[SealedColumn] = &[
    SealedColumn {
        table: "model_node_keys",
        column: "sealed",
        labels: "SELECT 'the key …' || k.last_four || ' of the model server ' || n.name
                   FROM model_node_keys k JOIN model_nodes n ON n.id = k.node_id
                  ORDER BY lower(n.name), k.position",
        clear: "DELETE FROM model_node_keys",
    },
    SealedColumn {
        table: "totp_factors",
        column: "sealed",
        labels: "SELECT 'the authenticator app of ' || coalesce(u.email, u.display_name)
                   FROM totp_factors t JOIN users u ON u.id = t.user_id
                  WHERE t.confirmed_at IS NOT NULL ORDER BY lower(u.email)",
        // Backup codes are hashed with a key that derives from the lost one,
        // and stand in for an app that is gone.
        clear: "DELETE FROM totp_factors; DELETE FROM backup_codes",
    },
    SealedColumn {
        table: "external_connections",
        column: "refresh_token_sealed",
        // Before the other is gone: one with both is named there.
        labels: "SELECT 'the connection of ' || coalesce(u.email, u.display_name) || ' to '
                        || c.service_type
                   FROM external_connections c JOIN users u ON u.id = c.user_id
                  WHERE c.refresh_token_sealed IS NOT NULL AND c.access_token_sealed IS NULL
                  ORDER BY lower(u.email), c.service_type",
        clear: "UPDATE external_connections SET refresh_token_sealed = NULL
                 WHERE refresh_token_sealed IS NOT NULL",
    },
    SealedColumn {
        table: "external_connections",
        column: "access_token_sealed",
        labels: "SELECT 'the connection of ' || coalesce(u.email, u.display_name) || ' to '
                        || c.service_type
                   FROM external_connections c JOIN users u ON u.id = c.user_id
                  WHERE c.access_token_sealed IS NOT NULL ORDER BY lower(u.email), c.service_type",
        clear: "UPDATE external_connections SET access_token_sealed = NULL
                 WHERE access_token_sealed IS NOT NULL",
    },
    SealedColumn {
        table: "mcp_servers",
        column: "env_sealed",
        labels: "SELECT 'the environment of the tool server ' || name FROM mcp_servers
                  WHERE env_sealed IS NOT NULL ORDER BY lower(name)",
        clear: "UPDATE mcp_servers SET env_sealed = NULL WHERE env_sealed IS NOT NULL",
    },
];

/// Takes away all that needs the lost master key: ciphertexts, sessions (their
/// tokens derive from it) and the binding, so that the next start binds the key
/// that is there. Says what must be entered again.
pub(super) async fn forget_key(
    connection: &mut PgConnection,
    now: DateTime<Utc>,
) -> Result<Vec<String>, TransferError> {
    let mut lost = Vec::new();
    for sealed in SEALED {
        let labels: Vec<String> = sqlx::query_scalar(sealed.labels)
            .fetch_all(&mut *connection)
            .await?;
        lost.extend(labels);
        connection.execute(sealed.clear).await?;
    }
    sqlx::query!(
        "UPDATE sessions SET ended_at = $1, ended_reason = 'revoked' WHERE ended_at IS NULL",
        now,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!("UPDATE instance SET master_key_id = NULL, master_key_check = NULL")
        .execute(connection)
        .await?;
    Ok(lost)
}
