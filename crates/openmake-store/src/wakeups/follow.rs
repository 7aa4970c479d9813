//! Waiting for changes of one kind.

use std::{error::Error, time::Duration};

use tokio::{
    sync::broadcast::{self, error::RecvError},
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use super::{Heard, Wakeup, WakeupKind};

/// How long reading what changed may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pause after reading failed.
const AGAIN: Duration = Duration::from_secs(1);

/// Waits until something that `concerns` the caller may have changed: it was
/// told, or telling was interrupted. Waits for ever when nobody tells any more.
/// Dropping the future loses nothing.
pub async fn changed(
    heard: &mut broadcast::Receiver<Heard>,
    concerns: impl Fn(&Wakeup) -> bool + Send,
) {
    loop {
        match heard.recv().await {
            Ok(Heard::Changed(change)) if !concerns(&change) => {}
            Ok(Heard::Changed(_) | Heard::Reconnected) | Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Keeps what was read from the database as it is there.
#[derive(Debug)]
pub struct Follow {
    /// Where changes are told.
    pub heard: broadcast::Receiver<Heard>,
    /// Which changes.
    pub kind: WakeupKind,
    /// What is read, for the log: "the limits".
    pub what: &'static str,
}

impl Follow {
    /// Reads at once, after every change, and again after a second where that
    /// failed or took longer than five, until `stop`. What was known before
    /// holds meanwhile.
    pub async fn run<R, F, E>(mut self, mut read: R, stop: CancellationToken)
    where
        R: FnMut() -> F + Send,
        F: Future<Output = Result<(), E>> + Send,
        E: Error + 'static,
    {
        let following = async {
            loop {
                let failed = match timeout(PATIENCE, read()).await {
                    Ok(Ok(())) => false,
                    Ok(Err(error)) => {
                        tracing::warn!(
                            error = &error as &dyn Error,
                            "{} could not be read; what was known before holds",
                            self.what
                        );
                        true
                    }
                    Err(_) => {
                        tracing::warn!("{} could not be read in time", self.what);
                        true
                    }
                };
                if failed {
                    sleep(AGAIN).await;
                } else {
                    let kind = self.kind;
                    changed(&mut self.heard, |change| change.kind == kind).await;
                }
            }
        };
        let _: Option<()> = stop.run_until_cancelled(following).await;
    }
}
