//! Replicas come, leave, break and come back; nobody restarts anything.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use axum::{body::Body, http::Method};
use openmake_seam::Standing;

use crate::support::{Client, Names, Replica, eventually, json_of, keys, request, target};

fn calls(replica: &Replica) -> usize {
    replica.counts.calls.load(Ordering::Relaxed)
}

#[tokio::test]
async fn requests_go_to_the_least_busy_of_all_addresses_of_a_name() {
    let addresses: [IpAddr; 2] = [[127, 0, 0, 1].into(), [127, 0, 0, 2].into()];
    let first = Replica::start().await;
    let second = Replica::at(SocketAddr::new(addresses[1], first.at.port())).await;
    let names = Names::default();
    names.set(&addresses);
    let client = Client::with(vec![target(first.at)], Arc::new(names.clone()), keys());
    for _ in 0..10 {
        assert_eq!(client.get("/who").await.status(), 200);
    }
    assert_eq!((calls(&first), calls(&second)), (5, 5));
    // Whoever is busy gets less.
    let busy = client.get("/endless").await;
    let before = (calls(&first), calls(&second));
    for _ in 0..6 {
        assert_eq!(client.get("/who").await.status(), 200);
    }
    let gained = (calls(&first) - before.0, calls(&second) - before.1);
    assert!(gained == (6, 0) || gained == (0, 6), "{gained:?}");
    drop(busy);
    // One is taken out of the name, and gets nothing more.
    names.set(&addresses[1..]);
    eventually("the address is gone", || client.role.standings().len() == 1).await;
    let before = calls(&first);
    for _ in 0..6 {
        assert_eq!(client.get("/who").await.status(), 200);
    }
    assert_eq!(calls(&first), before);
}

#[tokio::test]
async fn one_that_breaks_is_set_aside_and_comes_back() {
    let (first, second) = (Replica::start().await, Replica::start().await);
    let client = Client::of(&[&first, &second]);
    assert_eq!(client.get("/who").await.status(), 200);
    let at = first.at;
    first.stop().await;
    for _ in 0..10 {
        assert_eq!(client.get("/who").await.status(), 200);
    }
    let standing = || {
        let standings = client.role.standings();
        standings.into_iter().find(|(address, _)| *address == at)
    };
    eventually("it is set aside", || {
        standing() == Some((at, Standing::Aside))
    })
    .await;
    let first = Replica::at(at).await;
    eventually("it is good again", || {
        standing() == Some((at, Standing::Good))
    })
    .await;
    for _ in 0..4 {
        assert_eq!(client.get("/who").await.status(), 200);
    }
    assert_eq!(calls(&first), 2);
}

#[tokio::test]
async fn the_only_one_that_is_gone_is_said_with_when_to_come_back() {
    let replica = Replica::start().await;
    let client = Client::of(&[&replica]);
    assert_eq!(client.get("/who").await.status(), 200);
    let at = replica.at;
    replica.stop().await;
    let answer = client.get("/who").await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["retry-after"], "1");
    assert_eq!(json_of(answer).await["code"], "ai_unavailable");
    // The first request after it came back finds it.
    let _replica = Replica::at(at).await;
    assert_eq!(client.get("/who").await.status(), 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_leaves_costs_no_request() {
    let (first, second) = (Replica::start().await, Replica::start().await);
    let client = Client::of(&[&first, &second]);
    let mut leaving = Some(first);
    let mut kept = None;
    for round in 0..600 {
        if round == 200 {
            let first = leaving.take().expect("once");
            first.leave();
            kept = Some(first);
        }
        let asked = request(Method::POST, "/who", Body::from("a body"));
        assert_eq!(client.send(asked).await.status(), 200, "round {round}");
    }
    let first = kept.expect("left");
    let standing = (first.at, Standing::Aside);
    eventually("it is not asked any more", || {
        client.role.standings().contains(&standing)
    })
    .await;
    let before = calls(&first);
    for _ in 0..10 {
        assert_eq!(client.get("/who").await.status(), 200);
    }
    assert_eq!(calls(&first), before);
    // Where it is the only one, it still serves: turns are cancelled, and their
    // events read, until it has ended.
    second.stop().await;
    let answer = client.until("/who", 200).await;
    assert!(answer["user"].is_string());
    tokio::time::timeout(Duration::from_secs(10), first.stop())
        .await
        .expect("it ends");
}
