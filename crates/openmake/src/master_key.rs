//! The file that holds the master key.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use openmake_store::secrets::KeyRing;
use openmake_types::Ids;

use crate::{database::Hint, serve::make_private_dir};

/// Reads the master key of a role that runs apart. It makes one only for a
/// database that is not bound to one yet: the others would not open what it
/// sealed.
pub(crate) fn read_shared(
    path: &Path,
    bound: Option<&str>,
    ids: &dyn Ids,
) -> anyhow::Result<KeyRing> {
    if bound.is_some() && !path.exists() {
        return Err(anyhow::anyhow!("there is no master key at {}", path.display()).context(Hint(
            "the database is bound to a key already: give this role the same file as the others, and name it with OPENMAKE_KEY_FILE".to_owned(),
        )));
    }
    read_or_create(path, ids)
}

/// Reads the master key, or makes one where there is none yet.
///
/// A database that was used with another key refuses the new one afterwards,
/// so a lost file is noticed rather than papered over.
pub(crate) fn read_or_create(path: &Path, ids: &dyn Ids) -> anyhow::Result<KeyRing> {
    match lookup(path)? {
        Some(keys) => Ok(keys),
        None => create(path, ids),
    }
}

/// The key that is there.
fn lookup(path: &Path) -> anyhow::Result<Option<KeyRing>> {
    match fs::read_to_string(path) {
        Ok(text) => {
            warn_if_readable_by_others(path);
            let keys = KeyRing::from_hex(&text)
                .with_context(|| format!("{} does not hold a master key", path.display()))?;
            Ok(Some(keys))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => {
            Err(error).with_context(|| format!("cannot read the master key {}", path.display()))
        }
    }
}

fn create(path: &Path, ids: &dyn Ids) -> anyhow::Result<KeyRing> {
    let mut bytes = [0; 32];
    ids.fill(&mut bytes);
    let text = hex::encode(bytes);
    let context = || format!("cannot write the master key {}", path.display());
    // Written aside and linked, so that a crash leaves no half a key; an
    // existing key is never replaced. Each process has a file of its own, since
    // several that share the directory may start at once.
    let mut own = [0; 8];
    ids.fill(&mut own);
    let aside = path.with_extension(format!("new-{}", hex::encode(own)));
    write_new(&aside, &text)?;
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside).with_context(context)?;
    match linked {
        Ok(()) => {}
        // Another process was first.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return lookup(path)?.with_context(context);
        }
        Err(error) => return Err(error).with_context(context),
    }
    tracing::info!(path = %path.display(), "made a master key; keep a copy of this file in a safe place");
    Ok(KeyRing::from_bytes(bytes))
}

/// Writes a key into a file that nobody else can read; what a crash has left
/// there goes.
fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    let context = || format!("cannot write the master key {}", path.display());
    if let Err(error) = fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error).with_context(context);
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(context)?;
    writeln!(file, "{text}")
        .and_then(|()| file.sync_all())
        .with_context(context)
}

/// A restored instance's key, written beside the one that it will replace. The
/// two steps stand around the moment in which the database changes: a crash
/// between them is made good by [`finish_restore`].
#[derive(Debug)]
pub(crate) struct Prepared {
    path: PathBuf,
}

impl Prepared {
    /// Writes the key aside.
    pub(crate) fn write(path: &Path, keys: &KeyRing) -> anyhow::Result<Self> {
        if let Some(directory) = path.parent() {
            make_private_dir(directory)?;
        }
        write_new(&prepared(path), &hex::encode(keys.master()))?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// Makes it the key, now that the database needs it. The one before is kept
    /// beside it.
    pub(crate) fn install(self, now: DateTime<Utc>) -> anyhow::Result<()> {
        let context = || format!("cannot replace the master key {}", self.path.display());
        let kept = self
            .path
            .with_extension(format!("replaced-{}", now.format("%Y%m%d%H%M%S")));
        match fs::hard_link(&self.path, &kept) {
            Ok(()) => {
                tracing::info!(path = %kept.display(), "kept the master key that was there");
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(context),
        }
        fs::rename(prepared(&self.path), &self.path).with_context(context)
    }

    /// Leaves the key that is there as the only one.
    pub(crate) fn discard(self) {
        if let Err(error) = fs::remove_file(prepared(&self.path)) {
            tracing::warn!(%error, "a key that is not needed could not be removed");
        }
    }
}

fn prepared(path: &Path) -> PathBuf {
    path.with_extension("restored")
}

/// Ends a restore that was killed after the database had changed and before the
/// key had: known by the database being bound to the key that lies beside.
pub(crate) fn finish_restore(
    path: &Path,
    bound: Option<&str>,
    now: DateTime<Utc>,
) -> anyhow::Result<()> {
    let Ok(text) = fs::read_to_string(prepared(path)) else {
        return Ok(());
    };
    let fits = KeyRing::from_hex(&text).is_ok_and(|keys| Some(keys.key_id().as_str()) == bound);
    if fits {
        let path = path.to_owned();
        Prepared { path }.install(now)?;
    }
    Ok(())
}

fn warn_if_readable_by_others(path: &Path) {
    if let Ok(metadata) = fs::metadata(path)
        && metadata.mode() & 0o077 != 0
    {
        tracing::warn!(
            path = %path.display(),
            "the master key can be read by others; run: chmod 600 {}",
            path.display()
        );
    }
}

#[cfg(test)]
mod tests {
    use openmake_types::RandomIds;

    use super::*;

    #[test]
    fn a_new_key_is_private_and_stays() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("master.key");
        let first = read_or_create(&path, &RandomIds).expect("made");
        let second = read_or_create(&path, &RandomIds).expect("read");
        assert_eq!(first.key_id(), second.key_id());
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).expect("readable").count(), 1);
    }

    #[test]
    fn a_restored_key_takes_its_place_even_after_a_crash() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("master.key");
        let before = read_or_create(&path, &RandomIds).expect("made");
        let restored = KeyRing::from_bytes([7; 32]);
        let now = DateTime::UNIX_EPOCH;
        // The database did not change: nothing happens.
        let prepared = Prepared::write(&path, &restored).expect("written");
        finish_restore(&path, Some(&before.key_id()), now).expect("looked");
        let key = || read_or_create(&path, &RandomIds).expect("read").key_id();
        assert_eq!(key(), before.key_id());
        drop(prepared);
        // It did, and the program was killed.
        finish_restore(&path, Some(&restored.key_id()), now).expect("finished");
        assert_eq!(key(), restored.key_id());
        let kept = dir.path().join("master.replaced-19700101000000");
        let kept = fs::read_to_string(kept).expect("kept");
        assert_eq!(
            KeyRing::from_hex(&kept).expect("a key").key_id(),
            before.key_id()
        );
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        finish_restore(&path, Some(&restored.key_id()), now).expect("nothing left");
    }

    #[test]
    fn a_damaged_key_is_refused_and_kept() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("master.key");
        fs::write(&path, "not a key").expect("written");
        assert!(read_or_create(&path, &RandomIds).is_err());
        assert_eq!(fs::read_to_string(&path).expect("there"), "not a key");
    }
}
