//! What servers say about the models that they have.

use std::fmt;

/// The protocol that a server speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProviderKind {
    /// Ollama's own, local or cloud.
    Ollama,
    /// OpenAI's: vLLM, llama.cpp, LM Studio, OpenRouter and the rest.
    OpenAi,
}

impl ProviderKind {
    /// The name in settings and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ollama => "ollama",
            Self::OpenAi => "openai",
        }
    }

    /// What people call it.
    pub const fn display_name(self) -> &'static str {
        match self {
            Self::Ollama => "Ollama",
            Self::OpenAi => "OpenAI-compatible",
        }
    }
}

impl std::str::FromStr for ProviderKind {
    type Err = UnknownProviderKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "ollama" => Ok(Self::Ollama),
            "openai" => Ok(Self::OpenAi),
            _ => Err(UnknownProviderKind),
        }
    }
}

/// A stored protocol that this version does not speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither `ollama` nor `openai`")]
pub struct UnknownProviderKind;

/// What a model can do.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "five independent facts, each read by its name"
)]
pub struct ModelCapabilities {
    /// It answers in text.
    pub chat: bool,
    /// It asks for tools.
    pub tools: bool,
    /// It sees images.
    pub vision: bool,
    /// It thinks before it answers, and can be told whether to.
    pub thinking: bool,
    /// It turns texts into vectors.
    pub embedding: bool,
}

impl ModelCapabilities {
    /// The names of what it can do, beyond answering.
    pub fn names(self) -> Vec<&'static str> {
        [
            (self.tools, "tools"),
            (self.vision, "vision"),
            (self.thinking, "thinking"),
            (self.embedding, "embedding"),
        ]
        .into_iter()
        .filter_map(|(can, name)| can.then_some(name))
        .collect()
    }
}

impl fmt::Debug for ModelCapabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chat = self.chat.then_some("chat");
        f.debug_set()
            .entries(chat.into_iter().chain(self.names()))
            .finish()
    }
}

/// What is known of a model.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelDetails {
    /// What it can do: as the server says, or guessed from the model's name
    /// where it says nothing.
    pub capabilities: ModelCapabilities,
    /// The tokens that it can read.
    pub context_length: Option<u64>,
    /// The architecture, such as `qwen3`.
    pub family: Option<String>,
    /// Its size in parameters.
    pub parameters: Option<u64>,
    /// How its weights are stored, such as `Q4_K_M`.
    pub quantization: Option<String>,
}

/// An entry of a server's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedModel {
    /// The name to ask for.
    pub name: String,
    /// Changes when the model behind the name does, where the server says.
    pub digest: Option<String>,
    /// The bytes that it takes, where the server says.
    pub size: Option<u64>,
    /// What the list itself says of it; a provider's `show` may know more.
    pub details: ModelDetails,
}

/// A model that is in its server's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedModel {
    /// Its name.
    pub name: String,
    /// The memory that it takes.
    pub size: Option<u64>,
    /// The context that it is loaded with.
    pub context_length: Option<u64>,
}
