//! One's accounts elsewhere.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError,
    authorize::ManageOwnAccount,
    extract::{Json, Path},
    responses::WriteProblems,
    sign_in::{IdentityView, LinkStarted},
};
use openmake_store::identities::Identity;
use uuid::Uuid;

use super::{
    oidc::{self, Journey, Purpose},
    session::OwnSite,
};
use crate::{audit::AuditContext, error::store_error, sign_in::Fresh, state::App};

/// Begins to link an account elsewhere: the page goes to the address that
/// this answers with.
#[utoipa::path(post, path = "/api/v1/auth/identities/{provider}/link", tag = "auth",
    params(("provider" = String, Path)),
    responses((status = 200, body = LinkStarted),
        (status = 502, description = "The provider cannot be reached"), WriteProblems))]
pub(crate) async fn link(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
    OwnSite(site): OwnSite,
    audit: AuditContext,
    Path(provider): Path<String>,
) -> Result<Response, ApiError> {
    let provider = app.settings.sign_in.providers.find(&provider);
    let provider = provider.ok_or_else(|| ApiError::not_found("provider"))?;
    let user = app.store.users().get(allowed.actor.user_id).await;
    let user = user.map_err(store_error("account"))?;
    let journey = Journey {
        purpose: Purpose::Link {
            user: (user.id, user.version),
            session: allowed.actor.session_id,
        },
        return_to: format!("/settings?linked={}", provider.id()),
        invitation: None,
        guest: None,
    };
    let departed = oidc::depart(&app, &audit, &site, provider, journey).await?;
    let body = Json(LinkStarted { url: departed.url });
    Ok((departed.cookie, body).into_response())
}

/// Unlinks an account elsewhere, unless nothing else could sign in.
#[utoipa::path(delete, path = "/api/v1/auth/identities/{id}", tag = "auth",
    params(("id" = Uuid, Path)), responses((status = 204), WriteProblems))]
pub(crate) async fn unlink(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
    audit: AuditContext,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    let issuers = app.settings.sign_in.providers.issuers();
    let entry = audit.success("identity.unlink").on("identity", &id).done();
    let removed = app
        .store
        .identities()
        .remove(allowed.actor.user_id, id, &issuers, &entry)
        .await;
    removed.map_err(store_error("identity"))?;
    Ok(StatusCode::NO_CONTENT)
}

/// An account elsewhere as its owner sees it.
pub(super) fn view(app: &App, identity: Identity) -> IdentityView {
    let mut providers = app.settings.sign_in.providers.iter();
    let known = providers.find(|provider| provider.issuer() == identity.issuer);
    let name = known.map(|provider| provider.name().to_owned());
    IdentityView {
        id: identity.id,
        provider_name: name.unwrap_or_else(|| identity.provider.clone()),
        provider: identity.provider,
        label: identity.label,
        created_at: identity.created_at,
        last_used_at: identity.last_used_at,
    }
}
