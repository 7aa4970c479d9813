//! One's own keys. Only who is signed in reaches these: no scope of a key gives
//! [`ManageOwnAccount`], so a stolen key cannot make another. A key outlives
//! the session that made it, so making one takes a [`Fresh`] proof of who it is.

use axum::extract::State;
use chrono::{DateTime, Utc};
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    api_keys::{ApiKeyScope, ApiKeyView, CreateApiKey, CreatedApiKey, UpdateApiKey},
    authorize::ManageOwnAccount,
    extract::{Json, Path, Query},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::api_keys::{KeyProof, KeyTerms, NewApiKey};
use openmake_types::{Actor, ApiKeyId, CapabilitySet, Scope};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    super::{input, page},
    changed, view,
};
use crate::{audit::AuditContext, error::store_error, sign_in::Fresh, state::App, tokens::NewKey};

/// What a key is for unless its owner says.
const DEFAULT_SCOPES: [Scope; 3] = [Scope::Chat, Scope::Conversations, Scope::Usage];
const MAX_NAME: usize = 100;
const MAX_REQUESTS: u32 = 1_000_000;
const MAX_TOKENS: u32 = 1_000_000_000;

/// One's own keys, newest first.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "api-keys", params(PageQuery),
    responses((status = 200, body = Page<ApiKeyView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ApiKeyView>>, ApiError> {
    let keys = app.store.api_keys();
    let rows = keys.list(allowed.actor.user_id, page::request(&query)?);
    let rows = rows.await.map_err(store_error("API key"))?;
    let now = app.clock.now();
    Ok(Json(page::page(rows, |key| view(key, now))))
}

/// Makes a key. It is shown this once. `reauthentication_required` (403) asks
/// for a proof of who it is first.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "api-keys", request_body = CreateApiKey,
    responses((status = 201, body = CreatedApiKey), WriteProblems))]
pub(crate) async fn create(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
    audit: AuditContext,
    Json(body): Json<CreateApiKey>,
) -> Result<(StatusCode, Json<CreatedApiKey>), ApiError> {
    let now = audit.now();
    let scopes = body
        .scopes
        .map(|scopes| self::scopes(scopes, &allowed.actor));
    let models = body.allowed_models.as_deref().map(models);
    let terms = KeyTerms {
        name: input::line("name", &body.name, MAX_NAME)?,
        scopes: scopes
            .transpose()?
            .unwrap_or_else(|| DEFAULT_SCOPES.to_vec()),
        allowed_models: models.transpose()?,
        requests_per_minute: body.requests_per_minute.map(requests).transpose()?,
        tokens_per_minute: body.tokens_per_minute.map(tokens).transpose()?,
        expires_at: body.expires_at.map(|end| future(end, now)).transpose()?,
    };
    let secret = NewKey::generate(app.ids.as_ref());
    let id = ApiKeyId::from_uuid(audit.new_id());
    let entry = audit.success("api_key.create").on("api_key", &id);
    let entry = entry.with(described(&terms)).done();
    let new = NewApiKey {
        id,
        owner: allowed.actor.user_id,
        proof: proof(&secret),
        terms,
        now,
    };
    let made = app.store.api_keys().create(&new, &entry).await;
    let made = made.map_err(store_error("account"))?;
    let created = CreatedApiKey {
        key: secret.into_text(),
        api_key: view(made, now),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// One of one's own keys.
#[utoipa::path(get, path = "/api/v1/api-keys/{id}", tag = "api-keys", params(("id" = Uuid, Path)),
    responses((status = 200, body = ApiKeyView), ReadProblems))]
pub(crate) async fn show(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    Path(id): Path<Uuid>,
) -> Result<Json<ApiKeyView>, ApiError> {
    let keys = app.store.api_keys();
    let key = keys.get(allowed.actor.user_id, ApiKeyId::from_uuid(id));
    let key = key.await.map_err(store_error("API key"))?;
    Ok(Json(view(key, app.clock.now())))
}

/// Renames a key, or changes what it may do. That holds at once.
#[utoipa::path(patch, path = "/api/v1/api-keys/{id}", tag = "api-keys", params(("id" = Uuid, Path)),
    request_body = UpdateApiKey,
    responses((status = 200, body = ApiKeyView), WriteProblems))]
