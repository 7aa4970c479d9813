//! Keys for programs (`api_keys`).

use chrono::{DateTime, Utc};
use openmake_types::{ApiKeyId, ModelAccess, Role, Scope, UserId};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Conflict, PageRequest, Position, Rows, Store, StoreError,
    audit::{self, NewAudit},
    error::parsed,
    model_access,
    text::storable,
};

/// Keys of one account that were not taken back.
const MAX_KEYS: i64 = 100;

/// What its owner says about a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTerms {
    /// What they call it; 1 to 100 characters.
    pub name: String,
    /// What it is for; at least one.
    pub scopes: Vec<Scope>,
    /// The models that it may ask, 1 to 200; all that its owner may if None.
    pub allowed_models: Option<Vec<String>>,
    /// Requests that it may send in a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens that it may cost in a minute.
    pub tokens_per_minute: Option<u32>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The key.
    pub id: ApiKeyId,
    /// Whose.
    pub owner: UserId,
    /// What its owner says about it.
    pub terms: KeyTerms,
    /// Its last four characters.
    pub last_four: String,
    /// When it was last used, give or take a minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was taken back.
    pub revoked_at: Option<DateTime<Utc>>,
    /// Rises with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// What is kept of a key's text.
#[derive(Debug, Clone)]
pub struct KeyProof {
    /// The SHA-256 of all of it.
    pub hash: [u8; 32],
    /// Its last four characters.
    pub last_four: String,
}

/// A key to make.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// Whose.
    pub owner: UserId,
    /// What is kept of its text.
    pub proof: KeyProof,
    /// What its owner says about it.
    pub terms: KeyTerms,
    /// Now.
    pub now: DateTime<Utc>,
}

/// What a request with a key is checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyAuthority {
    /// The key.
    pub id: ApiKeyId,
    /// Whose.
    pub owner: UserId,
    /// The owner's role now.
    pub role: Role,
    /// What it is for.
    pub scopes: Vec<Scope>,
    /// What both the key and its owner's groups allow.
    pub models: ModelAccess,
    /// Requests that it may send in a minute.
    pub requests_per_minute: Option<u32>,
    /// Tokens that it may cost in a minute.
    pub tokens_per_minute: Option<u32>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Keys for programs.
#[derive(Debug, Clone, Copy)]
pub struct ApiKeys<'a>(&'a Store);

impl Store {
    /// Keys for programs.
    pub const fn api_keys(&self) -> ApiKeys<'_> {
        ApiKeys(self)
    }
}

/// A row of `api_keys`, without what proves the key.
struct Row {
    id: Uuid,
    user_id: Uuid,
    name: String,
    last_four: String,
    scopes: Vec<String>,
    allowed_models: Option<Vec<String>>,
    requests_per_minute: Option<i32>,
    tokens_per_minute: Option<i32>,
    expires_at: Option<DateTime<Utc>>,
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl TryFrom<Row> for ApiKey {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: ApiKeyId::from_uuid(row.id),
            owner: UserId::from_uuid(row.user_id),
            terms: KeyTerms {
                name: row.name,
                scopes: read_scopes(&row.scopes)?,
                allowed_models: row.allowed_models,
                requests_per_minute: read_limit(row.requests_per_minute),
                tokens_per_minute: read_limit(row.tokens_per_minute),
                expires_at: row.expires_at,
            },
            last_four: row.last_four,
            last_used_at: row.last_used_at,
            revoked_at: row.revoked_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

impl ApiKeys<'_> {
    /// Makes a key. Conflict: `TooManyKeys`; `NotFound` when its owner is gone
    /// or inactive.
    pub async fn create(&self, key: &NewApiKey, audit: &NewAudit) -> Result<ApiKey, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        // Two that are made at once take their turns, so that both are counted.
        sqlx::query_scalar!(
            "SELECT id FROM users WHERE id = $1 AND is_active FOR NO KEY UPDATE",
            key.owner.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        let count = sqlx::query_scalar!(
            r#"SELECT count(*) AS "count!" FROM api_keys
                WHERE user_id = $1 AND revoked_at IS NULL"#,
            key.owner.as_uuid(),
        )
        .fetch_one(&mut *tx)
        .await?;
        if count >= MAX_KEYS {
            return Err(Conflict::TooManyKeys.into());
        }
        let terms = &key.terms;
        let models = terms.allowed_models.as_deref().map(model_access::storable);
        let row = sqlx::query_as!(
            Row,
            "INSERT INTO api_keys (id, user_id, name, key_hash, last_four, scopes, allowed_models,
                                   requests_per_minute, tokens_per_minute, expires_at, created_at,
                                   updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
             RETURNING id, user_id, name, last_four, scopes, allowed_models, requests_per_minute,
                       tokens_per_minute, expires_at, last_used_at, revoked_at, version,
                       created_at, updated_at",
            key.id.as_uuid(),
            key.owner.as_uuid(),
            &*storable(&terms.name),
            key.proof.hash.as_slice(),
            key.proof.last_four,
            &scope_names(&terms.scopes),
            models.as_deref(),
            terms.requests_per_minute.map(limit),
            terms.tokens_per_minute.map(limit),
            terms.expires_at,
            key.now,
        )
        .fetch_one(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        row.try_into()
    }

    /// An account's keys, newest first, those too that were taken back.
    pub async fn list(&self, owner: UserId, page: PageRequest) -> Result<Rows<ApiKey>, StoreError> {
        let (at, id) = page.after();
        let rows = sqlx::query_as!(
            Row,
            "SELECT id, user_id, name, last_four, scopes, allowed_models, requests_per_minute,
                    tokens_per_minute, expires_at, last_used_at, revoked_at, version, created_at,
                    updated_at
               FROM api_keys
              WHERE user_id = $1
                AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3::uuid))
              ORDER BY created_at DESC, id DESC
              LIMIT $4",
            owner.as_uuid(),
            at,
            id,
            page.fetch(),
        )
        .fetch_all(&self.0.pool)
        .await?;
        let items = rows
            .into_iter()
            .map(ApiKey::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Rows::cut(items, page, |key: &ApiKey| Position {
            at: key.created_at,
            id: key.id.as_uuid(),
        }))
    }

