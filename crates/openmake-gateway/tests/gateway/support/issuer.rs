//! Providers that say what a test wants them to: an OpenID issuer, and GitHub.

use std::{collections::HashMap, sync::Arc};

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http::{HeaderMap, StatusCode, header};
use jsonwebtoken::{Algorithm, EncodingKey, Header, jwk::Jwk};
use openmake_egress::{Egress, EgressSettings, SystemResolver};
use openmake_gateway::{ProviderKind, ProviderSettings, Providers};
use parking_lot::Mutex;
use secrecy::SecretString;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;
use url::Url;

pub(crate) const CLIENT_ID: &str = "openmake test";
pub(crate) const CLIENT_SECRET: &str = "s3cret/+:";

/// A code that the issuer will exchange, once.
#[derive(Clone)]
struct Grant {
    challenge: String,
    id_token: String,
    userinfo: Value,
}

#[derive(Default)]
struct Said {
    /// Which key signs, and which are published.
    key: u8,
    published: Vec<u8>,
    grants: HashMap<String, Grant>,
    userinfo: HashMap<String, Value>,
    key_requests: u32,
    github: Value,
    github_emails: Value,
}

/// A provider on a port of its own; it ends with the test's process.
#[derive(Clone)]
pub(crate) struct Issuer {
    pub(crate) url: String,
    said: Arc<Mutex<Said>>,
}

/// A key from a seed: PKCS #8 of Ed25519 (RFC 8410) is a prefix and the seed.
fn signing_key(seed: u8) -> EncodingKey {
    let mut der = hex::decode("302e020100300506032b657004220420").expect("hex");
    der.extend([seed; 32]);
    EncodingKey::from_ed_der(&der)
}

fn key_id(seed: u8) -> String {
    format!("key-{seed}")
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let issuer = Self {
            url: format!("http://{address}"),
            said: Arc::new(Mutex::new(Said {
                key: 1,
                published: vec![1],
                ..Said::default()
            })),
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .route("/login/oauth/access_token", post(github_token))
            .route("/api/v3/user", get(github_user))
            .route("/api/v3/user/emails", get(github_emails))
            .with_state(issuer.clone());
        TaskTracker::new().spawn(async move { axum::serve(listener, router).await });
        issuer
    }

    /// As an OpenID provider with the id `work`.
    pub(crate) fn oidc(&self) -> ProviderSettings {
        ProviderSettings {
            id: "work".to_owned(),
            name: "Work account".to_owned(),
            kind: ProviderKind::Oidc {
                issuer: Url::parse(&self.url).expect("a URL"),
            },
            client_id: CLIENT_ID.to_owned(),
            client_secret: Some(SecretString::from(CLIENT_SECRET)),
            scopes: vec!["email".to_owned(), "profile".to_owned()],
        }
    }

    /// As a GitHub Enterprise server with the id `github`.
    pub(crate) fn github(&self) -> ProviderSettings {
        ProviderSettings {
            id: "github".to_owned(),
            name: "GitHub".to_owned(),
            kind: ProviderKind::GitHub {
                web: Url::parse(&self.url).expect("a URL"),
                api: Url::parse(&format!("{}/api/v3", self.url)).expect("a URL"),
            },
            scopes: Vec::new(),
            ..self.oidc()
        }
    }

    /// Signs `claims` with the present key.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        let key = self.said.lock().key;
        let header = Header {
            kid: Some(key_id(key)),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, claims, &signing_key(key)).expect("signs")
    }

    /// Will exchange `code` for this ID token, for who has the verifier of
    /// `challenge`.
    pub(crate) fn grant(&self, code: &str, challenge: &str, id_token: String, userinfo: Value) {
        let grant = Grant {
            challenge: challenge.to_owned(),
            id_token,
            userinfo,
        };
        self.said.lock().grants.insert(code.to_owned(), grant);
    }

    /// What GitHub says of the one who comes next.
    pub(crate) fn on_github(&self, user: Value, emails: Value) {
        let mut said = self.said.lock();
        said.github = user;
        said.github_emails = emails;
    }

    /// Signs with another key from now on, and publishes those.
    pub(crate) fn rotate(&self, key: u8, published: &[u8]) {
        let mut said = self.said.lock();
        said.key = key;
        said.published = published.to_vec();
    }

    /// How often the keys were asked for.
    pub(crate) fn key_requests(&self) -> u32 {
        self.said.lock().key_requests
    }
}

