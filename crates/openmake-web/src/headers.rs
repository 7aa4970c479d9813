//! The headers that depend on nothing but the file's name.

use http::{HeaderMap, HeaderValue, header};

/// What a browser must know on every answer.
pub(crate) fn security(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        (
            "permissions-policy",
            "camera=(), geolocation=(), microphone=(self), payment=(), usb=()",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Whether a file belongs to a frame that our pages embed and that has an
/// origin of its own.
pub(crate) fn is_frame(file: &str) -> bool {
    file.starts_with("frames/")
}

/// What differs for the frames: our pages may embed them, and they, whose
/// origin is opaque, may load their own scripts. Who may embed is the policy's.
pub(crate) fn frame(headers: &mut HeaderMap) {
    headers.remove(header::X_FRAME_OPTIONS);
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("cross-origin"),
    );
}

/// How long a file may be kept: the bundler puts a hash into the names of its
/// own, the others keep their names over releases.
pub(crate) fn caching(file: &str) -> HeaderValue {
    HeaderValue::from_static(if file.starts_with("_next/static/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    })
}

/// The type of a file, by its name. The client's navigation takes its `.txt`
/// payloads only as `text/plain`.
pub(crate) fn content_type(file: &str) -> HeaderValue {
    let extension = file.rsplit_once('.').map_or("", |(_, extension)| extension);
    HeaderValue::from_static(match extension {
        "html" => "text/html; charset=utf-8",
        "txt" => "text/plain; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    })
}
