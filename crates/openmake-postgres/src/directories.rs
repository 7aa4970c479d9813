//! Where things are kept by default, and where the socket goes.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::geteuid;
use sha2::{Digest, Sha256};

use crate::account::Account;
use crate::error::Error;
use crate::files::{give, make_dir, random_hex};

/// What the environment says about directories; the caller reads it.
#[derive(Debug, Clone, Default)]
pub struct HostEnvironment {
    /// `HOME`.
    pub home: Option<PathBuf>,
    /// `XDG_DATA_HOME`.
    pub xdg_data_home: Option<PathBuf>,
    /// `XDG_CACHE_HOME`.
    pub xdg_cache_home: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime_dir: Option<PathBuf>,
}

/// The directories that are used when nothing else is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultDirs {
    /// For what must be kept.
    pub data: PathBuf,
    /// For what can be fetched again.
    pub cache: PathBuf,
    /// For [`crate::Settings::runtime_parents`].
    pub runtime_parents: Vec<PathBuf>,
}

impl DefaultDirs {
    /// The places for the user who runs this program: the system's own for
    /// root, the XDG directories (or macOS's) for others. `None` when a user
    /// has no home.
    pub fn for_current_user(environment: &HostEnvironment) -> Option<Self> {
        if geteuid().is_root() {
            return Some(Self::for_root());
        }
        Self::for_user(environment)
    }

    fn for_root() -> Self {
        Self {
            data: PathBuf::from("/var/lib/openmake"),
            cache: PathBuf::from("/var/cache/openmake"),
            runtime_parents: vec![PathBuf::from("/run")],
        }
    }

    fn for_user(environment: &HostEnvironment) -> Option<Self> {
        // The XDG specification says that a relative path is to be ignored.
        let absolute = |path: &Option<PathBuf>| path.clone().filter(|path| path.is_absolute());
        let home = absolute(&environment.home);
        let under_home = |linux: &str, mac: &str| {
            home.as_ref().map(|home| {
                home.join(if cfg!(target_os = "macos") {
                    mac
                } else {
                    linux
                })
            })
        };
        Some(Self {
            data: absolute(&environment.xdg_data_home)
                .or_else(|| under_home(".local/share", "Library/Application Support"))?
                .join("openmake"),
            cache: absolute(&environment.xdg_cache_home)
                .or_else(|| under_home(".cache", "Library/Caches"))?
                .join("openmake"),
            runtime_parents: absolute(&environment.xdg_runtime_dir).into_iter().collect(),
        })
    }
}

/// The most bytes that the path of a Unix socket may have.
const SOCKET_PATH_LIMIT: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The private directory that holds the server's socket; removed again with
/// [`RuntimeDir::remove`].
#[derive(Debug, Clone)]
pub(crate) struct RuntimeDir(PathBuf);

impl RuntimeDir {
    /// Makes, or takes again, a directory that only `owner` (or, without one,
    /// this user) can enter, under the first of `parents` that fits.
    ///
    /// The name follows from the data directory, so a crash leaves one
    /// directory and not many. A directory of that name that someone else made
    /// is never trusted: then a random name is taken.
    pub(crate) fn prepare(
        parents: &[PathBuf],
        data_dir: &Path,
        owner: Option<Account>,
        port: u16,
    ) -> Result<Self, Error> {
        let key = hex::encode(Sha256::digest(data_dir.as_os_str().as_bytes()));
        let key = &key[..10];
        let uid = geteuid().as_raw();
        let mut problems = Vec::new();
        let shared = PathBuf::from("/tmp");
        for parent in parents.iter().chain([&shared]) {
            let stable = if *parent == shared {
                format!("openmake-{uid}-{key}")
            } else {
                format!("openmake-{key}")
            };
            for name in [stable.clone(), format!("{stable}-{}", random_hex::<4>())] {
                let path = parent.join(name);
                let length = path.as_os_str().len() + format!("/.s.PGSQL.{port}").len();
                if length > SOCKET_PATH_LIMIT {
                    problems.push(format!(
                        "{}: the path is too long for a socket",
                        path.display()
                    ));
                    break;
                }
                match claim(&path, owner) {
                    Ok(()) => return Ok(Self(path)),
                    Err(problem) => problems.push(format!("{}: {problem}", path.display())),
                }
            }
        }
        Err(Error::NoRuntimeDirectory {
            reason: problems.join("; "),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Removes the directory if the server has left it empty.
    pub(crate) fn remove(&self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            tracing::debug!(path = %self.0.display(), %error, "the socket's directory stays");
        }
    }
}

fn claim(path: &Path, owner: Option<Account>) -> Result<(), String> {
    match make_dir(path, 0o700) {
        Ok(()) => return give(path, owner).map_err(|error| error.to_string()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.to_string()),
    }
    let me = geteuid().as_raw();
    let server = owner.map_or(me, |owner| owner.uid);
    let found = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !found.is_dir() {
        return Err("is not a directory".to_owned());
    }
    if found.mode() & 0o077 != 0 {
        return Err("is open to other users".to_owned());
    }
    if found.uid() == server {
        return Ok(());
    }
    if found.uid() == me {
        // Made by us, and interrupted before it was handed over.
        return give(path, owner).map_err(|error| error.to_string());
    }
    Err(format!("belongs to uid {}", found.uid()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn users_get_the_xdg_directories() {
        let environment = HostEnvironment {
            home: Some("/home/a b".into()),
            xdg_data_home: Some("relative".into()),
            xdg_cache_home: Some("/caches".into()),
            xdg_runtime_dir: Some("/run/user/7".into()),
        };
        let dirs = DefaultDirs::for_user(&environment).unwrap();
        assert!(dirs.data.starts_with("/home/a b") && dirs.data.ends_with("openmake"));
        assert_eq!(dirs.cache, Path::new("/caches/openmake"));
        assert_eq!(dirs.runtime_parents, [PathBuf::from("/run/user/7")]);
        assert_eq!(DefaultDirs::for_user(&HostEnvironment::default()), None);
    }

    #[test]
    fn a_directory_that_is_not_private_is_passed_over() {
        let parent = tempfile::Builder::new()
            .prefix("rt")
            .tempdir_in("/tmp")
            .unwrap();
        let parents = [parent.path().to_owned()];
        let data = Path::new("/some/data");
        let first = RuntimeDir::prepare(&parents, data, None, 5432).unwrap();
        let again = RuntimeDir::prepare(&parents, data, None, 5432).unwrap();
        assert_eq!(first.path(), again.path());
        assert_eq!(fs::metadata(first.path()).unwrap().mode() & 0o777, 0o700);

        fs::set_permissions(first.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let wary = RuntimeDir::prepare(&parents, data, None, 5432).unwrap();
        assert_ne!(wary.path(), first.path());

        first.remove();
        symlink(wary.path(), first.path()).unwrap();
        let warier = RuntimeDir::prepare(&parents, data, None, 5432).unwrap();
        assert_ne!(warier.path(), first.path());
    }

    #[test]
    fn a_long_parent_is_passed_over() {
        let parent = tempfile::tempdir().unwrap();
        let long = parent.path().join("x".repeat(100));
        fs::create_dir(&long).unwrap();
        let made = RuntimeDir::prepare(&[long], parent.path(), None, 5432).unwrap();
        assert!(made.path().starts_with("/tmp"));
        made.remove();
    }
}
