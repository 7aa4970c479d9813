//! Runs the embedded server in the foreground until it is told to stop: for
//! trying it, and for the tests that kill the program around it.
//!
//! `openmake-postgres DATA_DIR BINARIES SOCKET_PARENT` prints `ready URL` and the state
//! after each change.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use openmake_postgres::{Binaries, EmbeddedPostgres, SUPERVISOR_ARG, Settings, supervisor_main};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::task::TaskTracker;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let first = args.next();
    if first.as_ref().is_some_and(|first| first == SUPERVISOR_ARG) {
        return supervisor_main(args);
    }
    let (Some(data_dir), Some(binaries), Some(parent)) = (first, args.next(), args.next()) else {
        return fail("usage: openmake-postgres DATA_DIR BINARIES SOCKET_PARENT");
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    match runtime.block_on(serve(data_dir.into(), Path::new(&binaries), parent.into())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&error.to_string()),
    }
}

fn fail(message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{message}");
    ExitCode::FAILURE
}

fn say(line: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

async fn serve(data_dir: PathBuf, binaries: &Path, parent: PathBuf) -> Result<(), Box<dyn Error>> {
    let tasks = TaskTracker::new();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let settings = Settings::new(data_dir, Binaries::open(binaries)?);
    let settings = Settings {
        runtime_parents: vec![parent],
        ..settings
    };
    let server = EmbeddedPostgres::start(settings, &tasks).await?;
    say(&format!("ready {}", server.connect_info().url()))?;
    let mut state = server.state();
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            changed = state.changed() => {
                changed?;
                let line = format!("{:?}", state.borrow_and_update()).replace('\n', " ");
                say(&line)?;
            }
        }
    }
    server.stop().await?;
    Ok(())
}
