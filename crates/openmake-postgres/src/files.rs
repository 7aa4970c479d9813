//! Files and directories with an owner and a mode from their first moment on.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, lchown};
use std::path::Path;

use rand::Rng as _;

use crate::account::Account;
use crate::error::Error;

/// Makes `path` as a directory with `mode`; its parent must be there.
pub(crate) fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().mode(mode).create(path)
}

/// Writes `content` beside `path` and renames it there, readable only by
/// `owner` (or by us, without one), so that no reader meets half of it.
pub(crate) fn write_private(
    path: &Path,
    content: &str,
    owner: Option<Account>,
) -> Result<(), Error> {
    let temporary = path.with_extension("new");
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(Error::io("remove", &temporary, error));
        }
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(|error| Error::io("create", &temporary, error))?;
    file.write_all(content.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| Error::io("write", &temporary, error))?;
    give(&temporary, owner)?;
    fs::rename(&temporary, path).map_err(|error| Error::io("write", path, error))
}

/// Hands `path` to `owner`, if there is one to hand it to.
pub(crate) fn give(path: &Path, owner: Option<Account>) -> Result<(), Error> {
    let Some(owner) = owner else { return Ok(()) };
    lchown(path, Some(owner.uid), Some(owner.gid))
        .map_err(|error| Error::io("change the owner of", path, error))
}

/// Hands a whole tree to `owner`, never following a symbolic link.
pub(crate) fn give_tree(path: &Path, owner: Account) -> Result<(), Error> {
    give(path, Some(owner))?;
    let kind = fs::symlink_metadata(path).map_err(|error| Error::io("read", path, error))?;
    if !kind.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(|error| Error::io("list", path, error))? {
        let entry = entry.map_err(|error| Error::io("list", path, error))?;
        give_tree(&entry.path(), owner)?;
    }
    Ok(())
}

/// Makes a rename or a new name inside `directory` survive a power cut.
pub(crate) fn sync_dir(directory: &Path) -> Result<(), Error> {
    File::open(directory)
        .and_then(|file| file.sync_all())
        .map_err(|error| Error::io("flush", directory, error))
}

/// A random lowercase hexadecimal text of twice `N` characters.
pub(crate) fn random_hex<const N: usize>() -> String {
    let mut bytes = [0_u8; N];
    rand::rng().fill_bytes(&mut bytes);
    hex::encode(bytes)
}
