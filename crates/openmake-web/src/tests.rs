use axum::{Router, body::Body, response::Response};
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use rust_embed::RustEmbed;
use tower::ServiceExt as _;

use super::*;

#[derive(RustEmbed)]
#[folder = "fixtures/site"]
struct Fixture;

#[derive(RustEmbed)]
#[folder = "fixtures/missing"]
#[allow_missing = true]
struct Missing;

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("text"))
    }
}

async fn ask(router: Router, request: Request<Body>) -> Answer {
    let response: Response = router.oneshot(request).await.expect("infallible");
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.expect("body").to_bytes();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(bytes.to_vec()).expect("text"),
    }
}

async fn get(path: &str) -> Answer {
    get_with(path, &[]).await
}

async fn get_with(path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    ask(
        router_of::<Fixture>(),
        request.body(Body::empty()).expect("request"),
    )
    .await
}

#[tokio::test]
async fn a_page_is_found_without_its_extension() {
    for (path, title) in [("/", "home"), ("/chat", "chat"), ("/chat?c=1", "chat")] {
        let answer = get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        assert!(answer.body.contains(title), "{path}");
        assert_eq!(
            answer.header(header::CONTENT_TYPE),
            "text/html; charset=utf-8"
        );
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-cache");
    }
}

#[tokio::test]
async fn other_spellings_redirect_and_keep_the_query() {
    for (path, target) in [
        ("/chat/", "/chat"),
        ("/chat/?c=1", "/chat?c=1"),
        ("/chat.html", "/chat"),
        ("/index.html", "/"),
    ] {
        let answer = get(path).await;
        assert_eq!(answer.status, StatusCode::PERMANENT_REDIRECT, "{path}");
        assert_eq!(answer.header(header::LOCATION), target, "{path}");
    }
}

#[tokio::test]
async fn what_is_not_exported_is_a_404_with_its_page() {
    for path in [
        "/nothing",
        "/nothing.txt",
        "/nothing/",
        "//evil.example/",
        "/../Cargo.toml",
        "/csp-manifest.json",
        "/_next/static/a.js.br",
        "/404",
        "/404.html",
        "/_next",
    ] {
        let answer = get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.body.contains("nothing here"), "{path}");
        assert_eq!(answer.header(header::LOCATION), "", "{path}");
    }
}

