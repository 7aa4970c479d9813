//! A forgotten password.

use axum::extract::State;
use chrono::TimeDelta;
use http::StatusCode;
use openmake_api::{
    ApiError,
    extract::Json,
    responses::OpenProblems,
    sign_in::{RequestPasswordReset, ResetPassword},
};
use openmake_store::{
    StoreError,
    password_resets::{NewReset, ResetOrigin, UsedReset},
    sessions::EndReason,
};
use openmake_types::ErrorKind;
use serde_json::json;

use super::{
    super::{input, instance::instance_name, users},
    login,
    session::OwnSite,
};
use crate::{
    audit::AuditContext,
    error::store_error,
    mail::{Language, Mailer, Outgoing, PasswordReset},
    passwords::{self, About},
    sign_in::challenge::{random_token, token_hash},
    state::App,
};

/// How long a link holds that went out by e-mail.
const MAIL_LIFETIME: TimeDelta = TimeDelta::hours(1);

/// The link for the page. The token stands after `#`, so that it is in no
/// server's log and in no `Referer`.
pub(crate) fn link(app: &App, token: &str) -> String {
    app.settings
        .sign_in
        .url_of(&format!("/reset-password#token={token}"))
}

/// Sends a link to the account's e-mail, if there is an account and the
/// instance can send mail. The answer tells neither, nor does its time.
#[utoipa::path(post, path = "/api/v1/auth/password-reset/request", tag = "auth", security(()),
    request_body = RequestPasswordReset, responses((status = 202), OpenProblems))]
pub(crate) async fn request(
    State(app): State<App>,
    _site: OwnSite,
    audit: AuditContext,
    Json(body): Json<RequestPasswordReset>,
) -> Result<StatusCode, ApiError> {
    let language = Language::of(body.language.as_deref())?;
    let mailer = app.settings.sign_in.mailer.clone();
    if let (Some(mailer), Some(email)) = (mailer, input::parse_email(&body.email)) {
        let request = MailRequest {
            app: app.clone(),
            audit,
            mailer,
            email,
            language,
        };
        app.tasks.spawn(async move {
            if let Err(error) = request.run().await {
                tracing::warn!(%error, "a link to reset a password was not sent");
            }
        });
    }
    Ok(StatusCode::ACCEPTED)
}

/// Sets a new password with a link's token. Every session ends.
#[utoipa::path(post, path = "/api/v1/auth/password-reset", tag = "auth", security(()),
    request_body = ResetPassword,
    responses((status = 204),
        (status = 403, description = "The link was used or has expired"), OpenProblems))]
pub(crate) async fn complete(
    State(app): State<App>,
    _site: OwnSite,
    audit: AuditContext,
    Json(body): Json<ResetPassword>,
) -> Result<StatusCode, ApiError> {
    let hash = token_hash(&body.token);
    let resets = app.store.password_resets();
    let user = resets.lookup(&hash, audit.now()).await;
    let Some(user) = user.map_err(store_error("link"))? else {
        let entry = audit.failure("user.password_reset");
        login::record(&app, &entry.done()).await?;
        return Err(link_invalid());
    };
    let settings = app.store.settings().get().await;
    let settings = settings.map_err(store_error("instance"))?;
    let about = About {
        email: user.email.as_deref().unwrap_or_default(),
        display_name: &user.display_name,
        instance_name: &instance_name(&settings, &app),
    };
    let password = passwords::check("new_password", &body.new_password, &about)?;
    let turn = app.hasher.turn().await?;
    let password_hash = app.hasher.hash(turn, password).await?;
    let completed = UsedReset {
        token_hash: &hash,
        password_hash: &password_hash,
        now: audit.now(),
    };
    let entry = audit.success("user.password_reset").by(user.id);
    let entry = entry.on("user", &user.id).with(json!({"by": "link"}));
    let user = match resets.complete(&completed, &entry.done()).await {
        Err(StoreError::NotFound) => return Err(link_invalid()),
        user => user.map_err(store_error("link"))?,
    };
    app.authority
        .ended_of(user.id, None, EndReason::PasswordChanged);
    app.announce(vec![users::changed(user.id, user.version)]);
    Ok(StatusCode::NO_CONTENT)
}

/// A mail that may have to be sent, after the answer.
struct MailRequest {
    app: App,
    audit: AuditContext,
    mailer: Mailer,
    email: String,
    language: Language,
}

impl MailRequest {
    async fn run(self) -> Result<(), ApiError> {
        let app = &self.app;
        let found = app.store.users().lookup_by_email(&self.email).await;
        let Some((user, _)) = found.map_err(store_error("account"))? else {
            return Ok(());
        };
        // To the address that was registered, however it was typed now.
        let Some(email) = user.email.as_deref().filter(|_| user.is_active) else {
            return Ok(());
        };
        let token = random_token(app.ids.as_ref());
        let now = self.audit.now();
        let reset = NewReset {
            token_hash: token_hash(&token),
            user_id: user.id,
            origin: ResetOrigin::Email,
            now,
            expires_at: now + MAIL_LIFETIME,
        };
        let entry = self.audit.success("user.reset_link").on("user", &user.id);
        let entry = entry.with(json!({"by": "email"})).done();
        let created = app.store.password_resets().create(&reset, &entry).await;
        if !created.map_err(store_error("account"))? {
            tracing::info!(user_id = %user.id, "too many reset links were asked for");
            return Ok(());
        }
        let settings = app.store.settings().get().await;
        let settings = settings.map_err(store_error("instance"))?;
        let text = PasswordReset {
            instance: &instance_name(&settings, app),
            url: &link(app, &token),
            minutes: MAIL_LIFETIME.num_minutes(),
        };
        let mail = Outgoing {
            id: self.audit.new_id(),
            to: email,
            subject: text.subject(self.language),
            body: text.body(self.language),
            now,
        };
        self.mailer.send(mail).await.map_err(ApiError::internal)
    }
}

fn link_invalid() -> ApiError {
    ApiError::new(
        ErrorKind::Forbidden,
        "This link was used before or has expired.",
    )
    .with_code("reset_link_invalid")
    .with_hint("Ask for a new one.")
}
