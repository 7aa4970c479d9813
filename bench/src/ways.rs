//! The ways from a client to the model: straight, through OpenMake, through
//! what else is compared.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;

use crate::client::{Ask, Http};
use crate::load;
use crate::stream::{OPENAI, Streamed, TURNS};

/// The scripted model's name.
pub(crate) const MODEL: &str = "scripted-demo";
/// How many conversations are made at once.
const MAKERS: usize = 16;

/// When the tokens of an answer come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    pub(crate) tokens: usize,
    pub(crate) first: Duration,
    pub(crate) every: Duration,
}

impl Pace {
    fn question(self) -> String {
        format!(
            "/paced {} {} {}",
            self.tokens,
            self.first.as_millis(),
            self.every.as_millis()
        )
    }

    /// How long a stream of it takes.
    pub(crate) fn takes(self) -> Duration {
        self.first + self.every * u32::try_from(self.tokens.saturating_sub(1)).unwrap_or(u32::MAX)
    }
}

/// One way.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    /// What the report calls it.
    pub(crate) name: &'static str,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// `POST …/chat/completions`.
    OpenAi { url: String, key: Option<String> },
    /// A durable turn, watched over SSE.
    Turns(Turns),
}

/// An account, and a conversation of its own for each question.
#[derive(Debug, Clone)]
struct Turns {
    base: String,
    token: String,
    conversations: Arc<Vec<String>>,
}

impl Way {
    /// The way over OpenAI's protocol; `base` ends with `/v1`.
    pub(crate) fn openai(name: &'static str, base: &str, key: Option<&str>) -> Self {
        Self {
            name,
            kind: Kind::OpenAi {
                url: format!("{base}/chat/completions"),
                key: key.map(str::to_owned),
            },
        }
    }

    /// The way over durable turns, prepared for so many questions.
    pub(crate) async fn turns(
        http: &Http,
        base: &str,
        token: &str,
        questions: usize,
    ) -> anyhow::Result<Self> {
        let url: Arc<str> = format!("{base}/api/v1/conversations").into();
        let key: Arc<str> = token.into();
        let shared = http.clone();
        let made = load::each(questions, MAKERS, move |number| {
            let (http, url, key) = (shared.clone(), Arc::clone(&url), Arc::clone(&key));
            async move {
                // With a title, or the model would be asked for one.
                let body = json!({ "title": format!("bench {number}"), "model": MODEL });
                let made = http.json(&Ask::post(&url, Some(&key), &body)).await?;
                let id = made["id"].as_str().context("a conversation without id")?;
                Ok(id.to_owned())
            }
        })
        .await;
        let conversations: anyhow::Result<Vec<String>> = made.into_iter().collect();
        Ok(Self {
            name: TURNS_NAME,
            kind: Kind::Turns(Turns {
                base: base.to_owned(),
                token: token.to_owned(),
                conversations: Arc::new(conversations.context("cannot make conversations")?),
            }),
        })
    }

    /// Asks once and reads the stream; `number` is the question's.
    pub(crate) async fn stream(
        &self,
        http: &Http,
        pace: Pace,
        (number, due): (usize, Instant),
    ) -> Streamed {
        let response = match &self.kind {
            Kind::OpenAi { url, key } => {
                let body = json!({
                    "model": MODEL, "stream": true,
                    "messages": [{ "role": "user", "content": pace.question() }],
                });
                http.send(&Ask::post(url, key.as_deref(), &body)).await
            }
            Kind::Turns(turns) => turns.start(http, pace, number).await,
        };
        let dialect = match &self.kind {
            Kind::OpenAi { .. } => OPENAI,
            Kind::Turns(_) => TURNS,
        };
        match response {
            Err(error) => Streamed::failed(error),
            Ok(response) if !response.status().is_success() => {
                Streamed::failed(format!("{} answers {}", self.name, response.status()))
            }
            Ok(response) => Streamed::read(response.into_body(), dialect, due, pace.tokens).await,
        }
    }

    /// Asks once without streaming.
    pub(crate) async fn whole(&self, http: &Http, pace: Pace) -> anyhow::Result<()> {
        let Kind::OpenAi { url, key } = &self.kind else {
            bail!("a turn is always a stream");
        };
        let body = json!({
            "model": MODEL,
            "messages": [{ "role": "user", "content": pace.question() }],
        });
        let answer = http.json(&Ask::post(url, key.as_deref(), &body)).await?;
        let text = answer["choices"][0]["message"]["content"].as_str();
        let tokens = text.unwrap_or_default().split_whitespace().count();
        if tokens != pace.tokens {
            bail!("{tokens} tokens came instead of {}", pace.tokens);
        }
        Ok(())
    }
}

/// What the report calls durable turns.
pub(crate) const TURNS_NAME: &str = "OpenMake, durable turns";

impl Turns {
    async fn start(
        &self,
        http: &Http,
        pace: Pace,
        number: usize,
    ) -> anyhow::Result<http::Response<hyper::body::Incoming>> {
        let conversation = self
            .conversations
            .get(number)
            .context("too few conversations were made")?;
        let url = format!("{}/api/v1/conversations/{conversation}/turns", self.base);
        let body = json!({ "content": pace.question(), "model": MODEL });
        let key = Some(self.token.as_str());
        let started = http.json(&Ask::post(&url, key, &body)).await?;
        let turn = started["turn_id"].as_str().context("a turn without id")?;
        let url = format!("{}/api/v1/turns/{turn}/events", self.base);
        http.send(&Ask::get(&url, key)).await
    }
}
