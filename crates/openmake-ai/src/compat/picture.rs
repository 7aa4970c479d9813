//! Pictures that clients send in base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use openmake_api::ApiError;
use openmake_models::Image;
use openmake_types::ErrorKind;

use crate::turns::question::{MAX_IMAGE_BYTES, media_type};

/// The picture in `encoded`, whose bytes say what it is; `field` names it in
/// errors.
pub(super) fn picture(encoded: &str, field: &str) -> Result<Image, ApiError> {
    let encoded = encoded.trim();
    let too_large = || {
        ApiError::new(ErrorKind::TooLarge, "An image has at most 8 MiB.")
            .with_code("image_too_large")
            .with_hint("Send a smaller image.")
            .and_field(field, "too_large", "An image has at most 8 MiB.")
    };
    if encoded.len() / 4 * 3 > MAX_IMAGE_BYTES + 3 {
        return Err(too_large());
    }
    let bytes = STANDARD
        .decode(encoded)
        .map_err(|_| ApiError::field(field, "invalid", "The image is not base64."))?;
    if bytes.len() > MAX_IMAGE_BYTES {
        return Err(too_large());
    }
    let media_type = media_type(&bytes).ok_or_else(|| {
        ApiError::field(
            field,
            "unsupported_image",
            "The image is none of PNG, JPEG, WebP and GIF.",
        )
        .with_code("unsupported_image")
        .with_hint("Convert the image to PNG or JPEG.")
    })?;
    Ok(Image {
        media_type: media_type.to_owned(),
        bytes: bytes.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_bytes() {
        let png = STANDARD.encode(b"\x89PNG\r\n\x1a\nrest");
        assert_eq!(picture(&png, "image").expect("a picture").media_type, "image/png");
        let code = |encoded: &str| {
            let error = picture(encoded, "image").expect_err("refused");
            error.code().to_owned()
        };
        assert_eq!(code("no base64!"), "invalid_input");
        assert_eq!(code(&STANDARD.encode("<svg/>")), "unsupported_image");
        assert_eq!(code(&"A".repeat(12 * 1024 * 1024)), "image_too_large");
    }
}