/// Providers as the program makes them.
pub(crate) fn providers(settings: Vec<ProviderSettings>) -> Providers {
    let egress = Egress::new(EgressSettings::default(), SystemResolver).expect("a client");
    Providers::new(settings, &egress)
}

async fn discovery(State(issuer): State<Issuer>) -> Json<Value> {
    let url = &issuer.url;
    Json(json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize?tenant=1"),
        "token_endpoint": format!("{url}/token"),
        "jwks_uri": format!("{url}/jwks"),
        "userinfo_endpoint": format!("{url}/userinfo"),
    }))
}

async fn keys(State(issuer): State<Issuer>) -> Json<Value> {
    let mut said = issuer.said.lock();
    said.key_requests += 1;
    let mut keys = vec![json!({"kty": "unheard-of", "kid": "x"})];
    for seed in &said.published {
        let key = signing_key(*seed);
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::EdDSA).expect("a public key");
        jwk.common.key_id = Some(key_id(*seed));
        keys.push(serde_json::to_value(jwk).expect("serialises"));
    }
    Json(json!({"keys": keys}))
}

/// The fields of a form.
fn fields(body: &str) -> HashMap<String, String> {
    url::form_urlencoded::parse(body.as_bytes())
        .into_owned()
        .collect()
}

async fn token(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
    body: String,
) -> (StatusCode, Json<Value>) {
    let fields = fields(&body);
    let refused = |code: &str| (StatusCode::BAD_REQUEST, Json(json!({"error": code})));
    // RFC 6749, 2.3.1: encoded as in forms.
    let pair = STANDARD.encode("openmake+test:s3cret%2F%2B%3A");
    if headers
        .get(header::AUTHORIZATION)
        .map(http::HeaderValue::as_bytes)
        != Some(format!("Basic {pair}").as_bytes())
    {
        return refused("invalid_client");
    }
    let mut said = issuer.said.lock();
    let Some(grant) = fields.get("code").and_then(|code| said.grants.remove(code)) else {
        return refused("invalid_grant");
    };
    let verifier = fields.get("code_verifier").cloned().unwrap_or_default();
    if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != grant.challenge {
        return refused("invalid_grant");
    }
    let access_token = format!("access-{}", said.userinfo.len());
    said.userinfo
        .insert(format!("Bearer {access_token}"), grant.userinfo);
    let answer = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "id_token": grant.id_token,
    });
    (StatusCode::OK, Json(answer))
}

async fn userinfo(
    State(issuer): State<Issuer>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok());
    let said = issuer.said.lock();
    let info = bearer.and_then(|bearer| said.userinfo.get(bearer));
    info.cloned().map(Json).ok_or(StatusCode::UNAUTHORIZED)
}

/// GitHub answers 200 whatever happened.
async fn github_token(State(issuer): State<Issuer>, body: String) -> Json<Value> {
    let fields = fields(&body);
    let good = fields.get("client_id").map(String::as_str) == Some(CLIENT_ID)
        && fields.get("client_secret").map(String::as_str) == Some(CLIENT_SECRET);
    let grant = fields
        .get("code")
        .and_then(|code| issuer.said.lock().grants.remove(code))
        .filter(|grant| {
            let verifier = fields.get("code_verifier").cloned().unwrap_or_default();
            good && URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) == grant.challenge
        });
    Json(match grant {
        Some(_) => json!({"access_token": "gho_1", "token_type": "bearer", "scope": ""}),
        None => json!({"error": "bad_verification_code"}),
    })
}

async fn github_user(State(issuer): State<Issuer>) -> Json<Value> {
    Json(issuer.said.lock().github.clone())
}

async fn github_emails(State(issuer): State<Issuer>) -> Json<Value> {
    Json(issuer.said.lock().github_emails.clone())
}
