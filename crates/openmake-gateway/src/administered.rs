//! What administrators decide at run time, as this process knows it.

use openmake_store::{
    StoreError,
    wakeups::{Follow, Wakeup, WakeupKind},
};
use openmake_types::{Limit, Limits};
use parking_lot::RwLock;
use uuid::Uuid;

use crate::{settings::RateSettings, state::App};

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
pub(crate) async fn refresh(app: &App) -> Result<(), StoreError> {
    let limits = app.store.limits().get().await?;
    let mut known = app.administered.0.write();
    if *known != limits {
        app.limits.apply(&rates(&app.settings.rates, &limits));
        *known = limits;
    }
    Ok(())
}

/// Follows changes of the limits, until the process stops.
pub(crate) async fn follow(app: App) {
    let follow = Follow {
        heard: app.wakeups.subscribe(),
        kind: WakeupKind::Settings,
        what: "the limits",
    };
    let stop = app.stop.clone();
    let read = || {
        let app = app.clone();
        async move { refresh(&app).await }
    };
    follow.run(read, stop).await;
}
