//! One HTTP/2 connection to an address of a role.

use std::{error::Error as _, net::SocketAddr, time::Duration};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::http2::{Builder, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, time::timeout};
use tokio_util::task::TaskTracker;

use crate::{body::Lent, failure::ConnectError, limits};

/// How long connecting may take, the handshake included.
const CONNECT: Duration = Duration::from_secs(2);

/// Spawns where the process counts its tasks.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> hyper::rt::Executor<F> for Tracked
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// A connection that requests can be sent on.
pub(crate) type Sender = SendRequest<Lent>;

/// Connects. The connection ends when its last stream has ended and nobody
/// holds the sender any more.
pub(crate) async fn open(at: SocketAddr, tasks: &TaskTracker) -> Result<Sender, ConnectError> {
    let connecting = async {
        let stream = TcpStream::connect(at).await?;
        // Small frames of a stream must not wait for each other.
        stream.set_nodelay(true)?;
        let mut builder = Builder::new(Tracked(tasks.clone()));
        limits::client(&mut builder);
        let (sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, %at, "a connection to a role ended with an error");
            }
        });
        Ok(sender)
    };
    timeout(CONNECT, connecting)
        .await
        .unwrap_or(Err(ConnectError::TookTooLong))
}

/// How a request failed.
#[derive(Debug)]
pub(crate) struct SendFailure {
    pub(crate) error: hyper::Error,
    /// Whether the other side provably did not take it.
    pub(crate) untaken: bool,
}

/// Sends a request and waits for the head of its answer.
pub(crate) async fn send(
    sender: &mut Sender,
    request: Request<Lent>,
) -> Result<Response<Incoming>, SendFailure> {
    sender
        .try_send_request(request)
        .await
        .map_err(|mut failed| {
            let unsent = failed.take_message().is_some();
            let error = failed.into_error();
            SendFailure {
                untaken: unsent || was_refused(&error),
                error,
            }
        })
}

/// Whether the other side says that it did nothing for the stream: it is
/// leaving, or has too many (RFC 9113, 8.7).
fn was_refused(error: &hyper::Error) -> bool {
    let Some(error) = error
        .source()
        .and_then(|cause| cause.downcast_ref::<h2::Error>())
    else {
        return false;
    };
    let reason = error.reason();
    error.is_remote()
        && (error.is_reset() && reason == Some(h2::Reason::REFUSED_STREAM)
            || error.is_go_away() && reason == Some(h2::Reason::NO_ERROR))
}
