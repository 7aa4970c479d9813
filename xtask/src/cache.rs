//! Directories: the checkout, the cache.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use openmake_postgres::{DefaultDirs, HostEnvironment};

/// The checkout's root.
pub(crate) fn workspace() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// Where what is fetched or built once is kept: `OPENMAKE_CACHE`, or where the
/// program looks by default.
pub(crate) fn dir() -> anyhow::Result<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    if let Some(path) = variable("OPENMAKE_CACHE") {
        return std::path::absolute(&path)
            .with_context(|| format!("OPENMAKE_CACHE={}", path.display()));
    }
    let environment = HostEnvironment {
        home: variable("HOME"),
        xdg_data_home: variable("XDG_DATA_HOME"),
        xdg_cache_home: variable("XDG_CACHE_HOME"),
        xdg_runtime_dir: variable("XDG_RUNTIME_DIR"),
    };
    DefaultDirs::for_current_user(&environment)
        .map(|dirs| dirs.cache)
        .context("set HOME or OPENMAKE_CACHE: there is no place for a cache")
}

/// A directory inside the cache, made if need be. PostgreSQL's account must be
/// able to read there when the program runs as root.
pub(crate) fn subdir(name: &str) -> anyhow::Result<PathBuf> {
    let cache = dir()?;
    let path = cache.join(name);
    fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
    for made in [&cache, &path] {
        let mut mode = fs::metadata(made)?.permissions();
        if mode.mode() & 0o055 != 0o055 {
            mode.set_mode(mode.mode() | 0o055);
            // Somebody else's cache may be fit as it is.
            let _ = fs::set_permissions(made, mode);
        }
    }
    Ok(path)
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    workspace().join(target)
}
