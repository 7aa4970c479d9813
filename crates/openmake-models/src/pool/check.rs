//! Asking a server how it is and what it has.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, timeout};

use super::{
    keys::{Lease, Pick},
    node::{Check, Server},
};
use crate::{ListedModel, LoadedModel, ModelDetails, ModelError};

/// The most that one check may take, details of new models included.
const CHECK: Duration = Duration::from_secs(30);
/// How long details are taken as they are: a server may be started anew with
/// other settings for the same model.
const DETAILS_AGE: Duration = Duration::from_mins(10);
/// Requests for details at once.
const DETAILS_AT_ONCE: usize = 4;
/// The most models of one server; more than any has.
const MAX_MODELS: usize = 5_000;
/// How much of the old latency remains in the new: about the last five.
const LATENCY_WEIGHT: f64 = 0.8;

/// What a check found.
struct Found {
    models: Vec<ListedModel>,
    loaded: Option<Vec<LoadedModel>>,
    version: Option<String>,
    latency: Duration,
}

/// Checks `server` and keeps what it says.
pub(super) async fn check(server: &Server, now: DateTime<Utc>) {
    let found = timeout(CHECK, find(server)).await.unwrap_or_else(|_| {
        Err(ModelError::connection(format!(
            "the check took longer than {CHECK:?}"
        )))
    });
    server.update(|state| {
        state.checked_at = Some(now);
        match found {
            Ok(found) => {
                if state.check == Check::Bad {
                    state.breaker.reachable();
                }
                state.check = Check::Good;
                if state.breaker.is_closed() {
                    state.last_error = None;
                }
                state.latency = Some(state.latency.map_or(found.latency, |old| {
                    old.mul_f64(LATENCY_WEIGHT) + found.latency.mul_f64(1.0 - LATENCY_WEIGHT)
                }));
                state.version = found.version;
                state.set_models(found.models, found.loaded);
            }
            Err(error) => {
                // What it had is kept: it may be back before anyone asks.
                state.check = Check::Bad;
                state.last_error = Some(error.to_string());
            }
        }
    });
}

async fn find(server: &Server) -> Result<Found, ModelError> {
    let started = Instant::now();
    let (lease, mut models) = list(server).await?;
    let latency = started.elapsed();
    models.truncate(MAX_MODELS);
    let (version, loaded) = tokio::join!(
        server.provider.version(&lease.credential),
        server.provider.loaded(&lease.credential)
    );
    add_details(server, &lease, &mut models).await;
    models.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Found {
        models,
        // Neither is worth failing a server for that lists its models.
        loaded: loaded.ok().flatten(),
        version: version.ok().flatten(),
        latency,
    })
}

/// The list, with the first key that the server takes.
async fn list(server: &Server) -> Result<(Lease, Vec<ListedModel>), ModelError> {
    let mut tried = Vec::new();
    let mut last = None;
    for _ in 0..server.keys.len() {
        let lease = match server.keys.pick(&tried) {
            Pick::Key(lease) => lease,
            Pick::Resting(rest) => {
                return Err(last.unwrap_or(ModelError::RateLimited {
                    retry_after: Some(rest),
                }));
            }
            Pick::Tried => break,
        };
        match server.provider.list_models(&lease.credential).await {
            Ok(models) => return Ok((lease, models)),
            Err(error) => {
                server.keys.failed(&lease, &error);
                let about_key = matches!(
                    error,
                    ModelError::Unauthorized { .. } | ModelError::RateLimited { .. }
                );
                if !about_key {
                    return Err(error);
                }
                tried.push(lease.index);
                last = Some(error);
            }
        }
    }
    Err(last.unwrap_or(ModelError::RateLimited { retry_after: None }))
}

/// Completes the entries of a list with what `show` says, asked only for what
/// is new, has changed or was asked long ago.
async fn add_details(server: &Server, lease: &Lease, models: &mut [ListedModel]) {
    let now = Instant::now();
    let known = |model: &ListedModel| {
        server.read(|state| {
            let (details, since) = state.details.get(&key(model))?;
            (now.duration_since(*since) < DETAILS_AGE).then(|| details.clone())
        })
    };
    let unknown: Vec<ListedModel> = models
        .iter()
        .filter(|model| known(model).is_none())
        .cloned()
        .collect();
    let shown: Vec<((String, Option<String>), ModelDetails)> = stream::iter(unknown)
        .map(|model| async move {
            let details = server.provider.show(&lease.credential, &model).await.ok()?;
            Some((key(&model), details))
        })
        .buffer_unordered(DETAILS_AT_ONCE)
        .filter_map(async |shown| shown)
        .collect()
        .await;
    server.update(|state| {
        state.details.extend(
            shown
                .into_iter()
                .map(|(key, details)| (key, (details, now))),
        );
        state
            .details
            .retain(|key, _| models.iter().any(|model| self::key(model) == *key));
        for model in models.iter_mut() {
            if let Some((details, _)) = state.details.get(&key(model)) {
                model.details = details.clone();
            }
        }
    });
}

fn key(model: &ListedModel) -> (String, Option<String>) {
    (model.name.clone(), model.digest.clone())
}
