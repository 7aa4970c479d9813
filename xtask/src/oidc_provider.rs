//! The OpenID provider that the tests of signing in run against: npm
//! `oidc-provider`, which is certified, installed into the cache once.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::{cache, process};

/// Names the installed provider to the tests.
pub(crate) const VARIABLE: &str = "OPENMAKE_TEST_OIDC_PROVIDER";

const FILES: [&str; 4] = [".npmrc", "package-lock.json", "package.json", "server.mjs"];

/// Where the provider is, with what it needs.
pub(crate) fn ensure() -> anyhow::Result<PathBuf> {
    let source = cache::workspace().join("testing/oidc-provider");
    let mut hash = Sha256::new();
    let mut contents = Vec::new();
    for name in FILES {
        let content = fs::read(source.join(name))
            .with_context(|| format!("cannot read testing/oidc-provider/{name}"))?;
        hash.update(content.len().to_le_bytes());
        hash.update(&content);
        contents.push((name, content));
    }
    let version: String = hex::encode(hash.finalize()).chars().take(12).collect();
    let directory = cache::subdir("oidc-provider")?.join(version);
    // Written last: what is half installed is installed again.
    let mark = directory.join(".installed");
    if !mark.is_file() {
        fs::create_dir_all(&directory)?;
        for (name, content) in contents {
            fs::write(directory.join(name), content)?;
        }
        eprintln!("installing the OpenID provider of the tests once …");
        process::output(
            Command::new("npm")
                .current_dir(&directory)
                .args(["install", "--no-save", "--prefer-offline"])
                .env("npm_config_cache", cache::subdir("npm")?),
        )
        .context("the tests of signing in need Node 20 or later with npm")?;
        fs::write(&mark, "")?;
    }
    Ok(directory)
}
