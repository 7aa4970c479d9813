//! Which node a question goes to.

use std::{sync::Arc, time::Duration};

use super::node::{Check, Node};
use crate::{ModelDetails, ProviderKind};

/// What having to load the model first is worth, in requests in flight.
const LOADING: usize = 2;

/// A node that has the model, and the model as its server calls it.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) node: Arc<Node>,
    pub(super) model: String,
    pub(super) details: ModelDetails,
}

/// The nodes that have `model` and take requests, best first: those whose last
/// check was good, then the least busy, where a model that has yet to be
/// loaded counts like [`LOADING`] requests, then the quickest.
pub(super) fn candidates(nodes: &[Arc<Node>], model: &str) -> Vec<Candidate> {
    let mut found: Vec<((u8, usize, Duration), Candidate)> = nodes
        .iter()
        .filter(|node| node.config.enabled && !node.config.draining)
        .filter_map(|node| {
            let in_flight = node.server.in_flight();
            node.server.read(|state| {
                let listed = state
                    .models
                    .iter()
                    .find(|listed| listed.name == model)
                    .or_else(|| {
                        state
                            .models
                            .iter()
                            .find(|listed| is_same(node.config.kind(), model, &listed.name))
                    })?;
                let loading = if state.has_loaded(&listed.name) {
                    0
                } else {
                    LOADING
                };
                let health = match state.check {
                    Check::Good => 0,
                    Check::None => 1,
                    Check::Bad => 2,
                };
                let latency = state.latency.unwrap_or(Duration::MAX);
                let candidate = Candidate {
                    node: Arc::clone(node),
                    model: listed.name.clone(),
                    details: listed.details.clone(),
                };
                Some(((health, in_flight + loading, latency), candidate))
            })
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Whether `asked` names `listed`: exactly, or without the tag `latest`, which
/// Ollama adds to every name that has none.
fn is_same(kind: ProviderKind, asked: &str, listed: &str) -> bool {
    asked == listed
        || (kind == ProviderKind::Ollama && listed.strip_suffix(":latest") == Some(asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_exactly_or_by_the_implied_tag() {
        use ProviderKind::{Ollama, OpenAi};
        assert!(is_same(Ollama, "llama3", "llama3:latest"));
        assert!(is_same(Ollama, "llama3:8b", "llama3:8b"));
        for (kind, asked, listed) in [
            (Ollama, "llama3", "llama3:8b"),
            (Ollama, "llama", "llama3:latest"),
            (Ollama, "llama3:latest", "llama3"),
            (OpenAi, "llama3", "llama3:latest"),
            (Ollama, "gpt-oss:120b", "gpt-oss:120b-cloud"),
        ] {
            assert!(!is_same(kind, asked, listed), "{asked} {listed}");
        }
    }
}
