//! One's sessions: where one is signed in.

use axum::extract::State;
use http::StatusCode;
use openmake_api::{
    Allowed, ApiError, Page,
    auth::SessionView,
    authorize::ManageOwnAccount,
    extract::{Json, Path},
    responses::{ReadProblems, WriteProblems},
};
use openmake_store::sessions::{EndReason, Session};
use openmake_types::{Actor, SessionId};
use serde_json::json;
use uuid::Uuid;

use super::session;
use crate::{audit::AuditContext, error::store_error, state::App};

/// Where one is signed in, newest first.
#[utoipa::path(get, path = "/api/v1/auth/sessions", tag = "auth",
    responses((status = 200, body = Page<SessionView>), ReadProblems))]
pub(crate) async fn list(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
) -> Result<Json<Page<SessionView>>, ApiError> {
    let owner = allowed.actor.user_id;
    let sessions = app.store.sessions().list(owner, app.clock.now()).await;
    let sessions = sessions.map_err(store_error("session"))?;
    let view = |session| view(session, &allowed.actor);
    Ok(Json(Page {
        items: sessions.into_iter().map(view).collect(),
        next_cursor: None,
    }))
}

/// Ends one of one's sessions.
#[utoipa::path(delete, path = "/api/v1/auth/sessions/{id}", tag = "auth", params(("id" = Uuid, Path)),
    responses((status = 204), WriteProblems))]
pub(crate) async fn end(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    audit: AuditContext,
    Path(id): Path<Uuid>,
) -> Result<StatusCode, ApiError> {
    let id = SessionId::from_uuid(id);
    let owner = allowed.actor.user_id;
    let entry = audit.success("session.end").on("session", &id).done();
    let reason = EndReason::Revoked;
    let ended = app.store.sessions().end(owner, id, reason, &entry).await;
    ended.map_err(store_error("session"))?;
    app.authority.ended(id, reason);
    app.announce(vec![session::ended(id, owner)]);
    Ok(StatusCode::NO_CONTENT)
}

/// Ends all of one's sessions but this one.
#[utoipa::path(delete, path = "/api/v1/auth/sessions", tag = "auth",
    responses((status = 204), WriteProblems))]
pub(crate) async fn end_others(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    audit: AuditContext,
) -> Result<StatusCode, ApiError> {
    let owner = allowed.actor.user_id;
    let keep = allowed.actor.session_id;
    let entry = audit.success("session.end").on("user", &owner);
    let entry = entry.with(json!({"sessions": "all others"})).done();
    let sessions = app.store.sessions();
    let ended = sessions
        .end_others(owner, keep, EndReason::Revoked, &entry)
        .await;
    let ended = ended.map_err(store_error("session"))?;
    for id in &ended {
        app.authority.ended(*id, EndReason::Revoked);
    }
    let wakeups = ended.into_iter().map(|id| session::ended(id, owner));
    app.announce(wakeups.collect());
    Ok(StatusCode::NO_CONTENT)
}

pub(super) fn view(session: Session, actor: &Actor) -> SessionView {
    SessionView {
        id: session.id.as_uuid(),
        current: actor.session_id == Some(session.id),
        user_agent: session.user_agent,
        ip_address: session.ip_address,
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
    }
}
