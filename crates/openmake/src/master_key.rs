//! The file that holds the master key.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use anyhow::{Context as _, bail};
use openmake_store::secrets::KeyRing;
use openmake_types::Ids;

/// Reads the master key, or makes one where there is none yet.
///
/// A database that was used with another key refuses the new one afterwards,
/// so a lost file is noticed rather than papered over.
pub(crate) fn read_or_create(path: &Path, ids: &dyn Ids) -> anyhow::Result<KeyRing> {
    match fs::read_to_string(path) {
        Ok(text) => {
            warn_if_readable_by_others(path);
            KeyRing::from_hex(&text)
                .with_context(|| format!("{} does not hold a master key", path.display()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => create(path, ids),
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
    // Written aside and renamed, so that a crash leaves no half a key; an
    // existing key is never replaced.
    let aside = path.with_extension("new");
    if let Err(error) = fs::remove_file(&aside)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error).with_context(context);
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&aside)
        .with_context(context)?;
    writeln!(file, "{text}")
        .and_then(|()| file.sync_all())
        .with_context(context)?;
    match fs::hard_link(&aside, path) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!(
                "{} appeared while it was being made; start again",
                path.display()
            )
        }
        Err(error) => return Err(error).with_context(context),
    }
    fs::remove_file(&aside).with_context(context)?;
    tracing::info!(path = %path.display(), "made a master key; keep a copy of this file in a safe place");
    Ok(KeyRing::from_bytes(bytes))
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
    fn a_damaged_key_is_refused_and_kept() {
        let dir = tempfile::tempdir().expect("directory");
        let path = dir.path().join("master.key");
        fs::write(&path, "not a key").expect("written");
        assert!(read_or_create(&path, &RandomIds).is_err());
        assert_eq!(fs::read_to_string(&path).expect("there"), "not a key");
    }
}
