//! Pictures from elsewhere.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::header;
use openmake_api::{
    Allowed, ApiError, Problem, authorize::Chat, extract::Query, images::ImageQuery,
    responses::ReadProblems,
};
use openmake_egress::EgressError;
use openmake_types::ErrorKind;

use crate::{
    images::{ImageError, Picture},
    state::App,
};

/// A picture from elsewhere, so that its host learns nothing of who looks at
/// it. Only PNG, JPEG, GIF, WebP and AVIF, told by their bytes, of at most
/// 10 MiB, from public addresses.
#[utoipa::path(get, path = "/api/v1/images", tag = "conversations", params(ImageQuery),
    responses(
        (status = 200, body = Vec<u8>, content_type = "image/*"),
        (status = 413, body = Problem, content_type = "application/problem+json",
            description = "Larger than 10 MiB"),
        (status = 502, body = Problem, content_type = "application/problem+json",
            description = "Its host gives no picture"),
        ReadProblems))]
pub(crate) async fn show(
    State(app): State<App>,
    _allowed: Allowed<Chat>,
    Query(query): Query<ImageQuery>,
) -> Result<Response, ApiError> {
    let Picture { format, bytes } = app.images.fetch(&query.url).await.map_err(problem)?;
    let name = format!("inline; filename=\"picture.{}\"", format.extension());
    let head = [
        (header::CONTENT_TYPE, format.media_type()),
        (header::CONTENT_DISPOSITION, name.as_str()),
        (header::CACHE_CONTROL, "private, max-age=3600"),
        // Whatever the bytes are, they are not run, even when opened alone.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; sandbox",
        ),
    ];
    Ok((head, bytes).into_response())
}

/// What went wrong, without saying what stands in the way: the message of a
/// connection that failed would tell of the network around the server.
fn problem(error: ImageError) -> ApiError {
    match error {
        ImageError::Egress(EgressError::InvalidUrl { .. }) => {
            let detail = "`url` is not an address that a picture can be fetched from.";
            ApiError::field("url", "invalid", detail)
                .with_code("image_address_invalid")
                .with_hint("Give an address that begins with http:// or https://.")
        }
        ImageError::Egress(EgressError::Refused { .. }) => ApiError::new(
            ErrorKind::Forbidden,
            "The picture is on a private network, which the server does not reach for one.",
        )
        .with_code("image_refused")
        .with_hint("Open it in a new tab, where your own browser asks for it."),
        ImageError::Egress(EgressError::TooLarge { .. }) => {
            ApiError::new(ErrorKind::TooLarge, "The picture is larger than 10 MiB.")
                .with_code("picture_too_large")
                .with_hint("Open it in a new tab.")
        }
        ImageError::Egress(EgressError::Timeout { .. }) => {
            ApiError::new(ErrorKind::Timeout, "The picture's host took too long.")
                .with_code("image_timeout")
                .with_hint("Try again, or open it in a new tab.")
        }
        ImageError::NotAPicture => ApiError::new(
            ErrorKind::UpstreamFailed,
            "What its host gives is not a PNG, JPEG, GIF, WebP or AVIF picture.",
        )
        .with_code("not_an_image")
        .with_hint("Open the address in a new tab to see what it is."),
        error @ (ImageError::Egress(_) | ImageError::Status(_)) => ApiError::new(
            ErrorKind::UpstreamFailed,
            "The picture cannot be had from its host.",
        )
        .with_code("image_unavailable")
        .with_hint("It may be gone. Open it in a new tab to see what its host says.")
        .with_source(error),
    }
}
