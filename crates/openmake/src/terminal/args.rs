//! The command line of the terminal client.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use clap_complete::Shell;

/// What every exit code means, at the foot of the help of the commands that
/// scripts call.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    something else went wrong; the message says what
  2    wrong arguments, or a file that cannot be read or written
  3    not signed in
  4    no such model, or none can be asked now
  5    refused: not allowed, a limit or a budget
  6    the server cannot be reached, or the connection broke for good
  7    the answer was cut short by the server
  130  interrupted";

const ENVIRONMENT: &str = "\
Environment:
  OPENMAKE_URL      the server, when several are signed in to
  OPENMAKE_API_KEY  an API key: no sign-in is needed then
  NO_COLOR          any value: no colours";

/// A server to talk to.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// The server; the one that was signed in to last unless given
    #[arg(long, value_name = "URL", env = "OPENMAKE_URL")]
    pub(crate) server: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TerminalCommand {
    /// Sign in to a server from the terminal
    #[command(after_help = "\
Examples:
  openmake login                              the server on this machine
  openmake login https://chat.example.com
  openmake login https://chat.example.com --api-key < key.txt
  printf '%s\\n' \"$PASSWORD\" | openmake login --email you@example.com

What is needed to stay signed in is kept in `openmake/credentials.json` in your
configuration directory, readable by you alone. The server that was signed in to
last is the one that the other commands ask. A second factor is asked for after
the password: the code of your authenticator app, or a backup code; without a
terminal it is the second line of standard input.")]
    Login(LoginArgs),
    /// Sign out, here and on the server
    Logout(LogoutArgs),
    /// Chat in the terminal
    #[command(after_help = "\
Examples:
  openmake chat
  openmake chat --model openmake_code
  openmake chat --continue           go on where you last were
  openmake chat --open 3f6c…         a conversation by its id

In the chat, /help lists what else there is. Ctrl-C stops an answer and leaves the
chat open; Ctrl-D leaves.")]
    Chat(ChatArgs),
    /// Ask one question and print the answer
    #[command(after_help = format!("\
Examples:
  openmake ask \"What is a monad?\"
  git diff | openmake ask \"Write a commit message for this\"
  openmake ask \"Where is the bug?\" --file src/main.rs --file src/lib.rs
  openmake ask \"What is on this picture?\" --file photo.jpg
  openmake ask --json \"2+2?\" | jq -r .text

{EXIT_CODES}

{ENVIRONMENT}"))]
    Ask(AskArgs),
    /// Have files reviewed
    #[command(after_help = format!("\
Examples:
  openmake review src/main.rs
  openmake review src/*.rs --focus \"error handling; answer in Korean\"

{EXIT_CODES}"))]
    Review(ReviewArgs),
    /// Have a file explained
    #[command(after_help = format!("\
Examples:
  openmake explain Makefile
  openmake explain migration.sql --focus \"which locks it takes\"

{EXIT_CODES}"))]
    Explain(ExplainArgs),
    /// Have a file written
    #[command(after_help = format!("\
Examples:
  openmake generate \"a systemd unit for openmake\" -o openmake.service
  openmake generate \"tests for this module\" --file src/wrap.rs -o tests/wrap.rs
  openmake generate \"a .gitignore for Rust\"        to standard output

The file is written whole or not at all, and one that exists stays as it is
without --force.

{EXIT_CODES}"))]
    Generate(GenerateArgs),
    /// List the models that can be asked
    Models(ListArgs),
    /// List the model servers and their state (administrators)
    Nodes(ListArgs),
    /// Make, list and revoke your API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Print completions for a shell
    #[command(after_help = "\
Examples:
  openmake completions bash > ~/.local/share/bash-completion/completions/openmake
  openmake completions zsh > ~/.zfunc/_openmake
  openmake completions fish > ~/.config/fish/completions/openmake.fish")]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Print a manual page
    #[command(after_help = "\
Examples:
  openmake man | man -l -
  openmake man ask | man -l -
  openmake man --to ~/.local/share/man/man1")]
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub(crate) struct LoginArgs {
    /// The server
    #[arg(
        value_name = "URL",
        env = "OPENMAKE_URL",
        default_value = "http://localhost:52416"
    )]
    pub(crate) url: String,
    /// The account's e-mail address; asked for unless given
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
    /// Read an API key from standard input instead of asking for a password
    #[arg(long, alias = "token", conflicts_with = "email")]
    pub(crate) api_key: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// All servers
    #[arg(long, conflicts_with = "server")]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ChatArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// The model to ask; the conversation's or the server's unless given
    #[arg(long, short, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Open this conversation
    #[arg(long, value_name = "ID")]
    pub(crate) open: Option<uuid::Uuid>,
    /// Open the conversation that changed last
    #[arg(long = "continue", short = 'c', conflicts_with = "open")]
    pub(crate) go_on: bool,
}

/// What every one-shot question can say.
#[derive(Debug, Args)]
pub(crate) struct AskingArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// The model to ask; the server's default unless given
    #[arg(long, short, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// How much to think: `off`, `low`, `medium` or `high`
    #[arg(long, value_name = "LEVEL", value_parser = ["off", "low", "medium", "high"])]
    pub(crate) thinking: Option<String>,
    /// Keep the conversation on the server instead of deleting it
    #[arg(long)]
    pub(crate) keep: bool,
    /// Print one JSON document at the end: text, model, usage
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct AskArgs {
    /// The question; standard input unless given. With both, what comes on
    /// standard input is passed along with the question
    #[arg(value_name = "QUESTION")]
    pub(crate) question: Vec<String>,
    /// Pass a text file or a picture along; can be repeated
    #[arg(long, short, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,
    /// Print the answer as it was written, even on a terminal
    #[arg(long, conflicts_with = "json")]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) asking: AskingArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    /// The files
    #[arg(required = true, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,
    /// What to look at, or any other wish, such as the language of the answer
    #[arg(long, value_name = "TEXT")]
    pub(crate) focus: Option<String>,
    #[command(flatten)]
    pub(crate) asking: AskingArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The file
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// What to look at, or any other wish, such as the language of the answer
    #[arg(long, value_name = "TEXT")]
    pub(crate) focus: Option<String>,
    #[command(flatten)]
    pub(crate) asking: AskingArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GenerateArgs {
    /// What to write
    #[arg(value_name = "DESCRIPTION")]
    pub(crate) description: String,
    /// Where to write it; standard output unless given
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Overwrite a file that exists
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
    /// Pass a text file or a picture along; can be repeated
    #[arg(long, short, value_name = "FILE")]
    pub(crate) file: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) asking: AskingArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// Print the server's JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The page of this command, such as `ask` or `user create`
    #[arg(value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
    /// Write all pages into this directory
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub(crate) to: Option<PathBuf>,
}

/// What `openmake key` does.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key; it is printed this once
    #[command(after_help = "\
Examples:
  openmake key create backups
  openmake key create ci --scope chat --model openmake_fast --days 90
  OPENMAKE_API_KEY=$(openmake key create script) openmake ask hello

Only the key goes to standard output. Keys are made by someone who is signed in,
not with a key.")]
    Create(CreateKeyArgs),
    /// List your keys, without what proves them
    List(ListArgs),
    /// Take a key back for good
    Revoke {
        #[command(flatten)]
        server: ServerArgs,
        /// The key's id, its name or its last four characters
        #[arg(value_name = "KEY")]
        key: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct CreateKeyArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
    /// What to call it
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
    /// What it is for: `chat`, `conversations`, `usage`, `metrics`, `admin`;
    /// can be repeated. The server's choice unless given
    #[arg(long, value_name = "SCOPE")]
    pub(crate) scope: Vec<String>,
    /// A model that it may ask; can be repeated. All of yours unless given
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Vec<String>,
    /// Days until it ends by itself; never unless given
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=3650))]
    pub(crate) days: Option<u16>,
    /// Print the server's JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl TerminalCommand {
    /// Whether a script reads JSON from standard output.
    pub(crate) const fn wants_json(&self) -> bool {
        match self {
            Self::Ask(AskArgs { asking, .. })
            | Self::Review(ReviewArgs { asking, .. })
            | Self::Explain(ExplainArgs { asking, .. })
            | Self::Generate(GenerateArgs { asking, .. }) => asking.json,
            Self::Models(args) | Self::Nodes(args) | Self::Key(KeyCommand::List(args)) => args.json,
            Self::Key(KeyCommand::Create(args)) => args.json,
            _ => false,
        }
    }
}
