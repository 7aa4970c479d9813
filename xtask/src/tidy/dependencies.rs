//! Rules on manifests: who may use whom inside, and that versions and lints
//! come from the workspace.

use anyhow::{Context, bail};
use toml::{Table, Value};

use super::Source;

/// A crate and the crates of ours that it may use: ARCHITECTURE.md's table.
struct Row {
    name: &'static str,
    uses: &'static [&'static str],
}

/// In the order of the table, so that "and the above" can be read off.
const TABLE: &[Row] = &[
    Row {
        name: "openmake-types",
        uses: &[],
    },
    Row {
        name: "openmake-api",
        uses: &["openmake-types"],
    },
    Row {
        name: "openmake-seam",
        uses: &["openmake-api", "openmake-types"],
    },
    Row {
        name: "openmake-egress",
        uses: &["openmake-types"],
    },
    Row {
        name: "openmake-postgres",
        uses: &[],
    },
    Row {
        name: "openmake-store",
        uses: &["openmake-types"],
    },
    Row {
        name: "openmake-backup",
        uses: &["openmake-store", "openmake-types"],
    },
    Row {
        name: "openmake-models",
        uses: &["openmake-egress", "openmake-types"],
    },
    Row {
        name: "openmake-tools",
        uses: &["openmake-egress", "openmake-types"],
    },
    Row {
        name: "openmake-mcp",
        uses: &["openmake-tools", "openmake-egress", "openmake-types"],
    },
    Row {
        name: "openmake-knowledge",
        uses: &[
            "openmake-store",
            "openmake-models",
            "openmake-egress",
            "openmake-types",
        ],
    },
    Row {
        name: "openmake-agents",
        uses: &["openmake-models", "openmake-tools", "openmake-types"],
    },
    Row {
        name: "openmake-ai",
        uses: &[
            "openmake-types",
            "openmake-api",
            "openmake-egress",
            "openmake-store",
            "openmake-models",
            "openmake-tools",
            "openmake-mcp",
            "openmake-knowledge",
            "openmake-agents",
        ],
    },
    Row {
        name: "openmake-web",
        uses: &["openmake-types"],
    },
    Row {
        name: "openmake-gateway",
        uses: &[
            "openmake-api",
            "openmake-seam",
            "openmake-store",
            "openmake-egress",
            "openmake-types",
        ],
    },
    Row {
        name: "openmake-import",
        uses: &["openmake-store", "openmake-types"],
    },
];

/// The binary and the development crates may use everything.
const UNRESTRICTED: &[&str] = &["openmake", "testkit", "bench", "xtask"];

/// Made for tests; no crate that is shipped may use them otherwise.
const DEVELOPMENT: &[&str] = &["testkit", "bench", "xtask"];

pub(super) fn check(sources: &[Source]) -> anyhow::Result<Vec<String>> {
    let mut problems = Vec::new();
    for source in sources {
        let is_member = ["bench/Cargo.toml", "xtask/Cargo.toml"].contains(&source.path.as_str())
            || source
                .path
                .strip_prefix("crates/")
                .is_some_and(|rest| rest.ends_with("/Cargo.toml"));
        if is_member {
            let manifest: Table = source.text.parse().with_context(|| source.path.clone())?;
            let found = check_manifest(&manifest).with_context(|| source.path.clone())?;
            problems.extend(
                found
                    .into_iter()
                    .map(|problem| format!("{}: {problem}", source.path)),
            );
        }
    }
    Ok(problems)
}

fn check_manifest(manifest: &Table) -> anyhow::Result<Vec<String>> {
    let Some(name) = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(Value::as_str)
    else {
        bail!("the package has no name");
    };
    let mut problems = Vec::new();
    let inherits = |value: Option<&Value>| {
        value
            .and_then(|value| value.get("workspace"))
            .and_then(Value::as_bool)
            .unwrap_or_default()
    };
    if !inherits(manifest.get("lints")) {
        problems.push("has no `[lints] workspace = true`".to_owned());
    }
    let uses = TABLE
        .iter()
        .find(|row| row.name == name)
        .map(|row| row.uses);
    let free = UNRESTRICTED.contains(&name);
    if uses.is_none() && !free {
        problems.push(format!(
            "`{name}` has no row in the table of crates (xtask and ARCHITECTURE.md)"
        ));
    }
    for (section, dependencies) in sections(manifest) {
        for (dependency, value) in dependencies {
            if !inherits(Some(value)) {
                problems.push(format!(
                    "`{dependency}` names its version here and not in the workspace's manifest"
                ));
            }
            let ours =
                dependency.starts_with("openmake") || DEVELOPMENT.contains(&dependency.as_str());
            let for_tests = section == "dev-dependencies" && dependency == "testkit";
            let permitted = uses.is_some_and(|uses| uses.contains(&dependency.as_str()));
            if ours && !for_tests && !permitted && !free {
                problems.push(format!(
                    "`{name}` may not use `{dependency}`: see the table in ARCHITECTURE.md"
                ));
            }
        }
    }
    Ok(problems)
}

/// Every table of dependencies, also those for one platform.
fn sections(manifest: &Table) -> Vec<(&'static str, &Table)> {
    const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let platforms = manifest.get("target").and_then(Value::as_table);
    let tables = platforms
        .into_iter()
        .flat_map(Table::values)
        .filter_map(Value::as_table);
    std::iter::once(manifest)
        .chain(tables)
        .flat_map(|table| {
            SECTIONS
                .iter()
                .filter_map(|section| Some((*section, table.get(*section)?.as_table()?)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(manifest: &str) -> Vec<String> {
        check_manifest(&manifest.parse().unwrap()).unwrap()
    }

    const HEAD: &str = "[package]\nname = \"openmake-gateway\"\n[lints]\nworkspace = true\n";

    #[test]
    fn the_table_is_enforced() {
        let good = format!(
            "{HEAD}[dependencies]\nopenmake-store.workspace = true\nserde.workspace = true\n\
             [dev-dependencies]\ntestkit.workspace = true\n"
        );
        assert_eq!(problems(&good), Vec::<String>::new());
        assert_eq!(
            problems(&format!(
                "{HEAD}[dependencies]\nopenmake-models.workspace = true\n"
            ))
            .len(),
            1
        );
        assert_eq!(
            problems(&format!("{HEAD}[dependencies]\ntestkit.workspace = true\n")).len(),
            1
        );
        let hidden =
            format!("{HEAD}[target.'cfg(unix)'.dependencies]\nopenmake-ai.workspace = true\n");
        assert_eq!(problems(&hidden).len(), 1);
    }

    #[test]
    fn versions_and_lints_come_from_the_workspace() {
        assert_eq!(
            problems(&format!("{HEAD}[dependencies]\nserde = \"1\"\n")).len(),
            1
        );
        assert_eq!(problems("[package]\nname = \"openmake-types\"\n").len(), 1);
        assert_eq!(
            problems("[package]\nname = \"surprise\"\n[lints]\nworkspace = true\n").len(),
            1
        );
    }

    #[test]
    fn no_crate_uses_one_that_uses_it() {
        for (index, row) in TABLE.iter().enumerate() {
            for used in row.uses {
                let at = TABLE.iter().position(|other| other.name == *used).unwrap();
                assert!(
                    at < index,
                    "{} uses {used}, which stands below it",
                    row.name
                );
            }
        }
    }
}
