//! Where profiles differ from the built-in ones (`profile_edits`).

use chrono::{DateTime, Utc};

use crate::{
    Store, StoreError,
    audit::{self, NewAudit},
    settings,
    text::{storable, storable_option},
};

/// What an administrator says about a profile. None is as built in.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEdit {
    /// The profile's id.
    pub profile: String,
    /// Whether it can be asked.
    pub is_enabled: bool,
    /// The models that it prefers, the best first; at most 100.
    pub prefer: Option<Vec<String>>,
    /// `smallest`, `balanced` or `largest`.
    pub size: Option<String>,
    /// `off`, `low`, `medium` or `high`.
    pub thinking: Option<String>,
    /// 0 to 2.
    pub temperature: Option<f64>,
    /// Tokens of the conversation that are sent, at most.
    pub context_tokens: Option<i32>,
    /// How often tools may be called.
    pub tool_turns: Option<i32>,
    /// The answer ends after this; 0: never.
    pub time_budget_seconds: Option<i32>,
    /// How to work, for the system prompt; at most 8000 characters.
    pub instructions: Option<String>,
}

/// Where profiles differ from the built-in ones.
#[derive(Debug, Clone, Copy)]
pub struct ProfileEdits<'a>(&'a Store);

impl Store {
    /// Where profiles differ from the built-in ones.
    pub const fn profile_edits(&self) -> ProfileEdits<'_> {
        ProfileEdits(self)
    }
}

impl ProfileEdits<'_> {
    /// All of them.
    pub async fn list(&self) -> Result<Vec<StoredEdit>, StoreError> {
        Ok(sqlx::query_as!(
            StoredEdit,
            "SELECT profile, is_enabled, prefer, size, thinking, temperature, context_tokens,
                    tool_turns, time_budget_seconds, instructions
               FROM profile_edits ORDER BY profile",
        )
        .fetch_all(&self.0.pool)
        .await?)
    }

    /// Edits a profile: what was said about it before is forgotten. Gives the
    /// settings' new version.
    pub async fn set(
        &self,
        edit: &StoredEdit,
        now: DateTime<Utc>,
        audit: &NewAudit,
    ) -> Result<i64, StoreError> {
        let prefer = edit.prefer.as_ref().map(|patterns| -> Vec<String> {
            let patterns = patterns.iter();
            patterns.map(|one| storable(one).into_owned()).collect()
        });
        let mut tx = self.0.pool.begin().await?;
        let version = settings::touch(&mut tx).await?;
        sqlx::query!(
            "INSERT INTO profile_edits (profile, is_enabled, prefer, size, thinking, temperature,
                    context_tokens, tool_turns, time_budget_seconds, instructions, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
             ON CONFLICT (profile) DO UPDATE
                SET is_enabled = $2, prefer = $3, size = $4, thinking = $5, temperature = $6,
                    context_tokens = $7, tool_turns = $8, time_budget_seconds = $9,
                    instructions = $10, updated_at = $11",
            &*storable(&edit.profile),
            edit.is_enabled,
            prefer.as_deref(),
            edit.size,
            edit.thinking,
            edit.temperature,
            edit.context_tokens,
            edit.tool_turns,
            edit.time_budget_seconds,
            storable_option(edit.instructions.as_deref()),
            now,
        )
        .execute(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(version)
    }

    /// Makes a profile what it was built as. Gives the settings' new version,
    /// or None where it was not edited.
    pub async fn reset(&self, profile: &str, audit: &NewAudit) -> Result<Option<i64>, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let version = settings::touch(&mut tx).await?;
        let removed = sqlx::query!(
            "DELETE FROM profile_edits WHERE profile = $1",
            &*storable(profile),
        )
        .execute(&mut *tx)
        .await?;
        if removed.rows_affected() == 0 {
            return Ok(None);
        }
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(Some(version))
    }
}
