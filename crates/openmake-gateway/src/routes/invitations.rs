//! Invitations to register, for administrators.

use axum::extract::State;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, Page, PageQuery,
    auth::{CreateInvitation, CreatedInvitation, InvitationView},
    authorize::ManageUsers,
    extract::{Json, JsonOrDefault, Path, Query},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::invitations::{Invitation, NewInvitation};
use openmake_types::{InvitationId, Role};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{input, page};
use crate::{audit::AuditContext, error::store_error, state::App};

const DEFAULT_HOURS: u32 = 168;
const MAX_HOURS: u32 = 720;

/// What is kept of an invitation's code.
pub(crate) fn code_hash(code: &str) -> [u8; 32] {
    Sha256::digest(code.trim()).into()
}

/// All invitations, newest first.
#[utoipa::path(get, path = "/api/v1/invitations", tag = "users", params(PageQuery),
    responses((status = 200, body = Page<InvitationView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<InvitationView>>, ApiError> {
    let rows = app.store.invitations().list(page::request(&query)?).await;
    let rows = rows.map_err(store_error("invitation"))?;
    let now = app.clock.now();
    Ok(Json(page::page(rows, |invitation| view(invitation, now))))
}

/// Makes an invitation. Its code is shown this once.
#[utoipa::path(post, path = "/api/v1/invitations", tag = "users", request_body = CreateInvitation,
    responses((status = 201, body = CreatedInvitation), WriteProblems))]
pub(crate) async fn create(
    State(app): State<App>,
    allowed: Allowed<ManageUsers>,
    audit: AuditContext,
    JsonOrDefault(body): JsonOrDefault<CreateInvitation>,
) -> Result<(StatusCode, Json<CreatedInvitation>), ApiError> {
    let email = body.email.as_deref();
    let email = email.map(|text| input::email("email", text)).transpose()?;
    let role = invited_role(body.role.as_deref())?;
    let hours = hours(body.expires_in_hours)?;
    let mut random = [0; 24];
    app.ids.fill(&mut random);
    let code = URL_SAFE_NO_PAD.encode(random);
    let id = InvitationId::from_uuid(audit.new_id());
    let now = audit.now();
    let new = NewInvitation {
        id,
        code_hash: code_hash(&code),
        email: email.as_deref(),
        role,
        created_by: allowed.actor.user_id,
        now,
        expires_at: now + TimeDelta::hours(hours.into()),
    };
    let details = json!({"role": role.as_str(), "email": email, "hours": hours});
    let entry = audit.success("invitation.create").on("invitation", &id);
    let made = app
        .store
        .invitations()
        .create(&new, &entry.with(details).done())
        .await;
    let made = made.map_err(store_error("invitation"))?;
    let created = CreatedInvitation {
        path: format!("/register?invitation={code}"),
        code,
        invitation: view(made, now),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Takes an invitation back.
#[utoipa::path(delete, path = "/api/v1/invitations/{id}", tag = "users", params(("id" = Uuid, Path)),
    responses((status = 204), WriteProblems))]
pub(crate) async fn revoke(
    State(app): State<App>,
    _allowed: Allowed<ManageUsers>,
    audit: AuditContext,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    let id = InvitationId::from_uuid(id);
    let entry = audit
        .success("invitation.revoke")
        .on("invitation", &id)
        .done();
    let revoked = app
        .store
        .invitations()
        .revoke(id, audit.now(), &entry)
        .await;
    revoked.map_err(store_error("invitation"))?;
    Ok(StatusCode::NO_CONTENT)
}

fn invited_role(role: Option<&str>) -> Result<Role, ApiError> {
    match role {
        None | Some("user") => Ok(Role::User),
        Some("admin") => Ok(Role::Admin),
        Some(_) => Err(ApiError::field(
            "role",
            "invalid",
            "`role` is `user` or `admin`.",
        )),
    }
}

fn hours(hours: Option<u32>) -> Result<u32, ApiError> {
    match hours.unwrap_or(DEFAULT_HOURS) {
        hours @ 1..=MAX_HOURS => Ok(hours),
        _ => Err(ApiError::field(
            "expires_in_hours",
            "invalid",
            format!("`expires_in_hours` is a number from 1 to {MAX_HOURS}."),
        )),
    }
}

fn view(invitation: Invitation, now: DateTime<Utc>) -> InvitationView {
    let status = if invitation.revoked_at.is_some() {
        "revoked"
    } else if invitation.used_at.is_some() {
        "used"
    } else if invitation.expires_at <= now {
        "expired"
    } else {
        "open"
    };
    InvitationView {
        id: invitation.id.as_uuid(),
        email: invitation.email,
        role: invitation.role.as_str().to_owned(),
        status: status.to_owned(),
        created_at: invitation.created_at,
        expires_at: invitation.expires_at,
    }
}
