//! Pictures from elsewhere, through the gateway.

use std::sync::Arc;

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
    routing::get,
};
use http::{HeaderMap, StatusCode, header};
use openmake_egress::{AllowedHosts, Target};
use openmake_gateway::{GatewaySettings, RateSettings};
use parking_lot::Mutex;
use testkit::database::TestDatabase;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::support::{Answer, Client, TestApp, images, settings};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";

/// A host of pictures on loopback, and what it was asked.
#[derive(Clone)]
struct Host {
    url: String,
    asked: Arc<Mutex<Vec<HeaderMap>>>,
}

impl Host {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let host = Self {
            url: format!("http://{address}"),
            asked: Arc::default(),
        };
        let page = |kind: &'static str, body: &'static [u8]| {
            get(async move || ([(header::CONTENT_TYPE, kind)], body).into_response())
        };
        let router = Router::new()
            .route("/picture", get(picture))
            .route("/svg", page("image/png", b"<svg onload='alert(1)'/>"))
            .route("/html", page("image/png", b"<!doctype html><script>"))
            .route("/empty", page("image/png", b""))
            .route("/error", get(async || (StatusCode::IM_A_TEAPOT, PNG)))
            .route("/large", get(async || vec![0x89_u8; (10 << 20) + 1]))
            .route("/moved", get(async || Redirect::temporary("/picture")))
            .route(
                "/inwards",
                get(async || Redirect::temporary("http://127.0.0.2:9/")),
            )
            .route(
                "/metadata",
                get(async || Redirect::temporary("http://169.254.169.254/latest/")),
            )
            .with_state(host.clone());
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        host
    }

    fn allowed(&self) -> AllowedHosts {
        AllowedHosts::from(&Target::parse(&self.url).expect("a URL"))
    }
}

async fn picture(State(host): State<Host>, headers: HeaderMap) -> Response {
    host.asked.lock().push(headers);
    let head = [
        (header::CONTENT_TYPE, "text/html"),
        (header::SET_COOKIE, "seen=1"),
    ];
    (head, PNG).into_response()
}

async fn ask(client: &Client, url: &str) -> Answer {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("url", url)
        .finish();
    client.get(&format!("/api/v1/images?{query}")).await
}

#[tokio::test]
async fn a_picture_is_fetched_without_telling_who_looks() {
    let host = Host::start().await;
    let app = TestApp::showing(
        TestDatabase::create().await,
        settings(),
        images(host.allowed()),
    );
    let client = app.user("kim@example.com").await;
    for path in ["/picture", "/moved"] {
        let answer = ask(&client, &format!("{}{path}", host.url)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        assert_eq!(answer.header("content-type"), "image/png");
        assert_eq!(
            answer.header("content-disposition"),
            "inline; filename=\"picture.png\""
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "private, max-age=3600");
        assert!(answer.header("content-security-policy").contains("sandbox"));
        assert!(!answer.headers.contains_key(header::SET_COOKIE));
        assert_eq!(answer.body, PNG);
    }
    let asked = host.asked.lock();
    assert_eq!(asked.len(), 2);
    for headers in asked.iter() {
        for name in [header::COOKIE, header::REFERER, header::AUTHORIZATION] {
            assert!(!headers.contains_key(&name), "{name}");
        }
    }
}

#[tokio::test]
async fn what_is_no_picture_is_refused_with_its_reason() {
    let host = Host::start().await;
    let app = TestApp::showing(
        TestDatabase::create().await,
        settings(),
        images(host.allowed()),
    );
    let client = app.user("kim@example.com").await;
    for (path, status, code) in [
        ("/svg", StatusCode::BAD_GATEWAY, "not_an_image"),
        ("/html", StatusCode::BAD_GATEWAY, "not_an_image"),
        ("/empty", StatusCode::BAD_GATEWAY, "not_an_image"),
        ("/error", StatusCode::BAD_GATEWAY, "image_unavailable"),
        ("/large", StatusCode::PAYLOAD_TOO_LARGE, "picture_too_large"),
        // Each hop is judged as the first was.
        ("/inwards", StatusCode::FORBIDDEN, "image_refused"),
        ("/metadata", StatusCode::FORBIDDEN, "image_refused"),
    ] {
        let answer = ask(&client, &format!("{}{path}", host.url)).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert_eq!(answer.code(), code, "{path}");
        assert!(answer.json()["hint"].is_string(), "{path}");
    }
}

#[tokio::test]
async fn only_public_addresses_and_only_for_who_is_signed_in() {
    let host = Host::start().await;
    let app = TestApp::with(GatewaySettings {
        rates: RateSettings {
            image: 8,
            ..settings().rates
        },
        ..settings()
    })
    .await;
    let visitor = ask(&app.visitor(), "https://example.com/a.png").await;
    assert_eq!(visitor.status, StatusCode::UNAUTHORIZED);
    let client = app.user("kim@example.com").await;
    for (url, status, code) in [
        (format!("{}/picture", host.url), 403, "image_refused"),
        ("http://[::1]/".to_owned(), 403, "image_refused"),
        ("http://0x7f.1/".to_owned(), 403, "image_refused"),
        ("http://169.254.169.254/".to_owned(), 403, "image_refused"),
        (
            "file:///etc/passwd".to_owned(),
            400,
            "image_address_invalid",
        ),
        (
            "ftp://example.com/".to_owned(),
            400,
            "image_address_invalid",
        ),
        (
            "http://kim:secret@example.com/".to_owned(),
            400,
            "image_address_invalid",
        ),
        (String::new(), 400, "image_address_invalid"),
    ] {
        let answer = ask(&client, &url).await;
        assert_eq!(answer.status.as_u16(), status, "{url}: {}", answer.text());
        assert_eq!(answer.code(), code, "{url}");
    }
    assert!(host.asked.lock().is_empty());
    let refused = ask(&client, "http://127.0.0.1/").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    // The rest of the API goes on.
    let list = client.get("/api/v1/conversations").await;
    assert_eq!(list.status, StatusCode::OK);
}
