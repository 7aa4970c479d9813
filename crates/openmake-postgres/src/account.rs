//! Whom PostgreSQL runs as when the program runs as root, which PostgreSQL
//! itself refuses.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User, geteuid};

use crate::error::Error;

/// The uid that is taken where the system has no user `openmake`.
const DEFAULT_UID: u32 = 52416;

/// A user and a group by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// Who does what. Both are `None` for an ordinary user, who does everything.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Identity {
    /// Runs the server and owns its files.
    pub(crate) server: Option<Account>,
    /// Runs `initdb`, which insists that its uid has an entry in the user
    /// database; a bare number has none, so `nobody` lends its own for that
    /// second and the files change hands afterwards.
    pub(crate) initialiser: Option<Account>,
}

impl Identity {
    /// Decides for the data in `directory`, which may not exist yet.
    pub(crate) fn resolve(wanted: Option<&str>, directory: &Path) -> Result<Self, Error> {
        let me = geteuid();
        let owner = match fs::symlink_metadata(directory) {
            Ok(metadata) => Some(Account {
                uid: metadata.uid(),
                gid: metadata.gid(),
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io("read", directory, error)),
        };
        if !me.is_root() {
            return match owner {
                Some(owner) if owner.uid != me.as_raw() => Err(Error::WrongOwner {
                    directory: directory.to_owned(),
                    owner: owner.uid,
                    uid: me.as_raw(),
                }),
                _ => Ok(Self::default()),
            };
        }
        let server = match owner {
            Some(owner) if owner.uid == 0 => {
                // Copied by root without its owners; PostgreSQL would refuse it.
                let uid = choose(wanted)?.uid;
                return Err(Error::WrongOwner {
                    directory: directory.to_owned(),
                    owner: 0,
                    uid,
                });
            }
            Some(owner) => owner,
            None => choose(wanted)?,
        };
        let initialiser = if lookup(server.uid)?.is_some() {
            server
        } else {
            lender()?
        };
        Ok(Self {
            server: Some(server),
            initialiser: Some(initialiser),
        })
    }

    /// Fails when an account of ours cannot enter a directory on the way to
    /// `needed`, or `needed` itself if it is a directory.
    pub(crate) fn check_reach(&self, needed: &Path) -> Result<(), Error> {
        for account in [self.server, self.initialiser].into_iter().flatten() {
            if let Some(directory) = first_closed(account, needed)? {
                return Err(Error::CannotTraverse {
                    uid: account.uid,
                    directory,
                    needed: needed.to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn choose(wanted: Option<&str>) -> Result<Account, Error> {
    if let Some(wanted) = wanted {
        let user = match wanted.parse::<u32>() {
            Ok(uid) => match lookup(uid)? {
                Some(account) => Some(account),
                None => Some(Account { uid, gid: uid }),
            },
            Err(_) => by_name(wanted)?,
        };
        return match user {
            Some(Account { uid: 0, .. }) => Err(Error::NoAccount {
                reason: "PostgreSQL does not run as root".to_owned(),
            }),
            Some(account) => Ok(account),
            None => Err(Error::NoAccount {
                reason: format!("there is no user `{wanted}`"),
            }),
        };
    }
    if let Some(account) = by_name("openmake")? {
        return Ok(account);
    }
    if lookup(DEFAULT_UID)?.is_some() {
        return Err(Error::NoAccount {
            reason: format!(
                "there is no user `openmake`, and uid {DEFAULT_UID} belongs to someone else"
            ),
        });
    }
    Ok(Account {
        uid: DEFAULT_UID,
        gid: DEFAULT_UID,
    })
}

fn lender() -> Result<Account, Error> {
    by_name("nobody")?.ok_or_else(|| Error::NoAccount {
        reason: "there is neither a user `openmake` nor a user `nobody`".to_owned(),
    })
}

fn by_name(name: &str) -> Result<Option<Account>, Error> {
    User::from_name(name)
        .map(|user| {
            user.map(|user| Account {
                uid: user.uid.as_raw(),
                gid: user.gid.as_raw(),
            })
        })
        .map_err(|errno| Error::NoAccount {
            reason: format!("cannot look up the user `{name}`: {errno}"),
        })
}

fn lookup(uid: u32) -> Result<Option<Account>, Error> {
    User::from_uid(Uid::from_raw(uid))
        .map(|user| {
            user.map(|user| Account {
                uid,
                gid: user.gid.as_raw(),
            })
        })
        .map_err(|errno| Error::NoAccount {
            reason: format!("cannot look up uid {uid}: {errno}"),
        })
}

/// The highest directory on the way to `path` that `account` may not enter, by
/// the mode bits.
fn first_closed(account: Account, path: &Path) -> Result<Option<PathBuf>, Error> {
    let real = fs::canonicalize(path).map_err(|error| Error::io("find", path, error))?;
    let mut way: Vec<&Path> = real.ancestors().collect();
    way.reverse();
    for directory in way {
        let metadata =
            fs::metadata(directory).map_err(|error| Error::io("read", directory, error))?;
        if !metadata.is_dir() {
            continue;
        }
        let needed = if metadata.uid() == account.uid {
            0o100
        } else if metadata.gid() == account.gid {
            0o010
        } else {
            0o001
        };
        if metadata.mode() & needed == 0 {
            return Ok(Some(directory.to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_closed_directory_is_named() {
        let top = tempfile::tempdir().unwrap();
        let closed = fs::canonicalize(top.path()).unwrap().join("closed");
        let file = closed.join("below/file");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, "").unwrap();
        let stranger = Account {
            uid: 4_000_000_000,
            gid: 4_000_000_000,
        };
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o711)).unwrap();
        assert_eq!(first_closed(stranger, &file).unwrap(), None);
        fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
        assert_eq!(first_closed(stranger, &file).unwrap(), Some(closed.clone()));
        let metadata = fs::metadata(&closed).unwrap();
        let owner = Account {
            uid: metadata.uid(),
            gid: metadata.gid(),
        };
        assert_eq!(first_closed(owner, &file).unwrap(), None);
    }
}
