//! What administrators decide at run time, as this process knows it.

use std::time::Duration;

use openmake_store::wakeups::{Heard, Wakeup, WakeupKind};
use openmake_types::{Limit, Limits};
use parking_lot::RwLock;
use tokio::{sync::broadcast::error::RecvError, time::timeout};
use uuid::Uuid;

use crate::{settings::RateSettings, state::App};

/// How long a read may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// A hint may be lost; then this is how long an old limit holds on.
const POLL: Duration = Duration::from_secs(30);

/// The limits that are set.
#[derive(Default)]
pub(crate) struct Administered(RwLock<Limits>);

impl Administered {
    /// As they were read last.
    pub(crate) fn limits(&self) -> Limits {
        self.0.read().clone()
    }
}

/// The settings with another version, for the other processes.
pub(crate) fn changed(version: i64) -> Wakeup {
    Wakeup {
        kind: WakeupKind::Settings,
        id: Uuid::nil(),
        version,
        owner: None,
    }
}

/// The rates that hold: those that are set, and the others as configured.
fn rates(configured: &RateSettings, limits: &Limits) -> RateSettings {
    let set = |limit, configured| limits.small(limit).unwrap_or(configured);
    RateSettings {
        sign_in: set(Limit::SignInsPerMinute, configured.sign_in),
        anonymous: set(Limit::AddressRequestsPerMinute, configured.anonymous),
        actor: set(Limit::RequestsPerMinute, configured.actor),
        guest: set(Limit::GuestRequestsPerMinute, configured.guest),
        turn_start: set(Limit::TurnsPerMinute, configured.turn_start),
        search: set(Limit::SearchesPerMinute, configured.search),
        ..*configured
    }
}

/// Reads the limits, and goes on with them.
pub(crate) async fn refresh(app: &App) {
    let store = app.store.limits();
    let limits = match timeout(PATIENCE, store.get()).await {
        Ok(Ok(limits)) => limits,
        Ok(Err(error)) => {
            tracing::warn!(%error, "the limits could not be read; those from before hold");
            return;
        }
        Err(_) => {
            tracing::warn!("the limits could not be read in time; those from before hold");
            return;
        }
    };
    let mut known = app.administered.0.write();
    if *known != limits {
        app.limits.apply(&rates(&app.settings.rates, &limits));
        *known = limits;
    }
}

/// Follows changes of the limits, until the process stops.
pub(crate) async fn follow(app: App) {
    let mut heard = app.wakeups.subscribe();
    loop {
        refresh(&app).await;
        let changed = async {
            loop {
                match heard.recv().await {
                    Ok(Heard::Changed(change)) if change.kind == WakeupKind::Settings => return,
                    Ok(Heard::Changed(_)) => {}
                    Ok(Heard::Reconnected) | Err(RecvError::Lagged(_)) => return,
                    // Nobody tells any more: the poll is left.
                    Err(RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        tokio::select! {
            () = app.stop.cancelled() => return,
            _ = timeout(POLL, changed) => {}
        }
    }
}
