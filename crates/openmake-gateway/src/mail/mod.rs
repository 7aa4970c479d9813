//! Mail to people, through the operator's server.

mod text;

use std::{fmt, time::Duration};

use chrono::{DateTime, Utc};
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, header::ContentType},
    transport::smtp::authentication::Credentials,
};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

pub(crate) use text::{EmailChanged, Language, PasswordReset};

/// From the connection to the server's last word.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The operator's mail server.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// Its name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is kept from others.
    pub security: MailSecurity,
    /// What to sign in with, where it asks for that.
    pub credentials: Option<(String, SecretString)>,
    /// Who the mail is from: `chat@example.com` or `Chat <chat@example.com>`.
    pub from: String,
}

/// How a connection to the mail server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte; usually on port 465.
    Tls,
    /// TLS after a greeting, and never without; usually on port 587.
    StartTls,
    /// None: for a server on this machine.
    None,
}

/// Why no mail can be sent with these settings.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The sender is not an address.
    #[error("`{0}` is not an address that mail can be from")]
    From(String),
    /// TLS cannot be set up for this server.
    #[error("cannot set up TLS for the mail server")]
    Tls(#[source] lettre::transport::smtp::Error),
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("no mail can be made of it")]
    Message(#[from] lettre::error::Error),
    #[error("the recipient's address is not one for mail")]
    Recipient(#[from] lettre::address::AddressError),
    #[error("the mail server did not take it")]
    Smtp(#[from] lettre::transport::smtp::Error),
}

/// Sends mail. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

/// A mail to one person.
pub(crate) struct Outgoing<'a> {
    pub(crate) id: Uuid,
    pub(crate) to: &'a str,
    pub(crate) subject: String,
    pub(crate) body: String,
    pub(crate) now: DateTime<Utc>,
}

impl Mailer {
    /// Checks the settings; connects to nothing.
    pub fn new(settings: &MailSettings) -> Result<Self, MailError> {
        type Transport = AsyncSmtpTransport<Tokio1Executor>;
        let from = settings
            .from
            .parse()
            .map_err(|_| MailError::From(settings.from.clone()))?;
        let host = settings.host.as_str();
        let builder = match settings.security {
            MailSecurity::Tls => Transport::relay(host).map_err(MailError::Tls)?,
            MailSecurity::StartTls => Transport::starttls_relay(host).map_err(MailError::Tls)?,
            MailSecurity::None => Transport::builder_dangerous(host),
        };
        let builder = builder.port(settings.port).timeout(Some(TIMEOUT));
        let builder = match &settings.credentials {
            Some((user, password)) => builder.credentials(Credentials::new(
                user.clone(),
                password.expose_secret().to_owned(),
            )),
            None => builder,
        };
        Ok(Self {
            transport: builder.build(),
            from,
        })
    }

    /// Hands a mail to the server.
    pub(crate) async fn send(&self, mail: Outgoing<'_>) -> Result<(), SendError> {
        let domain = self.from.email.domain();
        let message = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, mail.to.parse()?))
            .message_id(Some(format!("<{}@{domain}>", mail.id)))
            .date(mail.now.into())
            .subject(mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.body)?;
        self.transport.send(message).await?;
        Ok(())
    }
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").finish_non_exhaustive()
    }
}
