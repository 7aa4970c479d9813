//! The OpenAPI document: the gateway's and ai's in one.

use utoipa::openapi::{Info, License, OpenApi};

/// The document of the whole program.
pub(crate) fn document() -> OpenApi {
    let mut document = openmake_gateway::openapi();
    document.merge(openmake_ai::openapi());
    let mut info = Info::new("OpenMake", env!("CARGO_PKG_VERSION"));
    info.description = Some(
        "A self-hosted AI assistant platform. Sign in at `/api/v1/auth/login` and send the access \
         token as `Authorization: Bearer`. Errors are RFC 9457 problems; key on their `code`."
            .to_owned(),
    );
    info.license = Some(License::new("MIT"));
    document.info = info;
    document
}

/// The same as text, in the form that is committed.
pub(crate) fn document_text() -> serde_json::Result<String> {
    let mut text = document().to_pretty_json()?;
    text.push('\n');
    Ok(text)
}
