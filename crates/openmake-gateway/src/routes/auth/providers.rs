//! What the sign-in page offers.

use axum::extract::State;
use openmake_api::{
    extract::Json,
    responses::OpenProblems,
    sign_in::{ProviderView, SignInOptions},
};

use crate::state::App;

/// How one can sign in besides the password.
#[utoipa::path(get, path = "/api/v1/auth/providers", tag = "auth", security(()),
    responses((status = 200, body = SignInOptions), OpenProblems))]
pub(crate) async fn list(State(app): State<App>) -> Json<SignInOptions> {
    let settings = &app.settings.sign_in;
    let providers = settings.providers.iter().map(|provider| ProviderView {
        id: provider.id().to_owned(),
        name: provider.name().to_owned(),
        kind: provider.kind().to_owned(),
    });
    Json(SignInOptions {
        providers: providers.collect(),
        passkeys: app.passkeys.is_available(),
        password_reset_by_email: settings.mailer.is_some(),
    })
}
