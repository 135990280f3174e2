//! From values to places along an axis, and the ticks that stand there.

use crate::numerals::{number, trimmed};

/// How values are spread along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Equal differences take equal lengths.
    Linear,
    /// Equal ratios take equal lengths; values of 0 and below have no place.
    Log,
}

/// An axis' domain and where it lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Linear or logarithmic.
    pub kind: Kind,
    /// Smallest and largest value.
    pub domain: [f64; 2],
    /// Where these two stand.
    pub pixels: [f64; 2],
}

/// A labelled place on an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// Its value.
    pub value: f64,
    /// The value as text.
    pub label: String,
}

/// Sizes from here on are not drawn: differences and ratios of them would overflow. What is smaller than its inverse is
/// as good as 0.
const LARGEST: f64 = 1e300;
/// How far an axis may reach: its ends can be drawn, too.
const END: f64 = LARGEST.next_down();
/// Decades that a logarithmic axis has at most, so that the ratio of its ends, with room around them, is a number. What lies
/// below has no place, like 0.
const DECADES: i32 = 280;
/// Relative difference below which two values are one: the text of ticks between them would need all digits.
const SAME: f64 = 1e-12;

/// True if a value can be drawn: finite, and not so large that differences overflow.
pub fn drawable(x: f64) -> bool {
    x.is_finite() && x.abs() < LARGEST
}

impl Scale {
    /// An axis that shows all drawable `values` with a little room around them, of a logarithmic one at most `DECADES`
    /// below the largest. Without a positive value a logarithmic axis becomes a linear one.
    pub fn fit(kind: Kind, values: impl Iterator<Item = f64> + Clone, pixels: [f64; 2]) -> Self {
        let usable = values.clone().filter(|&x| drawable(x) && (kind == Kind::Linear || x > 1.0 / LARGEST));
        let [low, high] = usable.fold([f64::INFINITY, f64::NEG_INFINITY], |[a, b], x| [a.min(x), b.max(x)]);
        if low > high {
            return match kind {
                Kind::Log => Self::fit(Kind::Linear, values, pixels),
                Kind::Linear => Self { kind, domain: [0.0, 1.0], pixels },
            };
        }
        let domain = match kind {
            Kind::Log => log_domain(low, high),
            Kind::Linear => linear_domain(low, high),
        };
        Self { kind, domain, pixels }
    }

    /// The place of a value; `None` if it has none.
    pub fn at(&self, x: f64) -> Option<f64> {
        let [low, high] = self.domain;
        let share = match self.kind {
            _ if !drawable(x) => return None,
            Kind::Log if x <= 0.0 || x < low => return None,
            Kind::Log => (x.ln() - low.ln()) / (high.ln() - low.ln()),
            Kind::Linear => (x - low) / (high - low),
        };
        Some(self.pixels[0] + share * (self.pixels[1] - self.pixels[0]))
    }

    /// About `wanted` ticks; at whole numbers only, if `whole`. None where the domain is no range of numbers.
    pub fn ticks(&self, wanted: usize, whole: bool) -> Vec<Tick> {
        let [low, high] = self.domain;
        match self.kind {
            _ if !(drawable(low) && drawable(high) && low < high) => Vec::new(),
            Kind::Linear => linear_ticks(low, high, wanted, whole),
            Kind::Log if low < 1.0 / LARGEST => Vec::new(),
            Kind::Log => log_ticks(low, high, wanted, whole),
        }
    }
}

/// Room around values above 0 on a logarithmic axis.
fn log_domain(low: f64, high: f64) -> [f64; 2] {
    let low = low.max(high * 10f64.powi(-DECADES));
    if high / low < 1.2 {
        return [low / 1.5, high * 1.5];
    }
    let room = (high / low).powf(0.03);
    [low / room, high * room].map(|end| end.clamp(2.0 / LARGEST, END))
}

/// Room around values on a linear axis.
fn linear_domain(low: f64, high: f64) -> [f64; 2] {
    let size = low.abs().max(high.abs());
    if size < 1.0 / LARGEST {
        return [0.0, 1.0];
    }
    if high - low < SAME * size {
        return [low - 0.1 * low.abs(), high + 0.1 * high.abs()].map(|end| end.clamp(-END, END));
    }
    // What cannot be negative should not look as if it could.
    let room = 0.04 * (high - low);
    [if low == 0.0 { 0.0 } else { low - room }, if high == 0.0 { 0.0 } else { high + room }]
}

