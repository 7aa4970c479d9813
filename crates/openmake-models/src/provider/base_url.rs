//! The address of a model server, however people write it.

use std::fmt;

use openmake_egress::{EgressError, Target};

use crate::{ProviderKind, wire::openai::is_own_host};

/// Where a server is and where its protocol begins there.
#[derive(Clone, PartialEq, Eq)]
pub struct BaseUrl {
    kind: ProviderKind,
    /// Without the protocol's own path.
    root: Target,
    /// The path of the protocol's own beginning: empty for Ollama, ending in
    /// `/v1` or the like for OpenAI.
    api_path: String,
}

/// Why a text is no address of a model server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// No URL, or none that may be used.
    #[error(transparent)]
    Url(#[from] EgressError),
    /// It has parts that would be lost.
    #[error("the address of a model server has no `?` part")]
    Query,
}

/// Paths that people copy along from an example request.
const OLLAMA_ENDS: &[&str] = &["/api/chat", "/api/generate", "/api/tags", "/api", "/v1"];
const OPENAI_ENDS: &[&str] = &[
    "/chat/completions",
    "/completions",
    "/models",
    "/embeddings",
];

impl BaseUrl {
    /// Reads `http://localhost:11434`, `localhost:11434/`,
    /// `https://api.example.com/v1`, with or without the `/v1`, and the like.
    pub fn parse(kind: ProviderKind, text: &str) -> Result<Self, BaseUrlError> {
        let text = text.trim();
        let root = if text.contains("://") {
            Target::parse(text)?
        } else {
            let host = text.split(['/', ':']).next().unwrap_or_default();
            let scheme = if is_own_host(host) || text.starts_with('[') {
                "http"
            } else {
                "https"
            };
            Target::parse(&format!("{scheme}://{text}"))?
        };
        if root.url().query().is_some() {
            return Err(BaseUrlError::Query);
        }
        let mut path = root.url().path().trim_end_matches('/').to_owned();
        let ends = match kind {
            ProviderKind::Ollama => OLLAMA_ENDS,
            ProviderKind::OpenAi => OPENAI_ENDS,
        };
        if let Some(end) = ends.iter().find(|end| path.ends_with(**end)) {
            path.truncate(path.len() - end.len());
        }
        if kind == ProviderKind::OpenAi && !path.split('/').any(is_version) {
            path.push_str("/v1");
        }
        let root_path = match kind {
            ProviderKind::Ollama => path.clone(),
            ProviderKind::OpenAi => path.strip_suffix("/v1").unwrap_or(&path).to_owned(),
        };
        Ok(Self {
            kind,
            root: with_path(&root, &root_path)?,
            api_path: path,
        })
    }

    /// The protocol.
    pub fn kind(&self) -> ProviderKind {
        self.kind
    }

    /// Scheme, host, port and path before the protocol's own.
    pub fn root(&self) -> &Target {
        &self.root
    }

    /// The URL of a path of the protocol, such as `/chat/completions`.
    pub(crate) fn api(&self, path: &str) -> Result<Target, EgressError> {
        with_path(&self.root, &format!("{}{path}", self.api_path))
    }

    /// The URL of a path beside the protocol, such as llama.cpp's `/props`.
    pub(crate) fn beside(&self, path: &str) -> Result<Target, EgressError> {
        with_path(
            &self.root,
            &format!("{}{path}", self.root.url().path().trim_end_matches('/')),
        )
    }
}

fn with_path(target: &Target, path: &str) -> Result<Target, EgressError> {
    let mut url = target.url().clone();
    url.set_path(path);
    Target::from_url(url)
}

/// `v1`, `v4`, `v1beta`.
fn is_version(segment: &str) -> bool {
    segment
        .strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.root.origin(), self.api_path)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chat_url(kind: ProviderKind, text: &str) -> String {
        let path = match kind {
            ProviderKind::Ollama => "/api/chat",
            ProviderKind::OpenAi => "/chat/completions",
        };
        BaseUrl::parse(kind, text)
            .expect("an address")
            .api(path)
            .expect("a target")
            .to_string()
    }

    #[test]
    fn ollama_however_it_is_written() {
        for text in [
            "http://localhost:11434",
            "http://localhost:11434/",
            " localhost:11434 ",
            "http://localhost:11434/api",
            "http://localhost:11434/api/",
            "http://localhost:11434/v1",
            "http://localhost:11434/api/chat",
        ] {
            assert_eq!(
                chat_url(ProviderKind::Ollama, text),
                "http://localhost:11434/api/chat",
                "{text}"
            );
        }
        assert_eq!(
            chat_url(ProviderKind::Ollama, "ollama.com"),
            "https://ollama.com/api/chat"
        );
        assert_eq!(
            chat_url(ProviderKind::Ollama, "https://a.test/ollama"),
            "https://a.test/ollama/api/chat"
        );
        assert_eq!(
            chat_url(ProviderKind::Ollama, "[::1]:11434"),
            "http://[::1]:11434/api/chat"
        );
    }

    #[test]
    fn openai_with_and_without_its_version() {
        for (text, expected) in [
            (
                "localhost:8080",
                "http://localhost:8080/v1/chat/completions",
            ),
            (
                "http://localhost:8080/v1/",
                "http://localhost:8080/v1/chat/completions",
            ),
            (
                "http://localhost:8080/v1/models",
                "http://localhost:8080/v1/chat/completions",
            ),
            (
                "https://openrouter.ai/api",
                "https://openrouter.ai/api/v1/chat/completions",
            ),
            (
                "https://openrouter.ai/api/v1",
                "https://openrouter.ai/api/v1/chat/completions",
            ),
            (
                "https://api.groq.com/openai/v1",
                "https://api.groq.com/openai/v1/chat/completions",
            ),
            (
                "https://generativelanguage.googleapis.com/v1beta/openai/",
                "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions",
            ),
            (
                "https://open.bigmodel.cn/api/paas/v4",
                "https://open.bigmodel.cn/api/paas/v4/chat/completions",
            ),
        ] {
            assert_eq!(chat_url(ProviderKind::OpenAi, text), expected, "{text}");
        }
        let base = BaseUrl::parse(ProviderKind::OpenAi, "http://box:8080/v1").expect("an address");
        assert_eq!(
            base.beside("/props").expect("a target").to_string(),
            "http://box:8080/props"
        );
        assert_eq!(base.to_string(), "http://box:8080/v1");
    }

    #[test]
    fn what_is_no_address_says_why() {
        for text in [
            "",
            "ftp://x",
            "http://user:pass@host",
            "http://h/v1?key=1",
            "http://",
        ] {
            assert!(
                BaseUrl::parse(ProviderKind::OpenAi, text).is_err(),
                "{text}"
            );
        }
    }
}
