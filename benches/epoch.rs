//! The time of an epoch of training, records and all, for the six pieces of work that are also timed in other frameworks.
//!
//! `cargo bench --bench epoch -- [--work NAMES] [--stats] [--threads N] [--runs P] [--epochs E] [--batch B] [--depth L] [--start S]
//! [--json] [--cost]`
//!
//! Each run is a real one, through [`initlab::train::train`] into a directory of its own; evaluations lie outside the time.
//! Reported is each run's best epoch. `--runs P` starts P runs at once that share the images, as a study does. `--cost` reports what
//! statistics cost: one run takes them at every second step, so that each step has its neighbour to be compared with, and a
//! machine that is faster in one minute than in the next does not matter.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use initlab::config::Experiment;
use initlab::cpu::gemm::{Matrix, matmul};
use initlab::data::{Choice, Prepared, Request, Split, load};
use initlab::model::Network;
use initlab::record::run_dir::Existing;
use initlab::train::engine::Compute;
use initlab::train::{Event, Plan, train};
use serde_json::json;

/// Times an epoch of training.
#[derive(Parser)]
struct Arguments {
    /// Pieces of work to train.
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Work::Mlp, Work::SmallBatch, Work::Deep, Work::Cnn])]
    work: Vec<Work>,
    /// Record the statistics of every layer at every step, and histograms as often as is usual.
    #[arg(long)]
    stats: bool,
    /// Report what statistics at every step add to a step's time.
    #[arg(long, conflicts_with_all = ["stats", "runs", "json", "limit"])]
    cost: bool,
    /// Threads of each run.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Runs side by side.
    #[arg(long, default_value_t = 1)]
    runs: usize,
    /// Epochs of which the best counts.
    #[arg(long, default_value_t = 3)]
    epochs: usize,
    /// Images in a batch, other than the work's own.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    batch: Option<u32>,
    /// Hidden layers of `deep`, other than thirty.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1000))]
    depth: Option<u32>,
    /// The preset that weights and biases start from.
    #[arg(long, default_value = "kaiming")]
    start: String,
    /// One line of JSON for each piece of work.
    #[arg(long)]
    json: bool,
    /// Measure the fastest matrix product of this core first, and report what share of it the training reaches.
    #[arg(long)]
    limit: bool,
    /// Count the time that a core worked for the run rather than the clock's, for busy machines (Linux, one thread).
    #[arg(long)]
    cpu_time: bool,
    /// Cargo passes this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The pieces of work.
#[derive(Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Work {
    /// 784–50–10, batches of 512.
    Mlp,
    /// 784–50–10, batches of 64.
    SmallBatch,
    /// Thirty hidden layers of 100, batches of 128.
    Deep,
    /// Three hidden layers of 1024, batches of 256.
    Wide,
    /// The lesson's CNN, batches of 512.
    Cnn,
    /// A CNN of five layers, up to 64 channels.
    Cnn64,
}

impl Work {
    fn name(self) -> String {
        self.to_possible_value().expect("no piece of work is hidden").get_name().into()
    }

    /// Network, batch size and learning rate.
    fn setting(self, depth: Option<u32>) -> (String, usize, f64) {
        let mlp = |widths: &[usize]| format!("kind = \"mlp\", widths = {widths:?}");
        let cnn = |channels: &[usize]| {
            let stage = |(i, c): (usize, &usize)| {
                format!("{{ channels = {c}, kernel = {}, stride = 2 }}", if i == 0 { 5 } else { 3 })
            };
            let stages: Vec<String> = channels.iter().enumerate().map(stage).collect();
            format!("kind = \"cnn\", stages = [{}], head = \"global_average\"", stages.join(", "))
        };
        match self {
            Self::Mlp => (mlp(&[50]), 512, 0.1),
            Self::SmallBatch => (mlp(&[50]), 64, 0.1),
            Self::Deep => (mlp(&vec![100; depth.unwrap_or(30) as usize]), 128, 0.01),
            Self::Wide => (mlp(&[1024; 3]), 256, 0.05),
            Self::Cnn => (cnn(&[8, 16, 32, 32]), 512, 0.4),
            Self::Cnn64 => (cnn(&[8, 16, 32, 64, 64]), 512, 0.4),
        }
    }

