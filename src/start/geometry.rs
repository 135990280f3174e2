//! How a weight's dimensions are to be read: transposed convolutions store `[in, out, …]`, grouped ones a part of the channels.

use crate::init::{Fans, InitError, fans};
use crate::start::error::StartError;
use crate::start::hint::Hint;

/// The layout of one weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// True for `[in, out/groups, kernel…]`, false for `[out, in/groups, kernel…]`.
    pub transposed: bool,
    /// Groups of channels that do not see each other.
    pub groups: usize,
}

impl Geometry {
    /// `[out, in, kernel…]` in one group.
    pub const USUAL: Self = Self { transposed: false, groups: 1 };

    /// The layout that candle's hint gives away: its transposed convolutions are uniform on ±1/√(out·kernel), and no other weight
    /// is, so that the bound also tells the groups.
    pub fn of_hint(hint: Option<Hint>, shape: &[usize]) -> Self {
        let (Some(bound), [_, outputs, kernel @ ..]) = (hint.and_then(Hint::bound), shape) else { return Self::USUAL };
        let products = (outputs * kernel.iter().product::<usize>()) as f64;
        let groups = 1.0 / (bound * bound * products);
        let whole = groups.round();
        if kernel.is_empty() || whole < 1.0 || (groups - whole).abs() > 1e-6 * whole {
            return Self::USUAL;
        }
        Self { transposed: true, groups: whole as usize }
    }

    /// The shape of one group's weight as `[out, in, kernel…]`, whose fans are those of the whole.
    ///
    /// # Errors
    /// The channels are no multiple of the groups, or the shape has no fans.
    pub fn of_group(self, name: &str, shape: &[usize]) -> Result<Vec<usize>, StartError> {
        let refused = || InitError::Fans { shape: shape.to_vec() };
        let [first, second, kernel @ ..] = shape else { return Err(of(name, refused())) };
        if self.groups == 0 || first % self.groups != 0 {
            return Err(StartError::Groups { name: name.into(), shape: shape.to_vec(), groups: self.groups });
        }
        let first = first / self.groups;
        let [outputs, inputs] = if self.transposed { [*second, first] } else { [first, *second] };
        let group = [&[outputs, inputs], kernel].concat();
        fans(&group).map_err(|cause| of(name, cause))?;
        Ok(group)
    }

    /// The fans of the weight `name`.
    ///
    /// # Errors
    /// As [`Geometry::of_group`].
    pub fn fans(self, name: &str, shape: &[usize]) -> Result<Fans, StartError> {
        fans(&self.of_group(name, shape)?).map_err(|cause| of(name, cause))
    }

    /// The values of the whole weight, row-major in its own layout, from those of each group as `[out, in, kernel…]`.
    pub fn join(self, groups: Vec<Vec<f64>>, group: &[usize]) -> Vec<f64> {
        if !self.transposed {
            return groups.into_iter().flatten().collect();
        }
        let [outputs, inputs] = [group[0], group[1]];
        let window: usize = group[2..].iter().product();
        let swapped = |values: Vec<f64>| -> Vec<f64> {
            let places = (0..inputs).flat_map(|i| (0..outputs).map(move |o| (o * inputs + i) * window));
            places.flat_map(|start| values[start..start + window].to_vec()).collect()
        };
        groups.into_iter().flat_map(swapped).collect()
    }

    /// The name of a group's random stream; a weight of one group has its own name. The group goes to the layer's name, since rules
    /// that draw for a whole layer know it by that.
    pub fn stream(self, name: &str, group: usize) -> String {
        match (self.groups, name.rsplit_once('.')) {
            (1, _) => name.into(),
            (_, Some((layer, parameter))) => format!("{layer}/group{group}.{parameter}"),
            (_, None) => format!("{name}/group{group}"),
        }
    }
}

fn of(name: &str, cause: InitError) -> StartError {
    InitError::Parameter { name: name.into(), cause: Box::new(cause) }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fans_count_the_products_that_a_unit_really_sums() {
        let usual = Geometry::USUAL;
        let transposed = Geometry { transposed: true, groups: 1 };
        let cases = [
            (usual, vec![10, 784], [784, 10]),
            (usual, vec![8, 4, 3], [12, 24]),
            (usual, vec![8, 4, 3, 5], [60, 120]),
            (usual, vec![8, 4, 3, 5, 2], [120, 240]),
            (Geometry { groups: 4, ..usual }, vec![8, 2, 3, 3], [18, 18]),
            (Geometry { groups: 32, ..usual }, vec![32, 1, 7, 7], [49, 49]),
            (transposed, vec![16, 8, 2, 2], [64, 32]),
            (transposed, vec![16, 8, 4], [64, 32]),
            (Geometry { groups: 4, ..transposed }, vec![16, 2, 3], [12, 6]),
        ];
        for (geometry, shape, [fan_in, fan_out]) in cases {
            assert_eq!(geometry.fans("w", &shape).unwrap(), Fans { fan_in, fan_out }, "{geometry:?} {shape:?}");
        }
    }

    #[test]
    fn a_transposed_weight_holds_the_same_numbers_in_its_own_order() {
        let geometry = Geometry { transposed: true, groups: 2 };
        let group = geometry.of_group("w", &[4, 3, 2]).unwrap();
        assert_eq!(group, [3, 2, 2]);
        let values = |start: usize| (start..start + 12).map(|x| x as f64).collect::<Vec<_>>();
        let joined = geometry.join(vec![values(0), values(100)], &group);
        // Row i of the whole is input i of its group: for each output its window.
        assert_eq!(joined[..6], [0.0, 1.0, 4.0, 5.0, 8.0, 9.0]);
        assert_eq!(joined[18..], [102.0, 103.0, 106.0, 107.0, 110.0, 111.0]);
    }

    #[test]
    fn candles_transposed_convolutions_are_told_by_their_hint() {
        let uniform = |bound: f64| Some(Hint::Uniform { low: -bound, high: bound });
        let bound = |products: f64| uniform(1.0 / products.sqrt());
        let cases = [
            (bound(8.0 * 4.0), vec![16, 8, 2, 2], Geometry { transposed: true, groups: 1 }),
            (bound(8.0 * 3.0), vec![16, 2, 3], Geometry { transposed: true, groups: 4 }),
            (uniform(0.1), vec![16, 8, 2, 2], Geometry::USUAL),
            (bound(8.0), vec![16, 8], Geometry::USUAL),
            (Some(Hint::Kaiming { uniform: false, std: 0.1 }), vec![16, 8, 2, 2], Geometry::USUAL),
            (None, vec![16, 8, 2, 2], Geometry::USUAL),
        ];
        for (hint, shape, expected) in cases {
            assert_eq!(Geometry::of_hint(hint, &shape), expected, "{hint:?} {shape:?}");
        }
    }

    #[test]
    fn what_cannot_be_cut_into_groups_is_named() {
        let error = Geometry { transposed: false, groups: 3 }.of_group("dw.weight", &[8, 1, 3, 3]).unwrap_err();
        assert!(error.to_string().contains("`dw.weight` of shape [8, 1, 3, 3] cannot be cut into 3 groups"), "{error}");
        let error = Geometry::USUAL.of_group("g", &[8]).unwrap_err();
        assert!(error.to_string().contains("cannot initialise `g`: shape [8] has no fan_in"), "{error}");
    }
}
