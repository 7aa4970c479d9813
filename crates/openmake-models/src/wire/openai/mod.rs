//! OpenAI's protocol, as its many servers speak it: server-sent events for
//! answers, JSON for the rest.

mod calls;
mod decode;
mod dialect;
mod models;
mod request;

pub use decode::OpenAiDecoder;
pub use dialect::Dialect;
pub(crate) use dialect::is_own_host;
pub use models::{LlamaProps, parse_embeddings, parse_list, parse_llama_props};
pub use request::{chat_body, embed_body, unsupported};
