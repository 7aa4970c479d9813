//! What many measurements add up to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The distribution of some times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    pub(crate) count: usize,
    pub(crate) p50: f64,
    pub(crate) p95: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

impl Summary {
    /// Of microseconds; none of nothing.
    pub(crate) fn of(mut micros: Vec<u32>) -> Option<Self> {
        micros.sort_unstable();
        let at = |share: usize| {
            // The smallest that at least so many hundredths do not exceed.
            let rank = (micros.len() * share).div_ceil(100).max(1) - 1;
            micros.get(rank).map(|micros| f64::from(*micros) / 1000.0)
        };
        Some(Self {
            count: micros.len(),
            p50: at(50)?,
            p95: at(95)?,
            p99: at(99)?,
            max: at(100)?,
        })
    }
}

/// Whole microseconds, as many as fit.
pub(crate) fn micros(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_exact() {
        let summary = Summary::of((1..=200).map(|n| n * 1000).collect()).expect("some");
        assert_eq!(summary.count, 200);
        let all = (summary.p50, summary.p95, summary.p99, summary.max);
        assert_eq!(all, (100.0, 190.0, 198.0, 200.0));
        assert_eq!(Summary::of(vec![7000]).map(|one| one.p50), Some(7.0));
        assert_eq!(Summary::of(Vec::new()), None);
    }
}
