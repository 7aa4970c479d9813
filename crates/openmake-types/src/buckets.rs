//! Where histograms are cut.
//!
//! Stored samples (`metric_samples`) count by these bounds, so none of them
//! may change: another cut is another column.

/// Seconds from a request to the head of its answer.
pub const REQUEST_SECONDS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// Seconds from a question to the first token of its answer.
pub const FIRST_TOKEN_SECONDS: [f64; 12] = [
    0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4,
];

/// Seconds that one commit of the event log takes.
pub const APPEND_SECONDS: [f64; 14] = [
    0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048,
    4.096,
];

/// The time, in the unit of `bounds`, below which the share `of` (0 to 1) of
/// what was counted lies; `None` when nothing was counted. `counts` has one
/// more place than `bounds`, for what is above the last one, of which no more
/// is known than that. Within a bucket the times are taken as spread evenly.
pub fn percentile(bounds: &[f64], counts: &[u64], of: f64) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    if total == 0 {
        return None;
    }
    let rank = of * approximate(total);
    let mut below = 0.0;
    for (place, count) in counts.iter().enumerate() {
        let count = approximate(*count);
        if count > 0.0 && below + count >= rank {
            let lower = place.checked_sub(1).and_then(|place| bounds.get(place));
            let lower = lower.copied().unwrap_or(0.0);
            let Some(upper) = bounds.get(place) else {
                return Some(lower);
            };
            return Some(lower + (upper - lower) * ((rank - below) / count).clamp(0.0, 1.0));
        }
        below += count;
    }
    bounds.last().copied()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a percentile of more than 2^52 requests may be off by one"
)]
fn approximate(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: [f64; 3] = [1.0, 2.0, 4.0];

    #[test]
    fn a_percentile_lies_within_its_bucket() {
        let counts = [10, 0, 10, 0];
        assert_eq!(percentile(&BOUNDS, &counts, 0.5), Some(1.0));
        assert_eq!(percentile(&BOUNDS, &counts, 0.75), Some(3.0));
        assert_eq!(percentile(&BOUNDS, &counts, 1.0), Some(4.0));
        assert_eq!(percentile(&BOUNDS, &counts, 0.0), Some(0.0));
    }

    #[test]
    fn beyond_the_last_bound_nothing_more_is_known() {
        assert_eq!(percentile(&BOUNDS, &[0, 0, 0, 3], 0.5), Some(4.0));
        assert_eq!(percentile(&BOUNDS, &[0, 0, 0, 0], 0.5), None);
        assert_eq!(percentile(&BOUNDS, &[], 0.5), None);
    }
}
