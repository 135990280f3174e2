//! `initlab model`: the table says what is drawn, not what a rule would draw elsewhere.

use initlab::record::tensors::{self, Values};

use super::{CNN, MLP, RESIDUAL, Work, initlab};

const PLAIN_RELU: &str = "
[model]
kind = 'mlp'
widths = [12, 9]
[init.lsuv]
[optimizer]
lr = 0.1
[train]
epochs = 1
";

/// (layer, std) of every row of a weight layer.
fn stds(table: &str) -> Vec<(String, f64)> {
    let row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let layer = *words.get(1)?;
        let weighs = layer.starts_with("linear") || layer.starts_with("conv");
        weighs.then(|| (layer.to_owned(), words.last().unwrap().parse().unwrap()))
    };
    table.lines().filter_map(row).collect()
}

#[test]
fn the_table_has_the_std_of_the_weights_that_init_writes() {
    // (config, whether the table has the rule's std, which that of n draws strays from, or the measured one)
    for (net, chance) in [(MLP, true), (RESIDUAL, true), (CNN, false), (PLAIN_RELU, false)] {
        let work = Work::new();
        let (config, file) = (work.config(net), work.path("start.safetensors"));
        let config = config.to_str().unwrap();
        assert_eq!(initlab(["init", config, "-o", file.to_str().unwrap()]).code, Some(0));
        let ran = initlab(["model", config]);
        assert!(ran.code == Some(0) && ran.stderr.is_empty(), "{ran:?}");
        let (tensors, about) = tensors::read(&file).unwrap();
        let table = stds(&ran.stdout);
        assert!(table.len() >= 3, "{}", ran.stdout);
        for (layer, said) in table {
            let found =
                about["layers"].as_array().unwrap().iter().find(|entry| entry["name"] == layer.as_str()).unwrap();
            let Values::F32(values) = &tensors[&format!("{}.weight", found["module"].as_str().unwrap())].values else {
                panic!("{layer}")
            };
            let n = values.len() as f64;
            let mean = values.iter().map(|&w| f64::from(w)).sum::<f64>() / n;
            let drawn = (values.iter().map(|&w| (f64::from(w) - mean).powi(2)).sum::<f64>() / n).sqrt();
            // Four standard errors, and half a unit of the fourth decimal that is printed.
            let allowed = if chance { 4.0 * said / (2.0 * n).sqrt() } else { 0.0 };
            assert!((drawn - said).abs() <= allowed + 5.1e-5, "{layer}: {said} in the table, {drawn} drawn");
        }
    }
}

#[test]
fn shifts_that_lsuv_finds_stand_in_the_table_and_beside_the_weights() {
    let work = Work::new();
    let (config, file) = (work.config(PLAIN_RELU), work.path("start.safetensors"));
    let config = config.to_str().unwrap();
    assert_eq!(initlab(["init", config, "-o", file.to_str().unwrap()]).code, Some(0));
    let ran = initlab(["model", config]);
    assert!(ran.stdout.contains("general_relu") && ran.stdout.contains("rescaled by LSUV on 300 training"), "{ran:?}");
    let tensors = tensors::read(&file).unwrap().0;
    for (key, layer) in [("2.shift", "linear1"), ("4.shift", "linear2")] {
        let Values::F32(shift) = &tensors[key].values else { panic!("{key}") };
        assert!(tensors[key].shape.is_empty() && shift[0] > 0.1, "{key}: {shift:?}");
        assert!(ran.stdout.contains(&format!("{layer} {:.4}", shift[0])), "{}", ran.stdout);
    }
    for more in ["init.lsuv.of=pre_activation", "init.lsuv.mean=keep"] {
        assert_eq!(initlab(["init", config, "-o", file.to_str().unwrap(), "--set", more]).code, Some(0));
        assert!(tensors::read(&file).unwrap().0.keys().all(|key| !key.ends_with("shift")), "{more}");
    }
}

#[test]
fn units_that_start_without_weights_are_named() {
    let work = Work::new();
    work.config(CNN);
    let config = work.path("net.toml");
    let file = work.path("start.safetensors");
    // One weight in each of nine columns leaves at least seven of sixteen units without.
    let sets = ["--set=model.stages.0.channels=16", "--set=init.first.weight={kind='sparse',sparsity=0.9}"];
    let plain = "--set=init={preset='kaiming'}";
    let (config, file) = (config.to_str().unwrap(), file.to_str().unwrap());
    for call in [&["model", config][..], &["model", config, plain], &["init", config, "-o", file]] {
        let ran = initlab(call.iter().chain(&sets));
        let said = ran.stdout.clone() + &ran.stderr;
        assert!(ran.code == Some(0) && said.contains("of 16 units start without any weight (sparse)"), "{ran:?}");
    }
}

#[test]
fn a_named_set_that_is_not_there_gives_the_outputs_and_the_data_their_sizes() {
    let work = Work::new();
    let config = work.config(MLP);
    for (set, outputs) in [("mnist", 10), ("emnist-letters", 26), ("emnist-balanced", 47), ("emnist-byclass", 62)] {
        let ran = initlab(["model", config.to_str().unwrap(), &format!("--set=data.dataset='{set}'")]);
        let last = ran.stdout.lines().rfind(|line| line.contains(" linear")).unwrap_or_default();
        assert!(
            ran.code == Some(0) && last.split_whitespace().any(|word| word == outputs.to_string()),
            "{set}: {ran:?}"
        );
    }
}
