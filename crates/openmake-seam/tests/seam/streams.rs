//! Bodies stream both ways, for as long as someone is there, and no longer.

use std::{
    io,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use axum::{
    body::{Body, Bytes},
    http::Method,
};
use futures_util::{StreamExt as _, future::join_all, stream};
use http_body_util::Limited;
use openmake_seam::Deadline;
use tokio::{sync::mpsc, time::timeout};

use crate::support::{Client, PATIENCE, Replica, bytes_of, eventually, json_of, request};

/// Streams at once.
const STREAMS: usize = 2_000;
/// What one reader that has stalled may cost: the windows and buffers of one
/// stream on both sides.
const STALLED_BYTES: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_streams_pass_one_that_has_stalled() {
    let replica = Replica::start().await;
    let client = Client::of(&[&replica]);
    let stalled = client.get("/endless").await;
    eventually("the stalled stream has begun", || {
        replica.counts.endless.load(Ordering::Relaxed) > 0
    })
    .await;
    let began = Instant::now();
    let read = join_all((0..STREAMS).map(async |_| {
        let answer = client.get("/lines?lines=25").await;
        assert_eq!(answer.status(), 200);
        bytes_of(answer).await.len()
    }))
    .await;
    assert!(read.iter().all(|bytes| *bytes == 25 * 1001));
    let took = began.elapsed();
    assert!(took < PATIENCE, "{took:?}");
    let produced = replica.counts.endless.load(Ordering::Relaxed);
    assert!(produced <= STALLED_BYTES, "{produced} bytes for nobody");
    drop(stalled);
    eventually("the stalled stream is let go", || {
        replica.counts.alive() == 0
    })
    .await;
}

#[tokio::test]
async fn a_body_arrives_before_it_is_complete_in_both_directions() {
    let replica = Replica::start().await;
    let client = Client::of(&[&replica]);
    let (pieces, receiver) = mpsc::channel::<Result<Bytes, io::Error>>(1);
    let body = stream::unfold(receiver, async |mut pieces| {
        Some((pieces.recv().await?, pieces))
    });
    let body = Body::from_stream(body);
    let answer = client.send(request(Method::POST, "/echo", body)).await;
    let mut echoed = answer.into_body().into_data_stream();
    for word in ["one", "two", "three"] {
        pieces.send(Ok(Bytes::from(word))).await.expect("taken");
        let piece = timeout(PATIENCE, echoed.next()).await.expect("in time");
        assert_eq!(piece.expect("more").expect("whole"), word);
    }
    drop(pieces);
    // The end may come as a frame of its own.
    while let Some(piece) = echoed.next().await {
        assert!(piece.expect("whole").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_upload_passes_in_pieces() {
    let replica = Replica::start().await;
    let client = Client::of(&[&replica]);
    let piece = Bytes::from(vec![b'x'; 64 * 1024]);
    let pieces = stream::repeat(piece).take(96 * 16).map(Ok::<_, io::Error>);
    let asked = request(Method::POST, "/count", Body::from_stream(pieces));
    let answer = client.send(asked).await;
    assert_eq!(bytes_of(answer).await, (96 << 20).to_string());
}

#[tokio::test]
async fn a_body_that_is_too_long_is_said_to_be() {
    let replica = Replica::start().await;
    let client = Client::of(&[&replica]);
    let pieces = stream::repeat(Bytes::from_static(b"0123456789")).take(50);
    let body = Body::from_stream(pieces.map(Ok::<_, io::Error>));
    let body = Body::new(Limited::new(body, 100));
    let answer = client.send(request(Method::POST, "/count", body)).await;
    assert_eq!(answer.status(), 413);
    let broken = stream::iter([Ok(Bytes::from_static(b"x")), Err(io::Error::other("gone"))]);
    let asked = request(Method::POST, "/count", Body::from_stream(broken));
    assert_eq!(client.send(asked).await.status(), 400);
}

#[tokio::test]
async fn nobody_works_on_after_the_deadline() {
    let replica = Replica::start().await;
    let client = Client::of(&[&replica]);
    let mut asked = request(Method::GET, "/hang", Body::empty());
    let deadline = tokio::time::Instant::now() + Duration::from_millis(300);
    asked.extensions_mut().insert(Deadline(deadline));
    let answer = client.send(asked).await;
    assert_eq!(answer.status(), 504);
    assert_eq!(json_of(answer).await["code"], "timeout");
    eventually("the handler has ended", || replica.counts.alive() == 0).await;
}

#[tokio::test]
async fn who_goes_away_is_noticed() {
    let replica = Replica::start().await;
    let client = Client::of(&[&replica]);
    let asking = client.get("/hang");
    assert!(timeout(Duration::from_millis(300), asking).await.is_err());
    assert_eq!(replica.counts.calls.load(Ordering::Relaxed), 1);
    eventually("the handler has ended", || replica.counts.alive() == 0).await;
    let answer = client.get("/endless").await;
    eventually("its body is there", || replica.counts.alive() == 1).await;
    drop(answer);
    eventually("its body has ended", || replica.counts.alive() == 0).await;
}
