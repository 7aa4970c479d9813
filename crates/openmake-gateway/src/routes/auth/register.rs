//! Making an account.

use axum::{extract::State, response::Response};
use http::StatusCode;
use openmake_api::{
    ApiError,
    auth::{RegisterRequest, SignedIn},
    extract::Json,
    instance::RegistrationMode,
    responses::OpenProblems,
};
use openmake_store::users::{Admission, EmailProof, NewUser, User, UserChange};
use openmake_types::{Role, UserId};
use serde_json::json;

use super::{
    super::{
        input,
        instance::{Registration, instance_name},
        invitations::code_hash,
    },
    session::{self, MaybeGuest, OwnSite},
};
use crate::{
    audit::AuditContext,
    error::{registration_closed, store_error},
    passwords::{self, About},
    state::App,
};

/// Makes an account and signs it in. The first one becomes the administrator.
#[utoipa::path(post, path = "/api/v1/auth/register", tag = "auth", security(()),
    request_body = RegisterRequest,
    responses((status = 201, body = SignedIn),
        (status = 403, description = "Registration is not open, or the invitation does not hold"),
        (status = 409, description = "The e-mail is taken"), OpenProblems))]
pub(crate) async fn register(
    State(app): State<App>,
    OwnSite(site): OwnSite,
    MaybeGuest(guest): MaybeGuest,
    audit: AuditContext,
    Json(body): Json<RegisterRequest>,
) -> Result<Response, ApiError> {
    let email = input::email("email", &body.email)?;
    let display_name = display_name(body.display_name.as_deref(), &email)?;
    let settings = app.store.settings().get().await;
    let settings = settings.map_err(store_error("instance"))?;
    let about = About {
        email: &email,
        display_name: &display_name,
        instance_name: &instance_name(&settings, &app),
    };
    let password = passwords::check("password", &body.password, &about)?;
    let code = body.invitation.as_deref().map(code_hash);
    let mode = Registration::of(&settings, &app).mode;
    let admission = admission(mode, code.as_ref());
    // Refused before the hashing, which is dear.
    if matches!(admission, Admission::Closed) && !needs_setup(&app).await? {
        return Err(registration_closed());
    }
    let turn = app.hasher.turn().await?;
    let password_hash = app.hasher.hash(turn, password).await?;
    let new = NewUser {
        id: UserId::from_uuid(audit.new_id()),
        email: &email,
        display_name: &display_name,
        password_hash: &password_hash,
        now: audit.now(),
    };
    let entry = audit
        .success("user.register")
        .by(new.id)
        .on("user", &new.id);
    let entry = entry.with(json!({"invitation": code.is_some()})).done();
    let user = app.store.users().register(&new, admission, &entry).await;
    let user = user.map_err(store_error("account"))?;
    let vouched = match admission {
        Admission::Invitation(_) => EmailProof::Proven,
        Admission::Open | Admission::Granted(_) | Admission::Closed => EmailProof::Claimed,
    };
    let user = promote(&app, &audit, user, vouched).await?;
    session::claim_guest(&app, &audit, guest, user.id).await?;
    session::begin(&app, &audit, &site, user, StatusCode::CREATED).await
}

pub(super) async fn needs_setup(app: &App) -> Result<bool, ApiError> {
    let needed = app.store.users().needs_setup().await;
    needed.map_err(store_error("instance"))
}

/// How the account may come to be. An invitation counts where registration is
/// open as well, since it may give a role.
pub(super) fn admission(mode: RegistrationMode, code: Option<&[u8; 32]>) -> Admission<'_> {
    match (mode, code) {
        (RegistrationMode::Open | RegistrationMode::Invitation, Some(code)) => {
            Admission::Invitation(code)
        }
        (RegistrationMode::Open, None) => Admission::Open,
        (RegistrationMode::Invitation, None) | (RegistrationMode::Closed, _) => Admission::Closed,
    }
}

/// Makes an address of `ADMIN_EMAILS` an administrator, if it came with an
/// invitation or an issuer says that it is theirs.
///
/// Whoever registers has not proven that the address is theirs. The
/// predecessor gave the role to anyone who typed a listed address; here an
/// administrator must have let them in. (The first account is an administrator
/// anyway, and the command line can promote any.)
pub(super) async fn promote(
    app: &App,
    audit: &AuditContext,
    user: User,
    vouched: EmailProof,
) -> Result<User, ApiError> {
    let listed = user.email.as_deref().is_some_and(|email| {
        let email = email.to_lowercase();
        let mut listed = app.settings.admin_emails.iter();
        listed.any(|listed| listed.trim().to_lowercase() == email)
    });
    if !listed || user.role == Role::Admin || vouched == EmailProof::Claimed {
        return Ok(user);
    }
    let change = UserChange {
        role: Some(Role::Admin),
        is_active: None,
    };
    let entry = audit
        .success("user.change")
        .by(user.id)
        .on("user", &user.id);
    let entry = entry
        .with(json!({"role": "admin", "because": "ADMIN_EMAILS"}))
        .done();
    let changed = app.store.users().change(user.id, change, &entry).await;
    changed.map_err(store_error("account"))
}

fn display_name(given: Option<&str>, email: &str) -> Result<String, ApiError> {
    match given.map(str::trim) {
        Some(name) if !name.is_empty() => input::line("display_name", name, 100),
        _ => Ok(email.split('@').next().unwrap_or(email).to_owned()),
    }
}
