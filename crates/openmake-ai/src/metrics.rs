//! What the ai role counts, for Prometheus.

use std::{sync::Arc, time::Duration};

use openmake_types::{BudgetUnit, TokenCounts, TurnMetrics, TurnStatus, buckets};
use prometheus_client::{
    encoding::{EncodeLabelSet, LabelSetEncoder},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// How a turn ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct StatusLabel {
    status: &'static str,
}

impl EncodeLabelSet for StatusLabel {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        use prometheus_client::encoding::EncodeLabel as _;
        ("status", self.status).encode(encoder.encode_label())
    }
}

/// Through which surface a stateless call came, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct CallLabels {
    surface: &'static str,
    outcome: &'static str,
}

impl EncodeLabelSet for CallLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        use prometheus_client::encoding::EncodeLabel as _;
        ("surface", self.surface).encode(encoder.encode_label())?;
        ("outcome", self.outcome).encode(encoder.encode_label())
    }
}

/// How a request to a model server ended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl EncodeLabelSet for OutcomeLabel {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        use prometheus_client::encoding::EncodeLabel as _;
        ("outcome", self.outcome).encode(encoder.encode_label())
    }
}

/// What a budget counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct UnitLabel {
    unit: &'static str,
}

impl EncodeLabelSet for UnitLabel {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> Result<(), std::fmt::Error> {
        use prometheus_client::encoding::EncodeLabel as _;
        ("unit", self.unit).encode(encoder.encode_label())
    }
}

/// The counters. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<Counters>);

struct Counters {
    started: Counter,
    finished: Family<StatusLabel, Counter>,
    running: Gauge,
    first_token: Histogram,
    input_tokens: Counter,
    output_tokens: Counter,
    append_events: Histogram,
    append_seconds: Histogram,
    subscribers: Gauge,
    calls: Family<CallLabels, Counter>,
    calls_running: Gauge,
    call_first_token: Histogram,
    model_calls: Family<OutcomeLabel, Counter>,
    budget_exchanges: Counter,
    budget_refusals: Family<UnitLabel, Counter>,
}

impl Metrics {
    /// Registers all of them; the program's prefix is the registry's.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let counters = Counters {
            started: Counter::default(),
            finished: Family::default(),
            running: Gauge::default(),
            first_token: Histogram::new(buckets::FIRST_TOKEN_SECONDS),
            input_tokens: Counter::default(),
            output_tokens: Counter::default(),
            append_events: Histogram::new(exponential_buckets(1.0, 2.0, 12)),
            append_seconds: Histogram::new(buckets::APPEND_SECONDS),
            subscribers: Gauge::default(),
            calls: Family::default(),
            calls_running: Gauge::default(),
            call_first_token: Histogram::new(buckets::FIRST_TOKEN_SECONDS),
            model_calls: Family::default(),
            budget_exchanges: Counter::default(),
            budget_refusals: Family::default(),
        };
        registry.register(
            "turns_started",
            "Turns that this process has started",
            counters.started.clone(),
        );
        registry.register(
            "turns_finished",
            "Turns that this process has ended, by how",
            counters.finished.clone(),
        );
        registry.register(
            "turns_running",
            "Turns that this process runs now",
            counters.running.clone(),
        );
        registry.register(
            "turn_first_token_seconds",
            "From the question to the first token",
            counters.first_token.clone(),
        );
        registry.register(
            "model_input_tokens",
            "Tokens that models have read",
            counters.input_tokens.clone(),
        );
        registry.register(
            "model_output_tokens",
            "Tokens that models have written",
            counters.output_tokens.clone(),
        );
        registry.register(
            "turn_append_events",
            "Events in one commit of the log",
            counters.append_events.clone(),
        );
        registry.register(
            "turn_append_seconds",
            "How long one commit of the log takes, waiting for the database included",
            counters.append_seconds.clone(),
        );
        registry.register(
            "turn_subscribers",
            "Those who watch a turn through this process",
            counters.subscribers.clone(),
        );
        registry.register(
            "stateless_calls",
            "Calls through the other vendors' surfaces that have ended, by surface and how",
            counters.calls.clone(),
        );
        registry.register(
            "stateless_calls_running",
            "Calls through the other vendors' surfaces that run now",
            counters.calls_running.clone(),
        );
        registry.register(
            "stateless_call_first_token_seconds",
            "From such a call to its first token",
            counters.call_first_token.clone(),
        );
        registry.register(
            "model_calls",
            "Requests to model servers that have ended, by how",
            counters.model_calls.clone(),
        );
        registry.register(
            "budget_exchanges",
            "Times that slices of budgets were drawn or given back",
            counters.budget_exchanges.clone(),
        );
        registry.register(
            "budget_refusals",
            "Model calls that a budget had not enough left for, by what it counts",
            counters.budget_refusals.clone(),
        );
        Self(Arc::new(counters))
    }

    pub(crate) fn call_began(&self) {
        self.0.calls_running.inc();
    }

    pub(crate) fn call_ended(&self) {
        self.0.calls_running.dec();
    }

    /// A stateless call has got its first piece.
    pub(crate) fn first_token(&self, took: Duration) {
        self.0.call_first_token.observe(took.as_secs_f64());
    }

    /// A stateless call is over.
    pub(crate) fn called(&self, surface: &'static str, outcome: &'static str, tokens: TokenCounts) {
        self.0
            .calls
            .get_or_create(&CallLabels { surface, outcome })
            .inc();
        self.0.input_tokens.inc_by(tokens.input);
        self.0.output_tokens.inc_by(tokens.output);
    }

    pub(crate) fn started(&self) {
        self.0.started.inc();
    }

    pub(crate) fn running(&self, turns: usize) {
        self.0.running.set(i64::try_from(turns).unwrap_or(i64::MAX));
    }

    pub(crate) fn finished(&self, status: TurnStatus, metrics: &TurnMetrics) {
        let label = StatusLabel {
            status: status.as_str(),
        };
        self.0.finished.get_or_create(&label).inc();
        self.0.input_tokens.inc_by(metrics.tokens.input);
        self.0.output_tokens.inc_by(metrics.tokens.output);
        if let Some(first) = metrics.first_token_ms {
            self.0
                .first_token
                .observe(Duration::from_millis(first).as_secs_f64());
        }
    }

    pub(crate) fn appended(&self, events: usize, took: Duration) {
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        self.0.append_events.observe(f64::from(events));
        self.0.append_seconds.observe(took.as_secs_f64());
    }

    /// Requests to model servers have ended.
    pub(crate) fn asked_models(&self, outcome: &'static str, requests: u64) {
        self.0
            .model_calls
            .get_or_create(&OutcomeLabel { outcome })
            .inc_by(requests);
    }

    /// A slice of a budget was drawn or given back.
    pub(crate) fn exchanged(&self) {
        self.0.budget_exchanges.inc();
    }

    /// A budget refused a call.
    pub(crate) fn refused(&self, unit: BudgetUnit) {
        let label = UnitLabel {
            unit: unit.as_str(),
        };
        self.0.budget_refusals.get_or_create(&label).inc();
    }

    /// Counts a subscriber for as long as the answer is kept.
    pub(crate) fn watching(&self) -> Watching {
        self.0.subscribers.inc();
        Watching(self.clone())
    }
}

/// A subscriber that is counted.
pub(crate) struct Watching(Metrics);

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.0.subscribers.dec();
    }
}
