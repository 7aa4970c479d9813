//! Where servers of this protocol differ, as data: some refuse a request for a
//! field that others need.

/// What a server makes of the fields that are not the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    pub(super) thinking: ThinkingField,
    pub(super) max_tokens: MaxTokensField,
    pub(super) usage: UsageField,
    pub(super) sampling: SamplingFields,
}

/// How a server is told how much to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ThinkingField {
    /// It cannot be told, or refuses what it does not know.
    None,
    /// `reasoning_effort`, for models whose names begin with one of these; the
    /// others refuse it.
    Effort(&'static [&'static str]),
    /// `reasoning: {effort}` or `{enabled}`, for all models.
    Object,
    /// `chat_template_kwargs` and `reasoning_effort`: servers that run the
    /// model's own template and ignore what they do not know.
    Template,
}

/// The name of the limit of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MaxTokensField {
    /// `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`, since the old one is refused by newer models.
    MaxCompletionTokens,
}

/// How a server is told to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UsageField {
    /// `stream_options: {include_usage: true}`.
    StreamOptions,
    /// It counts without being asked and refuses the question.
    Always,
}

/// What a server can be told of sampling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SamplingFields {
    /// What OpenAI's own protocol has.
    Protocol,
    /// Also `top_k`, `min_p` and the penalty of repetition.
    All,
}

const OPENAI_REASONING: &[&str] = &["o1", "o3", "o4", "gpt-5", "gpt-oss"];

/// Servers by the end of their host names.
const BY_HOST: &[(&str, Dialect)] = &[
    (
        "api.openai.com",
        openai(ThinkingField::Effort(OPENAI_REASONING)),
    ),
    (
        "openai.azure.com",
        openai(ThinkingField::Effort(OPENAI_REASONING)),
    ),
    (
        "openrouter.ai",
        Dialect {
            sampling: SamplingFields::All,
            ..plain(ThinkingField::Object)
        },
    ),
    (
        "api.groq.com",
        plain(ThinkingField::Effort(&["openai/gpt-oss"])),
    ),
    (
        "generativelanguage.googleapis.com",
        plain(ThinkingField::Effort(&["gemini-2.5", "models/gemini-2.5"])),
    ),
    (
        "api.mistral.ai",
        Dialect {
            thinking: ThinkingField::None,
            max_tokens: MaxTokensField::MaxTokens,
            usage: UsageField::Always,
            sampling: SamplingFields::Protocol,
        },
    ),
];

const fn plain(thinking: ThinkingField) -> Dialect {
    Dialect {
        thinking,
        max_tokens: MaxTokensField::MaxTokens,
        usage: UsageField::StreamOptions,
        sampling: SamplingFields::Protocol,
    }
}

const fn openai(thinking: ThinkingField) -> Dialect {
    Dialect {
        max_tokens: MaxTokensField::MaxCompletionTokens,
        ..plain(thinking)
    }
}

impl Dialect {
    /// What a server on one's own machine or network speaks: llama.cpp, vLLM,
    /// LM Studio.
    pub const SELF_HOSTED: Self = Self {
        sampling: SamplingFields::All,
        ..plain(ThinkingField::Template)
    };

    /// What every server understands.
    pub const STRICT: Self = plain(ThinkingField::None);

    /// The dialect of the server at `host`. A name without a dot or an address
    /// is a server of one's own; a public one that is not known gets nothing
    /// that it could refuse.
    pub fn of_host(host: &str) -> Self {
        let known = BY_HOST.iter().find(|(name, _)| {
            host.strip_suffix(name)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        });
        match known {
            Some((_, dialect)) => *dialect,
            None if is_own_host(host) => Self::SELF_HOSTED,
            None => Self::STRICT,
        }
    }

    /// Whether `model` is one of OpenAI's that think always, and refuse to be
    /// told how to sample.
    pub(super) fn fixes_sampling(self, model: &str) -> bool {
        self.max_tokens == MaxTokensField::MaxCompletionTokens
            && OPENAI_REASONING
                .iter()
                .any(|prefix| model.starts_with(prefix))
            && !model.contains("-chat")
    }
}

/// Whether `host` looks like one's own machine or network: an address, a name
/// without a dot, or one under a suffix that the internet does not have.
pub(crate) fn is_own_host(host: &str) -> bool {
    const SUFFIXES: &[&str] = &[".local", ".lan", ".internal", ".home.arpa", ".localhost"];
    host.parse::<std::net::IpAddr>().is_ok()
        || !host.contains('.')
        || SUFFIXES.iter().any(|suffix| host.ends_with(suffix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        assert_eq!(
            Dialect::of_host("openrouter.ai").thinking,
            ThinkingField::Object
        );
        assert_eq!(Dialect::of_host("notopenrouter.ai"), Dialect::STRICT);
        assert_eq!(
            Dialect::of_host("me.openai.azure.com").max_tokens,
            MaxTokensField::MaxCompletionTokens
        );
        for own in [
            "localhost",
            "127.0.0.1",
            "::1",
            "gpu-box",
            "gpu.lan",
            "host.docker.internal",
        ] {
            assert_eq!(Dialect::of_host(own), Dialect::SELF_HOSTED, "{own}");
        }
    }
}
