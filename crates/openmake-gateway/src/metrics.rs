//! What the gateway counts, for Prometheus, and what writes down what any
//! process counts.

mod process;
pub(crate) mod sampler;
mod totals;

use std::sync::Arc;

use openmake_types::buckets;
use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// One answered request.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct RequestLabels {
    pub(crate) method: String,
    /// The route's pattern, never the path: paths have no end.
    pub(crate) route: String,
    pub(crate) status: u16,
}

/// A way to check a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum Algorithm {
    Argon2id,
    Bcrypt,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct AlgorithmLabels {
    pub(crate) algorithm: Algorithm,
}

/// How a sign-in ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EncodeLabelValue)]
pub(crate) enum SignIn {
    Success,
    Failure,
    Locked,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct SignInLabels {
    pub(crate) outcome: SignIn,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(crate) struct ClassLabels {
    pub(crate) class: &'static str,
}

/// The gateway's metrics, and the registry with all of the process's.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    pub(crate) requests: Family<RequestLabels, Counter>,
    pub(crate) request_seconds: Histogram,
    pub(crate) sockets: Gauge,
    pub(crate) password_verifications: Family<AlgorithmLabels, Counter>,
    pub(crate) sign_ins: Family<SignInLabels, Counter>,
    pub(crate) rate_limited: Family<ClassLabels, Counter>,
    pub(crate) authority_reads: Counter,
}

impl Metrics {
    /// Adds the gateway's metrics to `registry` and keeps it.
    pub(crate) fn new(mut registry: Registry) -> Self {
        let requests = Family::default();
        let request_seconds = Histogram::new(buckets::REQUEST_SECONDS);
        let sockets = Gauge::default();
        let password_verifications = Family::default();
        let sign_ins = Family::default();
        let rate_limited = Family::default();
        let authority_reads = Counter::default();
        let own = registry.sub_registry_with_prefix("openmake_gateway");
        own.register("requests", "Answered requests", requests.clone());
        own.register(
            "request_seconds",
            "Seconds from the request to the head of its answer",
            request_seconds.clone(),
        );
        own.register("sockets", "Open WebSockets", sockets.clone());
        own.register(
            "password_verifications",
            "Passwords that were checked, those of unknown accounts included",
            password_verifications.clone(),
        );
        own.register("sign_ins", "Sign-ins by outcome", sign_ins.clone());
        own.register(
            "rate_limited",
            "Requests that were refused because there were too many",
            rate_limited.clone(),
        );
        own.register(
            "authority_reads",
            "Sessions that were read from the database to check a credential",
            authority_reads.clone(),
        );
        Self {
            registry: Arc::new(registry),
            requests,
            request_seconds,
            sockets,
            password_verifications,
            sign_ins,
            rate_limited,
            authority_reads,
        }
    }

    /// All of the process's metrics.
    pub(crate) const fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
}

/// All metrics of a registry in Prometheus' text format.
pub(crate) fn encode(registry: &Registry) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, registry)?;
    Ok(text)
}
