//! `openmake user`: accounts from the command line, beside a running server.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Context as _, bail};
use openmake_gateway::accounts;
use openmake_store::{
    Conflict, Store, StoreError,
    audit::{NewAudit, Outcome},
    users::{Admission, NewUser, User, UserChange},
};
use openmake_types::{Clock, Ids, Role, UserId};

use crate::{cli::UserCommand, terminal::EchoOff};

/// What the commands need.
#[derive(Clone, Copy)]
pub(crate) struct Accounts<'a> {
    pub(crate) store: &'a Store,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) ids: &'a dyn Ids,
}

impl Accounts<'_> {
    /// Does what was asked, and says what was done.
    pub(crate) async fn run(self, command: &UserCommand) -> anyhow::Result<String> {
        match command {
            UserCommand::Create { email, name, admin } => {
                let role = if *admin { Role::Admin } else { Role::User };
                self.create(email, name.as_deref(), role).await
            }
            UserCommand::Promote { email } => self.promote(email).await,
            UserCommand::ResetPassword { email } => self.reset_password(email).await,
        }
    }

    async fn create(self, email: &str, name: Option<&str>, role: Role) -> anyhow::Result<String> {
        let email = accounts::check_email(email).map_err(wrong)?;
        let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or(&email));
        let hash = self.new_hash(&email, name)?;
        let now = self.clock.now();
        let user = NewUser {
            id: UserId::from_uuid(self.ids.uuid(now)),
            email: &email,
            display_name: name,
            password_hash: &hash,
            now,
        };
        let audit = self.audit("user.create");
        match self
            .store
            .users()
            .register(&user, Admission::Granted(role), &audit)
            .await
        {
            Ok(user) => Ok(format!("created {email} ({})", user.role.as_str())),
            Err(StoreError::Conflict(Conflict::EmailTaken)) => {
                bail!(
                    "{email} has an account already; `openmake user reset-password` sets a new password"
                )
            }
            Err(error) => Err(error).context("the account was not created"),
        }
    }

    async fn promote(self, email: &str) -> anyhow::Result<String> {
        let user = self.find(email).await?;
        if user.role == Role::Admin && user.is_active {
            return Ok(format!("{email} is an administrator already"));
        }
        let change = UserChange {
            role: Some(Role::Admin),
            is_active: Some(true),
        };
        self.store
            .users()
            .change(user.id, change, &self.audit("user.change"))
            .await?;
        Ok(format!(
            "{email} is an administrator now; they must sign in again"
        ))
    }

    async fn reset_password(self, email: &str) -> anyhow::Result<String> {
        let user = self.find(email).await?;
        let hash = self.new_hash(email, &user.display_name)?;
        self.store
            .users()
            .set_password(user.id, &hash, None, &self.audit("user.password_reset"))
            .await?;
        Ok(format!(
            "{email} has a new password; all their sessions have ended"
        ))
    }

    async fn find(self, email: &str) -> anyhow::Result<User> {
        self.store
            .users()
            .lookup_credentials(email)
            .await?
            .map(|credentials| credentials.user)
            .with_context(|| format!("{email} has no account"))
    }

    fn new_hash(self, email: &str, display_name: &str) -> anyhow::Result<String> {
        accounts::hash_password(&read_password()?, email, display_name, self.ids).map_err(wrong)
    }

    fn audit(self, action: &'static str) -> NewAudit {
        let at = self.clock.now();
        NewAudit {
            id: self.ids.uuid(at),
            at,
            action,
            outcome: Outcome::Success,
            user_id: None,
            resource_type: Some("user"),
            resource_id: None,
            details: serde_json::json!({"by": "command line"}),
            ip_address: None,
            user_agent: None,
            request_id: None,
        }
    }
}

/// The sentence of an error that the page would show.
fn wrong(error: openmake_api::ApiError) -> anyhow::Error {
    let sentence = error.detail().to_owned();
    anyhow::Error::new(error).context(sentence)
}

/// Reads a password from standard input, without echo on a terminal.
fn read_password() -> anyhow::Result<String> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let _silent = EchoOff::new().context("the terminal cannot be asked for a password")?;
        prompt("Password: ")?;
        let first = read_line()?;
        prompt("\nOnce more: ")?;
        let second = read_line()?;
        prompt("\n")?;
        if first != second {
            bail!("the two passwords differ");
        }
        Ok(first)
    } else {
        read_line()
    }
}

/// Asks on a terminal, without echo; none where standard input is none.
pub(crate) fn ask_silently(question: &str) -> anyhow::Result<Option<String>> {
    if !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let _silent = EchoOff::new()?;
    prompt(question)?;
    let answer = read_line()?;
    prompt("\n")?;
    Ok(Some(answer))
}

fn prompt(text: &str) -> anyhow::Result<()> {
    let mut err = std::io::stderr();
    err.write_all(text.as_bytes())
        .and_then(|()| err.flush())
        .context("no terminal to ask on")
}

fn read_line() -> anyhow::Result<String> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .context("the password could not be read")?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}
