//! The terminal itself: asking for a password, and signals.

use std::{
    io::{self, BufRead as _, Read as _, Write as _},
    path::Path,
};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::task::TaskTracker;

use super::failure::Failure;

/// The exit code of a program that was told to end.
const TERMINATED: i32 = 128 + 15;
/// The editor asks the terminal to mark what is pasted; nothing after it does.
const END_OF_PASTE_MARKS: &[u8] = b"\x1b[?2004l";
/// Longer than any password, key or address.
const LONGEST_LINE: u64 = 4096;

/// Asks on the terminal, or shows nothing where there is none.
pub(crate) fn prompt(text: &str) -> Result<(), Failure> {
    let mut err = io::stderr();
    err.write_all(text.as_bytes())?;
    err.flush()?;
    Ok(())
}

/// A line of standard input without its end.
pub(crate) fn read_line() -> Result<String, Failure> {
    let mut line = String::new();
    io::stdin()
        .lock()
        .take(LONGEST_LINE)
        .read_line(&mut line)
        .map_err(|error| Failure::file(Path::new("standard input"), error))?;
    Ok(line.trim_end_matches(['\r', '\n']).to_owned())
}

/// Turns the terminal's echo off until it is dropped.
#[derive(Debug)]
pub(crate) struct EchoOff(nix::sys::termios::Termios);

impl EchoOff {
    /// From now on.
    pub(crate) fn new() -> io::Result<Self> {
        use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
        let stdin = io::stdin();
        let before = tcgetattr(&stdin)?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&stdin, SetArg::TCSADRAIN, &silent)?;
        Ok(Self(before))
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        // Nothing is left to do about it if the terminal is gone.
        let _ = nix::sys::termios::tcsetattr(
            io::stdin(),
            nix::sys::termios::SetArg::TCSADRAIN,
            &self.0,
        );
    }
}

/// Leaves the terminal as it is now when the program is told to end, which it
/// does at once: it may be waiting for a key.
pub(crate) fn restore_when_terminated(tasks: &TaskTracker) -> Result<(), Failure> {
    let before = nix::sys::termios::tcgetattr(io::stdin()).map_err(io::Error::from)?;
    let mut terminate = signal(SignalKind::terminate())?;
    tasks.spawn(async move {
        terminate.recv().await;
        // Whether or not that works, this is the end.
        let _ = nix::sys::termios::tcsetattr(
            io::stdin(),
            nix::sys::termios::SetArg::TCSADRAIN,
            &before,
        );
        let _ = io::stderr().write_all(END_OF_PASTE_MARKS);
        std::process::exit(TERMINATED);
    });
    Ok(())
}

/// Ctrl-C, and for commands that tidy up a request to end. From its making on
/// they do not end the program by themselves.
#[derive(Debug)]
pub(crate) struct Interrupts {
    keyboard: Signal,
    terminate: Option<Signal>,
}

impl Interrupts {
    /// Listens to both.
    pub(crate) fn listen() -> Result<Self, Failure> {
        Ok(Self {
            keyboard: signal(SignalKind::interrupt())?,
            terminate: Some(signal(SignalKind::terminate())?),
        })
    }

    /// Listens to the keyboard only.
    pub(crate) fn keyboard() -> Result<Self, Failure> {
        Ok(Self {
            keyboard: signal(SignalKind::interrupt())?,
            terminate: None,
        })
    }

    /// Waits for the next.
    pub(crate) async fn next(&mut self) {
        let Some(terminate) = &mut self.terminate else {
            self.keyboard.recv().await;
            return;
        };
        tokio::select! {
            _ = self.keyboard.recv() => {}
            _ = terminate.recv() => {}
        }
    }

    /// What `work` comes to, unless it is interrupted.
    pub(crate) async fn or<T>(
        &mut self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        tokio::select! {
            done = work => done,
            () = self.next() => Err(Failure::Interrupted),
        }
    }
}