    fn experiment(self, arguments: &Arguments, seed: u64) -> Result<Experiment> {
        let (model, own_batch, lr) = self.setting(arguments.depth);
        let start = &arguments.start;
        let (epochs, batch) = (arguments.epochs, arguments.batch.map_or(own_batch, |batch| batch as usize));
        // What is deeper than usual, or steps more often, must not diverge.
        let lr = if arguments.depth.or(arguments.batch).is_some() { 0.1 * lr } else { lr };
        let stats = match (arguments.cost, arguments.stats) {
            // A histogram with every tenth statistics, as is usual.
            (true, _) => "every = 2, histogram_every = 20",
            (_, true) => "every = 1",
            _ => "every = 0, histogram_every = 0",
        };
        let config = format!(
            "model = {{ {model}, activation = \"relu\" }}\ninit = {{ preset = \"{start}\" }}\n\
             optimizer = {{ kind = \"sgd\", lr = {lr} }}\nseed = {seed}\nstats = {{ {stats} }}\n\
             record = {{ checkpoint_every = 1_000_000 }}\n\
             train = {{ epochs = {epochs}, batch_size = {batch} }}\n"
        );
        Experiment::parse(&self.name(), &config, &[]).with_context(|| format!("the config of {}", self.name()))
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let loaded = load(&Request::new(Choice::Auto))?;
    if let Some(notice) = &loaded.notice {
        eprintln!("{notice}");
    }
    let data = Prepared::new(loaded.dataset, Split::Usual)?;
    let limit = arguments.limit.then(gemm_limit);
    for &work in &arguments.work {
        if arguments.cost {
            let plan = Plan::new(work.experiment(&arguments, 0)?, data.clone()).context("a plan")?;
            let (cost, pairs) = cost(&plan, &arguments)?;
            println!("{:11} {:+.1} % by statistics at every step, {pairs} pairs of steps", work.name(), 100.0 * cost);
            continue;
        }
        let (seconds, network) = time(work, &arguments, &data)?;
        report(work, &arguments, &seconds, limit.map(|gflops| (gflops, training_gflop(&network, 60_000) / gflops)));
    }
    Ok(())
}

/// Seconds of the best epoch of each run, in rising order.
fn time(work: Work, arguments: &Arguments, data: &Prepared) -> Result<(Vec<f64>, Arc<Network>)> {
    let plan = |seed| Plan::new(work.experiment(arguments, seed as u64)?, data.clone()).context("a plan");
    let plans = (0..arguments.runs).map(plan).collect::<Result<Vec<_>>>()?;
    let run = |plan: &Plan| best_epoch(plan, arguments);
    let mut seconds = std::thread::scope(|scope| {
        let handles: Vec<_> = plans.iter().map(|plan| scope.spawn(move || run(plan))).collect();
        handles.into_iter().map(|handle| handle.join().expect("a run does not panic")).collect::<Result<Vec<_>>>()
    })?;
    seconds.sort_by(f64::total_cmp);
    Ok((seconds, Arc::clone(&plans[0].network)))
}

/// Seconds of the best epoch of a run, without its evaluation.
fn best_epoch(plan: &Plan, arguments: &Arguments) -> Result<f64> {
    let origin = Instant::now();
    let now = || if arguments.cpu_time { thread_seconds() } else { origin.elapsed().as_secs_f64() };
    let dir = tempfile::tempdir()?;
    let per_epoch = plan.steps_per_epoch();
    let (mut best, mut begun) = (f64::INFINITY, now());
    let compute = Compute::Cpu { threads: arguments.threads };
    let summary =
        train(plan, &compute, dir.path(), Existing::Overwrite, &AtomicBool::new(false), |event| match event {
            Event::Begin { .. } | Event::Evaluated { .. } => begun = now(),
            Event::Step { row, .. } if (row.step + 1).is_multiple_of(per_epoch) => {
                best = best.min(now() - begun);
            }
            Event::Step { .. } => {}
        })?;
    ensure!(summary.diverged.is_none(), "{} diverged: its time means nothing", plan.experiment.name);
    Ok(best)
}

/// By which share steps with statistics are longer than their neighbours without, and how many pairs say so. Pairs with a step that
/// something else has held up do not count.
fn cost(plan: &Plan, arguments: &Arguments) -> Result<(f64, usize)> {
    let dir = tempfile::tempdir()?;
    let compute = Compute::Cpu { threads: arguments.threads };
    let (mut begun, mut steps) = (Instant::now(), Vec::new());
    let summary =
        train(plan, &compute, dir.path(), Existing::Overwrite, &AtomicBool::new(false), |event| match event {
            Event::Step { images, .. } => {
                steps.push((images, begun.elapsed().as_secs_f64()));
                begun = Instant::now();
            }
            Event::Begin { .. } | Event::Evaluated { .. } => begun = Instant::now(),
        })?;
    ensure!(summary.diverged.is_none(), "{} diverged: its time means nothing", plan.experiment.name);
    let mut sorted: Vec<f64> = steps.iter().map(|step| step.1).collect();
    sorted.sort_by(f64::total_cmp);
    let slowest = 2.0 * sorted[sorted.len() / 2];
    // The last batch of an epoch is smaller.
    let ordinary = |step: &(usize, f64)| step.0 == steps[0].0 && step.1 < slowest;
    let pairs: Vec<_> = steps.chunks_exact(2).filter(|pair| pair.iter().all(ordinary)).collect();
    let total = |side: usize| pairs.iter().map(|pair| pair[side].1).sum::<f64>();
    Ok((total(0) / total(1) - 1.0, pairs.len()))
}

/// Seconds that this thread has spent on a core.
fn thread_seconds() -> f64 {
    let status = std::fs::read_to_string("/proc/thread-self/schedstat").expect("--cpu-time needs Linux's /proc");
    let nanoseconds = status.split(' ').next().and_then(|field| field.parse::<f64>().ok());
    1e-9 * nanoseconds.expect("the first field of schedstat is a number of nanoseconds")
}

/// GFLOP/s of one core in the best of many products of a size that suits it, by the `gemm` crate or by our own kernel,
/// whichever is faster.
fn gemm_limit() -> f64 {
    let (m, n, k) = (256, 512, 512);
    let (a, b, mut c) = (vec![0.5; m * k], vec![0.25; k * n], vec![0.0; m * n]);
    let mut fastest = f64::INFINITY;
    for round in 0..600 {
        let begun = Instant::now();
        if round % 2 == 0 {
            matmul(&mut c, Matrix::new(&a, m, k), Matrix::new(&b, k, n), false, 1);
        } else {
            let (rows, columns) = (n as isize, k as isize);
            let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
            let one_core = gemm::Parallelism::None;
            // SAFETY: the slices hold matrices of these sizes, row by row.
            unsafe {
                gemm::gemm(
                    m, n, k, c, 1, rows, false, a, 1, columns, b, 1, rows, 0.0, 1.0, false, false, false, one_core,
                );
            }
        }
        fastest = fastest.min(begun.elapsed().as_secs_f64());
    }
    2e-9 * (m * n * k) as f64 / fastest
}

/// GFLOP of an epoch's matrix products: forward, weights' gradients, and inputs' gradients of all layers but the first.
fn training_gflop(network: &Network, images: usize) -> f64 {
    let weighted = network.layers.iter().filter_map(|layer| {
        let weight = &network.params[layer.weight?];
        Some(2 * weight.len() * layer.output.pixels())
    });
    let products = weighted.enumerate().map(|(i, flop)| if i == 0 { 2 * flop } else { 3 * flop });
    1e-9 * images as f64 * products.sum::<usize>() as f64
}

fn report(work: Work, arguments: &Arguments, seconds: &[f64], limit: Option<(f64, f64)>) {
    let rounded: Vec<f64> = seconds.iter().map(|s| (s * 1e4).round() / 1e4).collect();
    let (runs, threads) = (arguments.runs, arguments.threads);
    if arguments.json {
        let mut line = json!({
            "peer": "initlab", "work": work.name(), "stats": arguments.stats, "threads": threads, "processes": runs,
            "epoch_s": rounded,
        });
        if let Some((gflops, at_limit)) = limit {
            line["gemm_gflops"] = json!((gflops * 10.0).round() / 10.0);
            line["gemm_s"] = json!((at_limit * 1e4).round() / 1e4);
        }
        println!("{line}");
        return;
    }
    let times: Vec<String> = rounded.iter().map(|s| format!("{s:.4}")).collect();
    let share = limit.map(|(gflops, at_limit)| {
        format!("  {:.0} % of the {gflops:.0} GFLOP/s of one core's products", 100.0 * at_limit / seconds[0])
    });
    println!("{:11} {} s{}", work.name(), times.join(" "), share.unwrap_or_default());
}
