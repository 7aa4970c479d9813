//! A model server that plays prepared answers over OpenAI's and Ollama's
//! protocols: for `make demo`, for the browser tests and for the bench. It says
//! in every answer that it is scripted, and understands the commands that
//! [`script`] lists, and the one that [`paced`] describes.
//!
//! It prints `listening URL` and runs until it is killed.

mod paced;
mod script;
mod wire;

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::ListenerExt as _;
use axum::{Json, Router};
use bytes::Bytes;
use clap::Parser;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

use paced::Pace;
use script::{Piece, Said};
use wire::{Head, Protocol};

/// The model's name, which is shown wherever it answers.
const MODEL: &str = "scripted-demo";
/// The tokens that it says it can read.
const CONTEXT: u64 = 131_072;

/// The same model where it is to see images: a program guesses by the name.
const VISION_MODEL: &str = "scripted-vision";

/// The model that turns texts into vectors.
const EMBEDDING_MODEL: &str = "scripted-embed";

/// Plays prepared answers over OpenAI's and Ollama's protocols.
#[derive(Debug, Parser)]
struct Arguments {
    /// The address to listen on
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    host: IpAddr,
    /// The port; a free one if it is 0
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Milliseconds between two words of an answer
    #[arg(long, default_value_t = 25)]
    delay_ms: u64,
    /// Lists one more model, which sees images
    #[arg(long)]
    vision: bool,
}

struct Server {
    delay: Duration,
    vision: bool,
    answered: AtomicU64,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let server = Arc::new(Server {
        delay: Duration::from_millis(arguments.delay_ms),
        vision: arguments.vision,
        answered: AtomicU64::new(0),
    });
    let routes = Router::new()
        .route("/v1/models", get(models))
        .route("/v1/embeddings", post(embeddings))
        .route("/v1/chat/completions", post(openai_chat))
        .route(
            "/api/version",
            get(|| async { Json(json!({ "version": "0.12.0" })) }),
        )
        .route("/api/tags", get(tags))
        .route("/api/ps", get(|| async { Json(json!({ "models": [] })) }))
        .route("/api/show", post(show))
        .route("/api/chat", post(ollama_chat))
        .with_state(server);
    let listener = TcpListener::bind((arguments.host, arguments.port)).await?;
    {
        let mut out = io::stdout().lock();
        writeln!(out, "listening http://{}/v1", listener.local_addr()?)?;
        out.flush()?;
    }
    // As model servers do: else a token waits until the one before it was
    // acknowledged, which a client puts off for 40 ms.
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            let _ = writeln!(io::stderr(), "tokens may come late: {error}");
        }
    });
    axum::serve(listener, routes).await
}

async fn models(State(server): State<Arc<Server>>) -> Json<Value> {
    let vision = server.vision.then_some(VISION_MODEL);
    let data: Vec<Value> = [MODEL, EMBEDDING_MODEL]
        .into_iter()
        .chain(vision)
        .map(|id| json!({ "id": id, "object": "model", "created": 0, "owned_by": "openmake-demo" }))
        .collect();
    Json(json!({ "object": "list", "data": data }))
}

#[derive(Debug, Deserialize)]
struct EmbeddingRequest {
    input: Vec<String>,
    #[serde(default)]
    dimensions: Option<usize>,
}

/// Vectors that mean nothing but are the same for the same text: its length in
/// bytes, then ones.
async fn embeddings(Json(request): Json<EmbeddingRequest>) -> Json<Value> {
    let dimensions = request.dimensions.unwrap_or(8).max(1);
    let read: usize = request.input.iter().map(|text| words(text)).sum();
    let data: Vec<Value> = request
        .input
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let mut vector = vec![1; dimensions];
            if let Some(first) = vector.first_mut() {
                *first = text.len();
            }
            json!({ "object": "embedding", "index": index, "embedding": vector })
        })
        .collect();
    Json(json!({
        "object": "list", "model": EMBEDDING_MODEL, "data": data,
        "usage": { "prompt_tokens": read, "total_tokens": read },
    }))
}

