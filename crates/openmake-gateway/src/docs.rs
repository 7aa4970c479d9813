//! The API's description, for programs and for people.

use axum::{
    Router,
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::get,
};
use http::{HeaderValue, header};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::state::App;

/// Where the description is.
const DOCUMENT: &str = "/api/openapi.json";

/// Swagger UI writes styles into elements, and shows its icons as data. It is
/// the only page that may; scripts are its own files only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; font-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `/api/openapi.json` and `/api-docs`.
pub(crate) fn router() -> Router<App> {
    let config = Config::new([DOCUMENT]).persist_authorization(false);
    let pages: Router<App> = SwaggerUi::new("/api-docs").config(config).into();
    pages
        .layer(middleware::from_fn(page))
        .route(DOCUMENT, get(document))
}

async fn page(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn document(State(app): State<App>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, app.openapi_json.clone()).into_response()
}
