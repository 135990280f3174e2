//! Starts for models on candle: draws by name, patterns, layouts, tables, errors.

use candle_core::{DType, Device, Tensor};
use candle_nn::{
    Conv1dConfig, Conv2dConfig, ConvTranspose1dConfig, ConvTranspose2dConfig, Init, LSTMConfig, Module, VarBuilder,
    VarMap, batch_norm, conv_transpose1d, conv_transpose2d, conv1d, conv2d, embedding, layer_norm, linear, lstm,
};
use initlab::{Activation, Aim, BiasInit, Gain, Preset, Start, WeightInit};

use super::twins::{Cnn, Mlp, STAGES, lesson_cnn, network};

const CPU: Device = Device::Cpu;

fn values(varmap: &VarMap, name: &str) -> Vec<f64> {
    let data = varmap.data().lock().unwrap();
    let tensor = data.get(name).unwrap_or_else(|| panic!("{name} is in the VarMap")).as_tensor();
    tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

fn names(varmap: &VarMap) -> Vec<String> {
    let mut names: Vec<String> = varmap.data().lock().unwrap().keys().cloned().collect();
    names.sort();
    names
}

/// A VarMap with what `build` asks for.
fn built(start: &Start, dtype: DType, build: impl Fn(VarBuilder<'_>) -> candle_core::Result<()>) -> VarMap {
    let varmap = VarMap::new();
    build(start.var_builder(&varmap, dtype, &CPU)).unwrap();
    varmap
}

fn small(vb: VarBuilder<'_>) -> candle_core::Result<()> {
    linear(6, 5, vb.pp("fc1"))?;
    conv2d(3, 4, 3, Conv2dConfig::default(), vb.pp("conv"))?;
    batch_norm(4, 1e-5, vb.pp("bn"))?;
    embedding(7, 5, vb.pp("embed"))?;
    linear(5, 2, vb.pp("fc2")).map(drop)
}

fn small_in_another_order(vb: VarBuilder<'_>) -> candle_core::Result<()> {
    linear(5, 2, vb.pp("fc2"))?;
    embedding(7, 5, vb.pp("embed"))?;
    batch_norm(4, 1e-5, vb.pp("bn"))?;
    conv2d(3, 4, 3, Conv2dConfig::default(), vb.pp("conv"))?;
    linear(6, 5, vb.pp("fc1")).map(drop)
}

#[test]
fn draws_follow_from_seed_and_name_whatever_the_order_and_the_type() {
    for start in [Start::preset(Preset::Torch).seed(5), Start::hints().seed(5), Start::preset(Preset::Rai)] {
        let wide = built(&start, DType::F64, small);
        for (dtype, bits) in [(DType::F64, 53), (DType::F32, 24), (DType::F16, 11), (DType::BF16, 8)] {
            let other = built(&start, dtype, small_in_another_order);
            assert_eq!(names(&wide), names(&other));
            for name in names(&wide) {
                for (x, y) in values(&wide, &name).into_iter().zip(values(&other, &name)) {
                    // Rounded once: within half a unit in the last place, or below f16's normal numbers.
                    let allowed = if bits == 53 { 0.0 } else { (x.abs() * 0.5f64.powi(bits)).max(3e-8) };
                    assert!((x - y).abs() <= allowed, "{name} in {dtype:?}: {x} and {y}");
                }
            }
        }
    }
    let start = Start::preset(Preset::Torch);
    assert_ne!(
        values(&built(&start, DType::F32, small), "fc1.weight"),
        values(&built(&start.clone().seed(1), DType::F32, small), "fc1.weight")
    );
}

#[test]
fn values_are_those_of_the_crates_own_initialisers() {
    let varmap = built(&Start::preset(Preset::Torch).seed(3), DType::F32, small);
    let rule = Preset::Torch.rule();
    let weight = rule.weight.sample(3, "conv.weight", &[4, 3, 3, 3], Activation::Relu).unwrap();
    assert_eq!(values(&varmap, "conv.weight"), weight.into_iter().map(f64::from).collect::<Vec<_>>());
    let bias = rule.bias.sample(3, "conv.bias", 4, 27);
    assert_eq!(values(&varmap, "conv.bias"), bias.into_iter().map(f64::from).collect::<Vec<_>>());
}

/// Every parameter of a twin must be the network's, bit for bit.
fn same_as_network(start: &Start, config: &str, build: impl Fn(&VarBuilder<'_>) -> candle_core::Result<()>) {
    let (network, start_values) = network(config);
    let varmap = built(start, DType::F32, |vb| build(&vb));
    let expected: Vec<String> = network.params.iter().map(|param| param.name.clone()).collect();
    let mut sorted = expected.clone();
    sorted.sort();
    assert_eq!(names(&varmap), sorted, "{config}");
    for (param, expected) in network.params.iter().zip(start_values) {
        let found: Vec<f32> = values(&varmap, &param.name).into_iter().map(|x| x as f32).collect();
        assert_eq!(found, expected, "{} of {config}", param.name);
    }
}

#[test]
fn an_mlp_on_candle_starts_as_the_crates_own() {
    let mlp = |vb: &VarBuilder<'_>| Mlp::new(&[784, 50, 50, 50, 10], vb).map(drop);
    let cases = [
        ("preset = 'kaiming'", "relu"),
        ("preset = 'kaiming'", "tanh"),
        ("preset = 'torch'", "relu"),
        ("preset = 'looks-linear'", "relu"),
        ("preset = 'rai'", "relu"),
        ("preset = 'orthogonal'\nlast.weight = 'zeros'", "relu"),
        ("preset = 'depth-aware'", "relu"),
        ("aim = { kind = 'tat', eta = 0.5 }", "relu"),
        ("aim = 'moment_matched'\nweight = 'orthogonal'", "relu"),
        ("aim = { kind = 'critical', variance_b = 0.05 }", "tanh"),
        ("weight = { kind = 'sparse', sparsity = 0.5 }\nfirst.weight = 'lesson_raw'", "gelu"),
    ];
    for (init, activation) in cases {
        let config = format!(
            "seed = 7\n[model]\nkind = 'mlp'\nwidths = [50, 50, 50]\nactivation = '{activation}'\n[init]\n{init}"
        );
        let start = Start::from_toml(&config).unwrap().depth(3).first("linear1.*").last("linear4.*");
        same_as_network(&start, &config, mlp);
    }
}

#[test]
fn a_cnn_on_candle_starts_as_the_crates_own() {
    let config = format!("{}\n[init]\npreset = 'kaiming'\nlast = {{ preset = 'torch' }}", lesson_cnn());
    let start = Start::from_toml(&config).unwrap().last("linear1.*");
    same_as_network(&start, &config, |vb| Cnn::new(vb).map(drop));
    let by_rule = Start::preset(Preset::Kaiming).last("linear1.*").rule("linear1.*", Preset::Torch.rule());
    same_as_network(&by_rule, &config, |vb| Cnn::new(vb).map(drop));
    assert_eq!(STAGES.len(), 4);
}

#[test]
fn the_last_pattern_that_covers_a_parameter_wins_and_norms_are_kept() {
    let start = Start::preset(Preset::Kaiming)
        .rule("*", WeightInit::Normal { std: 0.01 })
        .rule("fc?.*", WeightInit::Constant { value: 2.0 })
        .rule("fc1.bias", BiasInit::Constant { value: 3.0 })
        .rule("bn.bias", WeightInit::Constant { value: 4.0 })
        .keep("embed.*");
    let varmap = built(&start, DType::F32, small);
    let all = |name: &str, value: f64| values(&varmap, name).iter().all(|&x| x == value);
    for (name, value) in [
        ("fc1.weight", 2.0),
        ("fc1.bias", 3.0),
        ("fc2.bias", 2.0),
        ("bn.weight", 1.0),
        ("bn.bias", 4.0),
        ("bn.running_mean", 0.0),
        ("bn.running_var", 1.0),
    ] {
        assert!(all(name, value), "{name}: {:?}", values(&varmap, name));
    }
    let largest = |name: &str| values(&varmap, name).iter().fold(0.0f64, |most, x| most.max(x.abs()));
    assert!(largest("conv.weight") < 0.05 && largest("embed.weight") > 0.5);
}

#[test]
fn hints_are_candles_distributions_from_named_streams() {
    let ask = |vb: VarBuilder<'_>| {
        vb.get_with_hints((300, 200), "n", Init::Randn { mean: 2.0, stdev: 0.5 })?;
        vb.get_with_hints((300, 200), "u", Init::Uniform { lo: -1.0, up: 3.0 })?;
        vb.get_with_hints((300, 200), "k", candle_nn::init::DEFAULT_KAIMING_UNIFORM)?;
        vb.get_with_hints((300, 50, 2, 2), "c", candle_nn::init::DEFAULT_KAIMING_NORMAL)?;
        vb.get_with_hints(3, "one", Init::Const(1.0)).map(drop)
    };
    let varmap = built(&Start::hints(), DType::F64, ask);
    for (name, mean, std, bounds) in [
        ("n", 2.0, 0.5, (-1.0, 5.0)),
        ("u", 1.0, 4.0 / 12f64.sqrt(), (-1.0, 3.0)),
        ("k", 0.0, (2.0f64 / 200.0).sqrt(), (-(6.0f64 / 200.0).sqrt(), (6.0f64 / 200.0).sqrt())),
        ("c", 0.0, (2.0f64 / 200.0).sqrt(), (-1.0, 1.0)),
    ] {
        let values = values(&varmap, name);
        let n = values.len() as f64;
        let of = values.iter().sum::<f64>() / n;
        let spread = (values.iter().map(|x| (x - of).powi(2)).sum::<f64>() / n).sqrt();
        assert!((of - mean).abs() < 5.0 * std / n.sqrt(), "{name}: mean {of}");
        assert!((spread / std - 1.0).abs() < 5.0 / (2.0 * n).sqrt(), "{name}: std {spread}, not {std}");
        assert!(values.iter().all(|x| (bounds.0..=bounds.1).contains(x)), "{name}");
    }
    assert_eq!(values(&varmap, "one"), [1.0; 3]);
}

#[test]
fn every_kind_of_layer_finds_its_fan_in() {
    let ask = |vb: VarBuilder<'_>| {
        let grouped = Conv2dConfig { groups: 4, ..Conv2dConfig::default() };
        conv2d(8, 12, 3, grouped, vb.pp("grouped"))?;
        conv1d(6, 4, 5, Conv1dConfig::default(), vb.pp("conv1d"))?;
        conv_transpose2d(6, 4, 2, ConvTranspose2dConfig::default(), vb.pp("up2"))?;
        let in_groups = ConvTranspose1dConfig { groups: 2, ..ConvTranspose1dConfig::default() };
        conv_transpose1d(6, 4, 3, in_groups, vb.pp("up1"))?;
        vb.get_with_hints((4, 3, 2, 2, 2), "conv3d.weight", candle_nn::init::DEFAULT_KAIMING_NORMAL)?;
        lstm(5, 3, LSTMConfig::default(), vb.pp("lstm"))?;
        layer_norm(4, 1e-5, vb.pp("norm"))?;
        embedding(9, 4, vb.pp("embed"))?;
        linear(7, 2, vb.pp("fc")).map(drop)
    };
    let start = Start::preset(Preset::Torch).groups("grouped.weight", 4);
    let varmap = built(&start, DType::F32, ask);
    let table = start.table(&varmap).unwrap();
    for (name, fan_in) in [
        ("grouped.weight", Some(18)),
        ("grouped.bias", Some(18)),
        ("conv1d.weight", Some(30)),
        ("conv1d.bias", Some(30)),
        ("up2.weight", Some(24)),
        ("up2.bias", Some(24)),
        ("up1.weight", Some(9)),
        ("up1.bias", Some(9)),
        ("conv3d.weight", Some(24)),
        ("lstm.weight_ih_l0", Some(5)),
        ("lstm.weight_hh_l0", Some(3)),
        ("norm.weight", None),
        ("embed.weight", None),
        ("fc.weight", Some(7)),
        ("fc.bias", Some(7)),
    ] {
        let row = table.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(row.fan_in, fan_in, "{row:?}");
        if let (Some(fan_in), false) = (fan_in, name.starts_with("lstm.bias")) {
            let wanted = (1.0 / (3.0 * fan_in as f64)).sqrt();
            assert!((row.std_wanted.unwrap() / wanted - 1.0).abs() < 1e-12, "{row:?}");
        }
    }
    assert!(table.warnings.is_empty(), "{table}");
}

#[test]
fn the_table_shows_what_was_wanted_and_what_stands_there() {
    let start = Start::preset(Preset::Kaiming).rule("fc2.*", WeightInit::Zeros).rule("fc9.*", WeightInit::Zeros);
    let varmap = built(&start, DType::F32, small);
    let mut broken = values(&varmap, "bn.weight");
    broken[1] = f64::NAN;
    let tensor = Tensor::new(broken, &CPU).unwrap().to_dtype(DType::F32).unwrap();
    varmap.data().lock().unwrap()["bn.weight"].set(&tensor).unwrap();
    let text = start.table(&varmap).unwrap().to_string();
    for part in [
        "parameter",
        "conv.weight      4×3×3×3      27  kaiming_normal",
        "embed.weight     7×5           –  hint: normal",
        "fc2.weight       2×5           5  zeros",
        "bn.running_var   4             –  constant 1",
        "warning: rule \"fc9.*\" matches none of the 11 parameters; did you mean fc1?",
        "warning: `bn.weight` holds values that are not finite",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
}

#[test]
fn a_model_that_stands_is_drawn_anew_in_place() {
    let varmap = VarMap::new();
    let plain = VarBuilder::from_varmap(&varmap, DType::F32, &CPU);
    let model = Mlp::new(&[6, 5, 4], &plain).unwrap();
    batch_norm(4, 1e-5, plain.pp("bn")).unwrap();
    let start = Start::preset(Preset::Xavier).seed(2);
    start.apply(&varmap).unwrap();
    let fresh = built(&start, DType::F32, |vb| {
        Mlp::new(&[6, 5, 4], &vb)?;
        batch_norm(4, 1e-5, vb.pp("bn")).map(drop)
    });
    for name in names(&fresh) {
        assert_eq!(values(&varmap, &name), values(&fresh, &name), "{name}");
    }
    let seen: Vec<f64> =
        model.layers[0].weight().flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap();
    assert_eq!(seen, values(&fresh, "linear1.weight"));
    let x = Tensor::ones((1, 6), DType::F32, &CPU).unwrap();
    assert_eq!(model.forward(&x).unwrap().dims(), [1, 4]);
}

/// Where [`a_process_of_its_own_saves_its_draws`] saves.
const SAVED: &str = "INITLAB_TEST_SAVED";

const DTYPES: [(&str, DType); 2] = [("f32", DType::F32), ("f64", DType::F64)];

#[test]
#[ignore = "the other process of the test below"]
fn a_process_of_its_own_saves_its_draws() {
    let Some(dir) = std::env::var_os(SAVED).map(std::path::PathBuf::from) else { return };
    for (name, dtype) in DTYPES {
        built(&Start::preset(Preset::Orthogonal), dtype, small_in_another_order).save(dir.join(name)).unwrap();
    }
}

#[test]
fn another_process_draws_the_same_in_another_order() {
    let dir = tempfile::tempdir().unwrap();
    let itself = std::env::current_exe().unwrap();
    let mut process = std::process::Command::new(itself);
    process.args(["--ignored", "--exact", "candle::start::a_process_of_its_own_saves_its_draws"]);
    let output = process.env(SAVED, dir.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for (name, dtype) in DTYPES {
        let here = built(&Start::preset(Preset::Orthogonal), dtype, small);
        let saved = candle_core::safetensors::load(dir.path().join(name), &CPU).unwrap();
        assert_eq!(saved.len(), names(&here).len());
        for (name, tensor) in &saved {
            let there: Vec<f64> = tensor.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap();
            assert_eq!(there, values(&here, name), "{name}");
        }
    }
}

#[test]
fn what_cannot_be_says_which_parameter_and_what_to_do() {
    let kaiming = || Start::preset(Preset::Kaiming);
    let unit = Gain::Given(1.0);
    let cases: Vec<(Start, &str)> = vec![
        (kaiming().rule("fc[1.*", WeightInit::Zeros), "\"fc[1.*\" is no glob"),
        (
            kaiming().rule("fc1.bias", WeightInit::Orthogonal { gain: unit }),
            "cannot initialise `fc1.bias` of shape [5]",
        ),
        (kaiming().rule("fc1.weight", BiasInit::Zeros), "the rule is for biases; take a rule of WeightInit"),
        (kaiming().rule("fc1.weight", WeightInit::DeltaOrthogonal { gain: unit }), "cannot initialise `fc1.weight`"),
        (kaiming().rule("fc1.weight", WeightInit::Normal { std: -1.0 }), "expected a finite number of at least 0"),
        (kaiming().rule("fc1.weight", WeightInit::Normal { std: 1e39 }), "`fc1.weight`"),
        (kaiming().groups("conv.weight", 3), "`conv.weight` of shape [4, 3, 3, 3] cannot be cut into 3 groups"),
        (kaiming().rule("*", Preset::LooksLinear.rule()), "cannot initialise"),
        (Start::preset(Preset::LooksLinear), "name its parameters with .first(\"NAME.*\")"),
        (Start::aim(Aim::DepthAware { zeta: 1.5 }).first("fc1.*").last("fc2.*"), "give it with .depth(N)"),
        (Start::aim(Aim::DepthAware { zeta: 1.5 }).first("fc1.*").depth(5), ".last(\"NAME.*\")"),
    ];
    for (start, part) in cases {
        let varmap = VarMap::new();
        let error = small(start.var_builder(&varmap, DType::F32, &CPU)).unwrap_err().to_string();
        assert!(error.contains(part), "{part}\n{error}");
    }
}

#[test]
fn a_pattern_without_effect_changes_nothing_and_is_an_error_where_the_model_stands() {
    let varmap = built(&Start::hints(), DType::F32, small);
    let before = values(&varmap, "fc1.weight");
    for (start, part) in [
        (Start::preset(Preset::Kaiming).rule("fc3.*", WeightInit::Zeros), "rule \"fc3.*\" matches none of the 11"),
        (Start::preset(Preset::Kaiming).keep("emb.weight"), "keep \"emb.weight\" matches none"),
        (Start::preset(Preset::Kaiming).last("head.*"), "last \"head.*\" matches none"),
    ] {
        let error = start.apply(&varmap).unwrap_err().to_string();
        assert!(error.contains(part), "{part}\n{error}");
    }
    assert_eq!(values(&varmap, "fc1.weight"), before);
}

#[test]
fn a_varmap_with_another_shape_is_refused() {
    let start = Start::preset(Preset::Kaiming);
    let varmap = built(&start, DType::F32, small);
    let vb = start.var_builder(&varmap, DType::F32, &CPU);
    let error = linear(8, 5, vb.pp("fc1")).unwrap_err().to_string();
    assert!(error.contains("`fc1.weight` has shape [5, 6] in the VarMap, and the model asks for [5, 8]"), "{error}");
    assert!(linear(6, 5, vb.pp("fc1")).is_ok(), "a parameter that stands is shared");
}

#[test]
fn a_bias_without_a_layer_says_what_it_needs() {
    let start = Start::preset(Preset::Torch);
    let varmap = VarMap::new();
    let vb = start.var_builder(&varmap, DType::F32, &CPU);
    let error = vb.get_with_hints(4, "gate.bias", Init::Randn { mean: 0.0, stdev: 1.0 }).unwrap_err().to_string();
    assert!(error.contains("cannot initialise `gate.bias`") && error.contains("no `gate.weight`"), "{error}");
}

/// The mean square of all entries over a thousand draws beside the promised one.
#[test]
fn a_thousand_draws_of_every_rule_have_the_promised_variance() {
    const DRAWS: u64 = 1000;
    for rule in WeightInit::ALL {
        let shape: &[usize] = if rule.name() == "delta_orthogonal" { &[12, 8, 3, 3] } else { &[12, 8] };
        let Ok(std) = rule.spread(shape, Activation::Relu) else { panic!("{} fits {shape:?}", rule.name()) };
        let (mut sum, mut squares, mut fourths, mut n) = (0.0, 0.0, 0.0, 0.0);
        for seed in 0..DRAWS {
            for x in rule.sample_f64(seed, "fc1.weight", shape, Activation::Relu).unwrap() {
                (sum, squares, fourths, n) = (sum + x, squares + x * x, fourths + x.powi(4), n + 1.0);
            }
        }
        let (mean, square): (f64, f64) = (sum / n, squares / n);
        let variance = square - mean * mean;
        // Five standard errors of a mean square; a rule whose entries are the same in every draw has none.
        let error = ((fourths / n - square * square).max(0.0) / n).sqrt();
        let exact = ["zeros", "constant", "identity"].contains(&rule.name());
        let allowed = if exact { 1e-12 } else { 5.0 * error + 1e-12 };
        assert!((variance - std * std).abs() <= allowed, "{}: {variance}, promised {}", rule.name(), std * std);
    }
}
