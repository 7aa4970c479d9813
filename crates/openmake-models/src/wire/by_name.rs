//! What a model can do, guessed from its name: for servers that do not say.
//!
//! OpenAI's protocol lists names and little else. A wrong guess costs an error
//! from the server or a greyed-out button, so only well-known families are
//! named.

use crate::ModelCapabilities;

const EMBEDS: &[&str] = &[
    "embed",
    "bge-",
    "bge:",
    "e5-",
    "gte-",
    "minilm",
    "arctic-embed",
    "paraphrase-",
    "voyage-",
];

const NO_CHAT: &[&str] = &[
    "whisper",
    "tts-",
    "dall-e",
    "gpt-image",
    "stable-diffusion",
    "flux",
    "rerank",
    "moderation",
    "sora",
];

const SEES: &[&str] = &[
    "-vl",
    "vl:",
    "vision",
    "llava",
    "gpt-4o",
    "gpt-4.1",
    "gpt-5",
    "claude",
    "gemini",
    "gemma3",
    "gemma-3",
    "pixtral",
    "minicpm-v",
    "moondream",
    "internvl",
    "llama4",
    "llama-4",
    "mistral-small3",
    "mistral-small-3",
];

const THINKS: &[&str] = &[
    "thinking",
    "reason",
    "deepseek-r1",
    "-r1",
    "qwq",
    "qwen3",
    "gpt-oss",
    "gpt-5",
    "magistral",
    "o1-",
    "o3-",
    "o4-",
    "glm-4.5",
    "glm-4.6",
    "kimi-k2-t",
    "minimax-m",
];

/// Families of which some members do not think.
const THINKS_NOT: &[&str] = &[
    "instruct-2507",
    "qwen3-coder",
    "gpt-5-chat",
    "qwen3-next-80b-a3b-instruct",
];

/// Guesses from `name`. Whether a model takes tools cannot be seen in its
/// name; nearly all that chat do.
pub(super) fn guess(name: &str) -> ModelCapabilities {
    let name = name.to_lowercase();
    let embedding = contains(&name, EMBEDS);
    let chat = !embedding && !contains(&name, NO_CHAT);
    let base = name.rsplit('/').next().unwrap_or(&name);
    let thinks = contains(&name, THINKS) || matches!(base, "o1" | "o3");
    ModelCapabilities {
        chat,
        tools: chat,
        vision: chat && contains(&name, SEES),
        thinking: chat && thinks && !contains(&name, THINKS_NOT),
        embedding,
    }
}

fn contains(name: &str, parts: &[&str]) -> bool {
    parts.iter().any(|part| name.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_names() {
        assert!(guess("text-embedding-3-small").embedding && !guess("text-embedding-3-small").chat);
        assert!(guess("qwen/qwen2.5-vl-72b-instruct").vision);
        assert!(guess("Qwen3-32B").thinking && !guess("qwen3-coder-30b").thinking);
        assert!(!guess("whisper-1").chat);
        assert_eq!(guess("mistral-7b").names(), ["tools"]);
    }
}
