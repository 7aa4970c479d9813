//! A question on its way: the choice of node and key, and what to do when one
//! fails before it has begun to answer.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt as _, Stream, StreamExt as _, future::BoxFuture, stream};
use openmake_types::NodeId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    NodePool,
    keys::{Lease, Pick},
    node::{Ticket, is_servers_fault},
    route::Candidate,
};
use crate::{
    ChatDelta, ChatRequest, DeltaStream, EmbedRequest, Embeddings, ModelError,
    provider::{Credential, Provider},
};

/// How long to wait before all candidates are asked once more, after none of
/// them could be connected to: a server may just be starting anew.
const SECOND_ROUND: Duration = Duration::from_millis(300);

/// An answer as it comes, and who gives it. Dropping it ends the request.
pub struct ChatStream {
    node_id: NodeId,
    node_name: String,
    model: String,
    deltas: DeltaStream,
}

impl ChatStream {
    /// The node that answers.
    pub fn node_id(&self) -> NodeId {
        self.node_id
    }

    /// Its name.
    pub fn node_name(&self) -> &str {
        &self.node_name
    }

    /// The model that answers, as its server calls it.
    pub fn model(&self) -> &str {
        &self.model
    }
}

impl Stream for ChatStream {
    type Item = Result<ChatDelta, ModelError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.deltas.poll_next_unpin(context)
    }
}

impl std::fmt::Debug for ChatStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChatStream")
            .field("node", &self.node_name)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl NodePool {
    /// Asks the model that `request` names, at the best node that has it, and
    /// returns when the first piece of the answer is there. Until then, what
    /// fails is tried again with other keys and at other nodes; after it,
    /// never.
    pub async fn chat(&self, request: ChatRequest) -> Result<ChatStream, ModelError> {
        let model = request.model.clone();
        let answered = self.ask(&model, &Chat(request)).await?;
        let Answered {
            candidate,
            ticket,
            lease,
            output: (first, rest),
        } = answered;
        Ok(ChatStream {
            node_id: candidate.node.config.id,
            node_name: candidate.node.config.name.clone(),
            model: candidate.model,
            deltas: watched(Watched {
                first: Some(first),
                rest,
                ticket,
                lease,
                stop: self.stop().clone(),
                over: false,
            }),
        })
    }

    /// Turns texts into vectors by the model that `request` names.
    pub async fn embed(&self, request: EmbedRequest) -> Result<Embeddings, ModelError> {
        if request.inputs.is_empty() {
            return Ok(Embeddings {
                vectors: Vec::new(),
                tokens: openmake_types::TokenCounts::default(),
            });
        }
        let model = request.model.clone();
        let mut answered = self.ask(&model, &Embed(request)).await?;
        answered.ticket.cost(answered.output.tokens);
        answered.ticket.succeeded(&answered.lease);
        Ok(answered.output)
    }

    async fn ask<W: Work>(&self, model: &str, work: &W) -> Result<Answered<W::Output>, ModelError> {
        self.stop()
            .run_until_cancelled(self.attempts(model, work))
            .await
            .unwrap_or(Err(ModelError::Cancelled))
    }

    async fn attempts<W: Work>(
        &self,
        model: &str,
        work: &W,
    ) -> Result<Answered<W::Output>, ModelError> {
        let mut attempts = Attempts {
            left: self.settings().max_attempts,
            // A question that has waited this long is not asked yet again.
            until: Instant::now() + self.limits().first_token,
            resting: None,
            last: None,
        };
        let candidates = self.candidates(model).await?;
        for candidate in &candidates {
            if let Some(answered) = attempts.at(candidate, work).await? {
                return Ok(answered);
            }
        }
        if matches!(attempts.last, Some(ModelError::Connection { .. })) && attempts.may_go_on() {
            tokio::time::sleep(SECOND_ROUND).await;
            for candidate in &candidates {
                if let Some(answered) = attempts.at(candidate, work).await? {
                    return Ok(answered);
                }
            }
        }
        Err(attempts.error(model))
    }
}

/// A question that was answered, or whose answer has begun.
struct Answered<T> {
    candidate: Candidate,
    ticket: Ticket,
    lease: Lease,
    output: T,
}

struct Attempts {
    left: usize,
    until: Instant,
    /// The shortest rest of the keys that could not be used.
    resting: Option<Duration>,
    last: Option<ModelError>,
}

impl Attempts {
    fn may_go_on(&self) -> bool {
        self.left > 0 && (self.last.is_none() || Instant::now() < self.until)
    }

