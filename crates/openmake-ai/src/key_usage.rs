//! What was asked with the keys of model servers. The pool counts in memory,
//! and what it counted is written down every few seconds: no call waits for it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use openmake_api::{
    ApiError,
    nodes::{KeyLimit, KeyLimits, KeyTotals, KeyUsagePoint, KeyUsageView, NodeUsageReport},
};
use openmake_models::{
    RateLimit, RateLimits,
    pool::{AskedKey, KeySnapshot, KeyUse, NodeSnapshot},
};
use openmake_store::key_usage::{KeyCounts, KeyPlace, KeyUsage, KeyUsageBy};
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::{core::Core, error::store_error};

/// How long writing down may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Hours of a report, the running one included.
const HOURS: i64 = 24;
/// Days of a report, the running one included.
const DAYS: i64 = 30;

/// Writes down what was asked, until the process stops.
pub(crate) async fn run(core: Arc<Core>) {
    let mut ticks = interval(core.settings.count_keys_every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = core.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        write_down(&core).await;
    }
}

/// Writes down what was asked since the last time. What could not be written
/// is kept for the next time.
pub(crate) async fn write_down(core: &Core) {
    let taken = core.pool.take_key_use();
    if taken.is_empty() {
        return;
    }
    let names: HashMap<_, _> = core
        .pool
        .snapshot()
        .into_iter()
        .map(|node| (node.id, node.name))
        .collect();
    let usages: Vec<KeyUsage> = taken
        .iter()
        .map(|(key, used)| KeyUsage {
            key: place(key),
            node_name: names.get(&key.node).cloned().unwrap_or_default(),
            counts: counts(used),
            last_used_at: used.last_used_at,
        })
        .collect();
    let written = timeout(PATIENCE, core.store.key_usage().add(&usages)).await;
    if let Ok(Ok(())) = written {
        for (_, used) in &taken {
            count(core, used);
        }
        return;
    }
    core.pool.return_key_use(taken);
    if let Ok(Err(error)) = written {
        tracing::debug!(
            error = &error as &dyn std::error::Error,
            "what keys were used for was not written down; the next time tries again"
        );
    } else {
        tracing::debug!("what keys were used for was not written down in time");
    }
}

fn count(core: &Core, used: &KeyUse) {
    let outcomes = [
        ("succeeded", used.succeeded),
        ("unauthorized", used.unauthorized),
        ("rate_limited", used.rate_limited),
        ("server_error", used.server_errors),
        ("other_error", used.other_errors),
    ];
    for (outcome, requests) in outcomes {
        if requests > 0 {
            core.metrics.asked_models(outcome, requests);
        }
    }
}

/// What was asked with each key that a node has, or had within the days.
pub(crate) async fn report(core: &Core) -> Result<NodeUsageReport, ApiError> {
    let now = core.clock.now();
    let hours_from = truncated(now, TimeDelta::hours(1)) - TimeDelta::hours(HOURS - 1);
    let days_from = truncated(now, TimeDelta::days(1)) - TimeDelta::days(DAYS - 1);
    let usages = core.store.key_usage();
    let hours = usages.list(hours_from, KeyUsageBy::Hour).await;
    let hours = hours.map_err(store_error("report"))?;
    let days = usages.list(days_from, KeyUsageBy::Day).await;
    let days = days.map_err(store_error("report"))?;

    let nodes = core.pool.snapshot();
    let mut rows: Vec<(KeyPlace, KeyUsageView)> = nodes.iter().flat_map(present).collect();
    for (points, by) in [(hours, KeyUsageBy::Hour), (days, KeyUsageBy::Day)] {
        for point in points {
            let known = rows.iter().position(|(key, _)| *key == point.usage.key);
            let row = known.unwrap_or_else(|| {
                rows.push((point.usage.key.clone(), gone(&point.usage)));
                rows.len() - 1
            });
            if let Some((_, view)) = rows.get_mut(row) {
                add(view, &point, by);
            }
        }
    }
    let mut items: Vec<KeyUsageView> = rows.into_iter().map(|(_, view)| view).collect();
    items.sort_by_cached_key(|view| (!view.present, view.node_name.to_lowercase(), view.position));
    Ok(NodeUsageReport {
        hours_from,
        days_from,
        items,
    })
}