pub(crate) async fn update(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    audit: AuditContext,
    Path(id): Path<Uuid>,
    Json(body): Json<UpdateApiKey>,
) -> Result<Json<ApiKeyView>, ApiError> {
    let (owner, id) = (allowed.actor.user_id, ApiKeyId::from_uuid(id));
    let now = audit.now();
    let details = serde_json::to_value(&body).map_err(ApiError::internal)?;
    let name = body.name.map(|name| input::line("name", &name, MAX_NAME));
    let name = name.transpose()?;
    let scopes = body
        .scopes
        .map(|scopes| self::scopes(scopes, &allowed.actor));
    let scopes = scopes.transpose()?;
    let allowed_models = body.allowed_models.try_map(|names| models(&names))?;
    let requests = body.requests_per_minute.try_map(requests)?;
    let tokens = body.tokens_per_minute.try_map(tokens)?;
    let expires_at = body.expires_at.try_map(|end| future(end, now))?;
    let edit = move |terms: &mut KeyTerms| {
        if let Some(name) = name {
            terms.name = name;
        }
        if let Some(scopes) = scopes {
            terms.scopes = scopes;
        }
        allowed_models.apply(&mut terms.allowed_models);
        requests.apply(&mut terms.requests_per_minute);
        tokens.apply(&mut terms.tokens_per_minute);
        expires_at.apply(&mut terms.expires_at);
    };
    let entry = audit.success("api_key.update").on("api_key", &id);
    let entry = entry.with(details).done();
    let keys = app.store.api_keys();
    let key = keys.edit((owner, id), now, edit, &entry).await;
    let key = key.map_err(store_error("API key"))?;
    app.authority.changed_key(id);
    app.announce(vec![changed(owner, id)]);
    Ok(Json(view(key, now)))
}

/// Makes a key anew, under the same id and with the same limits. The old text
/// no longer holds. The new one is shown this once. `reauthentication_required`
/// (403) asks for a proof of who it is first.
#[utoipa::path(post, path = "/api/v1/api-keys/{id}/rotate", tag = "api-keys",
    params(("id" = Uuid, Path)),
    responses((status = 200, body = CreatedApiKey), WriteProblems))]
pub(crate) async fn rotate(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
    audit: AuditContext,
    Path(id): Path<Uuid>,
) -> Result<Json<CreatedApiKey>, ApiError> {
    let (owner, id) = (allowed.actor.user_id, ApiKeyId::from_uuid(id));
    let now = audit.now();
    let secret = NewKey::generate(app.ids.as_ref());
    let entry = audit.success("api_key.rotate").on("api_key", &id).done();
    let keys = app.store.api_keys();
    let key = keys.rotate((owner, id), &proof(&secret), now, &entry).await;
    let key = key.map_err(store_error("API key"))?;
    app.authority.ended_key(id);
    app.announce(vec![changed(owner, id)]);
    Ok(Json(CreatedApiKey {
        key: secret.into_text(),
        api_key: view(key, now),
    }))
}

/// Takes a key back for good. What was opened with it ends.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "api-keys", params(("id" = Uuid, Path)),
    responses((status = 204), WriteProblems))]
pub(crate) async fn revoke(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    audit: AuditContext,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    let owner = allowed.actor.user_id;
    super::revoke(&app, &audit, owner, ApiKeyId::from_uuid(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn proof(secret: &NewKey) -> KeyProof {
    KeyProof {
        hash: secret.hash(),
        last_four: secret.last_four(),
    }
}

/// What the audit trail says of a new key.
fn described(terms: &KeyTerms) -> Value {
    let scopes = terms.scopes.iter().map(|scope| scope.as_str());
    json!({
        "name": terms.name,
        "scopes": scopes.collect::<Vec<_>>(),
        "allowed_models": terms.allowed_models,
        "expires_at": terms.expires_at,
    })
}

/// Scopes in their order, each once. One that the owner's role gives nothing of
/// is refused: the key would begin to do it on the day that the role changes.
fn scopes(scopes: Vec<ApiKeyScope>, owner: &Actor) -> Result<Vec<Scope>, ApiError> {
    let mut scopes: Vec<Scope> = scopes.into_iter().map(Scope::from).collect();
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        let detail = "`scopes` has at least one scope.";
        return Err(ApiError::field("scopes", "required", detail));
    }
    let role = owner.role.capabilities();
    for scope in &scopes {
        if role.intersection(scope.capabilities()) == CapabilitySet::NONE {
            let detail = format!("Your role gives nothing of the scope `{scope}`.");
            return Err(ApiError::field("scopes", "not_yours", detail));
        }
    }
    Ok(scopes)
}

fn models(names: impl AsRef<[String]>) -> Result<Vec<String>, ApiError> {
    input::models("allowed_models", names.as_ref())
}

fn requests(limit: u32) -> Result<u32, ApiError> {
    bounded("requests_per_minute", limit, MAX_REQUESTS)
}

fn tokens(limit: u32) -> Result<u32, ApiError> {
    bounded("tokens_per_minute", limit, MAX_TOKENS)
}

fn bounded(field: &'static str, limit: u32, max: u32) -> Result<u32, ApiError> {
    if (1..=max).contains(&limit) {
        return Ok(limit);
    }
    let detail = format!("`{field}` is a number from 1 to {max}.");
    Err(ApiError::field(field, "invalid", detail))
}

fn future(end: DateTime<Utc>, now: DateTime<Utc>) -> Result<DateTime<Utc>, ApiError> {
    if end > now {
        return Ok(end);
    }
    let detail = "`expires_at` is in the past.";
    Err(ApiError::field("expires_at", "invalid", detail))
}
