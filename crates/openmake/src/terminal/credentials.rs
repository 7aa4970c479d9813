//! What the terminal client needs to stay signed in, in a file that its owner
//! alone can read.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::failure::Failure;

/// The file's version.
const VERSION: u32 = 1;
/// More than any such file has.
const LARGEST: u64 = 1 << 20;
/// How long another command may hold the file.
const LOCK_PATIENCE: Duration = Duration::from_secs(30);
/// How often it is tried.
const LOCK_POLL: Duration = Duration::from_millis(20);

/// How a server knows the person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Credential {
    /// An API key.
    ApiKey {
        /// The key.
        key: String,
    },
    /// A sign-in with a password.
    Session {
        /// What the browser has in its cookie; spent by every refresh.
        refresh_token: String,
        /// For `Authorization: Bearer`.
        access_token: String,
        /// When the access token ends.
        expires_at: DateTime<Utc>,
    },
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ApiKey { .. } => "ApiKey(…)",
            Self::Session { .. } => "Session(…)",
        })
    }
}

/// What is kept of one server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Who is signed in, for people.
    pub(crate) name: String,
    /// The credential.
    #[serde(flatten)]
    pub(crate) credential: Credential,
}

/// Everything in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Accounts {
    version: u32,
    /// The server that was signed in to last.
    #[serde(default)]
    pub(crate) current: Option<String>,
    /// By the server's origin.
    #[serde(default)]
    pub(crate) servers: BTreeMap<String, Account>,
}

impl Default for Accounts {
    fn default() -> Self {
        Self {
            version: VERSION,
            current: None,
            servers: BTreeMap::new(),
        }
    }
}

impl Accounts {
    /// Keeps an account and makes its server the current one.
    pub(crate) fn sign_in(&mut self, server: &str, account: Account) {
        self.servers.insert(server.to_owned(), account);
        self.current = Some(server.to_owned());
    }

    /// Forgets a server; another one becomes the current one.
    pub(crate) fn sign_out(&mut self, server: &str) -> Option<Account> {
        let account = self.servers.remove(server);
        if self.current.as_deref() == Some(server) {
            self.current = self.servers.keys().next().cloned();
        }
        account
    }
}

/// The file.
#[derive(Debug, Clone)]
pub(crate) struct CredentialFile(PathBuf);

/// The right to change the file, until it is dropped.
#[derive(Debug)]
pub(crate) struct Locked<'a> {
    file: &'a CredentialFile,
    _lock: fs::File,
}

impl CredentialFile {
    /// In the configuration directory that the environment names.
    pub(crate) fn new(environment: &BTreeMap<String, String>) -> Result<Self, Failure> {
        let named = |name: &str| {
            environment
                .get(name)
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        named("XDG_CONFIG_HOME")
            .or_else(|| named("HOME").map(|home| home.join(".config")))
            .map(|config| Self(config.join("openmake/credentials.json")))
            .ok_or_else(|| {
                Failure::usage(
                    "there is no place to keep a sign-in",
                    "set HOME or XDG_CONFIG_HOME, or use OPENMAKE_API_KEY",
                )
            })
    }

    /// What is in it; nothing when it is not there.
    pub(crate) fn read(&self) -> Result<Accounts, Failure> {
        let file = match fs::File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Accounts::default()),
            Err(error) => return Err(self.failed(error)),
        };
        let metadata = file.metadata().map_err(|error| self.failed(error))?;
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(Failure::usage(
                format!("{} can be read by others", self.0.display()),
                format!(
                    "`chmod 600 {0}`; if others may have read it, sign out and in again",
                    self.0.display()
                ),
            ));
        }
        if metadata.len() > LARGEST {
            return Err(self.failed(io::Error::other("it is larger than such a file can be")));
        }
        let accounts: Accounts = serde_json::from_reader(io::BufReader::new(file))
            .map_err(|error| self.failed(io::Error::other(error)))?;
        if accounts.version != VERSION {
            return Err(self.failed(io::Error::other("it is of another version of openmake")));
        }
        Ok(accounts)
    }

    /// Takes the right to change it, once no other command has it.
    pub(crate) async fn lock(&self) -> Result<Locked<'_>, Failure> {
        let directory = self.0.parent().unwrap_or(Path::new("/"));
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .map_err(|error| Failure::file(directory, error))?;
        let path = self.0.with_extension("lock");
        let lock = fs::OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(|error| Failure::file(&path, error))?;
        let waiting = async {
            loop {
                match lock.try_lock() {
                    Ok(()) => return Ok(()),
                    Err(fs::TryLockError::WouldBlock) => tokio::time::sleep(LOCK_POLL).await,
                    Err(fs::TryLockError::Error(error)) => return Err(Failure::file(&path, error)),
                }
            }
        };
        let taken = tokio::time::timeout(LOCK_PATIENCE, waiting).await;
        taken.unwrap_or_else(|_| {
            let busy = io::Error::other("another openmake command holds it");
            Err(Failure::file(&path, busy))
        })?;
        Ok(Locked {
            file: self,
            _lock: lock,
        })
    }

    fn failed(&self, error: io::Error) -> Failure {
        Failure::file(&self.0, error)
    }
}