fn truncated(at: DateTime<Utc>, unit: TimeDelta) -> DateTime<Utc> {
    at.duration_trunc(unit).unwrap_or(at)
}

fn place(key: &AskedKey) -> KeyPlace {
    KeyPlace {
        node: key.node,
        position: key
            .position
            .map(|position| u16::try_from(position).unwrap_or(u16::MAX)),
        last_four: key.last_four.clone(),
    }
}

fn counts(used: &KeyUse) -> KeyCounts {
    KeyCounts {
        requests: used.requests,
        succeeded: used.succeeded,
        unauthorized: used.unauthorized,
        rate_limited: used.rate_limited,
        server_errors: used.server_errors,
        other_errors: used.other_errors,
        input_tokens: used.tokens.input,
        output_tokens: used.tokens.output,
    }
}

/// The keys that a node has now, or its one row without any.
fn present(node: &NodeSnapshot) -> Vec<(KeyPlace, KeyUsageView)> {
    let row = |position: Option<u16>, key: Option<&KeySnapshot>| {
        let place = KeyPlace {
            node: node.id,
            position,
            last_four: key.map(|key| key.last_four.clone()).unwrap_or_default(),
        };
        let mut view = empty(&place, node.name.clone());
        view.present = true;
        if let Some(key) = key {
            let (until, reason) = key.rests.unzip();
            view.cooldown_until = until;
            view.cooldown_reason = reason.map(|reason| reason.as_str().to_owned());
            view.limits = key.limits.map(limits);
        }
        (place, view)
    };
    if node.keys.is_empty() {
        return vec![row(None, None)];
    }
    (0..)
        .zip(&node.keys)
        .map(|(position, key)| row(Some(position), Some(key)))
        .collect()
}

/// A key that no node has any more.
fn gone(usage: &KeyUsage) -> KeyUsageView {
    empty(&usage.key, usage.node_name.clone())
}

fn empty(key: &KeyPlace, node_name: String) -> KeyUsageView {
    KeyUsageView {
        node_id: key.node.as_uuid(),
        node_name,
        position: key.position.map(|position| u32::from(position) + 1),
        last_four: key.last_four.clone(),
        present: false,
        cooldown_until: None,
        cooldown_reason: None,
        limits: None,
        last_used_at: None,
        last_day: KeyTotals::default(),
        last_month: KeyTotals::default(),
        hours: Vec::new(),
        days: Vec::new(),
    }
}

fn add(view: &mut KeyUsageView, point: &openmake_store::key_usage::KeyUsagePoint, by: KeyUsageBy) {
    let totals = totals(&point.usage.counts);
    let (sum, points) = match by {
        KeyUsageBy::Hour => (&mut view.last_day, &mut view.hours),
        KeyUsageBy::Day => (&mut view.last_month, &mut view.days),
    };
    sum.requests += totals.requests;
    sum.succeeded += totals.succeeded;
    sum.unauthorized += totals.unauthorized;
    sum.rate_limited += totals.rate_limited;
    sum.server_errors += totals.server_errors;
    sum.other_errors += totals.other_errors;
    sum.input_tokens += totals.input_tokens;
    sum.output_tokens += totals.output_tokens;
    points.push(KeyUsagePoint {
        at: point.at,
        totals,
    });
    view.last_used_at = view.last_used_at.max(Some(point.usage.last_used_at));
}

fn totals(counts: &KeyCounts) -> KeyTotals {
    KeyTotals {
        requests: counts.requests,
        succeeded: counts.succeeded,
        unauthorized: counts.unauthorized,
        rate_limited: counts.rate_limited,
        server_errors: counts.server_errors,
        other_errors: counts.other_errors,
        input_tokens: counts.input_tokens,
        output_tokens: counts.output_tokens,
    }
}

fn limits(limits: RateLimits) -> KeyLimits {
    let one = |limit: RateLimit| KeyLimit {
        limit: limit.limit,
        remaining: limit.remaining,
        resets_at: limit.resets_at,
    };
    KeyLimits {
        requests: limits.requests.map(one),
        tokens: limits.tokens.map(one),
        said_at: limits.at,
    }
}
