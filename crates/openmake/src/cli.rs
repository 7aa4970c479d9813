//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use openmake_store::audit::ChainHead;
use url::Url;

use crate::{config::Override, terminal::args::TerminalCommand};

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
`serve`, `doctor`, `healthcheck`, `config`, `user`, `audit`, `backup`, `restore` and
`openapi` are for the machine that the server runs on. The others are a client:
`openmake login URL` signs in, then `openmake chat` and `openmake ask` talk to that
server.";

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
    /// Print the OpenAPI document
    Openapi,
    #[command(flatten)]
    Terminal(TerminalCommand),
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