    /// One of an account's keys.
    pub async fn get(&self, owner: UserId, id: ApiKeyId) -> Result<ApiKey, StoreError> {
        sqlx::query_as!(
            Row,
            "SELECT id, user_id, name, last_four, scopes, allowed_models, requests_per_minute,
                    tokens_per_minute, expires_at, last_used_at, revoked_at, version, created_at,
                    updated_at
               FROM api_keys WHERE id = $1 AND user_id = $2",
            id.as_uuid(),
            owner.as_uuid(),
        )
        .fetch_one(&self.0.pool)
        .await?
        .try_into()
    }

    /// Changes what its owner says about a key. Conflict: `KeyRevoked`.
    pub async fn edit(
        &self,
        (owner, id): (UserId, ApiKeyId),
        now: DateTime<Utc>,
        edit: impl FnOnce(&mut KeyTerms) + Send,
        audit: &NewAudit,
    ) -> Result<ApiKey, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let mut terms = held(&mut tx, owner, id).await?.terms;
        edit(&mut terms);
        let models = terms.allowed_models.as_deref().map(model_access::storable);
        let row = sqlx::query_as!(
            Row,
            "UPDATE api_keys
                SET name = $3, scopes = $4, allowed_models = $5, requests_per_minute = $6,
                    tokens_per_minute = $7, expires_at = $8, version = version + 1,
                    authority_changed_at = clock_timestamp(), updated_at = $9
              WHERE id = $1 AND user_id = $2
             RETURNING id, user_id, name, last_four, scopes, allowed_models, requests_per_minute,
                       tokens_per_minute, expires_at, last_used_at, revoked_at, version,
                       created_at, updated_at",
            id.as_uuid(),
            owner.as_uuid(),
            &*storable(&terms.name),
            &scope_names(&terms.scopes),
            models.as_deref(),
            terms.requests_per_minute.map(limit),
            terms.tokens_per_minute.map(limit),
            terms.expires_at,
            now,
        )
        .fetch_one(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        row.try_into()
    }

