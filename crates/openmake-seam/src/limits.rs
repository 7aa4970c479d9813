//! How much one connection between roles may carry.
//!
//! The window of a connection is that of a stream times the streams that it may
//! have. So however many readers stall, the others' bytes still fit, and what a
//! stalled reader costs is one window.

use std::time::Duration;

use hyper_util::rt::TokioTimer;

/// Bytes of one stream that are on the way or wait to be read.
const STREAM_WINDOW: u32 = 128 * 1024;
/// Streams that the client has on one connection at most.
pub(crate) const STREAMS: usize = 256;
/// The same as the server counts them: it learns of an end later.
const SERVED_STREAMS: u32 = 512;
/// Bytes of all streams of a connection.
const CONNECTION_WINDOW: u32 = STREAM_WINDOW * SERVED_STREAMS;
/// Bytes of one stream that wait to be sent.
const SEND_BUFFER: usize = 64 * 1024;
/// Bytes of a request's head: what the gateway takes from outside, and the
/// identity with all the models that someone may ask.
const HEAD: u32 = 512 * 1024;
/// How often a silent peer is asked whether it is there, and for how long.
const PING_EVERY: Duration = Duration::from_secs(10);
const PING_PATIENCE: Duration = Duration::from_secs(5);

/// Sets up a role's client.
pub(crate) fn client<E: Clone>(builder: &mut hyper::client::conn::http2::Builder<E>) {
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_max_send_streams(STREAMS)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEAD)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_PATIENCE)
        .keep_alive_while_idle(true);
}

/// Sets up the listener that only other roles reach.
pub(crate) fn server<E>(mut builder: hyper_util::server::conn::auto::Http2Builder<'_, E>) {
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(SERVED_STREAMS)
        .max_send_buf_size(SEND_BUFFER)
        .max_header_list_size(HEAD)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_PATIENCE);
}
