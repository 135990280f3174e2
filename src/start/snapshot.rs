//! A VarMap's variables in the order of their names, which is the same in every process.

use candle_core::Var;
use candle_nn::VarMap;

/// The variables, sorted by name.
pub(crate) fn sorted(varmap: &VarMap) -> Vec<(String, Var)> {
    let data = varmap.data().lock().expect("no thread panicked over the VarMap");
    let mut vars: Vec<(String, Var)> = data.iter().map(|(name, var)| (name.clone(), var.clone())).collect();
    vars.sort_by(|(a, _), (b, _)| a.cmp(b));
    vars
}

/// The shape of `name` among sorted variables.
pub(super) fn shape_of(vars: &[(String, Var)], name: &str) -> Option<Vec<usize>> {
    let at = vars.binary_search_by(|(other, _)| other.as_str().cmp(name)).ok()?;
    Some(vars[at].1.dims().to_vec())
}
