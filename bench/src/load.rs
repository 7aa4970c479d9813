//! Load: an open loop, whose arrivals wait for nothing, and a closed one.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::JoinSet;
use tokio::time::sleep_until;

/// Arrivals at fixed times.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrivals {
    pub(crate) count: usize,
    pub(crate) every: Duration,
}

impl Arrivals {
    /// So many a second, for so long.
    pub(crate) fn at_rate(per_second: f64, lasting: Duration) -> Self {
        let every = Duration::from_secs_f64(1.0 / per_second.max(0.001));
        let count = lasting.as_nanos() / every.as_nanos().max(1);
        Self {
            count: usize::try_from(count).unwrap_or(usize::MAX).max(1),
            every,
        }
    }
}

/// Calls `ask` with the number and the time of each arrival, whether or not
/// earlier ones have been answered: measured from that time, what had to wait
/// shows. Gives all answers, in no order.
pub(crate) async fn open_loop<T, F>(
    arrivals: Arrivals,
    ask: impl Fn((usize, Instant)) -> F,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut tasks = JoinSet::new();
    let began = Instant::now();
    for number in 0..arrivals.count {
        let before = u32::try_from(number).unwrap_or(u32::MAX);
        let due = began + arrivals.every * before;
        if Instant::now() < due {
            sleep_until(due.into()).await;
        }
        tasks.spawn(ask((number, due)));
    }
    tasks.join_all().await
}

/// Calls `ask` with each number below `count`, so many at once. Gives all
/// answers, in no order.
pub(crate) async fn each<T, F>(
    count: usize,
    at_once: usize,
    ask: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let next = Arc::new(AtomicUsize::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..at_once {
        let (next, ask) = (Arc::clone(&next), ask.clone());
        tasks.spawn(async move {
            let mut answers = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count {
                    return answers;
                }
                answers.push(ask(number).await);
            }
        });
    }
    tasks.join_all().await.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_count_and_a_distance() {
        let arrivals = Arrivals::at_rate(500.0, Duration::from_secs(2));
        assert_eq!(arrivals.count, 1000);
        assert_eq!(arrivals.every, Duration::from_millis(2));
    }

    #[tokio::test]
    async fn every_number_is_asked_once() {
        let mut asked = each(100, 7, |number| async move { number }).await;
        asked.sort_unstable();
        assert_eq!(asked, (0..100).collect::<Vec<_>>());
    }
}
