//! How a client reaches the server.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use url::form_urlencoded;

use crate::cluster;
use crate::error::Error;
use crate::files::{random_hex, write_private};
use crate::postmaster::Postmaster;

/// The role that owns the database, and the database; it may create further
/// databases but is no superuser.
pub(crate) const APPLICATION: &str = "openmake";
/// The superuser, for maintenance by hand.
pub(crate) const SUPERUSER: &str = "postgres";

/// What a client needs to connect.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectInfo {
    /// The directory of the Unix socket, or an address.
    pub host: String,
    /// The port; part of the socket's name.
    pub port: u16,
    /// The role.
    pub user: String,
    /// Its password.
    pub password: String,
    /// The database.
    pub database: String,
}

impl ConnectInfo {
    /// The same as a `postgres://` address, which holds the password.
    pub fn url(&self) -> String {
        let socket = self.host.starts_with('/');
        let host = if socket { "localhost" } else { &self.host };
        // Role, password, database and address are ours and need no escapes.
        let mut url = format!(
            "postgres://{}:{}@{host}:{}/{}",
            self.user, self.password, self.port, self.database
        );
        if socket {
            // A space as %20: libpq does not read a plus sign as one.
            let path: String = form_urlencoded::byte_serialize(self.host.as_bytes()).collect();
            url.push_str("?host=");
            url.push_str(&path.replace('+', "%20"));
        }
        url
    }

    /// The same server, but another database on it.
    #[must_use]
    pub fn with_database(mut self, database: impl Into<String>) -> Self {
        self.database = database.into();
        self
    }
}

impl fmt::Debug for ConnectInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ConnectInfo")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("user", &self.user)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// The connection to the server that another process runs on `data_dir`: for
/// commands beside a running program.
pub fn attach(data_dir: &Path) -> Result<ConnectInfo, Error> {
    let not_running = || Error::NotRunning {
        data_dir: data_dir.to_owned(),
    };
    let directory = cluster::directory(data_dir);
    let server = Postmaster::read(&directory)?.ok_or_else(not_running)?;
    if !server.is_serving(&directory) {
        return Err(not_running());
    }
    let passwords = Passwords::read(&password_file(data_dir))?;
    Ok(passwords.connect_info(&server.socket_dir, server.port))
}

/// Where the passwords are: beside the database, in libpq's own format, so
/// that `PGPASSFILE` can name it.
pub(crate) fn password_file(data_dir: &Path) -> PathBuf {
    data_dir.join("postgres.pgpass")
}

/// The two roles' passwords.
#[derive(Clone)]
pub(crate) struct Passwords {
    pub(crate) application: String,
    pub(crate) superuser: String,
}

impl Passwords {
    /// New ones, of 192 bits and in characters that need no quoting anywhere.
    pub(crate) fn generate() -> Self {
        Self {
            application: random_hex::<24>(),
            superuser: random_hex::<24>(),
        }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), Error> {
        let content = format!(
            "*:*:*:{APPLICATION}:{}\n*:*:*:{SUPERUSER}:{}\n",
            self.application, self.superuser
        );
        write_private(path, &content, None)
    }

    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let unusable = |reason: &str| Error::PasswordFile {
            path: path.to_owned(),
            reason: reason.to_owned(),
        };
        let content = match fs::read_to_string(path) {
            Ok(content) => content,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(unusable("the file is missing"));
            }
            Err(error) => return Err(Error::io("read", path, error)),
        };
        let of = |role: &str| {
            content
                .lines()
                .find_map(|line| {
                    line.strip_prefix("*:*:*:")?
                        .strip_prefix(role)?
                        .strip_prefix(':')
                })
                .filter(|password| {
                    !password.is_empty()
                        && password.bytes().all(|byte| byte.is_ascii_alphanumeric())
                })
                .map(str::to_owned)
                .ok_or_else(|| unusable(&format!("it has no password of `{role}`")))
        };
        Ok(Self {
            application: of(APPLICATION)?,
            superuser: of(SUPERUSER)?,
        })
    }

    pub(crate) fn connect_info(&self, host: &str, port: u16) -> ConnectInfo {
        ConnectInfo {
            host: host.to_owned(),
            port,
            user: APPLICATION.to_owned(),
            password: self.application.clone(),
            database: APPLICATION.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(host: &str) -> ConnectInfo {
        Passwords {
            application: "secretword".to_owned(),
            superuser: "other".to_owned(),
        }
        .connect_info(host, 5432)
    }

    #[test]
    fn addresses_name_the_socket_or_the_host() {
        assert_eq!(
            info("/run/a b/openmake").url(),
            "postgres://openmake:secretword@localhost:5432/openmake?host=%2Frun%2Fa%20b%2Fopenmake"
        );
        assert_eq!(
            info("127.0.0.1").with_database("other").url(),
            "postgres://openmake:secretword@127.0.0.1:5432/other"
        );
    }

    #[test]
    fn debug_output_keeps_the_password() {
        assert!(!format!("{:?}", info("/run")).contains("secretword"));
    }

    #[test]
    fn passwords_survive_their_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = password_file(directory.path());
        assert!(matches!(
            Passwords::read(&path),
            Err(Error::PasswordFile { .. })
        ));
        let passwords = Passwords::generate();
        passwords.write(&path).unwrap();
        let read = Passwords::read(&path).unwrap();
        assert_eq!(
            (read.application, read.superuser),
            (passwords.application, passwords.superuser)
        );
        fs::write(&path, "*:*:*:openmake:x\n").unwrap();
        assert!(matches!(
            Passwords::read(&path),
            Err(Error::PasswordFile { .. })
        ));
    }
}
