//! Files that are written while they are sent, however long they are.

use std::time::Duration;

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use http::header;
use openmake_api::ApiError;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;

use crate::state::App;

/// Pieces that wait for the client.
const AHEAD: usize = 4;

/// What the file is.
pub(crate) struct Attachment {
    pub(crate) media_type: &'static str,
    pub(crate) name: &'static str,
}

/// Where the file is written to.
pub(crate) struct Sink {
    pieces: mpsc::Sender<Result<Bytes, std::io::Error>>,
    patience: Duration,
}

/// Why a file is not written to its end.
pub(crate) enum Stopped {
    /// Nobody reads it any more.
    Gone,
    /// It could not be made.
    Failed(ApiError),
}

impl From<ApiError> for Stopped {
    fn from(error: ApiError) -> Self {
        Self::Failed(error)
    }
}

impl Sink {
    /// Sends a piece, as soon as there is room for it.
    pub(crate) async fn write(&self, piece: impl Into<Bytes>) -> Result<(), Stopped> {
        let sent = timeout(self.patience, self.pieces.send(Ok(piece.into()))).await;
        match sent {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Stopped::Gone),
        }
    }
}

/// The answer that is `attachment`, which `write` writes in a task of its own.
/// A file that could not be finished ends with a broken connection, so that
/// nobody takes it for whole.
pub(crate) fn download<F>(
    app: &App,
    attachment: &Attachment,
    write: impl FnOnce(Sink) -> F,
) -> Response
where
    F: Future<Output = Result<(), Stopped>> + Send + 'static,
{
    let (pieces, reader) = mpsc::channel(AHEAD);
    let patience = app.settings.limits.request_timeout;
    let written = write(Sink {
        pieces: pieces.clone(),
        patience,
    });
    let stop = app.stop.clone();
    let name = attachment.name;
    app.tasks.spawn(async move {
        let reason = tokio::select! {
            () = stop.cancelled() => "the server stops".to_owned(),
            written = written => match written {
                Ok(()) => return,
                Err(Stopped::Gone) => "it was not read in time".to_owned(),
                Err(Stopped::Failed(error)) => error.detail().to_owned(),
            },
        };
        tracing::warn!(file = name, reason, "a download was not finished");
        // Whoever reads no more needs no telling.
        let broken = Err(std::io::Error::other(reason));
        let _ = timeout(patience, pieces.send(broken)).await;
    });
    let head = [
        (header::CONTENT_TYPE, attachment.media_type.to_owned()),
        (
            header::CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\""),
        ),
    ];
    (head, Body::from_stream(ReceiverStream::new(reader))).into_response()
}
