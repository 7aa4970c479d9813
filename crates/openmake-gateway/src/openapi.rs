//! The gateway's part of the OpenAPI document.

use openmake_api::{
    Event, Problem,
    socket::{ClientFrame, ServerFrame},
};
use utoipa::{
    Modify, OpenApi,
    openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
};
use utoipa_axum::router::OpenApiRouter;

use crate::{routes, state::App};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "OpenMake",
        description = "A self-hosted AI assistant. Errors are RFC 9457 problem documents with a \
                       stable `code`; times are RFC 3339 in UTC; pages go by cursor.",
        license(name = "MIT", identifier = "MIT")
    ),
    components(schemas(Problem, Event, ClientFrame, ServerFrame)),
    security(("bearer" = []), ("api_key" = [])),
    modifiers(&Schemes)
)]
struct Document;

struct Schemes;

impl Modify for Schemes {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        let bearer = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some(
                "The access token from /api/v1/auth/login, or a key from /api/v1/api-keys.",
            ))
            .build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
        let key = ApiKeyValue::with_description("X-API-Key", "A key from /api/v1/api-keys.");
        let key = SecurityScheme::ApiKey(ApiKey::Header(key));
        components.add_security_scheme("api_key", key);
        let cookie = ApiKeyValue::with_description(
            "openmake_refresh",
            "Set at sign-in; sent to /api/v1/auth only.",
        );
        let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(cookie));
        components.add_security_scheme("refresh_cookie", cookie);
    }
}

/// All annotated routes, with the document.
pub(crate) fn router() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Document::openapi()).merge(routes::router())
}

/// The gateway's part of the OpenAPI document, to merge with the ai role's.
pub fn openapi() -> utoipa::openapi::OpenApi {
    router().into_openapi()
}
