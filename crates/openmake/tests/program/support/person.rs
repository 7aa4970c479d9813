//! A person with an account, and what came back.

use std::sync::Once;

use reqwest::{Client, Method, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{PATIENCE, Watch};

/// A password that the policy lets through.
pub(crate) const PASSWORD: &str = "seven lazy otters 42";

/// A client as a browser is one, without an account.
fn http() -> Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        rustls::crypto::ring::default_provider()
            .install_default()
            .expect("installed once");
    });
    Client::builder()
        .no_proxy()
        .pool_max_idle_per_host(8)
        .build()
        .expect("a client")
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn begun(&self) -> Begun {
        assert_eq!(self.status, StatusCode::ACCEPTED, "{}", self.text);
        let id = |name: &str| self.body[name].as_str().expect("an id").to_owned();
        Begun {
            turn: id("turn_id"),
            question: id("user_message_id"),
            answer: id("assistant_message_id"),
        }
    }
}

/// A turn that was started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) turn: String,
    pub(crate) question: String,
    pub(crate) answer: String,
}

/// A person with an account, signed in.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    http: Client,
    base_url: String,
    pub(crate) token: Option<String>,
}

/// Someone without an account.
pub(crate) fn anonymous(base_url: &str) -> Person {
    Person {
        http: http(),
        base_url: base_url.to_owned(),
        token: None,
    }
}

impl Person {
    /// Makes an account and signs in with it.
    pub(crate) async fn register(base_url: &str, email: &str) -> Self {
        let body = json!({"email": email, "password": PASSWORD});
        Self::enter(base_url, "/api/v1/auth/register", body, StatusCode::CREATED).await
    }

    /// Signs in.
    pub(crate) async fn sign_in(base_url: &str, email: &str, password: &str) -> Self {
        let body = json!({"email": email, "password": password});
        Self::enter(base_url, "/api/v1/auth/login", body, StatusCode::OK).await
    }

    async fn enter(base_url: &str, path: &str, body: Value, expected: StatusCode) -> Self {
        let visitor = anonymous(base_url);
        let answer = visitor.post(path, body).await;
        assert_eq!(answer.status, expected, "{}", answer.text);
        let token = answer.body["access_token"].as_str().expect("a token");
        Self {
            token: Some(token.to_owned()),
            ..visitor
        }
    }

    /// The same person where the program listens now.
    pub(crate) fn at(&self, base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            ..self.clone()
        }
    }

    /// The same person with a connection for each request, as if each came
    /// from somewhere else.
    pub(crate) fn roaming(&self) -> Self {
        let http = Client::builder().no_proxy().pool_max_idle_per_host(0);
        Self {
            http: http.build().expect("a client"),
            ..self.clone()
        }
    }

    pub(crate) fn base_url(&self) -> &str {
        &self.base_url
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self
            .http
            .request(method, format!("{}{path}", self.base_url));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// The answer, or why there was none.
    pub(crate) async fn try_send(
        &self,
        request: reqwest::RequestBuilder,
    ) -> Result<Answer, reqwest::Error> {
        let sending = async {
            let response = request.send().await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let text = response.text().await?;
            Ok(Answer {
                status,
                headers,
                body: serde_json::from_str(&text).unwrap_or(Value::Null),
                text,
            })
        };
        timeout(PATIENCE, sending).await.expect("an answer in time")
    }

    pub(crate) async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        self.try_send(request).await.expect("an answer")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path).json(&body))
            .await
    }

    /// Makes a conversation.
    pub(crate) async fn conversation(&self) -> String {
        let answer = self.post("/api/v1/conversations", json!({})).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
        answer.body["id"].as_str().expect("an id").to_owned()
    }

    pub(crate) async fn try_ask(&self, conversation: &str, text: &str) -> Answer {
        let path = format!("/api/v1/conversations/{conversation}/turns");
        self.post(&path, json!({ "content": text })).await
    }

    pub(crate) async fn ask(&self, conversation: &str, text: &str) -> Begun {
        self.try_ask(conversation, text).await.begun()
    }

    /// Asks in a conversation of its own.
    pub(crate) async fn ask_anew(&self, text: &str) -> (String, Begun) {
        let conversation = self.conversation().await;
        let begun = self.ask(&conversation, text).await;
        (conversation, begun)
    }

    pub(crate) async fn cancel(&self, begun: &Begun) -> StatusCode {
        let path = format!("/api/v1/turns/{}/cancel", begun.turn);
        self.send(self.request(Method::POST, &path)).await.status
    }

    pub(crate) async fn go_on(&self, begun: &Begun) -> Answer {
        let path = format!("/api/v1/turns/{}/continue", begun.turn);
        self.send(self.request(Method::POST, &path)).await
    }

    /// Watches a turn from after `after`, as a browser resumes.
    pub(crate) async fn watch(&self, begun: &Begun, after: u64) -> Watch {
        let path = format!("/api/v1/turns/{}/events", begun.turn);
        let request = self.request(Method::GET, &path);
        let request = match after {
            0 => request,
            after => request.header("last-event-id", after),
        };
        let sent = timeout(PATIENCE, request.send()).await;
        let response = sent.expect("an answer in time").expect("an answer");
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Watch::new(response)
    }

    /// All events of a turn, to its end.
    pub(crate) async fn events(&self, begun: &Begun) -> Vec<super::Event> {
        self.watch(begun, 0).await.rest().await
    }

    /// A turn's status.
    pub(crate) async fn status(&self, begun: &Begun) -> String {
        let answer = self.get(&format!("/api/v1/turns/{}", begun.turn)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let status = answer.body["status"].as_str();
        status.expect("a status").to_owned()
    }

    pub(crate) async fn messages(&self, conversation: &str) -> Vec<Value> {
        let path = format!("/api/v1/conversations/{conversation}/messages?limit=200");
        let answer = self.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let items = answer.body["items"].as_array();
        items.expect("a page").clone()
    }

    pub(crate) async fn message(&self, conversation: &str, id: &str) -> Value {
        let messages = self.messages(conversation).await;
        let found = messages.into_iter().find(|message| message["id"] == id);
        found.expect("the message")
    }

    /// What `/ready` says, which nobody needs an account for.
    pub(crate) async fn ready(&self) -> StatusCode {
        let visitor = Self {
            token: None,
            ..self.clone()
        };
        visitor.get("/ready").await.status
    }
}
