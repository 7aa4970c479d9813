//! Every setting, once: its key in the settings file, its environment
//! variable, its default and its documentation. The loader, `config show`,
//! `config reference` and docs/configuration.md all read this table.

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Where it stands in the settings file, dotted.
    pub(crate) key: &'static str,
    /// Its environment variable.
    pub(crate) env: &'static str,
    /// What holds when it is not set; empty for "none".
    pub(crate) default: &'static str,
    /// Whether its value must never be shown; such a setting can also be read
    /// from the file that `ENV_FILE` names.
    pub(crate) secrecy: Secrecy,
    /// What it does, in its unit.
    pub(crate) doc: &'static str,
}

/// Whether a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secrecy {
    /// It may.
    Shown,
    /// It must not.
    Secret,
}

const fn shown(
    key: &'static str,
    env: &'static str,
    default: &'static str,
    doc: &'static str,
) -> Setting {
    Setting {
        key,
        env,
        default,
        secrecy: Secrecy::Shown,
        doc,
    }
}

const fn secret(key: &'static str, env: &'static str, doc: &'static str) -> Setting {
    Setting {
        key,
        env,
        default: "",
        secrecy: Secrecy::Secret,
        doc,
    }
}

/// All settings, in the order of the reference.
pub(crate) const SETTINGS: &[Setting] = &[
    // server
    shown(
        "server.host",
        "SERVER_HOST",
        "127.0.0.1",
        "The address to listen on. Other than loopback, registration is by invitation unless an administrator says otherwise.",
    ),
    shown(
        "server.port",
        "PORT",
        "52416",
        "The port to listen on; 0 takes a free one and prints it.",
    ),
    shown(
        "server.public_url",
        "OPENMAKE_PUBLIC_URL",
        "",
        "The origin at which browsers find the instance, such as `https://chat.example.com`: what links in mails lead to, where sign-in providers send people back to, and what passkeys are bound to, so changing it makes people add them again. `http://localhost:PORT` unless set.",
    ),
    shown(
        "server.trusted_proxies",
        "TRUSTED_PROXIES",
        "",
        "Networks (CIDR, comma-separated) whose `X-Forwarded-For`, `-Proto` and `-Host` are believed.",
    ),
    shown(
        "server.cors_origins",
        "CORS_ORIGINS",
        "",
        "Other origins (comma-separated) whose pages may call the API with a bearer token. None unless set.",
    ),
    shown(
        "server.metrics_listen",
        "OPENMAKE_METRICS_LISTEN",
        "",
        "An address of its own (HOST:PORT) for `/metrics`, without a token. Without it, only administrators' tokens read `/metrics`.",
    ),
    shown(
        "server.drain_seconds",
        "OPENMAKE_DRAIN_SECONDS",
        "30",
        "How long a stop waits for turns that are being answered before it marks them as interrupted.",
    ),
    // data
    shown(
        "data.dir",
        "OPENMAKE_DATA_DIR",
        "",
        "Where the embedded database and the master key are. `/var/lib/openmake` as root, else the user's data directory.",
    ),
    secret(
        "data.database_url",
        "DATABASE_URL",
        "A PostgreSQL 16 or later to use instead of the embedded one: `postgres://user:password@host/database`.",
    ),
    shown(
        "data.database_connections",
        "OPENMAKE_DATABASE_CONNECTIONS",
        "20",
        "Connections to the database at most.",
    ),
    shown(
        "data.postgres_bin",
        "OPENMAKE_POSTGRES_BIN",
        "",
        "The `bin` directory of the PostgreSQL to run embedded. Found in the cache where `make` puts it unless set.",
    ),
    shown(
        "data.key_file",
        "OPENMAKE_KEY_FILE",
        "",
        "The file with the master key (64 hexadecimal digits, mode 0600). `master.key` in the data directory unless set.",
    ),
    // roles
    secret(
        "roles.internal_key",
        "OPENMAKE_INTERNAL_KEY",
        "What gateway and ai know each other by when they run apart (`serve --role`), at least 32 characters: `openssl rand -hex 32`. Several with commas between, or on lines of their own, while one takes another's place: the first signs, all are accepted.",
    ),
    shown(
        "roles.ai_url",
        "OPENMAKE_AI_URL",
        "",
        "Where `--role gateway` finds ai: `http://ai:52416`, or several with commas between. Every address that the name has is used, and looked up again every two seconds.",
    ),
    shown(
        "roles.web_url",
        "OPENMAKE_WEB_URL",
        "",
        "Where `--role gateway` finds the page of `--role web`. It serves its own unless set.",
    ),
    // accounts
    shown(
        "accounts.admin_emails",
        "ADMIN_EMAILS",
        "",
        "Addresses (comma-separated) that become administrators when they register by invitation.",
    ),
    // sign_in
    shown(
        "sign_in.oidc_issuer",
        "OPENMAKE_OIDC_ISSUER",
        "",
        "An OpenID provider to sign in with, by the address under which its discovery document is.",
    ),
    shown(
        "sign_in.oidc_client_id",
        "OPENMAKE_OIDC_CLIENT_ID",
        "",
        "What that provider calls this instance. It sends people back to `PUBLIC_URL/api/v1/auth/oidc/oidc/callback`.",
    ),
    secret(
        "sign_in.oidc_client_secret",
        "OPENMAKE_OIDC_CLIENT_SECRET",
        "The secret for it; none for a public client.",
    ),
    shown(
        "sign_in.oidc_name",
        "OPENMAKE_OIDC_NAME",
        "Single sign-on",
        "What the button on the sign-in page says.",
    ),
    shown(
        "sign_in.oidc_scopes",
        "OPENMAKE_OIDC_SCOPES",
        "profile,email",
        "What to ask that provider for (comma-separated), besides `openid`.",
    ),
    shown(
        "sign_in.google_client_id",
        "GOOGLE_CLIENT_ID",
        "",
        "Lets people sign in with Google.",
    ),
    secret(
        "sign_in.google_client_secret",
        "GOOGLE_CLIENT_SECRET",
        "The secret for it.",
    ),
    shown(
        "sign_in.github_client_id",
        "GITHUB_CLIENT_ID",
        "",
        "Lets people sign in with GitHub.",
    ),
    secret(
        "sign_in.github_client_secret",
        "GITHUB_CLIENT_SECRET",
        "The secret for it.",
    ),
    shown(
        "sign_in.github_url",
        "OPENMAKE_GITHUB_URL",
        "https://github.com",
        "Another GitHub, such as an Enterprise server's address.",
    ),
    // mail
    shown(
        "mail.smtp_host",
        "OPENMAKE_SMTP_HOST",
        "",
        "The mail server. With it, a forgotten password can be reset by e-mail; without it, by an administrator's link.",
    ),
    shown(
        "mail.smtp_port",
        "OPENMAKE_SMTP_PORT",
        "",
        "Its port; 587, 465 or 25 by `smtp_security` unless set.",
    ),
    shown(
        "mail.smtp_security",
        "OPENMAKE_SMTP_SECURITY",
        "starttls",
        "`starttls`, `tls` from the first byte, or `none` for a server on this machine.",
    ),
    shown(
        "mail.smtp_username",
        "OPENMAKE_SMTP_USERNAME",
        "",
        "What to sign in to it with, where it asks for that.",
    ),
    secret(
        "mail.smtp_password",
        "OPENMAKE_SMTP_PASSWORD",
        "The password for it.",
    ),
    shown(
        "mail.from",
        "OPENMAKE_SMTP_FROM",
        "",
        "Who mails are from: `chat@example.com` or `Our chat <chat@example.com>`.",
    ),
    // limits
    shown(
        "limits.sign_in_per_minute",
        "OPENMAKE_LIMIT_SIGN_IN",
        "20",
        "Sign-ins and registrations a minute from one address.",
    ),
    shown(
        "limits.requests_per_minute",
        "OPENMAKE_LIMIT_REQUESTS",
        "600",
        "Requests a minute of one account; unknown callers get half of it for each address.",
    ),
    shown(
        "limits.turns_per_minute",
        "OPENMAKE_LIMIT_TURNS",
        "60",
        "Questions a minute of one account.",
    ),
    shown(
        "limits.searches_per_minute",
        "OPENMAKE_LIMIT_SEARCHES",
        "120",
        "Searches a minute of one account.",
    ),
    // backup
    shown(
        "backup.directory",
        "OPENMAKE_BACKUP_DIR",
        "",
        "Where the server puts backups. It makes none unless set.",
    ),
    shown(
        "backup.schedule",
        "OPENMAKE_BACKUP_SCHEDULE",
        "24h",
        "How often it makes one: every so many hours (`24h`), or each day at a time in UTC (`03:30`).",
    ),
    shown(
        "backup.keep",
        "OPENMAKE_BACKUP_KEEP",
        "7",
        "How many good backups are kept. Older ones are removed, the only good one never.",
    ),
    shown(
        "backup.keep_days",
        "OPENMAKE_BACKUP_KEEP_DAYS",
        "0",
        "Good backups younger than so many days are kept as well, however many there are.",
    ),
    shown(
        "backup.verify",
        "OPENMAKE_BACKUP_VERIFY",
        "true",
        "Whether each backup that the server makes is tried: restored into a scratch database and compared.",
    ),
    secret(
        "backup.passphrase",
        "OPENMAKE_BACKUP_PASSPHRASE",
        "Seals the master key in backups, and opens it when they are restored. Without it, backups have no master key, and keys of model servers must be entered again after a restore.",
    ),
    // models
    shown(
        "models.ollama_base_url",
        "OLLAMA_BASE_URL",
        "",
        "An Ollama server, such as `http://localhost:11434`.",
    ),
    secret(
        "models.ollama_api_key",
        "OLLAMA_API_KEY",
        "The key for that server. More keys, used in turn when one is refused, are `OLLAMA_API_KEY_1` to `OLLAMA_API_KEY_20`.",
    ),
    shown(
        "models.openai_base_url",
        "OPENAI_BASE_URL",
        "",
        "A server that speaks OpenAI's protocol (vLLM, llama.cpp, LM Studio, OpenRouter, …), such as `http://localhost:8080/v1`.",
    ),
    secret(
        "models.openai_api_key",
        "OPENAI_API_KEY",
        "The key for that server.",
    ),
    shown(
        "models.default",
        "OLLAMA_DEFAULT_MODEL",
        "openmake_auto",
        "The model of new conversations, until an administrator sets one.",
    ),
    shown(
        "models.engine_llm",
        "OMK_ENGINE_LLM",
        "",
        "The real model behind `openmake_llm`; its list of preferences unless set.",
    ),
    shown(
        "models.engine_pro",
        "OMK_ENGINE_PRO",
        "",
        "The same for `openmake_pro`.",
    ),
    shown(
        "models.engine_fast",
        "OMK_ENGINE_FAST",
        "",
        "The same for `openmake_fast`.",
    ),
    shown(
        "models.engine_think",
        "OMK_ENGINE_THINK",
        "",
        "The same for `openmake_think`.",
    ),
    shown(
        "models.engine_code",
        "OMK_ENGINE_CODE",
        "",
        "The same for `openmake_code`.",
    ),
    shown(
        "models.engine_vision",
        "OMK_ENGINE_VISION",
        "",
        "The same for `openmake_vision`.",
    ),
    shown(
        "models.first_token_timeout_ms",
        "OLLAMA_TIMEOUT",
        "120000",
        "How long a model may take to its first token, in milliseconds, 1,000 to 600,000.",
    ),
    shown(
        "models.idle_timeout_seconds",
        "OPENMAKE_MODEL_IDLE_SECONDS",
        "60",
        "How long a model may be silent in mid-answer.",
    ),
    shown(
        "models.check_seconds",
        "OPENMAKE_NODE_CHECK_SECONDS",
        "10",
        "How often each model server is checked.",
    ),
    shown(
        "models.demo",
        "OPENMAKE_DEMO",
        "false",
        "Says on the page that the connected model is a scripted one. `make demo` sets it.",
    ),
    // log
    shown(
        "log.level",
        "LOG_LEVEL",
        "info",
        "`error`, `warn`, `info`, `debug` or `trace`, or a filter such as `info,openmake_ai=debug`.",
    ),
    shown(
        "log.format",
        "OPENMAKE_LOG_FORMAT",
        "text",
        "`text` for people, `json` for programs.",
    ),
    shown(
        "log.otlp_endpoint",
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "Where to send traces by OTLP over HTTP, such as `http://localhost:4318`. Nothing is sent unless set.",
    ),
];

/// Environment variables that begin like ours but are read by development
/// tools or by the terminal client, not by the server.
pub(crate) const TOOL_VARIABLES: &[&str] = &[
    "OPENMAKE_CACHE",
    "OPENMAKE_BIN",
    "OPENMAKE_TEST_DATABASE_URL",
    "OPENMAKE_TEST_POSTGRES_BIN",
    "OPENMAKE_TEST_OTHER_POSTGRES_BIN",
    "OPENMAKE_REAL_MODEL_URL",
    "OPENMAKE_CONFIG",
    "OPENMAKE_URL",
    "OPENMAKE_API_KEY",
];

/// The setting with this key in the file.
pub(crate) fn lookup_key(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn keys_and_variables_are_unique() {
        let keys: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.key).collect();
        let envs: BTreeSet<_> = SETTINGS.iter().map(|setting| setting.env).collect();
        assert_eq!(keys.len(), SETTINGS.len());
        assert_eq!(envs.len(), SETTINGS.len());
    }
}
