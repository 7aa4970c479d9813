//! A model server that plays prepared answers over OpenAI's protocol: for
//! `make demo` and for the browser tests. It says in every answer that it is
//! scripted, and understands the commands that [`script`] lists.
//!
//! It prints `listening URL` and runs until it is killed.

mod script;

use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use clap::Parser;
use futures_util::{StreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

use script::{Piece, Said};

/// The model's name, which is shown wherever it answers.
const MODEL: &str = "scripted-demo";

/// The same model where it is to see images: a program guesses by the name.
const VISION_MODEL: &str = "scripted-vision";

/// The model that turns texts into vectors.
const EMBEDDING_MODEL: &str = "scripted-embed";

/// Plays prepared answers over OpenAI's protocol on 127.0.0.1.
#[derive(Debug, Parser)]
struct Arguments {
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
        .route("/v1/chat/completions", post(chat))
        .with_state(server);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, arguments.port)).await?;
    {
        let mut out = io::stdout().lock();
        writeln!(out, "listening http://{}/v1", listener.local_addr()?)?;
        out.flush()?;
    }
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

/// The parts of a request that a script looks at.
#[derive(Debug, Deserialize)]
struct ChatRequest {
    messages: Vec<Message>,
    #[serde(default)]
    stream: bool,
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

async fn chat(State(server): State<Arc<Server>>, Json(request): Json<ChatRequest>) -> Response {
    let last = request.messages.last();
    let text = last.map(Message::text).unwrap_or_default();
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
        let problem = json!({ "error": { "message": "The script refuses this request.", "type": "server_error" } });
        return (StatusCode::INTERNAL_SERVER_ERROR, Json(problem)).into_response();
    }
    let id = format!(
        "scripted-{}",
        server.answered.fetch_add(1, Ordering::Relaxed)
    );
    let read: usize = request
        .messages
        .iter()
        .map(|message| words(&message.text()))
        .sum();
    if request.stream {
        stream_answer(&server, &id, read, pieces)
    } else {
        whole_answer(&id, read, &pieces)
    }
}

fn words(text: &str) -> usize {
    text.split_whitespace().count().max(1)
}

fn usage(read: usize, pieces: &[Piece]) -> Value {
    json!({ "prompt_tokens": read, "completion_tokens": pieces.len(), "total_tokens": read + pieces.len() })
}

fn finish_reason(pieces: &[Piece]) -> &'static str {
    if pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Call { .. }))
    {
        "tool_calls"
    } else {
        "stop"
    }
}

fn whole_answer(id: &str, read: usize, pieces: &[Piece]) -> Response {
    let mut message = json!({ "role": "assistant", "content": "" });
    let (mut text, mut thinking, mut calls) = (String::new(), String::new(), Vec::new());
    for piece in pieces {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Think(part) => thinking.push_str(part),
            Piece::Call { name, arguments } => calls.push(call(calls.len(), name, arguments)),
            Piece::Wait(_) | Piece::Refuse | Piece::Break => {}
        }
    }
    message["content"] = json!(text);
    if !thinking.is_empty() {
        message["reasoning_content"] = json!(thinking);
    }
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    Json(json!({
        "id": id, "object": "chat.completion", "created": 0, "model": MODEL,
        "choices": [{ "index": 0, "message": message, "finish_reason": finish_reason(pieces) }],
        "usage": usage(read, pieces),
    }))
    .into_response()
}

fn call(index: usize, name: &str, arguments: &Value) -> Value {
    json!({
        "index": index, "id": format!("call_{index}"), "type": "function",
        "function": { "name": name, "arguments": arguments.to_string() },
    })
}

fn stream_answer(server: &Server, id: &str, read: usize, pieces: Vec<Piece>) -> Response {
    let head = json!({ "id": id, "object": "chat.completion.chunk", "created": 0, "model": MODEL });
    let chunk = move |delta: Value, finish: Value| {
        let mut chunk = head.clone();
        chunk["choices"] = json!([{ "index": 0, "delta": delta, "finish_reason": finish }]);
        chunk
    };
    let mut last = chunk(json!({}), json!(finish_reason(&pieces)));
    last["usage"] = usage(read, &pieces);
    let delay = server.delay;
    let parts = stream::iter(pieces).then(move |piece| {
        let event = match &piece {
            Piece::Text(text) => Some(chunk(json!({ "content": text }), Value::Null)),
            Piece::Think(text) => Some(chunk(json!({ "reasoning_content": text }), Value::Null)),
            Piece::Call { name, arguments } => Some(chunk(
                json!({ "tool_calls": [call(0, name, arguments)] }),
                Value::Null,
            )),
            Piece::Wait(_) | Piece::Refuse | Piece::Break => None,
        };
        async move {
            match piece {
                Piece::Wait(time) => sleep(time).await,
                Piece::Break => return Err(io::Error::other("the script cuts the connection")),
                _ => sleep(delay).await,
            }
            Ok(event.map_or_else(Bytes::new, |event| {
                Bytes::from(format!("data: {event}\n\n"))
            }))
        }
    });
    let end = stream::iter([Ok(Bytes::from(format!("data: {last}\n\ndata: [DONE]\n\n")))]);
    let body = Body::from_stream(parts.chain(end));
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}