/// Powers of ten; where fewer than two are within, 1, 2 and 5 times such.
fn log_ticks(low: f64, high: f64, wanted: usize, whole: bool) -> Vec<Tick> {
    // A logarithm may round over the end.
    let within = |k: &i32| (low..=high).contains(&10f64.powi(*k));
    let decades: Vec<i32> = (low.log10().ceil() as i32..=high.log10().floor() as i32).filter(within).collect();
    if decades.len() >= 2 {
        let enough = |stride: &i32| f64::from(*stride) >= 0.75 * decades.len() as f64 / wanted.max(1) as f64;
        let stride = [1, 2, 5, 10, 20, 50].into_iter().find(enough).unwrap_or(100);
        return decades.into_iter().filter(|k| k.rem_euclid(stride) == 0).map(power_of_ten).collect();
    }
    let first = low.log10().floor() as i32;
    let candidates = (first..first + 3).flat_map(|k| [1.0, 2.0, 5.0].map(|m| m * 10f64.powi(k)));
    let within: Vec<Tick> =
        candidates.filter(|x| (low..=high).contains(x)).map(|value| Tick { value, label: number(value) }).collect();
    if within.len() >= 2 { within } else { linear_ticks(low, high, wanted, whole) }
}

fn power_of_ten(k: i32) -> Tick {
    let value = 10f64.powi(k);
    let label = if (-3..=4).contains(&k) { trimmed(&format!("{value:.3}")) } else { format!("1e{k}") };
    Tick { value, label }
}

