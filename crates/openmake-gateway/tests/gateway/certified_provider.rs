//! Signing in with a real OpenID provider: npm `oidc-provider`, which is
//! certified. `cargo xtask with-db` installs it.

use std::{collections::BTreeMap, process::Stdio};

use http::{StatusCode, header};
use openmake_gateway::{GatewaySettings, ProviderKind, ProviderSettings, SignInSettings};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};
use url::Url;

use crate::support::{PATIENCE, TestApp, issuer::providers, settings};

const VARIABLE: &str = "OPENMAKE_TEST_OIDC_PROVIDER";
const SECRET: &str = "a secret of the certified provider's client";

/// The provider's process; it ends with its standard input.
struct Provider {
    _process: Child,
    /// Held, since the provider dies when nobody takes what it says.
    _said: Lines<BufReader<ChildStdout>>,
    issuer: String,
}

#[expect(
    clippy::disallowed_methods,
    reason = "the test is told where the provider is as it is told where the database is"
)]
async fn start(claims: Value) -> Provider {
    let directory = std::env::var(VARIABLE)
        .expect("OPENMAKE_TEST_OIDC_PROVIDER: run by `cargo xtask with-db`, with Node 20 or later");
    let settings = json!({
        "client_id": "openmake",
        "client_secret": SECRET,
        "redirect_uri": "http://localhost:52416/api/v1/auth/oidc/certified/callback",
        "subject": "person-1",
        "claims": claims,
    });
    let mut process = Command::new("node")
        .arg("server.mjs")
        .current_dir(directory)
        .env("OIDC_TEST_SETTINGS", settings.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .expect("node is on the machine");
    let stdout = process.stdout.take().expect("piped");
    let mut lines = BufReader::new(stdout).lines();
    let ready = tokio::time::timeout(PATIENCE, async {
        while let Some(line) = lines.next_line().await.expect("text") {
            if let Some(port) = line.strip_prefix("ready ") {
                return port.to_owned();
            }
        }
        panic!("the provider ended");
    });
    let port = ready.await.expect("ready in time");
    Provider {
        _process: process,
        _said: lines,
        issuer: format!("http://127.0.0.1:{port}"),
    }
}

/// Goes where a browser would, until the provider sends it back to us: the
/// path and query of that.
async fn browse(start: &str, own: &str) -> String {
    // The client asks for one though it speaks plain HTTP here. Another test of
    // this process may have been first.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(PATIENCE)
        .build()
        .expect("a client");
    let mut cookies: BTreeMap<String, String> = BTreeMap::new();
    let mut url = Url::parse(start).expect("a URL");
    for _ in 0..10 {
        if url.as_str().starts_with(own) {
            return url[url::Position::BeforePath..].to_owned();
        }
        let jar: Vec<String> = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let answer = client
            .get(url.clone())
            .header(header::COOKIE, jar.join("; "))
            .send()
            .await
            .expect("an answer");
        for set in answer.headers().get_all(header::SET_COOKIE) {
            let pair = set.to_str().expect("text").split(';').next().expect("one");
            let (name, value) = pair.split_once('=').expect("a pair");
            cookies.insert(name.to_owned(), value.to_owned());
        }
        let location = answer.headers().get(header::LOCATION);
        let Some(location) = location else {
            panic!(
                "{}: {}",
                answer.status(),
                answer.text().await.unwrap_or_default()
            );
        };
        url = url.join(location.to_str().expect("text")).expect("a URL");
    }
    panic!("the provider never sends the browser back");
}

#[tokio::test]
async fn a_certified_provider_signs_people_in() {
    let claims = json!({"email": "kim@example.com", "email_verified": true, "name": "Kim"});
    let provider = start(claims).await;
    let app = TestApp::with(GatewaySettings {
        sign_in: SignInSettings {
            providers: providers(vec![ProviderSettings {
                id: "certified".to_owned(),
                name: "Certified".to_owned(),
                kind: ProviderKind::Oidc {
                    issuer: Url::parse(&provider.issuer).expect("a URL"),
                },
                client_id: "openmake".to_owned(),
                client_secret: Some(SecretString::from(SECRET)),
                scopes: vec!["profile".to_owned(), "email".to_owned()],
            }]),
            ..SignInSettings::default()
        },
        ..settings()
    })
    .await;
    let mut accounts = Vec::new();
    for _ in 0..2 {
        let started = app
            .visitor()
            .get("/api/v1/auth/oidc/certified/start?return_to=/chat")
            .await;
        assert_eq!(started.status, StatusCode::SEE_OTHER, "{}", started.text());
        let cookie = started.header("set-cookie").split(';').next().expect("one");
        let back = browse(started.header("location"), "http://localhost:52416/").await;
        let browser = app.visitor().with_header("cookie", cookie);
        let answer = browser.get(&back).await;
        assert_eq!(answer.header("location"), "/chat");
        let mut page = app.visitor();
        page.cookie = answer.refresh_cookie();
        assert_eq!(page.refresh().await.status, StatusCode::OK);
        accounts.push(page.get("/api/v1/auth/me").await.json());
        // The provider's code and the state are used.
        let again = browser.get(&back).await;
        assert_eq!(again.header("location"), "/login?error=state_invalid");
    }
    assert_eq!(accounts[0]["email"], "kim@example.com");
    assert_eq!(accounts[0]["display_name"], "Kim");
    assert_eq!(accounts[0], accounts[1]);
}
