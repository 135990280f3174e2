//! Work on every parameter, shared by the threads.

use crate::model::network::Network;
use crate::model::param::Param;

/// Fewer values than this are done before a second thread has begun.
const WORTH_A_THREAD: usize = 1 << 16;

/// Calls `work` for every parameter with its part of each of `values`, which are empty or laid out like all parameters, and its place
/// in `results`. Each parameter is worked on alone, so that the number of threads changes nothing.
pub fn for_each_param<const N: usize, T: Send>(
    network: &Network,
    pool: Option<&rayon::ThreadPool>,
    values: [&mut [f32]; N],
    results: &mut [T],
    work: impl Fn(&Param, [&mut [f32]; N], &mut T) + Sync,
) {
    let Some(pool) = pool.filter(|_| network.parameters() >= 2 * WORTH_A_THREAD) else {
        return group(&network.params, values, results, &work);
    };
    let share = network.parameters().div_ceil(pool.current_num_threads()).max(WORTH_A_THREAD);
    pool.scope(|scope| {
        let (mut params, mut values, mut results, work) = (&network.params[..], values, results, &work);
        while let Some(first) = params.first() {
            let end = |param: &Param| param.range().end - first.start;
            let count = params.iter().position(|param| end(param) >= share).map_or(params.len(), |last| last + 1);
            let (own_params, other_params) = params.split_at(count);
            let (own_results, other_results) = results.split_at_mut(count);
            let own_values = take(&mut values, end(&own_params[count - 1]));
            scope.spawn(move |_| group(own_params, own_values, own_results, work));
            (params, results) = (other_params, other_results);
        }
    });
}

/// Calls `work` for parameters that follow each other, on one thread.
fn group<const N: usize, T>(
    params: &[Param],
    mut values: [&mut [f32]; N],
    results: &mut [T],
    work: &impl Fn(&Param, [&mut [f32]; N], &mut T),
) {
    for (param, result) in params.iter().zip(results) {
        work(param, take(&mut values, param.len()), result);
    }
}

/// Takes the first `len` of each of `values` that is not empty.
fn take<'a, const N: usize>(values: &mut [&'a mut [f32]; N], len: usize) -> [&'a mut [f32]; N] {
    values.each_mut().map(|values| values.split_off_mut(..len.min(values.len())).expect("there are as many"))
}
