//! Completions and manual pages, made from the command line's own description.

use std::{fs, path::Path};

use clap::{Command, CommandFactory as _};
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Terminal, args::ManArgs, failure::Failure};
use crate::cli::Cli;

/// `openmake completions`.
pub(crate) fn completions(terminal: &mut Terminal, shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "openmake", &mut script);
    Ok(terminal.out.raw_text(&String::from_utf8_lossy(&script))?)
}

/// `openmake man`.
pub(crate) fn pages(terminal: &mut Terminal, args: &ManArgs) -> Result<(), Failure> {
    let mut whole = Cli::command().disable_help_subcommand(true);
    whole.build();
    if let Some(directory) = &args.to {
        fs::create_dir_all(directory).map_err(|error| Failure::file(directory, error))?;
        return write_all(whole, directory);
    }
    let mut command = &whole;
    for name in &args.command {
        command = command.find_subcommand(name).ok_or_else(|| {
            Failure::usage(
                format!("there is no command `{}`", args.command.join(" ")),
                "`openmake --help` lists them",
            )
        })?;
    }
    let page = page(command.clone())?;
    Ok(terminal.out.raw_text(&String::from_utf8_lossy(&page))?)
}

fn write_all(command: Command, directory: &Path) -> Result<(), Failure> {
    for inner in command.get_subcommands() {
        write_all(inner.clone(), directory)?;
    }
    let path = directory.join(format!("{}.1", page_name(&command)));
    fs::write(&path, page(command)?).map_err(|error| Failure::file(&path, error))
}

/// `openmake-key-create`.
fn page_name(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    name.replace(' ', "-")
}

fn page(command: Command) -> Result<Vec<u8>, Failure> {
    let mut page = Vec::new();
    let name = page_name(&command);
    Man::new(command)
        .title(name)
        .section("1")
        .source(concat!("openmake ", env!("CARGO_PKG_VERSION")))
        .manual("OpenMake")
        .render(&mut page)?;
    Ok(page)
}
