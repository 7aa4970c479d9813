//! The web app as the program carries it: the static export of `web/`,
//! embedded, with its headers.
//!
//! - `/x` is the page `x.html`; `/x/` and `/x.html` redirect to it. Nothing is
//!   served for a path that the export does not have but its own 404 page:
//!   the client's navigation would wait for ever for a payload that is HTML.
//! - Pages and payloads are revalidated (`no-cache` and an ETag), hashed files
//!   are kept for ever.
//! - Each page has a content security policy with the hashes of its own inline
//!   scripts, from the export's `csp-manifest.json`.
//! - Scripts are in the export only compressed, and unpacked for a client that
//!   takes neither form.
//! - What is under `/frames/` is for frames that our pages embed, each in an
//!   origin of its own with a policy that lets it reach nothing.
//!
//! A release build embeds `web/out`; a debug build reads it at run time. Where
//! it was not built, every path answers with a page that says how to.

mod encoding;
mod headers;
mod policy;
mod serve;

use axum::{Router, extract::Request, response::IntoResponse, routing::any};
use rust_embed::RustEmbed;

use crate::{policy::Policies, serve::Site};

#[derive(RustEmbed)]
#[folder = "../../web/out"]
#[allow_missing = true]
struct Export;

/// The web app: answers every path, so mount it as the fallback.
pub fn router() -> Router {
    router_of::<Export>()
}

fn router_of<F: RustEmbed + Send + Sync + 'static>() -> Router {
    let site = std::sync::Arc::new(Site::new(F::get, Policies::load(F::get)));
    let handler = move |request: Request| {
        let answer = site.answer(request.method(), request.uri(), request.headers());
        std::future::ready(answer.into_response())
    };
    Router::new()
        .route("/", any(handler.clone()))
        .route("/{*path}", any(handler))
}

#[cfg(test)]
mod tests;
