//! Texts and pictures of a message.

use std::ops::RangeInclusive;

use openmake_api::ApiError;
use openmake_models::{Image, ThinkingLevel};
use serde_json::Value;

use crate::{compat::fields::wrong, turns::question::NewImage};

/// What a message says.
#[derive(Debug, Default)]
pub(super) struct Content {
    pub(super) text: String,
    pub(super) images: Vec<Image>,
}

impl Content {
    /// One more part of text. Parts are paragraphs of their own.
    pub(super) fn push_text(&mut self, text: &str) {
        if !self.text.is_empty() && !text.is_empty() {
            self.text.push_str("\n\n");
        }
        self.text.push_str(text);
    }
}

/// A picture within a `data:` URL. Others are not fetched: what a URL shows to
/// this server is not what it shows to the caller.
pub(super) fn image(url: &str, field: &str) -> Result<Image, ApiError> {
    if !url.starts_with("data:") {
        return Err(ApiError::field(
            field,
            "unsupported",
            "Images are taken as data URLs only; this server fetches none.",
        )
        .with_code("image_url_not_supported")
        .with_hint("Send `data:image/png;base64,…`."));
    }
    let image = NewImage::parse(url).map_err(|error| {
        let detail = error.detail().to_owned();
        ApiError::new(error.kind(), detail.clone())
            .with_code("invalid_image")
            .and_field(field, "invalid", detail)
    })?;
    Ok(Image {
        media_type: image.media_type.to_owned(),
        bytes: image.bytes.into(),
    })
}

/// A level of thinking by OpenAI's names. There are fewer here: `minimal` is
/// `low`, and `xhigh` is `high`.
pub(super) fn effort(name: &str, field: &str) -> Result<ThinkingLevel, ApiError> {
    match name {
        "none" => Ok(ThinkingLevel::Off),
        "minimal" | "low" => Ok(ThinkingLevel::Low),
        "medium" => Ok(ThinkingLevel::Medium),
        "high" | "xhigh" => Ok(ThinkingLevel::High),
        _ => Err(wrong(
            field,
            format!("`{field}` is `none`, `minimal`, `low`, `medium`, `high` or `xhigh`."),
        )),
    }
}

/// A number within a range.
pub(super) fn within(
    value: Option<f64>,
    range: RangeInclusive<f64>,
    field: &str,
) -> Result<Option<f64>, ApiError> {
    match value {
        Some(number) if !range.contains(&number) => Err(wrong(
            field,
            format!("`{field}` is from {} to {}.", range.start(), range.end()),
        )),
        value => Ok(value),
    }
}

/// A limit of tokens.
pub(super) fn tokens(value: Option<u32>, field: &str) -> Result<Option<u32>, ApiError> {
    match value {
        Some(0) => Err(wrong(field, format!("`{field}` is at least 1."))),
        value => Ok(value),
    }
}

/// A schema with what it is for, where the client says so beside it.
pub(super) fn described(mut schema: Value, description: Option<String>) -> Value {
    if let (Some(description), Some(fields)) = (description, schema.as_object_mut()) {
        fields
            .entry("description")
            .or_insert_with(|| description.into());
    }
    schema
}
