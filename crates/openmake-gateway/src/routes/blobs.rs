//! Images of messages.

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, header};
use openmake_api::{Allowed, ApiError, authorize::Chat, extract::Path, responses::ReadProblems};
use openmake_types::BlobId;
use uuid::Uuid;

use crate::{error::store_error, state::App};

/// One's own image. Its bytes never change, so it may be kept for good.
#[utoipa::path(get, path = "/api/v1/blobs/{id}", tag = "conversations", params(("id" = Uuid, Path)),
    responses(
        (status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "Not Modified"),
        ReadProblems))]
pub(crate) async fn show(
    State(app): State<App>,
    allowed: Allowed<Chat>,
    Path(id): Path<Uuid>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = BlobId::from_uuid(id);
    let blob = app.store.blobs().get(allowed.actor.user_id, id).await;
    let blob = blob.map_err(store_error("file"))?;
    let tag = format!("\"{id}\"");
    let (media_type, disposition) = shown_as(&blob.media_type, id);
    let head = [
        (header::ETAG, tag.clone()),
        (
            header::CACHE_CONTROL,
            "private, max-age=31536000, immutable".to_owned(),
        ),
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        // Whatever the bytes are, they are not run, even when opened alone.
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; sandbox".to_owned(),
        ),
    ];
    let known = headers.get(header::IF_NONE_MATCH);
    if known.is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    Ok((head, blob.data).into_response())
}

/// Only images are shown in place; all else is a file to save.
fn shown_as(media_type: &str, id: BlobId) -> (&'static str, String) {
    let (media_type, extension) = match media_type {
        "image/png" => ("image/png", "png"),
        "image/jpeg" => ("image/jpeg", "jpg"),
        "image/webp" => ("image/webp", "webp"),
        "image/gif" => ("image/gif", "gif"),
        _ => {
            let disposition = format!("attachment; filename=\"{id}.bin\"");
            return ("application/octet-stream", disposition);
        }
    };
    let disposition = format!("inline; filename=\"{id}.{extension}\"");
    (media_type, disposition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_images_are_shown_in_place() {
        let id = BlobId::from_uuid(Uuid::nil());
        assert!(shown_as("image/png", id).1.starts_with("inline"));
        for kind in ["text/html", "image/svg+xml", "application/pdf"] {
            let (media_type, disposition) = shown_as(kind, id);
            assert_eq!(media_type, "application/octet-stream");
            assert!(disposition.starts_with("attachment"), "{kind}");
        }
    }
}
