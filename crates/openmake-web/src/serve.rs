//! From a path to a file of the export, and from the file to an answer.

use std::{borrow::Cow, path::Path};

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use rust_embed::EmbeddedFile;

use crate::{
    encoding::{self, Encoding},
    headers::{self, caching, content_type, is_frame, security},
    policy::{self, Policies},
};

const NOT_BUILT: &str = include_str!("not-built.html");
const INDEX: &str = "index.html";
const NOT_FOUND: &str = "404.html";
const WORKER: &str = "sw.js";

/// The export and what is known of it ahead of requests.
pub(crate) struct Site {
    get: fn(&str) -> Option<EmbeddedFile>,
    policies: Policies,
}

/// A file as it is sent.
struct Form {
    data: Cow<'static, [u8]>,
    tag: String,
    encoding: Option<Encoding>,
}

/// What stands at a path.
enum Found {
    File(String),
    Moved(String),
    Nothing,
}

impl Site {
    pub(crate) fn new(get: fn(&str) -> Option<EmbeddedFile>, policies: Policies) -> Self {
        Self { get, policies }
    }

    /// The answer to any request.
    pub(crate) fn answer(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Response {
        if method != Method::GET && method != Method::HEAD {
            let mut response = bare(StatusCode::METHOD_NOT_ALLOWED);
            let allow = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(header::ALLOW, allow);
            return response;
        }
        let mut response = if (self.get)(INDEX).is_none() {
            not_built()
        } else {
            match self.find(uri.path()) {
                Found::File(file) => self.file(&file, StatusCode::OK, headers),
                Found::Moved(path) => moved(&path, uri.query()),
                Found::Nothing => self.file(NOT_FOUND, StatusCode::NOT_FOUND, headers),
            }
        };
        if method == Method::HEAD {
            *response.body_mut() = Body::empty();
        }
        response
    }

    fn find(&self, path: &str) -> Found {
        // Scripts are there only compressed.
        let exists = |file: &str| {
            (self.get)(file).is_some()
                || (self.get)(&format!("{file}{}", Encoding::Gzip.suffix())).is_some()
        };
        let Some(name) = path.strip_prefix('/') else {
            return Found::Nothing;
        };
        if name.is_empty() {
            return Found::File(INDEX.to_owned());
        }
        // Ours to read, or another form of a file that has its own name.
        if name == "csp-manifest.json" || has_extension(name, "br") || has_extension(name, "gz") {
            return Found::Nothing;
        }
        let page = name.trim_end_matches('/');
        let page = page.strip_suffix(".html").unwrap_or(page);
        let is_page = !matches!(page, "404" | "_not-found") && exists(&format!("{page}.html"));
        if is_page && page == name {
            Found::File(format!("{page}.html"))
        } else if is_page {
            Found::Moved(if page == "index" {
                "/".to_owned()
            } else {
                format!("/{page}")
            })
        } else if !is_html(name) && exists(name) {
            Found::File(name.to_owned())
        } else {
            Found::Nothing
        }
    }

    /// The smallest form of a file that is taken.
    fn form(&self, file: &str, asked: &HeaderMap) -> Option<Form> {
        let form = |found: EmbeddedFile, encoding| Form {
            tag: etag(&found, ""),
            data: found.data,
            encoding,
        };
        let of = |encoding: Encoding| (self.get)(&format!("{file}{}", encoding.suffix()));
        encoding::accepted(asked)
            .find_map(|encoding| of(encoding).map(|found| form(found, Some(encoding))))
            .or_else(|| (self.get)(file).map(|found| form(found, None)))
            .or_else(|| {
                let packed = of(Encoding::Gzip)?;
                Some(Form {
                    tag: etag(&packed, "-unpacked"),
                    data: Cow::Owned(encoding::unpack(&packed.data)?),
                    encoding: None,
                })
            })
    }

    fn file(&self, file: &str, status: StatusCode, asked: &HeaderMap) -> Response {
        let Some(Form {
            data,
            tag,
            encoding,
        }) = self.form(file, asked)
        else {
            return bare(StatusCode::NOT_FOUND);
        };
        let fresh = status == StatusCode::OK && matches(asked, &tag);
        let mut response = bare(if fresh {
            StatusCode::NOT_MODIFIED
        } else {
            status
        });
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, caching(file));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(
            header::CONTENT_SECURITY_POLICY,
            match file {
                WORKER => policy::WORKER,
                _ if is_frame(file) => policy::FRAME,
                _ if is_html(file) => self.policies.of(file),
                _ => policy::NOTHING,
            },
        );
        if is_frame(file) {
            headers::frame(headers);
        }
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        if fresh {
            return response;
        }
        headers.insert(header::CONTENT_TYPE, content_type(file));
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(data.len()));
        if let Some(encoding) = encoding {
            let name = HeaderValue::from_static(encoding.name());
            headers.insert(header::CONTENT_ENCODING, name);
        }
        *response.body_mut() = match data {
            Cow::Borrowed(bytes) => Body::from(bytes),
            Cow::Owned(bytes) => Body::from(bytes),
        };
        response
    }
}

fn is_html(file: &str) -> bool {
    has_extension(file, "html")
}

fn has_extension(file: &str, wanted: &str) -> bool {
    Path::new(file)
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(wanted))
}

/// Names the bytes that are sent, so that each form of a file has its own.
fn etag(file: &EmbeddedFile, form: &str) -> String {
    let hash = hex::encode(file.metadata.sha256_hash());
    format!("\"{}{form}\"", hash.get(..32).unwrap_or(&hash))
}

fn matches(asked: &HeaderMap, tag: &str) -> bool {
    asked
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

fn bare(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    security(response.headers_mut());
    response
}

fn moved(path: &str, query: Option<&str>) -> Response {
    let mut response = bare(StatusCode::PERMANENT_REDIRECT);
    let target = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    if let Ok(target) = HeaderValue::from_str(&target) {
        response.headers_mut().insert(header::LOCATION, target);
    }
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn not_built() -> Response {
    let mut response = bare(StatusCode::SERVICE_UNAVAILABLE);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type(INDEX));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::CONTENT_SECURITY_POLICY, policy::NOTHING);
    *response.body_mut() = Body::from(NOT_BUILT);
    response
}
