//! Pictures that clients send in base64.

use openmake_api::ApiError;
use openmake_models::Image;

use crate::turns::question::NewImage;

/// The picture in `encoded`, whose bytes say what it is; `field` names it in
/// errors.
pub(super) fn picture(encoded: &str, field: &str) -> Result<Image, ApiError> {
    let image = NewImage::parse(encoded).map_err(|error| {
        let detail = format!("{} ({field})", error.detail());
        ApiError::new(error.kind(), detail.clone())
            .with_code("invalid_image")
            .with_hint("Send PNG, JPEG, WebP or GIF of at most 8 MiB in base64.")
            .and_field(field, "invalid", detail)
    })?;
    Ok(Image {
        media_type: image.media_type.to_owned(),
        bytes: image.bytes.into(),
    })
}