fn linear_ticks(low: f64, high: f64, wanted: usize, whole: bool) -> Vec<Tick> {
    let rough = (high - low) / wanted.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    // The round step nearest to the wanted number of ticks.
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|&step| step >= rough * 0.75);
    let step = step.unwrap_or(10.0 * power).max(if whole { 1.0 } else { 0.0 });
    let (first, last) = ((low / step - 1e-9).ceil(), (high / step + 1e-9).floor());
    // Whole numbers that need more digits than a float has are no places to mark.
    if first.abs().max(last.abs()) > 1e15 {
        return Vec::new();
    }
    let largest = low.abs().max(high.abs());
    let label = |value: f64| {
        if value == 0.0 {
            "0".into()
        } else if largest >= 1e5 || step < 1e-4 {
            let digits = ((value.abs() / step).log10() + 1e-9).floor().max(0.0) as usize;
            format!("{value:.digits$e}")
        } else {
            let decimals = (-(step.log10() + 1e-9).floor()).max(0.0) as usize;
            format!("{value:.decimals$}")
        }
    };
    let slack = 1e-9 * (high - low);
    let within = |value: &f64| (low - slack..=high + slack).contains(value);
    let values = (first as i64..=last as i64).map(|i| i as f64 * step).filter(within);
    values.map(|value| Tick { value, label: label(value) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(kind: Kind, values: &[f64], wanted: usize, whole: bool) -> Vec<String> {
        let scale = Scale::fit(kind, values.iter().copied(), [0.0, 100.0]);
        scale.ticks(wanted, whole).into_iter().map(|tick| tick.label).collect()
    }

    #[test]
    fn ticks_are_round_numbers() {
        for (kind, values, wanted, whole, want) in [
            (Kind::Linear, &[0.0, 1.0][..], 5, false, &["0", "0.2", "0.4", "0.6", "0.8", "1.0"][..]),
            (Kind::Linear, &[0.0, 943.0], 5, true, &["0", "200", "400", "600", "800"]),
            (Kind::Linear, &[0.0, 1.0], 5, true, &["0", "1"]),
            (Kind::Linear, &[-1.0, 1.0], 4, false, &["-1.0", "-0.5", "0", "0.5", "1.0"]),
            (Kind::Linear, &[0.0, 250_000.0], 3, true, &["0", "1e5", "2e5"]),
            (Kind::Log, &[0.01, 2.5], 5, false, &["0.01", "0.1", "1"]),
            (Kind::Log, &[1e-30, 1e10], 4, false, &["1e-30", "1e-20", "1e-10", "1", "1e10"]),
            (Kind::Log, &[0.12, 0.6], 5, false, &["0.2", "0.5"]),
            (Kind::Log, &[3.0, 3.9], 4, false, &["3.0", "3.2", "3.4", "3.6", "3.8"]),
        ] {
            assert_eq!(labels(kind, values, wanted, whole), want, "{kind:?} {values:?}");
        }
    }

    #[test]
    fn a_logarithmic_axis_has_no_place_for_zero_and_below() {
        let scale = Scale::fit(Kind::Log, [1.0, 100.0].into_iter(), [0.0, 100.0]);
        assert_eq!([scale.at(0.0), scale.at(-1.0), scale.at(f64::NAN)], [None; 3]);
        assert!((scale.at(10.0).unwrap() - 50.0).abs() < 1e-9);
    }

    #[test]
    fn every_sample_gives_an_axis() {
        for values in [&[][..], &[f64::NAN], &[0.0], &[-3.0], &[5.0, 5.0], &[f64::INFINITY, 1.0], &[1e-45, 3e38]] {
            for kind in [Kind::Linear, Kind::Log] {
                let scale = Scale::fit(kind, values.iter().copied(), [0.0, 100.0]);
                assert!(scale.domain[0] < scale.domain[1], "{values:?}");
                for place in values.iter().filter_map(|&x| scale.at(x)) {
                    assert!((0.0..=100.0).contains(&place), "{values:?}: {place}");
                }
                assert!(scale.ticks(5, false).len() < 20);
            }
        }
    }

    #[test]
    fn a_logarithmic_axis_of_any_numbers_is_bounded_and_shows_the_largest() {
        // 1e-308 is as good as 0; so is what lies 280 decades below the largest.
        for (values, least, most) in [
            ([1e-308, 1e5], 1e5, 1e5),
            ([5e-324, f64::MIN_POSITIVE], 0.0, 1.0),
            ([1e-301, 1.0], 1.0, 1.0),
            ([1e-250, 1.0], 1e-250, 1.0),
            ([1e-299, 1e299], 1e19, 1e299),
        ] {
            let scale = Scale::fit(Kind::Log, values.into_iter(), [0.0, 100.0]);
            let [low, high] = scale.domain;
            assert!((low..=high).contains(&least) && (low..=high).contains(&most), "{values:?}: {scale:?}");
            assert!(low >= 1e-9 * least && high <= 1e9 * most, "{values:?}: {scale:?}");
            assert!((1..20).contains(&scale.ticks(5, false).len()), "{values:?}: {:?}", scale.ticks(5, false));
        }
    }

    /// Numbers of every size and sign, with those that are none.
    fn anything() -> impl Strategy<Value = f64> {
        let edges = [0.0, -0.0, 5e-324, 1e-308, f64::MIN_POSITIVE, 1e-300, 1e5, 1e299, 1e300, f64::MAX, f64::NAN];
        let edge = (0..2 * edges.len()).prop_map(move |i| if i % 2 == 0 { edges[i / 2] } else { -edges[i / 2] });
        let near = (any::<f64>(), 0u64..4).prop_map(|(x, steps)| f64::from_bits(x.to_bits().wrapping_add(steps)));
        prop_oneof![any::<f64>(), any::<u64>().prop_map(f64::from_bits), edge, near, -10.0..10.0f64]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

        #[test]
        fn axes_of_any_numbers_have_few_ticks_within_them(
            values in proptest::collection::vec(anything(), 0..6),
            (log, wanted, whole) in (any::<bool>(), 0usize..9, any::<bool>()),
        ) {
            let kind = if log { Kind::Log } else { Kind::Linear };
            let scale = Scale::fit(kind, values.iter().copied(), [10.0, 110.0]);
            let [low, high] = scale.domain;
            prop_assert!(low < high && low.is_finite() && high.is_finite(), "{scale:?}");
            for &value in &values {
                let place = scale.at(value);
                prop_assert!(place.is_none_or(|place| (9.999..=110.001).contains(&place)), "{value:e}: {place:?}");
            }
            let ticks = scale.ticks(wanted, whole);
            prop_assert!(ticks.len() <= 2 * wanted.max(1) + 9, "{scale:?}: {} ticks", ticks.len());
            for tick in ticks {
                let place = scale.at(tick.value);
                prop_assert!(place.is_some_and(|place| (9.0..=111.0).contains(&place)), "{scale:?}: {tick:?}");
                prop_assert!(tick.label.len() < 24, "{tick:?}");
            }
        }

        #[test]
        fn ticks_of_any_domain_are_few(low in anything(), high in anything(), (log, wanted) in (any::<bool>(), 0usize..9)) {
            let kind = if log { Kind::Log } else { Kind::Linear };
            let ticks = Scale { kind, domain: [low, high], pixels: [0.0, 1.0] }.ticks(wanted, false);
            prop_assert!(ticks.len() <= 2 * wanted.max(1) + 9, "{} ticks", ticks.len());
        }
    }
}