#[tokio::test]
async fn a_script_that_is_there_only_compressed_is_unpacked_for_who_takes_none() {
    let plain = get("/_next/static/b.js").await;
    assert_eq!(plain.status, StatusCode::OK);
    assert_eq!(plain.body, "\"packed\";\n");
    assert_eq!(plain.header(header::CONTENT_ENCODING), "");
    assert_eq!(plain.header(header::CONTENT_LENGTH), "10");
    let tag = plain.header(header::ETAG);
    let again = get_with("/_next/static/b.js", &[("if-none-match", tag)]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    let packed = [("accept-encoding", "gzip"), ("if-none-match", tag)];
    let packed = Request::head("/_next/static/b.js")
        .header(packed[0].0, packed[0].1)
        .header(packed[1].0, packed[1].1);
    let packed = packed.body(Body::empty()).expect("a request");
    let packed = ask(router_of::<Fixture>(), packed).await;
    assert_eq!(packed.status, StatusCode::OK, "another form, another tag");
    assert_eq!(packed.header(header::CONTENT_ENCODING), "gzip");
    assert_eq!(
        get("/_next/static/b.js.gz").await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn each_page_has_the_policy_of_its_own_scripts() {
    let home = get("/").await;
    let chat = get("/chat").await;
    let home = home.header(header::CONTENT_SECURITY_POLICY);
    let chat = chat.header(header::CONTENT_SECURITY_POLICY);
    assert!(home.contains("script-src 'self' 'sha256-AAAA=';"), "{home}");
    assert!(
        chat.contains("script-src 'self' 'sha256-BBBB=' 'sha256-CCCC=';"),
        "{chat}"
    );
    for policy in [home, chat] {
        for rule in [
            "default-src 'self'",
            "style-src 'self';",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
    }
    let lost = get("/nothing").await;
    assert!(
        lost.header(header::CONTENT_SECURITY_POLICY)
            .contains("script-src 'self';"),
        "a page that is not listed runs no inline script"
    );
    let drawing = get("/icon.svg").await;
    assert!(
        drawing
            .header(header::CONTENT_SECURITY_POLICY)
            .starts_with("default-src 'none'"),
        "a drawing opened by itself runs nothing"
    );
    let worker = get("/sw.js").await;
    assert!(
        worker
            .header(header::CONTENT_SECURITY_POLICY)
            .contains("connect-src 'self'"),
        "the service worker fetches pages by its own policy"
    );
}

#[tokio::test]
async fn a_frame_has_an_origin_of_its_own_and_only_our_pages_embed_it() {
    let frame = get("/frames/diagram").await;
    assert_eq!(frame.status, StatusCode::OK);
    let policy = frame.header(header::CONTENT_SECURITY_POLICY);
    for rule in [
        "default-src 'none';",
        "script-src 'self';",
        "frame-ancestors 'self';",
        "sandbox allow-scripts",
    ] {
        assert!(policy.contains(rule), "{policy}");
    }
    assert!(!policy.contains("allow-same-origin"), "{policy}");
    assert_eq!(frame.header(header::X_FRAME_OPTIONS), "");
    let script = get("/frames/diagram.js").await;
    assert_eq!(
        script.header("cross-origin-resource-policy"),
        "cross-origin",
        "its opaque origin loads it"
    );
    for path in ["/chat", "/frames/nothing"] {
        let page = get(path).await;
        assert_eq!(page.header(header::X_FRAME_OPTIONS), "DENY", "{path}");
        assert_eq!(
            page.header("cross-origin-resource-policy"),
            "same-origin",
            "{path}"
        );
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    for path in ["/", "/chat/", "/chat.txt", "/nothing", "/_next/static/a.js"] {
        let answer = get(path).await;
        assert_eq!(
            answer.header(header::X_CONTENT_TYPE_OPTIONS),
            "nosniff",
            "{path}"
        );
        assert_eq!(
            answer.header(header::REFERRER_POLICY),
            "same-origin",
            "{path}"
        );
        assert_eq!(
            answer.header("cross-origin-opener-policy"),
            "same-origin",
            "{path}"
        );
        assert!(
            answer.header("permissions-policy").contains("camera=()"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_smallest_form_that_the_client_takes_is_sent() {
    for (accepted, body, encoding) in [
        ("gzip, deflate, br", "BR", "br"),
        ("gzip", "GZ", "gzip"),
        ("br;q=0, gzip;q=0.5", "GZ", "gzip"),
        ("br;q=0", "console.log(\"a\")", ""),
        ("identity", "console.log(\"a\")", ""),
    ] {
        let answer = get_with("/_next/static/a.js", &[("accept-encoding", accepted)]).await;
        assert_eq!(answer.body, body, "{accepted}");
        assert_eq!(
            answer.header(header::CONTENT_ENCODING),
            encoding,
            "{accepted}"
        );
        assert_eq!(answer.header(header::VARY), "accept-encoding", "{accepted}");
        assert_eq!(
            answer.header(header::CONTENT_TYPE),
            "text/javascript; charset=utf-8",
            "{accepted}"
        );
        assert_eq!(
            answer.header(header::CACHE_CONTROL),
            "public, max-age=31536000, immutable",
            "{accepted}"
        );
    }
    let plain = get_with("/chat.txt", &[("accept-encoding", "br")]).await;
    assert_eq!(
        (plain.body.as_str(), plain.header(header::CONTENT_ENCODING)),
        ("payload", "")
    );
    assert_eq!(
        plain.header(header::CONTENT_TYPE),
        "text/plain; charset=utf-8"
    );
    assert_eq!(plain.header(header::CACHE_CONTROL), "no-cache");
}

#[tokio::test]
async fn what_is_known_is_not_sent_again() {
    let tag = get("/chat").await.header(header::ETAG).to_owned();
    assert!(tag.starts_with('"') && tag.len() > 10, "{tag}");
    for known in [
        tag.clone(),
        format!("W/{tag}"),
        format!("\"x\", {tag}"),
        "*".to_owned(),
    ] {
        let answer = get_with("/chat", &[("if-none-match", &known)]).await;
        assert_eq!(answer.status, StatusCode::NOT_MODIFIED, "{known}");
        assert_eq!(answer.body, "", "{known}");
        assert_eq!(answer.header(header::ETAG), tag, "{known}");
    }
    let other = get_with("/chat", &[("if-none-match", "\"other\"")]).await;
    assert_eq!(other.status, StatusCode::OK);
    let lost = get_with("/nothing", &[("if-none-match", "*")]).await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND);
    let br = get_with("/_next/static/a.js", &[("accept-encoding", "br")]).await;
    let plain = get("/_next/static/a.js").await;
    assert_ne!(br.header(header::ETAG), plain.header(header::ETAG));
}

#[tokio::test]
async fn head_says_what_get_would_and_nothing_else_is_allowed() {
    let request = |method: Method| {
        Request::builder()
            .method(method)
            .uri("/chat")
            .body(Body::empty())
            .expect("request")
    };
    let head = ask(router_of::<Fixture>(), request(Method::HEAD)).await;
    let whole = get("/chat").await;
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(head.body, "");
    assert_eq!(
        head.header(header::CONTENT_LENGTH),
        whole.body.len().to_string()
    );
    let post = ask(router_of::<Fixture>(), request(Method::POST)).await;
    assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(post.header(header::ALLOW), "GET, HEAD");
}

#[tokio::test]
async fn without_an_export_every_path_says_how_to_build_it() {
    for path in ["/", "/chat", "/_next/static/a.js"] {
        let request = Request::get(path).body(Body::empty()).expect("request");
        let answer = ask(router_of::<Missing>(), request).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{path}");
        assert!(answer.body.contains("make build"), "{path}");
        assert_eq!(answer.header(header::CACHE_CONTROL), "no-store", "{path}");
    }
}
