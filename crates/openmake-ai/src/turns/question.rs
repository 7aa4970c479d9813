//! What a person sends: its limits, and pictures known by their first bytes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use openmake_api::{
    ApiError,
    turns::{Content, Part},
};
use openmake_types::{ErrorKind, Limit, MAX_IMAGE_BYTES, MAX_MESSAGE_CHARACTERS};
use sha2::{Digest as _, Sha256};

use crate::administered::Administered;

/// Characters of a question.
#[expect(
    clippy::cast_possible_truncation,
    reason = "far below what 32 bits count"
)]
const MAX_TEXT: usize = MAX_MESSAGE_CHARACTERS as usize;
/// Parts of a question.
const MAX_PARTS: usize = 20;
/// Pictures of a question.
const MAX_IMAGES: usize = 8;
/// Bytes of a picture.
#[expect(
    clippy::cast_possible_truncation,
    reason = "far below what 32 bits count"
)]
const MAX_IMAGE: usize = MAX_IMAGE_BYTES as usize;

/// A question within its limits.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) text: String,
    pub(crate) images: Vec<NewImage>,
}

/// A picture that is not stored yet.
#[derive(Debug)]
pub(crate) struct NewImage {
    pub(crate) media_type: &'static str,
    pub(crate) bytes: Vec<u8>,
    pub(crate) sha256: [u8; 32],
}

impl Question {
    /// Checks what was sent.
    pub(crate) fn parse(content: Content) -> Result<Self, ApiError> {
        let parts = match content {
            Content::Text(text) => vec![Part::Text { text }],
            Content::Parts(parts) => parts,
        };
        if parts.len() > MAX_PARTS {
            return Err(ApiError::field(
                "content",
                "too_many",
                format!("A question has at most {MAX_PARTS} parts."),
            ));
        }
        let mut texts = Vec::new();
        let mut images = Vec::new();
        for part in parts {
            match part {
                Part::Text { text } => texts.push(text),
                Part::Image { data } => images.push(NewImage::parse(&data)?),
            }
        }
        let text = texts.join("\n\n");
        if text.trim().is_empty() && images.is_empty() {
            return Err(ApiError::field(
                "content",
                "required",
                "The question is empty.",
            ));
        }
        check_length(&text, MAX_TEXT)?;
        if images.len() > MAX_IMAGES {
            return Err(ApiError::field(
                "content",
                "too_many",
                format!("A question has at most {MAX_IMAGES} images."),
            ));
        }
        Ok(Self { text, images })
    }

    /// Checks it against the limits that administrators set.
    pub(crate) fn check(&self, administered: &Administered) -> Result<(), ApiError> {
        let characters = administered.limits().get(Limit::MessageCharacters);
        if let Some(most) = characters.and_then(|most| usize::try_from(most).ok()) {
            check_length(&self.text, most)?;
        }
        let largest = administered.largest_image();
        if self.images.iter().any(|image| image.bytes.len() > largest) {
            return Err(image_too_large(largest));
        }
        Ok(())
    }
}

fn check_length(text: &str, most: usize) -> Result<(), ApiError> {
    if text.len() > most && text.chars().count() > most {
        let detail = format!("A question has at most {most} characters.");
        return Err(ApiError::field("content", "too_long", detail));
    }
    Ok(())
}

impl NewImage {
    /// Reads base64, alone or in a `data:` URL.
    pub(crate) fn parse(data: &str) -> Result<Self, ApiError> {
        let encoded = match data.strip_prefix("data:") {
            Some(url) => url
                .split_once(";base64,")
                .map(|(_, encoded)| encoded)
                .ok_or_else(not_base64)?,
            None => data,
        };
        if encoded.len() / 4 * 3 > MAX_IMAGE + 3 {
            return Err(image_too_large(MAX_IMAGE));
        }
        let bytes = STANDARD.decode(encoded.trim()).map_err(|_| not_base64())?;
        if bytes.len() > MAX_IMAGE {
            return Err(image_too_large(MAX_IMAGE));
        }
        let media_type = media_type(&bytes).ok_or_else(|| {
            ApiError::field(
                "content",
                "unsupported_image",
                "The image is none of PNG, JPEG, WebP and GIF.",
            )
            .with_code("unsupported_image")
            .with_hint("Convert the image to PNG or JPEG.")
        })?;
        Ok(Self {
            media_type,
            sha256: Sha256::digest(&bytes).into(),
            bytes,
        })
    }
}

fn not_base64() -> ApiError {
    ApiError::field("content", "invalid", "The image is not base64.")
}

/// The answer to a picture of more bytes than `most`.
pub(crate) fn image_too_large(most: usize) -> ApiError {
    let detail = if most.is_multiple_of(1 << 20) {
        format!("An image has at most {} MiB.", most >> 20)
    } else {
        format!("An image has at most {} KiB.", most >> 10)
    };
    ApiError::new(ErrorKind::TooLarge, detail)
        .with_code("image_too_large")
        .with_hint("Send a smaller image.")
}

/// What kind of picture it is, whatever it was called.
fn media_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if bytes.starts_with(b"GIF87a") || bytes.starts_with(b"GIF89a") {
        Some("image/gif")
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some("image/webp")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(bytes: &[u8]) -> Part {
        Part::Image {
            data: STANDARD.encode(bytes),
        }
    }

    #[test]
    fn pictures_are_known_by_their_bytes() {
        let png = b"\x89PNG\r\n\x1a\nrest";
        let question = Question::parse(Content::Parts(vec![
            Part::Text {
                text: "what is this".to_owned(),
            },
            Part::Image {
                data: format!("data:image/jpeg;base64,{}", STANDARD.encode(png)),
            },
        ]))
        .expect("valid");
        assert_eq!(question.images[0].media_type, "image/png");
        assert_eq!(question.images[0].bytes, png);
        let refused = Question::parse(Content::Parts(vec![image(b"<svg/>")]));
        assert_eq!(refused.expect_err("refused").code(), "unsupported_image");
    }

    #[test]
    fn limits_hold() {
        assert!(Question::parse(Content::Text("  \n".to_owned())).is_err());
        assert!(Question::parse(Content::Text("가".repeat(MAX_TEXT))).is_ok());
        assert!(Question::parse(Content::Text("가".repeat(MAX_TEXT + 1))).is_err());
        let nine = (0..9).map(|_| image(b"GIF89a")).collect();
        assert!(Question::parse(Content::Parts(nine)).is_err());
        let huge = Question::parse(Content::Parts(vec![Part::Image {
            data: "A".repeat(12 * 1024 * 1024),
        }]));
        assert_eq!(huge.expect_err("refused").code(), "image_too_large");
        let text = |_| Part::Text {
            text: "a".to_owned(),
        };
        assert!(Question::parse(Content::Parts((0..21).map(text).collect())).is_err());
    }
}
