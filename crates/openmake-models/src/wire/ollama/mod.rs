//! Ollama's own protocol: JSON lines for answers, plain JSON for the rest.

mod decode;
mod models;
mod request;

pub use decode::OllamaDecoder;
pub use models::{parse_details, parse_embeddings, parse_list, parse_loaded, parse_version};
pub use request::{chat_body, embed_body, show_body};
