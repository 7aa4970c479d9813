//! `openmake key`: API keys of one's own.

use std::io::{self, IsTerminal as _};

use chrono::TimeDelta;
use http::Method;
use openmake_api::{
    Page, Problem,
    api_keys::{ApiKeyScope, ApiKeyStatus, ApiKeyView, CreateApiKey, CreatedApiKey},
    sign_in::{ReauthenticateRequest, SecurityView},
};

use super::{
    Terminal,
    args::{CreateKeyArgs, KeyCommand, ListArgs},
    client::{Call, Client},
    failure::Failure,
    lists::Table,
    local_time,
    login::{ask_secret, is_totp},
    text::Style,
};

const KEYS: &str = "/api/v1/api-keys";
/// The code of the problem that asks who it is once more.
const PROOF_WANTED: &str = "reauthentication_required";
/// Pages of keys that are read at most.
const MOST_PAGES: usize = 50;

/// Does what was asked.
pub(crate) async fn run(terminal: &mut Terminal, command: &KeyCommand) -> Result<(), Failure> {
    match command {
        KeyCommand::Create(args) => create(terminal, args).await,
        KeyCommand::List(args) => list(terminal, args).await,
        KeyCommand::Revoke { server, key } => {
            let client = terminal.client(server.server.as_deref())?;
            revoke(terminal, &client, key).await
        }
    }
}

async fn create(terminal: &mut Terminal, args: &CreateKeyArgs) -> Result<(), Failure> {
    let scopes = args.scope.iter().map(|scope| parse_scope(scope));
    let scopes = scopes.collect::<Result<Vec<_>, _>>()?;
    let now = terminal.world.clock.now();
    let request = CreateApiKey {
        name: args.name.clone(),
        scopes: (!scopes.is_empty()).then_some(scopes),
        allowed_models: (!args.model.is_empty()).then(|| args.model.clone()),
        expires_at: args.days.map(|days| now + TimeDelta::days(i64::from(days))),
        requests_per_minute: None,
        tokens_per_minute: None,
    };
    let client = terminal.client(args.server.server.as_deref())?;
    let made = client.json(Call::new(Method::POST, KEYS).json(&request));
    let created: CreatedApiKey = match made.await {
        Err(Failure::Problem(problem)) if problem.code == PROOF_WANTED => {
            prove(&client, problem).await?;
            let again = Call::new(Method::POST, KEYS).json(&request);
            client.json(again).await?
        }
        made => made?,
    };
    if args.json {
        return terminal.print_json(&created);
    }
    terminal.print(&created.key)?;
    terminal.say("keep it like a password: it is not shown again")
}

/// Proves again who uses the session; where nobody can be asked, `wanted` says
/// what to do.
async fn prove(client: &Client, mut wanted: Box<Problem>) -> Result<(), Failure> {
    if !io::stdin().is_terminal() {
        wanted.hint = Some(
            "run this on a terminal, which asks for it; or within ten minutes of `openmake login`"
                .to_owned(),
        );
        return Err(Failure::Problem(wanted));
    }
    let security: SecurityView = client.get("/api/v1/auth/security").await?;
    let question = match (security.has_password, security.totp_enabled) {
        (true, true) => "Password, or code of your authenticator app: ",
        (true, false) => "Password: ",
        (false, true) => "Code of your authenticator app: ",
        (false, false) => {
            let what = "your account has neither a password nor an authenticator app to prove it";
            return Err(Failure::usage(what, "make the key in the browser"));
        }
    };
    let proof = ask_secret(question)?;
    let (password, code) = if security.totp_enabled && is_totp(&proof) {
        (None, Some(proof))
    } else {
        (Some(proof), None)
    };
    let request = ReauthenticateRequest {
        password,
        code,
        passkey: None,
    };
    let call = Call::new(Method::POST, "/api/v1/auth/reauthenticate").json(&request);
    client.send(call).await.map(drop)
}

fn parse_scope(text: &str) -> Result<ApiKeyScope, Failure> {
    serde_json::from_value(serde_json::Value::String(text.to_owned())).map_err(|_| {
        Failure::usage(
            format!("`{text}` is no scope"),
            "chat, conversations, usage, metrics or admin",
        )
    })
}

/// The word of an enum on the wire.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

async fn all(client: &Client) -> Result<Vec<ApiKeyView>, Failure> {
    let mut keys = Vec::new();
    let mut path = format!("{KEYS}?limit=200");
    for _ in 0..MOST_PAGES {
        let page: Page<ApiKeyView> = client.get(&path).await?;
        keys.extend(page.items);
        match page.next_cursor {
            Some(cursor) => path = format!("{KEYS}?limit=200&cursor={cursor}"),
            None => break,
        }
    }
    Ok(keys)
}

async fn list(terminal: &mut Terminal, args: &ListArgs) -> Result<(), Failure> {
    let client = terminal.client(args.server.server.as_deref())?;
    let keys = all(&client).await?;
    if args.json {
        return terminal.print_json(&keys);
    }
    if keys.is_empty() {
        return terminal.say("you have no API keys; `openmake key create NAME` makes one");
    }
    let mut table = Table::new(["NAME", "KEY", "STATE", "FOR", "LAST USED", "ENDS", "ID"]);
    for key in keys {
        let style = match key.status {
            ApiKeyStatus::Active => Style::PLAIN,
            ApiKeyStatus::Expired | ApiKeyStatus::Revoked => Style::DIM,
        };
        let scopes: Vec<String> = key.scopes.iter().map(word).collect();
        let at = |time: Option<_>| time.map_or_else(|| "never".to_owned(), local_time);
        table.push([
            (key.name, style),
            (format!("…{}", key.last_four), style),
            (word(key.status), style),
            (scopes.join(", "), style),
            (at(key.last_used_at), style),
            (at(key.expires_at), style),
            (key.id.to_string(), Style::DIM),
        ]);
    }
    table.print(terminal)
}

async fn revoke(terminal: &mut Terminal, client: &Client, named: &str) -> Result<(), Failure> {
    let keys = all(client).await?;
    let mut found: Vec<&ApiKeyView> = keys
        .iter()
        .filter(|key| key.status != ApiKeyStatus::Revoked)
        .filter(|key| key.id.to_string() == named || key.name == named || key.last_four == named)
        .collect();
    let key = match (found.pop(), found.is_empty()) {
        (Some(key), true) => key,
        (Some(_), false) => {
            return Err(Failure::usage(
                format!("`{named}` names more than one key"),
                "take the id from `openmake key list`",
            ));
        }
        (None, _) => {
            return Err(Failure::usage(
                format!("you have no key `{named}`"),
                "`openmake key list` shows them",
            ));
        }
    };
    let call = Call::new(Method::DELETE, format!("{KEYS}/{}", key.id));
    client.send(call).await?;
    terminal.print(&format!("revoked {} (…{})", key.name, key.last_four))
}
