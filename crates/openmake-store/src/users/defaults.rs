//! What an account's new conversations begin with.

use openmake_types::UserId;

use super::Users;
use crate::{Set, StoreError, text::storable_option};

/// What an account's new conversations begin with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Defaults {
    /// The model.
    pub model: Option<String>,
    /// What the model is told in every turn, at most 8,000 characters.
    pub instructions: Option<String>,
}

/// A change of [`Defaults`].
#[derive(Debug, Clone, Default)]
pub struct DefaultsChange {
    /// The model, 1 to 200 characters.
    pub model: Set<String>,
    /// What the model is told, 1 to 8,000 characters.
    pub instructions: Set<String>,
}

impl Users<'_> {
    /// What an account's new conversations begin with.
    pub async fn defaults(&self, id: UserId) -> Result<Defaults, StoreError> {
        Ok(sqlx::query_as!(
            Defaults,
            "SELECT default_model AS model, default_instructions AS instructions
               FROM users WHERE id = $1",
            id.as_uuid(),
        )
        .fetch_one(&self.0.pool)
        .await?)
    }

    /// Changes it, and says what it is then. `NotFound` for a guest.
    pub async fn set_defaults(
        &self,
        id: UserId,
        change: &DefaultsChange,
    ) -> Result<Defaults, StoreError> {
        let (sets_model, model) = change.model.columns();
        let (sets_instructions, instructions) = change.instructions.columns();
        Ok(sqlx::query_as!(
            Defaults,
            "UPDATE users
                SET default_model = CASE WHEN $2 THEN $3 ELSE default_model END,
                    default_instructions = CASE WHEN $4 THEN $5 ELSE default_instructions END
              WHERE id = $1 AND role <> 'guest' AND deleted_at IS NULL
             RETURNING default_model AS model, default_instructions AS instructions",
            id.as_uuid(),
            sets_model,
            storable_option(model.map(String::as_str)),
            sets_instructions,
            storable_option(instructions.map(String::as_str)),
        )
        .fetch_one(&self.0.pool)
        .await?)
    }
}
