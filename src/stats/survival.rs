//! Times to an event that some never meet: the Kaplan–Meier curve and the log-rank test.

use libm::erfc;

/// A time, and whether the event came then or the watching ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Time {
    /// Time of the event, or of the end of watching.
    pub at: f64,
    /// Whether the event came.
    pub event: bool,
}

/// The Kaplan–Meier estimate (1958): the share that the event has not met yet, after each time at which it came.
pub fn kaplan_meier(times: &[Time]) -> Vec<(f64, f64)> {
    let mut share = 1.0;
    let step = |at| {
        let watched = times.iter().filter(|time| time.at >= at).count();
        let events = times.iter().filter(|time| time.event && time.at == at).count();
        share *= 1.0 - events as f64 / watched as f64;
        (at, share)
    };
    event_times(times.iter()).into_iter().map(step).collect()
}

/// The first time at which half have met the event; absent if fewer ever do.
pub fn median_time(times: &[Time]) -> Option<f64> {
    // Shares are products of fractions: a half may be off in the last digit.
    kaplan_meier(times).into_iter().find(|&(_, share)| share <= 0.5 + 1e-12).map(|(at, _)| at)
}

/// p-value of the log-rank test (Mantel 1966) that both groups meet the event at the same rate at all times, by the χ²
/// distribution with one degree of freedom; 1 where there is nothing to compare. For few runs this is only approximate.
pub fn log_rank(a: &[Time], b: &[Time]) -> f64 {
    let (mut observed, mut expected, mut variance) = (0.0, 0.0, 0.0);
    for at in event_times(a.iter().chain(b)) {
        let watched = |group: &[Time]| group.iter().filter(|time| time.at >= at).count() as f64;
        let events = |group: &[Time]| group.iter().filter(|time| time.event && time.at == at).count() as f64;
        let (n_a, n) = (watched(a), watched(a) + watched(b));
        let d = events(a) + events(b);
        observed += events(a);
        expected += d * n_a / n;
        if n > 1.0 {
            variance += d * (n_a / n) * (1.0 - n_a / n) * (n - d) / (n - 1.0);
        }
    }
    if variance > 0.0 { erfc((observed - expected).abs() / (2.0 * variance).sqrt()) } else { 1.0 }
}

/// The times at which the event came, ascending, each once.
fn event_times<'a>(times: impl Iterator<Item = &'a Time>) -> Vec<f64> {
    let mut events: Vec<f64> = times.filter(|time| time.event).map(|time| time.at).collect();
    events.sort_by(f64::total_cmp);
    events.dedup();
    events
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::reference::{Case, reference};

    fn times(case: &Case, name: &str) -> Vec<Time> {
        let events = case.numbers(&format!("{name}_event"));
        let time = |(at, event): (f64, f64)| Time { at, event: event == 1.0 };
        case.numbers(name).into_iter().zip(events).map(time).collect()
    }

    #[test]
    fn curves_and_medians_are_those_of_lifelines() {
        for case in reference("kaplan_meier") {
            let found = kaplan_meier(&times(&case, "times"));
            let want: Vec<_> = case.numbers("at").into_iter().zip(case.numbers("share")).collect();
            assert_eq!(found.len(), want.len());
            for ((at, share), (want_at, want_share)) in found.into_iter().zip(want) {
                assert!(at == want_at && (share - want_share).abs() < 1e-12, "{at} {share}");
            }
            let median = median_time(&times(&case, "times"));
            assert_eq!(median, Some(case.number("median")).filter(|median| median.is_finite()));
        }
    }

    #[test]
    fn the_log_rank_p_value_is_that_of_lifelines() {
        for case in reference("log_rank") {
            let (found, want) = (log_rank(&times(&case, "a"), &times(&case, "b")), case.number("p"));
            assert!((found - want).abs() < 1e-10, "{found} {want}");
        }
    }

    #[test]
    fn groups_that_never_meet_the_event_do_not_differ() {
        let never = [Time { at: 100.0, event: false }; 5];
        assert_eq!(log_rank(&never, &never), 1.0);
        assert!(kaplan_meier(&never).is_empty() && median_time(&never).is_none());
    }
}
