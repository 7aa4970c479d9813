//! Bodies on their way between roles.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::LengthLimitError;
use hyper::body::Incoming;
use parking_lot::Mutex;

use crate::{failure::BodyFailure, pool::Slot};

/// A request's body while a connection has it. As long as nothing of it was
/// read, it can be had back.
#[derive(Clone)]
pub(crate) struct Lent(Arc<Mutex<Shared>>);

struct Shared {
    body: Body,
    was_read: bool,
    failure: Option<BodyFailure>,
}

impl Lent {
    /// Lends `body`.
    pub(crate) fn new(body: Body) -> Self {
        Self(Arc::new(Mutex::new(Shared {
            body,
            was_read: false,
            failure: None,
        })))
    }

    /// The body for another try, where nothing of it was read. Whoever still has
    /// it from before finds it empty.
    pub(crate) fn take_back(&self) -> Option<Self> {
        let mut shared = self.0.lock();
        let body = (!shared.was_read).then(|| std::mem::take(&mut shared.body))?;
        Some(Self::new(body))
    }

    /// How reading it failed.
    pub(crate) fn failure(&self) -> Option<BodyFailure> {
        self.0.lock().failure
    }
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut shared = self.0.lock();
        let polled = Pin::new(&mut shared.body).poll_frame(context);
        match &polled {
            Poll::Ready(Some(Ok(_))) => shared.was_read = true,
            Poll::Ready(Some(Err(error))) => {
                shared.was_read = true;
                shared.failure = Some(classify(error));
            }
            Poll::Ready(None) | Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().body.size_hint()
    }
}

fn classify(error: &axum::Error) -> BodyFailure {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return BodyFailure::TooLong;
        }
        cause = error.source();
    }
    BodyFailure::Broken
}

/// An answer's body, which counts as a stream of its connection until it is
/// dropped. Dropping it before its end tells the other side.
pub(crate) struct Counted {
    incoming: Incoming,
    _slot: Slot,
}

impl Counted {
    pub(crate) const fn new(incoming: Incoming, slot: Slot) -> Self {
        Self {
            incoming,
            _slot: slot,
        }
    }
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        Pin::new(&mut self.incoming).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[tokio::test]
    async fn a_body_comes_back_until_something_was_read() {
        let lent = Lent::new(Body::from("words"));
        let mut again = lent.take_back().expect("unread");
        assert_eq!(lent.collect().await.expect("empty").to_bytes(), "");
        let frame = again.frame().await.expect("a frame").expect("whole");
        assert_eq!(frame.into_data().expect("data"), "words");
        assert!(again.take_back().is_none());
    }
}
