//! What the binary tells the gateway.

use std::time::Duration;

use ipnet::IpNet;

use crate::sign_in::SignInSettings;

/// The gateway's settings. The binary reads configuration and fills this in.
#[derive(Debug, Clone)]
pub struct GatewaySettings {
    /// Whether the server listens on loopback only: registration is then open
    /// unless an administrator set otherwise.
    pub bound_to_loopback: bool,
    /// Addresses that become administrators when they register with an
    /// invitation (`ADMIN_EMAILS`).
    pub admin_emails: Vec<String>,
    /// Proxies whose `X-Forwarded-*` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins besides the server's own that may call the API from a browser,
    /// such as `https://chat.example.com`.
    pub allowed_origins: Vec<String>,
    /// The instance's name unless an administrator set one.
    pub instance_name: String,
    /// The model of new conversations unless an administrator set one.
    pub default_model: String,
    /// Whether a scripted model server is connected.
    pub demo: bool,
    /// Whether the server makes backups.
    pub backups: Backups,
    /// Bytes of a file that a person imports.
    pub import_bytes: u64,
    /// How people sign in besides their password.
    pub sign_in: SignInSettings,
    /// How often it is written down what the process counts.
    pub sample_every: Duration,
    /// How many requests in a time.
    pub rates: RateSettings,
    /// How long and how large a request may be.
    pub limits: LimitSettings,
    /// The WebSocket's limits.
    pub socket: SocketSettings,
}

impl Default for GatewaySettings {
    fn default() -> Self {
        Self {
            bound_to_loopback: true,
            admin_emails: Vec::new(),
            trusted_proxies: Vec::new(),
            allowed_origins: Vec::new(),
            instance_name: "OpenMake".to_owned(),
            default_model: "openmake_auto".to_owned(),
            demo: false,
            backups: Backups::NotConfigured,
            import_bytes: 1 << 30,
            sign_in: SignInSettings::default(),
            sample_every: Duration::from_secs(10),
            rates: RateSettings::default(),
            limits: LimitSettings::default(),
            socket: SocketSettings::default(),
        }
    }
}

/// Whether the server makes backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backups {
    /// It has a directory for them.
    Configured,
    /// It has none.
    NotConfigured,
}

/// Requests a minute, by class. A burst of as many is let through at once.
/// 0 turns a class off.
#[derive(Debug, Clone, Copy)]
pub struct RateSettings {
    /// Sign-ins, registrations and guests, for an address.
    pub sign_in: u32,
    /// All without a credential, for an address.
    pub anonymous: u32,
    /// All with a credential, for an account.
    pub actor: u32,
    /// The same for a guest.
    pub guest: u32,
    /// Turn starts, for an account.
    pub turn_start: u32,
    /// Searches, for an account.
    pub search: u32,
    /// Pictures from elsewhere, for an account.
    pub image: u32,
}

impl Default for RateSettings {
    fn default() -> Self {
        Self {
            sign_in: 30,
            anonymous: 300,
            actor: 600,
            guest: 600,
            turn_start: 60,
            search: 120,
            image: 60,
        }
    }
}

/// How long and how large a request may be.
#[derive(Debug, Clone, Copy)]
pub struct LimitSettings {
    /// A JSON body.
    pub body_bytes: usize,
    /// The body of a turn start, which may carry images.
    pub turn_body_bytes: usize,
    /// All header names and values together.
    pub header_bytes: usize,
    /// The path and query.
    pub uri_bytes: usize,
    /// From the head of the request to the head of the answer.
    pub request_timeout: Duration,
    /// The same where a large body is sent.
    pub upload_timeout: Duration,
    /// The same where the answer comes when a model has given it. What a model
    /// may take between two words is limited where models are asked.
    pub answer_timeout: Duration,
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            body_bytes: 1 << 20,
            turn_body_bytes: 32 << 20,
            header_bytes: 32 << 10,
            uri_bytes: 8 << 10,
            request_timeout: Duration::from_secs(30),
            upload_timeout: Duration::from_mins(2),
            answer_timeout: Duration::from_mins(30),
        }
    }
}

/// The WebSocket's limits.
#[derive(Debug, Clone, Copy)]
pub struct SocketSettings {
    /// How long a new socket may take to say who it is.
    pub auth_timeout: Duration,
    /// How often clients ping; twice that in silence closes the socket.
    pub ping_interval: Duration,
    /// Turns that one socket may follow.
    pub max_subscriptions: usize,
    /// Sockets that one account may have on one process.
    pub max_sockets: u32,
    /// Frames that wait for a slow reader.
    pub queue_frames: usize,
    /// How long a turn's events wait for room in that queue before the reader
    /// is told to resync.
    pub slow_reader_wait: Duration,
    /// Frames a minute from the client; a burst of as many is let through.
    pub frames_per_minute: u32,
    /// How long a socket goes on after its access token expired.
    pub token_grace: Duration,
}

impl Default for SocketSettings {
    fn default() -> Self {
        Self {
            auth_timeout: Duration::from_secs(5),
            ping_interval: Duration::from_secs(25),
            max_subscriptions: 64,
            max_sockets: 50,
            queue_frames: 64,
            slow_reader_wait: Duration::from_secs(5),
            frames_per_minute: 600,
            token_grace: Duration::from_mins(1),
        }
    }
}
