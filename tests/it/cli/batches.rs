//! Batch sizes that do not suit the data: too small for batch norm, or larger than all of it.

use std::fs;

use initlab::data::files;

use super::{BATCH_NORM, MLP, Ran, Work, images, initlab};

/// A convolution that leaves one pixel, and batch norm behind it.
const ONE_PIXEL: &str = "
[model]
kind = 'cnn'
stages = [{ channels = 4, kernel = 8, padding = 0 }]
norm = 'batch'
[optimizer]
lr = 0.1
[train]
epochs = 1
batch_size = 16
";

/// The message with its folded lines joined.
fn refused(ran: &Ran) -> String {
    assert!(ran.code == Some(2) && ran.stdout.is_empty(), "{ran:?}");
    ran.stderr.replace("\n  ", " ")
}

#[test]
fn no_command_trains_batch_norm_on_one_value_of_a_channel() {
    let work = Work::new();
    let norm = BATCH_NORM.replace("steps = 13", "epochs = 1");
    // 300 images, and a batch size that suits the data where this one does not.
    for (net, batch_size, offered) in [
        (&norm[..], 299, Some(298)),
        (&norm, 23, Some(22)),
        (&norm, 1, Some(2)),
        (ONE_PIXEL, 23, Some(22)),
        (&norm, 298, None),
        (MLP, 299, None),
        (MLP, 1, None),
        (&ONE_PIXEL.replace("kernel = 8", "kernel = 7"), 23, None),
        (&norm.replace("'batch'", "'layer'"), 299, None),
    ] {
        let config = work.config(net);
        let set = format!("train.batch_size={batch_size}");
        for command in [&["train", "--overwrite", "--out"][..], &["lr-find", "--steps", "50"], &["probe", "--out"]] {
            let out = work.path(command[0]);
            let out = command.ends_with(&["--out"]).then(|| out.to_str().unwrap());
            let own = [config.to_str().unwrap(), "--set", &set];
            let ran = initlab(command.iter().copied().chain(out).chain(own));
            let Some(offered) = offered else {
                assert_eq!(ran.code, Some(0), "{command:?} {net}{set}: {ran:?}");
                continue;
            };
            let text = refused(&ran);
            let offered = format!("such as {offered}, or a norm that looks at one image");
            for part in
                [&set, "`batch_size` in [train] leaves a batch of one image (300 training", "batch_norm1", &offered]
            {
                assert!(text.contains(part), "{command:?} {net}{set} lacks {part}: {text}");
            }
        }
    }
}

#[test]
fn a_run_that_ends_before_the_image_that_is_left_may_train() {
    let work = Work::new();
    work.config(BATCH_NORM);
    // Thirteen batches of 23 are 299 images.
    for (steps, code) in [(13, 0), (14, 2)] {
        let steps = format!("train.steps={steps}");
        let ran = work.train("run", &["--overwrite", "--set", "train.batch_size=23", "--set", &steps]);
        assert_eq!(ran.code, Some(code), "{steps}: {ran:?}");
    }
}

#[test]
fn a_study_refuses_such_batches_before_anything_runs_and_looks_at_its_search_for_rates() {
    let work = Work::new();
    let study = "
base = 'net.toml'
seeds = 2
baseline = 'none'
targets = [{ test_accuracy = 0.9 }]
[[arms]]
name = 'none'
set.model.norm = 'none'
[[arms]]
name = 'batch'
";
    work.study(study);
    work.config(&BATCH_NORM.replace("steps = 13", "epochs = 1"));
    let text = refused(&work.compare("study", &["--set", "set.train.batch_size=299"]));
    assert!(
        text.contains("leaves a batch of one image (300 training images") && text.contains("such as 298"),
        "{text}"
    );
    // Tuning leaves the last sixth of the images out.
    let tuned = format!("learning_rate = {{ tune = {{ low = 0.1, high = 0.2, points = 2, seeds = 1 }} }}\n{study}");
    fs::write(work.path("study.toml"), tuned).unwrap();
    let text = refused(&work.compare("study", &["--set", "set.train.batch_size=249"]));
    assert!(text.contains("leaves a batch of one image (250 training images"), "{text}");
    assert!(!work.path("study/runs").exists(), "something ran");
}

#[test]
fn lsuv_measures_batch_norm_on_more_than_one_image() {
    let work = Work::new();
    work.config(&format!("{BATCH_NORM}[init.lsuv]\nimages = 1\n"));
    let text = refused(&work.train("run", &[]));
    assert!(text.contains("init.lsuv.images: batch_norm1") && text.contains("measure on 2 or more"), "{text}");
}

#[test]
fn a_batch_larger_than_the_data_is_worth_a_word() {
    let work = Work::new();
    let config = work.config(MLP);
    let word =
        "train.batch_size 512 is more than the 300 training images: every step takes them all, and is an epoch\n";
    let set = ["--set", "train.batch_size=512"];
    let ran = work.train("run", &set);
    assert!(ran.code == Some(0) && ran.message().contains(word), "{ran:?}");
    let ran = initlab([&["lr-find", config.to_str().unwrap(), "--steps", "50"], &set[..]].concat());
    assert!(ran.code == Some(0) && ran.stderr == word, "{ran:?}");
    work.study("base = 'net.toml'\nseeds = 2\nbaseline = 'a'\ntargets = [{ test_accuracy = 0.9 }]\n[[arms]]\nname = 'a'\n[[arms]]\nname = 'b'\nset.optimizer.lr = 0.2\n");
    let ran = work.compare("study", &["--set", "set.train.batch_size=512"]);
    assert!(ran.code == Some(0) && ran.stderr.matches(word).count() == 1, "{ran:?}");
    let ran = work.train("other", &["--set", "train.batch_size=300"]);
    assert!(ran.code == Some(0) && !ran.message().contains("is more than"), "{ran:?}");
    // What is said is so.
    files::write(&work.path("few"), &images(33, 1), &images(9, 2)).unwrap();
    let few = work.path("few");
    let ran = work.train("few", &["--dataset", few.to_str().unwrap()]);
    assert!(ran.code == Some(0) && ran.message().contains("more than the 33 training images"), "{ran:?}");
    let steps = fs::read_to_string(work.path("few/steps.csv")).unwrap();
    assert!(steps.contains("\n1,1,33,") && steps.lines().count() == 3, "{steps}");
}
