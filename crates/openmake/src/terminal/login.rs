//! `openmake login` and `openmake logout`.

use std::io::{self, IsTerminal as _};

use openmake_api::{
    Problem,
    auth::{LoginRequest, UserView},
    sign_in::{FactorMethod, SecondFactorRequest},
};

use super::{
    Terminal,
    args::{LoginArgs, LogoutArgs},
    client::{Client, Server, is_open_to_eavesdroppers, parse_server},
    credentials::{Account, Credential},
    failure::Failure,
    tty::{EchoOff, prompt, read_line},
};

/// The code of the problem that asks for a second factor.
const SECOND_FACTOR: &str = "second_factor_required";
/// The code of the problem that a wrong second factor is.
const WRONG_CODE: &str = "wrong_code";

/// Signs in and keeps what is needed to stay so.
pub(crate) async fn login(terminal: &mut Terminal, args: &LoginArgs) -> Result<(), Failure> {
    let file = terminal.credential_file()?;
    let base = parse_server(&args.url)?;
    if is_open_to_eavesdroppers(&base) {
        let origin = base.origin();
        terminal.say(&format!(
            "warning: {origin} is not HTTPS; whoever is on the way can read what is sent"
        ))?;
    }
    let server = Server::new(base, terminal.world.clone())?;
    let account = if args.api_key {
        with_key(&server).await?
    } else {
        with_password(&server, args.email.as_deref()).await?
    };
    let lock = file.lock().await?;
    let mut accounts = lock.read()?;
    let said = format!("signed in to {} as {}", server.origin(), account.name);
    let before = accounts.servers.get(&server.origin()).cloned();
    accounts.sign_in(&server.origin(), account);
    lock.write(&accounts)?;
    drop(lock);
    if let Some(before) = before {
        // The session before would otherwise stay open for weeks. It may have
        // ended already, and the new one holds either way.
        let _ = server.logout(&before.credential).await;
    }
    terminal.print(&said)
}

async fn with_key(server: &Server) -> Result<Account, Failure> {
    let key = ask_secret("API key: ")?;
    let credential = Credential::ApiKey { key };
    let client = Client::new(server.clone(), credential.clone(), None);
    let user: UserView = client.get("/api/v1/auth/me").await?;
    Ok(Account {
        name: user.email.unwrap_or(user.display_name),
        credential,
    })
}

async fn with_password(server: &Server, email: Option<&str>) -> Result<Account, Failure> {
    let email = match email {
        Some(email) => email.to_owned(),
        None if io::stdin().is_terminal() => {
            prompt("E-mail: ")?;
            read_line()?
        }
        None => {
            return Err(Failure::usage(
                "there is no terminal to ask on",
                "--email ADDRESS, with the password on standard input; or --api-key",
            ));
        }
    };
    let password = ask_secret("Password: ")?;
    match server.login(&LoginRequest { email, password }).await {
        Err(Failure::Problem(problem)) if problem.code == SECOND_FACTOR => {
            with_second_factor(server, problem).await
        }
        done => done,
    }
}

/// The second step: a code is asked for until one is right, as often as the
/// server lets one try. Passkeys are the browser's.
async fn with_second_factor(server: &Server, problem: Box<Problem>) -> Result<Account, Failure> {
    let Some(challenge) = problem.challenge.clone() else {
        return Err(Failure::Problem(problem));
    };
    loop {
        let code = ask_secret("Code of your authenticator app, or a backup code: ")?;
        let request = SecondFactorRequest {
            challenge: challenge.clone(),
            method: if is_totp(&code) {
                FactorMethod::Totp
            } else {
                FactorMethod::BackupCode
            },
            code: Some(code),
            credential: None,
        };
        match server.second_factor(&request).await {
            Err(Failure::Problem(problem))
                if problem.code == WRONG_CODE && io::stdin().is_terminal() =>
            {
                prompt(&format!("{}\n", problem.detail))?;
            }
            done => return done,
        }
    }
}

/// Whether this is what an authenticator app shows; backup codes are longer,
/// and so is every password.
pub(crate) fn is_totp(text: &str) -> bool {
    let digits = || text.chars().filter(|char| !char.is_whitespace());
    digits().count() == 6 && digits().all(|char| char.is_ascii_digit())
}

/// A line that is not shown while it is typed.
pub(crate) fn ask_secret(question: &str) -> Result<String, Failure> {
    let secret = if io::stdin().is_terminal() {
        let _silent = EchoOff::new()?;
        prompt(question)?;
        let secret = read_line();
        prompt("\n")?;
        secret?
    } else {
        read_line()?
    };
    let secret = secret.trim().to_owned();
    if secret.is_empty() {
        return Err(Failure::usage(
            "nothing was typed",
            "it is read from the terminal or from standard input",
        ));
    }
    Ok(secret)
}

/// Signs out on the server and forgets it.
pub(crate) async fn logout(terminal: &mut Terminal, args: &LogoutArgs) -> Result<(), Failure> {
    let file = terminal.credential_file()?;
    let lock = file.lock().await?;
    let mut accounts = lock.read()?;
    let servers: Vec<String> = if args.all {
        accounts.servers.keys().cloned().collect()
    } else {
        let named = match &args.server.server {
            Some(server) => Some(parse_server(server)?.origin()),
            None => accounts.current.clone(),
        };
        named.into_iter().collect()
    };
    let mut gone = Vec::new();
    for origin in servers {
        if let Some(account) = accounts.sign_out(&origin) {
            gone.push((origin, account));
        }
    }
    // Forgotten here first: that must not depend on the server.
    lock.write(&accounts)?;
    drop(lock);
    if gone.is_empty() {
        return terminal.print("you were not signed in");
    }
    for (origin, account) in gone {
        let server = Server::new(parse_server(&origin)?, terminal.world.clone())?;
        terminal.print(&format!("signed out of {origin}"))?;
        if let Err(failure) = server.logout(&account.credential).await {
            terminal.say(&format!(
                "the session there is still open ({failure}); end it under Settings → Devices"
            ))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_totp;

    #[test]
    fn six_digits_are_an_apps_code() {
        for code in ["123456", "123 456"] {
            assert!(is_totp(code), "{code}");
        }
        for other in [
            "",
            "12345",
            "1234567",
            "abcd-efgh",
            "12345a",
            "１２３４５６",
        ] {
            assert!(!is_totp(other), "{other}");
        }
    }
}
