//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use openmake_store::audit::ChainHead;
use url::Url;

use crate::{
    config::Override,
    foreign::{OpenWebUiArgs, PersonalArgs},
    terminal::args::TerminalCommand,
};

/// A self-hosted AI assistant platform in one program: the server, and a
/// client of it for the terminal.
#[derive(Debug, Parser)]
#[command(name = "openmake", version, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
`serve`, `doctor`, `healthcheck`, `config`, `user`, `audit`, `backup`, `restore`,
`import` and `openapi` are for the machine that the server runs on. The others are a
client: `openmake login URL` signs in, then `openmake chat` and `openmake ask` talk to
that server.";

/// Flags of every command that is the server's.
#[derive(Debug, Args)]
#[command(next_help_heading = "The server's settings")]
pub(crate) struct Common {
    /// The settings file (TOML); `openmake config reference` describes it
    #[arg(long, global = true, value_name = "FILE", env = "OPENMAKE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where the embedded database and the master key are
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// A PostgreSQL to use instead of the embedded one. Seen by other users of
    /// this machine: DATABASE_URL or DATABASE_URL_FILE is safer
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// The `bin` directory of the PostgreSQL to run embedded
    #[arg(long, global = true, value_name = "DIR")]
    postgres_bin: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server until it is told to stop
    Serve(Serve),
    /// Check database, model servers, disk, clock and versions, and say how to mend what is wrong
    Doctor {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Ask the server on this machine whether it is ready; ends with 0 if it is
    Healthcheck {
        /// The server to ask (http://…) instead of the one that the settings describe
        #[arg(long, value_name = "URL")]
        url: Option<Url>,
    },
    /// Look at the settings
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Manage accounts; works beside a running server
    #[command(subcommand)]
    User(UserCommand),
    /// Look after the audit trail; works beside a running server
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Write everything into one file, while the server goes on
    Backup(BackupCommand),
    /// Put a backup in place of what is there; no server may be running
    Restore(RestoreCommand),
    /// Bring data along from elsewhere; works beside a running server
    #[command(subcommand)]
    Import(ImportCommand),
    /// Print the OpenAPI document
    Openapi,
    #[command(flatten)]
    Terminal(TerminalCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// What OpenMake 1 left: its SQLite file or its PostgreSQL, and the files
    /// beside them
    Legacy(LegacyCommand),
    /// ChatGPT's data export, into one account
    #[command(name = "chatgpt")]
    ChatGpt(PersonalArgs),
    /// Claude's data export, into one account
    Claude(PersonalArgs),
    /// Open WebUI's database: accounts, chats, models, prompts
    #[command(name = "open-webui")]
    OpenWebUi(OpenWebUiArgs),
}

#[derive(Debug, Args)]
pub(crate) struct BackupCommand {
    /// The file to make; `-` is standard output. The master key goes in only
    /// sealed with OPENMAKE_BACKUP_PASSPHRASE, which a terminal is asked for
    pub(crate) file: String,
    /// Write over a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreCommand {
    /// The backup; `-` is standard input. It is read whole and checked before
    /// anything is touched
    #[arg(required_unless_present = "discard_replaced")]
    pub(crate) file: Option<String>,
    /// Replace an instance that is there, and keep it aside in the database
    #[arg(long)]
    pub(crate) replace: bool,
    /// Do without the master key: keys of model servers must be entered again
    #[arg(long)]
    pub(crate) without_secrets: bool,
    /// Remove what earlier restores have kept aside
    #[arg(long, conflicts_with_all = ["file", "replace", "without_secrets"])]
    pub(crate) discard_replaced: bool,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("origin").required(true))]
pub(crate) struct LegacyCommand {
    /// The old database, `data/unified.db`. It may be in use
    #[arg(long, value_name = "FILE", group = "origin")]
    pub(crate) sqlite: Option<PathBuf>,
    /// The address of the old PostgreSQL (version 1.5 or later). Seen by other
    /// users of this machine where it is given as an argument
    #[arg(
        long,
        value_name = "URL",
        group = "origin",
        env = "OPENMAKE_LEGACY_POSTGRES",
        hide_env_values = true
    )]
    pub(crate) postgres: Option<String>,
    /// The old `data` directory: agents, feedback, usage and history in files
    #[arg(long, value_name = "DIR")]
    pub(crate) legacy_dir: Option<PathBuf>,
    /// What to call this source, where there are several
    #[arg(long, value_name = "NAME", default_value = "v1", value_parser = source_name)]
    pub(crate) source: String,
    /// The old TOKEN_ENCRYPTION_KEY, or else the old JWT_SECRET. Seen by other
    /// users of this machine where it is given as an argument
    #[arg(
        long,
        value_name = "KEY",
        env = "OPENMAKE_LEGACY_KEY",
        hide_env_values = true,
        conflicts_with = "old_key_file"
    )]
    pub(crate) old_key: Option<String>,
    /// A file that holds the same
    #[arg(long, value_name = "FILE", env = "OPENMAKE_LEGACY_KEY_FILE")]
    pub(crate) old_key_file: Option<PathBuf>,
    /// Rows whose parent is gone: keep them in the holding place, or leave them
    #[arg(long, value_enum, default_value_t = OrphanRule::Hold)]
    pub(crate) orphans: OrphanRule,
    /// Do everything and take it back: nothing stays but the report
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Write what became of every row into this file, as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
}

