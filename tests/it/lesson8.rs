//! The replay of lesson 8: every number drawn, independent of threads, and wrong ones found out.

use initlab::config::init::{LsuvConfig, LsuvMean, LsuvTarget};
use initlab::data::{Dataset, Images, Known, Part, Prepared, Split, epoch_order, read_known};
use initlab::inference::spread::median;
use initlab::lesson::reference::references;
use initlab::lesson::replay::{REPLAYS, replay, train_all};
use initlab::lesson::theory::Theory;
use initlab::lesson::training::Training;
use initlab::lesson::verdict::{Range, compare};
use initlab::lesson::{LessonImages, Samples, report};
use initlab::model::cpu::CpuModel;
use initlab::model::objective::{Loss, Targets};
use initlab::model::observe::Observe;
use initlab::record::statistics::Moments;
use initlab::train::Plan;

/// Noise of MNIST's size in ten classes, of which every tenth has brighter rows.
fn noise(n: usize, mut state: u32) -> Images {
    let mut byte = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let labels: Vec<u8> = (0..n).map(|i| (i % 10) as u8).collect();
    let pixels = labels.iter().flat_map(|&label| (0..784u16).map(move |i| i / 78 == u16::from(label)));
    let pixels = pixels.map(|bright| byte() / 2 + if bright { 100 } else { 0 }).collect();
    Images { pixels, labels, channels: 1, rows: 28, cols: 28 }
}

/// 1000 training and 200 validation images of noise.
fn images() -> LessonImages {
    let dataset =
        Dataset { name: "noise".into(), sha256: String::new(), classes: 10, train: noise(1200, 1), test: noise(10, 2) };
    LessonImages::new(Prepared::new(dataset, Split::Lesson).unwrap())
}

/// The real MNIST, where it is.
fn mnist(split: Split) -> Option<LessonImages> {
    let loaded = read_known(Known::MNIST, &crate::real_data::mnist()?).unwrap();
    Some(LessonImages::new(Prepared::new(loaded.dataset, split).unwrap()))
}

fn with_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work)
}

#[test]
fn every_number_of_every_result_is_drawn_and_wrong_data_is_outside() {
    let images = images();
    let mut samples = replay(&REPLAYS, &images, 5, || ()).unwrap();
    samples.extend(train_all(&images, 1, || ()).unwrap());
    let references = references();
    let report = report(&references, &samples, &Theory::new(&images));
    assert_eq!(report.results.len(), 38);
    for (outcome, reference) in report.results.iter().zip(&references) {
        assert_eq!(outcome.numbers.len(), reference.printed.len(), "{}", outcome.id);
    }
    assert!(report.not_run().is_empty());
    // The noise is not MNIST, and the products do not look at it.
    let outside = report.outside();
    assert!(outside.contains(&"input") && !outside.contains(&"products_explode"), "{outside:?}");
}

#[test]
fn draws_do_not_depend_on_the_number_of_threads() {
    let images = images();
    let draw = |threads| with_threads(threads, || replay(&REPLAYS, &images, 6, || ()).unwrap());
    assert_eq!(draw(1), draw(3));
    let train = |threads| with_threads(threads, || train_all(&images, 2, || ()).unwrap());
    assert_eq!(format!("{:?}", train(1)), format!("{:?}", train(3)));
}

#[test]
fn shift_first_ends_with_std_1_off_zero_and_weight_first_with_mean_0() {
    let images = images();
    let samples = replay(&REPLAYS[12..], &images, 1, || ()).unwrap();
    for layer in 1..=5 {
        let of = |key: &str| samples[&format!("lsuv_after.{key}.{layer}")][0];
        assert!((of("std") - 1.0).abs() <= 1e-3 && of("mean").abs() > 1e-3, "layer {layer}");
    }
    let mut experiment = Training::of("train_before_lsuv_lr06").unwrap().experiment(0);
    let (of, mean) = (LsuvTarget::Activation, LsuvMean::Shift);
    experiment.init.lsuv = Some(LsuvConfig { tolerance: 1e-3, max_iterations: 20, images: 512, of, mean });
    let plan = Plan::new(experiment, images.data.clone()).unwrap();
    let mut model = CpuModel::new(plan.network.clone(), 1);
    plan.start.iter().enumerate().for_each(|(i, values)| model.set_param(i, values));
    let batch = &epoch_order(0, 0, 1000)[..512];
    let fill = |rows: std::ops::Range<usize>, out: &mut [f32]| images.data.gather(Part::Train, &batch[rows], out);
    let observe = Observe { statistics: true, ..Observe::default() };
    let seen = model.evaluate(512, fill, Targets::Labels(&[0; 512]), Loss::CrossEntropy, &observe);
    for (layer, observation) in plan.network.observed.iter().zip(&seen.observations).take(5) {
        let moments = Moments::of(&observation.activation);
        assert!(moments.mean.abs() < 1e-6 && (moments.std - 1.0).abs() <= 1e-3, "{}: {moments:?}", layer.name);
    }
}

#[test]
fn the_input_is_the_lessons_to_its_digits_and_no_longer_when_pixels_are_divided_by_255() {
    for (split, inside) in [(Split::Lesson, true), (Split::Usual, false)] {
        let Some(images) = mnist(split) else { return };
        let samples = replay(&REPLAYS[..1], &images, 1, || ()).unwrap();
        let report = report(&references(), &samples, &Theory::new(&images));
        let input = &report.results[0];
        assert_eq!((input.id.as_str(), input.inside()), ("input", inside), "{split:?}: {:?}", input.numbers);
        assert!(input.numbers.iter().all(|row| row.range == Range::Float32));
    }
}

#[test]
fn a_layer_with_the_wrong_gain_is_outside() {
    let Some(images) = mnist(Split::Lesson) else { return };
    let samples = replay(&REPLAYS[1..2], &images, 80, || ()).unwrap();
    let kaiming = |name: &str| references()[3].printed.iter().find(|p| p.name.ends_with(name)).unwrap().clone();
    let right = compare(&kaiming("weight_std"), &samples["relu_kaiming.weight_std"], None);
    assert!(right.inside, "{right:?}");
    let xavier: Vec<f64> = samples["relu_kaiming.weight_std"].iter().map(|std| std / 2f64.sqrt()).collect();
    let wrong = compare(&kaiming("weight_std"), &xavier, None);
    assert!(!wrong.inside, "{wrong:?}");
}

#[test]
fn single_products_without_their_matrix_have_the_moments_of_those_with_it() {
    let samples: Samples = replay(&REPLAYS[5..6], &images(), 400, || ()).unwrap();
    // E[y²] = 512, and over 100 draws of |x|² and of 512 squares its std is √(2/512/100 + 2/512/100)·512.
    let standard_error = 512.0 * (4.0 / 51_200f64).sqrt() / 400f64.sqrt();
    let off = median(&samples["product_second_moment.mean_square"]) - 512.0;
    assert!(off.abs() < 5.0 * standard_error, "{off}");
}

#[test]
fn the_committed_report_has_every_result_in_order_and_is_from_a_whole_run() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lesson8.md");
    let text = std::fs::read_to_string(path).unwrap();
    let sections =
        text.lines().filter_map(|line| line.strip_prefix("### ")).map(|line| line.split(':').next().unwrap());
    let results: Vec<_> = references().into_iter().map(|reference| reference.id).collect();
    assert!(sections.eq(results.iter().map(String::as_str)));
    assert!(text.contains("`initlab lesson8 --train --markdown`") && !text.contains("not run"));
}
