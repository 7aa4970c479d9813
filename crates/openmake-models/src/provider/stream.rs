//! A body into an answer, under a watchdog.

use std::{collections::VecDeque, pin::Pin, time::Duration};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use tokio::time::{Instant, timeout_at};

use super::{DeltaStream, ProviderLimits};
use crate::{
    ChatDelta, ModelError, TimeoutKind,
    wire::{ChatDecoder, Progress, Stage},
};

/// How long the counts are waited for once the answer itself is complete.
const CLOSING: Duration = Duration::from_secs(5);

/// Decodes `body`. The first piece of the answer has to come before
/// `first_token_by`, and each further one within the idle limit of the one
/// before; only what [`Progress::Data`] means counts.
pub fn decode_stream(
    body: impl Stream<Item = Result<Bytes, ModelError>> + Send + 'static,
    decoder: Box<dyn ChatDecoder>,
    limits: ProviderLimits,
    first_token_by: Instant,
) -> DeltaStream {
    let reader = Reader {
        body: Some(Box::pin(body)),
        decoder,
        limits,
        deadline: first_token_by,
        waiting_for: TimeoutKind::FirstToken(limits.first_token),
        bytes: 0,
        ready: VecDeque::new(),
        failed: None,
    };
    stream::unfold(reader, async |mut reader| {
        reader.next().await.map(|item| (item, reader))
    })
    .boxed()
}

type Body = Pin<Box<dyn Stream<Item = Result<Bytes, ModelError>> + Send>>;

struct Reader {
    /// `None` once nothing more is wanted of it; dropping it ends the request.
    body: Option<Body>,
    decoder: Box<dyn ChatDecoder>,
    limits: ProviderLimits,
    deadline: Instant,
    waiting_for: TimeoutKind,
    bytes: usize,
    ready: VecDeque<ChatDelta>,
    /// Comes after what was decoded before it.
    failed: Option<ModelError>,
}

impl Reader {
    async fn next(&mut self) -> Option<Result<ChatDelta, ModelError>> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Some(Ok(delta));
            }
            if let Some(error) = self.failed.take() {
                return Some(Err(error));
            }
            let body = self.body.as_mut()?;
            match timeout_at(self.deadline, body.next()).await {
                Ok(Some(Ok(piece))) => self.take(&piece),
                Ok(None) => self.end(),
                // A complete answer whose counts never come is complete.
                Err(_) | Ok(Some(Err(_))) if self.decoder.stage() == Stage::Closing => self.end(),
                Ok(Some(Err(error))) => self.fail(error),
                Err(_) => self.fail(ModelError::Timeout(self.waiting_for)),
            }
        }
    }

    fn take(&mut self, piece: &[u8]) {
        self.bytes = self.bytes.saturating_add(piece.len());
        if self.bytes > self.limits.max_stream_bytes {
            let limit = self.limits.max_stream_bytes;
            return self.fail(ModelError::protocol(format!(
                "the answer is larger than {limit} bytes"
            )));
        }
        let progress = match self.decoder.push(piece, &mut self.ready) {
            Ok(progress) => progress,
            Err(error) => return self.fail(error),
        };
        match self.decoder.stage() {
            Stage::Ended => self.body = None,
            Stage::Closing if progress == Progress::Data => {
                self.deadline = Instant::now() + CLOSING;
            }
            Stage::Answering if progress == Progress::Data => {
                self.deadline = Instant::now() + self.limits.idle;
                self.waiting_for = TimeoutKind::Idle(self.limits.idle);
            }
            Stage::Answering | Stage::Closing => {}
        }
    }

    fn end(&mut self) {
        self.body = None;
        self.failed = self.decoder.end(&mut self.ready).err();
    }

    fn fail(&mut self, error: ModelError) {
        self.body = None;
        self.failed = Some(error);
    }
}
