//! Model servers that already run on this machine.

use std::time::Duration;

use futures_util::future::join_all;

use crate::{BaseUrl, Credential, ProviderKind, ProviderLimits, ProviderParts, provider::provider};

/// How long a server may take to say that it is one. It runs on this machine.
const PATIENCE: Duration = Duration::from_millis(1500);

/// A place where a model server may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// The program that usually is there.
    pub name: &'a str,
    /// Its protocol.
    pub kind: ProviderKind,
    /// The address.
    pub base_url: &'a str,
}

/// The usual programs on their usual ports of this machine.
pub const USUAL_SERVERS: &[Candidate<'static>] = &[
    Candidate {
        name: "Ollama",
        kind: ProviderKind::Ollama,
        base_url: "http://127.0.0.1:11434",
    },
    Candidate {
        name: "LM Studio",
        kind: ProviderKind::OpenAi,
        base_url: "http://127.0.0.1:1234",
    },
    Candidate {
        name: "llama.cpp",
        kind: ProviderKind::OpenAi,
        base_url: "http://127.0.0.1:8080",
    },
    Candidate {
        name: "vLLM",
        kind: ProviderKind::OpenAi,
        base_url: "http://127.0.0.1:8000",
    },
    Candidate {
        name: "Jan",
        kind: ProviderKind::OpenAi,
        base_url: "http://127.0.0.1:1337",
    },
];

/// A model server that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// The program that usually is there.
    pub name: String,
    /// Where it is and what it speaks.
    pub base_url: BaseUrl,
    /// Its version, where it says.
    pub version: Option<String>,
    /// The names of its models.
    pub models: Vec<String>,
}

/// Asks all `candidates` at once. A port on which something else answers is
/// not taken for a model server: it has to list models in its protocol.
pub async fn discover(parts: &ProviderParts, candidates: &[Candidate<'_>]) -> Vec<Discovered> {
    let limits = ProviderLimits {
        request: PATIENCE,
        ..parts.limits
    };
    let parts = ProviderParts {
        limits,
        ..parts.clone()
    };
    join_all(candidates.iter().map(|candidate| look(&parts, *candidate)))
        .await
        .into_iter()
        .flatten()
        .collect()
}

async fn look(parts: &ProviderParts, candidate: Candidate<'_>) -> Option<Discovered> {
    let base_url = BaseUrl::parse(candidate.kind, candidate.base_url).ok()?;
    let server = provider(base_url.clone(), parts.clone());
    let models = server.list_models(&Credential::none()).await.ok()?;
    let version = server.version(&Credential::none()).await.ok().flatten();
    Some(Discovered {
        name: candidate.name.to_owned(),
        base_url,
        version,
        models: models.into_iter().map(|model| model.name).collect(),
    })
}
