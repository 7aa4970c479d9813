//! What a person does with an authenticator app.

use http::{Method, StatusCode};
use openmake_types::Clock as _;
use serde_json::{Value, json};
pub(crate) use testkit::authenticator::App;

use super::{Answer, Client, PASSWORD, TestApp};

/// An account with a second factor.
pub(crate) struct Guarded {
    pub(crate) client: Client,
    pub(crate) app: App,
    pub(crate) backup_codes: Vec<String>,
    pub(crate) email: &'static str,
}

impl TestApp {
    /// What an authenticator app shows now.
    pub(crate) fn shown(&self, app: &App) -> String {
        app.code(self.clock.now())
    }

    /// Registers an account and turns its second factor on.
    pub(crate) async fn guarded(&self, email: &'static str) -> Guarded {
        let client = self.user(email).await;
        let (app, backup_codes) = self.turn_on(&client).await;
        // The code that confirmed it is used.
        self.advance(chrono::TimeDelta::seconds(30));
        Guarded {
            client,
            app,
            backup_codes,
            email,
        }
    }

    /// Turns an account's second factor on.
    pub(crate) async fn turn_on(&self, client: &Client) -> (App, Vec<String>) {
        let setup = client.call(Method::POST, "/api/v1/auth/totp", None).await;
        assert_eq!(setup.status, StatusCode::OK, "{}", setup.text());
        let app = App::new(setup.json()["secret"].as_str().expect("a secret"));
        let body = json!({"code": self.shown(&app)});
        let confirmed = client.post("/api/v1/auth/totp/confirm", body).await;
        assert_eq!(confirmed.status, StatusCode::OK, "{}", confirmed.text());
        let codes = confirmed.json()["codes"].as_array().expect("codes").clone();
        let codes = codes
            .iter()
            .map(|code| code.as_str().expect("text").to_owned());
        (app, codes.collect())
    }
}

impl Guarded {
    /// The first step: the challenge.
    pub(crate) async fn first_step(&self, app: &TestApp) -> Value {
        let answer = app.visitor().login(self.email, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{}", answer.text());
        assert_eq!(answer.code(), "second_factor_required");
        answer.json()["challenge"].clone()
    }

    /// Both steps, with a code.
    pub(crate) async fn sign_in(&self, app: &TestApp, method: &str, code: &str) -> Answer {
        let challenge = self.first_step(app).await;
        second_step(&mut app.visitor(), &challenge, method, code).await
    }
}

/// The second step with a code.
pub(crate) async fn second_step(
    client: &mut Client,
    challenge: &Value,
    method: &str,
    code: &str,
) -> Answer {
    let body = json!({"challenge": challenge, "method": method, "code": code});
    let path = "/api/v1/auth/second-factor";
    client.sign_in_by(path, Some(body)).await
}
