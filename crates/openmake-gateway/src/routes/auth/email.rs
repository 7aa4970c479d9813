//! Changing one's e-mail.

use axum::extract::State;
use openmake_api::{
    Allowed, ApiError,
    auth::{ChangeEmail, UserView},
    authorize::ManageOwnAccount,
    extract::Json,
    responses::WriteProblems,
};
use serde_json::json;

use super::{
    super::{input, instance::instance_name},
    session::user_view,
};
use crate::{
    audit::AuditContext,
    error::store_error,
    mail::{EmailChanged, Language, Mailer, Outgoing},
    sign_in::Fresh,
    state::App,
};

/// Changes the e-mail that one signs in with. Sessions go on; where the
/// instance can send mail, the old address is told.
#[utoipa::path(put, path = "/api/v1/auth/email", tag = "auth", request_body = ChangeEmail,
    responses((status = 200, body = UserView),
        (status = 409, description = "Another account has it"), WriteProblems))]
pub(crate) async fn change(
    State(app): State<App>,
    allowed: Allowed<ManageOwnAccount>,
    _fresh: Fresh,
    audit: AuditContext,
    Json(body): Json<ChangeEmail>,
) -> Result<Json<UserView>, ApiError> {
    let id = allowed.actor.user_id;
    let language = Language::of(body.language.as_deref())?;
    let email = input::email("email", &body.email)?;
    let before = app.store.users().get(id).await;
    let before = before.map_err(store_error("account"))?;
    if before.email.as_deref() == Some(email.as_str()) {
        return Ok(Json(user_view(&before)));
    }
    let details = json!({"from": before.email, "to": email});
    let entry = audit.success("user.email").on("user", &id).with(details);
    let changed = app.store.users().set_email(id, &email, &entry.done()).await;
    let changed = changed.map_err(store_error("account"))?;
    if let (Some(mailer), Some(old)) = (app.settings.sign_in.mailer.clone(), before.email) {
        let notice = Notice {
            app: app.clone(),
            audit,
            mailer,
            old,
            new: email,
            language,
        };
        app.tasks.spawn(async move {
            if let Err(error) = notice.send().await {
                tracing::warn!(%error, "nobody was told of a changed e-mail");
            }
        });
    }
    Ok(Json(user_view(&changed)))
}

/// Tells the old address, after the answer.
struct Notice {
    app: App,
    audit: AuditContext,
    mailer: Mailer,
    old: String,
    new: String,
    language: Language,
}

impl Notice {
    async fn send(self) -> Result<(), ApiError> {
        let settings = self.app.store.settings().get().await;
        let settings = settings.map_err(store_error("instance"))?;
        let text = EmailChanged {
            instance: &instance_name(&settings, &self.app),
            new: &self.new,
        };
        let mail = Outgoing {
            id: self.audit.new_id(),
            to: &self.old,
            subject: text.subject(self.language),
            body: text.body(self.language),
            now: self.audit.now(),
        };
        self.mailer.send(mail).await.map_err(ApiError::internal)
    }
}
