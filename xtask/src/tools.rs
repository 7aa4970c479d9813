//! Programs that the checks need: pinned, installed into the cache once.

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::{cache, process};

/// A program from crates.io at one version.
struct Tool {
    name: &'static str,
    version: &'static str,
}

const DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
};
const NEXTEST: Tool = Tool {
    name: "cargo-nextest",
    version: "0.9.143",
};

/// Where `cargo-deny` is.
pub(crate) fn deny() -> anyhow::Result<PathBuf> {
    DENY.ensure()
}

/// Where `cargo-nextest` is: any that is on the machine serves.
pub(crate) fn nextest() -> anyhow::Result<PathBuf> {
    if process::output(process::command(NEXTEST.name).args(["nextest", "--version"])).is_ok() {
        return Ok(PathBuf::from(NEXTEST.name));
    }
    NEXTEST.ensure()
}

impl Tool {
    fn ensure(&self) -> anyhow::Result<PathBuf> {
        let root = cache::subdir("tools")?.join(format!("{}-{}", self.name, self.version));
        let program = root.join("bin").join(self.name);
        if !program.is_file() {
            eprintln!("building {} {} once …", self.name, self.version);
            process::run(
                process::cargo()
                    .args([
                        "install",
                        "--quiet",
                        "--locked",
                        "--version",
                        self.version,
                        self.name,
                        "--root",
                    ])
                    .arg(&root)
                    .env("CARGO_TARGET_DIR", root.join("build")),
            )?;
            // Hundreds of megabytes that nothing reads again.
            let _ = std::fs::remove_dir_all(root.join("build"));
        }
        Ok(program)
    }
}

/// The browser for the browser tests: the one on the machine, or Debian's.
pub(crate) fn chromium() -> anyhow::Result<PathBuf> {
    let found = || {
        [
            "/usr/bin/chromium",
            "/usr/bin/chromium-browser",
            "/usr/bin/google-chrome",
        ]
        .map(PathBuf::from)
        .into_iter()
        .find(|path| path.is_file())
    };
    if let Some(path) = found() {
        return Ok(path);
    }
    let apt = |arguments: &[&str]| {
        let mut command = process::command("apt-get");
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    eprintln!("installing Chromium for the browser tests …");
    let installed = process::output(&mut apt(&["update", "--quiet"])).and_then(|_| {
        process::output(&mut apt(&[
            "install",
            "--yes",
            "--no-install-recommends",
            "chromium",
        ]))
    });
    match (installed, found()) {
        (Ok(_), Some(path)) => Ok(path),
        (Err(error), _) => Err(error).context(
            "the browser tests need Chromium: install it, for example as root with apt-get",
        ),
        (Ok(_), None) => bail!("the browser tests need Chromium, and apt-get has not brought it"),
    }
}