async fn tags() -> Json<Value> {
    Json(json!({ "models": [{ "name": MODEL, "model": MODEL, "digest": "0", "size": 1 }] }))
}

async fn show() -> Json<Value> {
    Json(json!({
        "details": { "family": "script", "parameter_size": "1B" },
        "model_info": { "general.architecture": "script", "script.context_length": CONTEXT },
        "capabilities": ["completion", "tools"],
    }))
}

/// The parts of a request that a script looks at.
#[derive(Debug, Deserialize)]
struct ChatRequest {
    messages: Vec<Message>,
    /// Left out, Ollama streams and OpenAI does not.
    stream: Option<bool>,
    #[serde(default)]
    tools: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    #[serde(default)]
    content: Value,
}

impl Message {
    fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => {
                let texts: Vec<&str> = parts
                    .iter()
                    .filter_map(|part| part["text"].as_str())
                    .collect();
                texts.join("\n")
            }
            _ => String::new(),
        }
    }
}

impl Message {
    fn images(&self) -> usize {
        let parts = self.content.as_array().into_iter().flatten();
        parts.filter(|part| part["type"] == "image_url").count()
    }
}

async fn openai_chat(server: State<Arc<Server>>, request: Json<ChatRequest>) -> Response {
    chat(server, request, Protocol::OpenAi).await
}

async fn ollama_chat(server: State<Arc<Server>>, request: Json<ChatRequest>) -> Response {
    chat(server, request, Protocol::Ollama).await
}

async fn chat(
    State(server): State<Arc<Server>>,
    Json(request): Json<ChatRequest>,
    protocol: Protocol,
) -> Response {
    let last = request.messages.last();
    let text = last.map(Message::text).unwrap_or_default();
    let number = server.answered.fetch_add(1, Ordering::Relaxed);
    let read = request
        .messages
        .iter()
        .map(|message| words(&message.text()))
        .sum();
    let head = Head {
        protocol,
        id: format!("scripted-{number}"),
        read,
    };
    let streams = request.stream.unwrap_or(protocol == Protocol::Ollama);
    if let Some(pace) = Pace::asked_for(&text) {
        return if streams {
            streamed(protocol, pace.stream(head))
        } else {
            pace.whole(&head).await.into_response()
        };
    }
    let said = match last.map(|message| message.role.as_str()) {
        Some("tool") => Said::ToolResult(&text),
        _ => Said::Question {
            text: &text,
            tools: !request.tools.is_empty(),
            images: last.map_or(0, Message::images),
        },
    };
    let pieces = script::answer(&said);
    if pieces.first() == Some(&Piece::Refuse) {
        let problem = protocol.problem("The script refuses this request.");
        return (StatusCode::INTERNAL_SERVER_ERROR, problem).into_response();
    }
    if streams {
        streamed(protocol, stream_answer(server.delay, head, pieces))
    } else {
        head.whole(&pieces).into_response()
    }
}

fn words(text: &str) -> usize {
    text.split_whitespace().count().max(1)
}

fn streamed(
    protocol: Protocol,
    parts: impl stream::Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Response {
    let body = Body::from_stream(parts);
    ([(header::CONTENT_TYPE, protocol.content_type())], body).into_response()
}

fn stream_answer(
    delay: Duration,
    head: Head,
    pieces: Vec<Piece>,
) -> impl stream::Stream<Item = io::Result<Bytes>> + Send + 'static {
    let end = head.end(&pieces);
    let parts = stream::iter(pieces).then(move |piece| {
        let chunk = head.chunk(&piece);
        async move {
            match piece {
                Piece::Wait(time) => sleep(time).await,
                Piece::Break => return Err(io::Error::other("the script cuts the connection")),
                _ => sleep(delay).await,
            }
            Ok(chunk)
        }
    });
    parts.chain(stream::iter([Ok(end)]))
}