    /// Tries the keys of one node. `None` means that another node may do
    /// better, an error that none will.
    async fn at<W: Work>(
        &mut self,
        candidate: &Candidate,
        work: &W,
    ) -> Result<Option<Answered<W::Output>>, ModelError> {
        let server = &candidate.node.server;
        let mut tried = Vec::new();
        while self.may_go_on() {
            let Some(mut ticket) = server.admit() else {
                return Ok(None);
            };
            let lease = match server.keys.pick(&tried) {
                Pick::Key(lease) => lease,
                Pick::Resting(rest) => {
                    self.resting = Some(self.resting.map_or(rest, |other| other.min(rest)));
                    return Ok(None);
                }
                Pick::Tried => return Ok(None),
            };
            self.left -= 1;
            ticket.asking(&lease);
            let error = match work.run(candidate, &lease.credential).await {
                Ok(output) => {
                    ticket.answering(&lease);
                    return Ok(Some(Answered {
                        candidate: candidate.clone(),
                        ticket,
                        lease,
                        output,
                    }));
                }
                Err(error) => error,
            };
            ticket.failed(&lease, &error);
            tracing::info!(
                node = %candidate.node.config.name,
                model = %candidate.model,
                key = lease.index,
                %error,
                "a model server did not answer"
            );
            let next = next_step(&error);
            self.last = Some(error.clone());
            match next {
                Next::Key => tried.push(lease.index),
                Next::Node => return Ok(None),
                Next::GiveUp => return Err(error),
            }
        }
        Ok(None)
    }

    /// What the caller is told when nobody answered.
    fn error(self, model: &str) -> ModelError {
        match (self.last, self.resting) {
            (Some(ModelError::RateLimited { retry_after }), resting) => ModelError::RateLimited {
                retry_after: resting.into_iter().chain(retry_after).min(),
            },
            (Some(error), _) => error,
            (None, Some(rest)) => ModelError::RateLimited {
                retry_after: Some(rest),
            },
            (None, None) => ModelError::Unavailable {
                model: model.to_owned(),
            },
        }
    }
}

enum Next {
    Key,
    Node,
    GiveUp,
}

fn next_step(error: &ModelError) -> Next {
    match error {
        ModelError::Unauthorized { .. } | ModelError::RateLimited { .. } => Next::Key,
        // The list is out of date, or another kind of server knows more.
        ModelError::ModelNotFound { .. } | ModelError::Unsupported { .. } => Next::Node,
        error if is_servers_fault(error) => Next::Node,
        // The question itself is wrong, and would be everywhere.
        _ => Next::GiveUp,
    }
}

/// What a node is asked for.
trait Work: Sync {
    type Output: Send;

    fn run<'a>(
        &'a self,
        candidate: &'a Candidate,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Self::Output, ModelError>>;
}

struct Chat(ChatRequest);

impl Work for Chat {
    /// The first piece, and the rest.
    type Output = (ChatDelta, DeltaStream);

    fn run<'a>(
        &'a self,
        candidate: &'a Candidate,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Self::Output, ModelError>> {
        let mut request = ChatRequest {
            model: candidate.model.clone(),
            ..self.0.clone()
        };
        if !candidate.details.capabilities.thinking {
            // Servers refuse the whole question over it.
            request.thinking = None;
        }
        async move {
            let mut deltas = provider(candidate).chat(credential, &request).await?;
            match deltas.next().await {
                Some(Ok(first)) => Ok((first, deltas)),
                Some(Err(error)) => Err(error),
                None => Err(ModelError::protocol("the answer is empty")),
            }
        }
        .boxed()
    }
}

struct Embed(EmbedRequest);

impl Work for Embed {
    type Output = Embeddings;

    fn run<'a>(
        &'a self,
        candidate: &'a Candidate,
        credential: &'a Credential,
    ) -> BoxFuture<'a, Result<Self::Output, ModelError>> {
        let request = EmbedRequest {
            model: candidate.model.clone(),
            ..self.0.clone()
        };
        async move { provider(candidate).embed(credential, &request).await }.boxed()
    }
}

fn provider(candidate: &Candidate) -> &dyn Provider {
    &*candidate.node.server.provider
}

/// An answer under way, with what has to be told how it ends.
struct Watched {
    first: Option<ChatDelta>,
    rest: DeltaStream,
    ticket: Ticket,
    lease: Lease,
    stop: CancellationToken,
    over: bool,
}

fn watched(state: Watched) -> DeltaStream {
    stream::unfold(state, async |mut state| {
        let item = state.next().await?;
        Some((item, state))
    })
    .boxed()
}

impl Watched {
    async fn next(&mut self) -> Option<Result<ChatDelta, ModelError>> {
        if self.over {
            return None;
        }
        let item = match self.first.take() {
            Some(first) => Ok(first),
            None => match self.stop.run_until_cancelled(self.rest.next()).await {
                Some(item) => item?,
                None => Err(ModelError::Cancelled),
            },
        };
        match &item {
            Ok(ChatDelta::Finish(_)) => self.ticket.succeeded(&self.lease),
            Ok(ChatDelta::Usage(tokens)) => self.ticket.cost(*tokens),
            Ok(_) => {}
            Err(ModelError::Cancelled) => self.over = true,
            Err(error) => {
                self.over = true;
                self.ticket.failed(&self.lease, error);
            }
        }
        Some(item)
    }
}