impl Locked<'_> {
    /// What is in the file now.
    pub(crate) fn read(&self) -> Result<Accounts, Failure> {
        self.file.read()
    }

    /// Replaces the file, whole or not at all.
    pub(crate) fn write(&self, accounts: &Accounts) -> Result<(), Failure> {
        let path = &self.file.0;
        // The lock is held, so nobody else has this name.
        let fresh = path.with_extension("new");
        let written = (|| {
            let _ = fs::remove_file(&fresh);
            let mut file = fs::OpenOptions::new()
                .create_new(true)
                .write(true)
                .mode(0o600)
                .open(&fresh)?;
            serde_json::to_writer_pretty(&mut file, accounts)?;
            file.write_all(b"\n")?;
            file.sync_all()?;
            fs::rename(&fresh, path)
        })();
        written.map_err(|error| Failure::file(path, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(directory: &tempfile::TempDir) -> CredentialFile {
        let home = directory.path().to_str().expect("UTF-8").to_owned();
        CredentialFile::new(&BTreeMap::from([("HOME".to_owned(), home)])).expect("a place")
    }

    fn account(key: &str) -> Account {
        Account {
            name: "someone".to_owned(),
            credential: Credential::ApiKey {
                key: key.to_owned(),
            },
        }
    }

    #[tokio::test]
    async fn what_is_written_is_read_and_private() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = file(&directory);
        assert_eq!(file.read().expect("nothing yet"), Accounts::default());
        let mut accounts = Accounts::default();
        accounts.sign_in("http://a", account("one"));
        accounts.sign_in("http://b", account("two"));
        file.lock()
            .await
            .expect("free")
            .write(&accounts)
            .expect("written");
        assert_eq!(file.read().expect("read"), accounts);
        let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(&file.0), 0o600);
        assert_eq!(mode(file.0.parent().expect("a directory")), 0o700);
        assert_eq!(accounts.current.as_deref(), Some("http://b"));
        accounts.sign_out("http://b");
        assert_eq!(accounts.current.as_deref(), Some("http://a"));
    }

    #[tokio::test]
    async fn a_file_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = file(&directory);
        let lock = file.lock().await.expect("free");
        lock.write(&Accounts::default()).expect("written");
        fs::set_permissions(&file.0, fs::Permissions::from_mode(0o644)).expect("changed");
        let refused = file.read().expect_err("refused");
        assert!(refused.hint().is_some_and(|hint| hint.contains("chmod")));
    }

    #[test]
    fn a_credential_is_not_shown() {
        assert!(!format!("{:?}", account("hunter2")).contains("hunter2"));
    }
}
