//! The content security policy of each page.

use std::collections::HashMap;

use http::HeaderValue;
use rust_embed::EmbeddedFile;

/// What a page may do besides running its own scripts. Styles come from files
/// only: React sets style attributes through the object model, which the policy
/// does not touch.
const REST: &str = "style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; worker-src 'self'; object-src 'none'; \
     base-uri 'self'; form-action 'self'; frame-ancestors 'none'";

/// For what is no page: nothing that it names may load or run.
pub(crate) const NOTHING: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");

/// For the service worker, which has this policy and not its page's: it fetches
/// pages and keeps one for when the server is away.
pub(crate) const WORKER: HeaderValue =
    HeaderValue::from_static("default-src 'none'; connect-src 'self'; frame-ancestors 'none'");

/// For a frame that draws what a model wrote: its own scripts and any styles,
/// from nowhere and to nowhere else, in an origin that is nobody's. Only our
/// pages embed it.
pub(crate) const FRAME: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; img-src data:; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-scripts",
);

/// The policies of the export's pages, by file.
#[derive(Debug)]
pub(crate) struct Policies {
    by_file: HashMap<String, HeaderValue>,
    plain: HeaderValue,
}

impl Policies {
    /// Reads the manifest that the web app's build wrote.
    pub(crate) fn load(get: fn(&str) -> Option<EmbeddedFile>) -> Self {
        let hashes: HashMap<String, Vec<String>> = get("csp-manifest.json")
            .and_then(|file| match serde_json::from_slice(&file.data) {
                Ok(hashes) => Some(hashes),
                Err(error) => {
                    tracing::error!(%error, "the web app's csp-manifest.json cannot be read");
                    None
                }
            })
            .unwrap_or_default();
        let by_file = hashes
            .into_iter()
            .filter_map(|(file, hashes)| Some((file, policy(&hashes)?)))
            .collect();
        Self {
            by_file,
            plain: policy(&[]).unwrap_or(NOTHING),
        }
    }

    /// The policy of a page; without inline scripts for one that is not listed.
    pub(crate) fn of(&self, file: &str) -> HeaderValue {
        self.by_file.get(file).unwrap_or(&self.plain).clone()
    }
}

fn policy(hashes: &[String]) -> Option<HeaderValue> {
    let mut text = String::from("default-src 'self'; script-src 'self'");
    for hash in hashes {
        text.push_str(" '");
        text.push_str(hash);
        text.push('\'');
    }
    text.push_str("; ");
    text.push_str(REST);
    HeaderValue::from_str(&text).ok()
}