/// What becomes of rows whose parent is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OrphanRule {
    /// They go into the holding place
    Hold,
    /// They are left behind, and noted
    Skip,
}

fn source_name(text: &str) -> Result<String, &'static str> {
    let is_good = (1..=100).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if is_good {
        Ok(text.to_owned())
    } else {
        Err("a name has 1 to 100 characters")
    }
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Which part to run; apart, they need DATABASE_URL, OPENMAKE_INTERNAL_KEY
    /// and OPENMAKE_AI_URL
    #[arg(long, value_enum, default_value_t = Role::All)]
    pub(crate) role: Role,
    /// The port to listen on; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS")]
    host: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// Everything in one process
    All,
    /// The public port: accounts, conversations, sockets
    Gateway,
    /// What touches models and tools
    Ai,
    /// The page
    Web,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting, its value and where it came from (never a secret)
    Show,
    /// Check the settings without starting anything
    Check,
    /// Print the reference of all settings as Markdown
    Reference,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that no entry was altered or removed, and print the chain's head
    Verify {
        /// A head that was printed earlier: whether that entry is still the same
        #[arg(long, value_name = "SEQ:HASH")]
        noted: Option<ChainHead>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create an account; the password is read from standard input
    Create {
        /// The e-mail address to sign in with
        email: String,
        /// What to call them
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
        /// Make it an administrator
        #[arg(long)]
        admin: bool,
    },
    /// Make an account an administrator
    Promote {
        /// The account's e-mail address
        email: String,
    },
    /// Set a new password, read from standard input, and end all its sessions
    ResetPassword {
        /// The account's e-mail address
        email: String,
    },
}

impl Cli {
    /// What the flags set, for the configuration.
    pub(crate) fn overrides(&self) -> Vec<Override> {
        let path = |path: &Option<PathBuf>| {
            path.as_ref()
                .map(|path| path.to_string_lossy().into_owned())
                .unwrap_or_default()
        };
        let mut overrides: Vec<Override> = vec![
            ("data.dir", "--data-dir", path(&self.common.data_dir)),
            (
                "data.database_url",
                "--database-url",
                self.common.database_url.clone().unwrap_or_default(),
            ),
            (
                "data.postgres_bin",
                "--postgres-bin",
                path(&self.common.postgres_bin),
            ),
        ];
        if let Command::Serve(serve) = &self.command {
            let port = serve.port.map(|port| port.to_string()).unwrap_or_default();
            overrides.push(("server.port", "--port", port));
            overrides.push((
                "server.host",
                "--host",
                serve.host.clone().unwrap_or_default(),
            ));
        }
        overrides
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn flags_become_settings() {
        let cli = Cli::try_parse_from(["openmake", "serve", "--port", "0", "--data-dir", "a b"])
            .expect("valid");
        let overrides = cli.overrides();
        assert!(overrides.contains(&("server.port", "--port", "0".to_owned())));
        assert!(overrides.contains(&("data.dir", "--data-dir", "a b".to_owned())));
    }
}
