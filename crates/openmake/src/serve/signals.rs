//! What tells the program to stop.

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The first signal stops in order, the second stops waiting.
pub(super) struct Signals {
    pub(super) soft: CancellationToken,
    pub(super) hard: CancellationToken,
}

impl Signals {
    pub(super) fn listen(tasks: &TaskTracker) -> anyhow::Result<Self> {
        let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
        let (soft, hard) = (CancellationToken::new(), CancellationToken::new());
        let (first, second) = (soft.clone(), hard.clone());
        // Ends with the process: it must hear the second signal to the last.
        let listening = async move {
            for token in [first, second] {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
                token.cancel();
            }
        };
        let ended = hard.clone();
        tasks.spawn(async move { ended.run_until_cancelled(listening).await });
        Ok(Self { soft, hard })
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.hard.cancel();
    }
}