    /// Gives a key another text; the old one no longer holds. Conflicts:
    /// `KeyRevoked`, `KeyExpired`.
    pub async fn rotate(
        &self,
        (owner, id): (UserId, ApiKeyId),
        proof: &KeyProof,
        now: DateTime<Utc>,
        audit: &NewAudit,
    ) -> Result<ApiKey, StoreError> {
        let mut tx = self.0.pool.begin().await?;
        let key = held(&mut tx, owner, id).await?;
        if key.terms.expires_at.is_some_and(|end| end <= now) {
            return Err(Conflict::KeyExpired.into());
        }
        let row = sqlx::query_as!(
            Row,
            "UPDATE api_keys
                SET key_hash = $3, last_four = $4, last_used_at = NULL, version = version + 1,
                    authority_changed_at = clock_timestamp(), updated_at = $5
              WHERE id = $1 AND user_id = $2
             RETURNING id, user_id, name, last_four, scopes, allowed_models, requests_per_minute,
                       tokens_per_minute, expires_at, last_used_at, revoked_at, version,
                       created_at, updated_at",
            id.as_uuid(),
            owner.as_uuid(),
            proof.hash.as_slice(),
            proof.last_four,
            now,
        )
        .fetch_one(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        row.try_into()
    }

    /// Takes a key back for good. One that was taken back before stays as it
    /// is, and nothing is recorded again.
    pub async fn revoke(
        &self,
        (owner, id): (UserId, ApiKeyId),
        now: DateTime<Utc>,
        audit: &NewAudit,
    ) -> Result<(), StoreError> {
        let mut tx = self.0.pool.begin().await?;
        match held(&mut tx, owner, id).await {
            Ok(_) => {}
            Err(StoreError::Conflict(Conflict::KeyRevoked)) => return Ok(()),
            Err(error) => return Err(error),
        }
        sqlx::query!(
            "UPDATE api_keys
                SET revoked_at = $3, version = version + 1,
                    authority_changed_at = clock_timestamp(), updated_at = $3
              WHERE id = $1 AND user_id = $2",
            id.as_uuid(),
            owner.as_uuid(),
            now,
        )
        .execute(&mut *tx)
        .await?;
        audit::write(&mut tx, audit, None).await?;
        tx.commit().await?;
        Ok(())
    }

    /// What the key with this hash may do now. None where there is no such key,
    /// or it was taken back, its time is over, or its owner is inactive.
    pub async fn lookup_authority(
        &self,
        hash: &[u8; 32],
        now: DateTime<Utc>,
    ) -> Result<Option<KeyAuthority>, StoreError> {
        let row = sqlx::query!(
            r#"SELECT k.id, k.user_id, k.scopes, k.allowed_models, k.requests_per_minute,
                      k.tokens_per_minute, k.expires_at, u.role,
                      user_allowed_models(u.id) AS owner_models
                 FROM api_keys k JOIN users u ON u.id = k.user_id
                WHERE k.key_hash = $1 AND k.revoked_at IS NULL AND u.is_active
                  AND (k.expires_at IS NULL OR k.expires_at > $2)"#,
            hash.as_slice(),
            now,
        )
        .fetch_optional(&self.0.pool)
        .await?;
        row.map(|row| {
            Ok(KeyAuthority {
                id: ApiKeyId::from_uuid(row.id),
                owner: UserId::from_uuid(row.user_id),
                role: parsed("users.role", &row.role)?,
                scopes: read_scopes(&row.scopes)?,
                models: model_access::read(row.allowed_models)
                    .intersection(&model_access::read(row.owner_models)),
                requests_per_minute: read_limit(row.requests_per_minute),
                tokens_per_minute: read_limit(row.tokens_per_minute),
                expires_at: row.expires_at,
            })
        })
        .transpose()
    }

    /// Notes that keys were used. A time of less than a minute ago is left, so
    /// that a busy key costs one write a minute however many processes note it.
    pub async fn note_used(&self, ids: &[ApiKeyId], now: DateTime<Utc>) -> Result<(), StoreError> {
        let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
        sqlx::query!(
            "UPDATE api_keys SET last_used_at = $2
              WHERE id = ANY ($1)
                AND (last_used_at IS NULL OR last_used_at <= $2::timestamptz - interval '1 minute')",
            &ids,
            now,
        )
        .execute(&self.0.pool)
        .await?;
        Ok(())
    }
}

/// The key, held until the transaction ends. Conflict: `KeyRevoked`.
async fn held(
    connection: &mut PgConnection,
    owner: UserId,
    id: ApiKeyId,
) -> Result<ApiKey, StoreError> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, user_id, name, last_four, scopes, allowed_models, requests_per_minute,
                tokens_per_minute, expires_at, last_used_at, revoked_at, version, created_at,
                updated_at
           FROM api_keys WHERE id = $1 AND user_id = $2 FOR NO KEY UPDATE",
        id.as_uuid(),
        owner.as_uuid(),
    )
    .fetch_one(connection)
    .await?;
    if row.revoked_at.is_some() {
        return Err(Conflict::KeyRevoked.into());
    }
    row.try_into()
}

fn scope_names(scopes: &[Scope]) -> Vec<String> {
    scopes.iter().map(Scope::to_string).collect()
}

/// Scopes of a later version are passed over: a key can then do less, and
/// never more.
fn read_scopes(names: &[String]) -> Result<Vec<Scope>, StoreError> {
    let scopes: Vec<Scope> = names.iter().filter_map(|name| name.parse().ok()).collect();
    if scopes.is_empty() {
        return Err(StoreError::corrupt("api_keys.scopes", names));
    }
    Ok(scopes)
}

fn limit(limit: u32) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}

fn read_limit(limit: Option<i32>) -> Option<u32> {
    limit.and_then(|limit| u32::try_from(limit).ok())
}
