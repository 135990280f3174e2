//! A small typed config read from right and wrong texts: what a user sees for each kind of mistake.

use proptest::prelude::*;

use crate::config::{ConfigError, Document};

/// Typed form of the tests' config.
#[derive(Debug, PartialEq, Default)]
struct Experiment {
    seed: Option<u64>,
    epochs: usize,
    channels: Vec<usize>,
    kernel: Vec<usize>,
    activation: Option<u8>,
    stages: Vec<Option<usize>>,
    lr: Option<f64>,
    label: Option<String>,
    shuffle: Option<bool>,
}

fn read(text: &str, sets: &[&str]) -> Result<Experiment, ConfigError> {
    let sets: Vec<String> = sets.iter().map(|set| set.to_string()).collect();
    let document = Document::parse("x.toml", text, &sets)?;
    let root = document.root();
    let mut read = Experiment { seed: root.u64("seed")?, epochs: root.required_usize("epochs")?, ..Default::default() };
    read.label = root.string("label")?;
    read.shuffle = root.bool("shuffle")?;
    if let Some(model) = root.section("model")? {
        read.activation = model.choice("activation", &[("relu", 1), ("leaky_relu", 2), ("tanh", 3)])?;
        read.channels = model.usize_list("channels")?.unwrap_or_default();
        if let Some(kernel) = model.value("kernel") {
            let list = kernel.as_array().unwrap_or_else(|| vec![kernel.clone()]);
            let sizes: Option<Vec<usize>> = list.iter().map(|item| item.as_usize()).collect();
            read.kernel = sizes.ok_or_else(|| kernel.wrong("an integer or an array of integers"))?;
        }
        for stage in model.sections("stages")?.unwrap_or_default() {
            read.stages.push(stage.usize("channels")?);
            stage.finish()?;
        }
        model.finish()?;
    }
    if let Some(optimizer) = root.section("optimizer")? {
        read.lr = Some(optimizer.required_f64("lr")?);
        if read.lr <= Some(0.0) {
            return Err(optimizer.error("lr", "must be positive"));
        }
        if optimizer.value("warmup").is_none() && read.lr > Some(10.0) {
            return Err(optimizer.error("warmup", "must be given with so large a step"));
        }
        optimizer.finish()?;
    }
    root.finish()?;
    Ok(read)
}

fn message(text: &str, sets: &[&str]) -> String {
    read(text, sets).expect_err(text).to_string()
}

#[test]
fn a_right_config_is_read_with_every_form_of_table_and_override() {
    let text = "epochs = 3\r\nseed = 18446744073709551615\r\nshuffle = true\r\n[model]\r\nactivation = 'tanh'\r\n\
                channels = [8, 0x10]\r\nkernel = 3\r\n[[model.stages]]\r\nchannels = 4\r\n[[model.stages]]\r\n\
                [optimizer]\r\nlr = 1\r\n";
    let mut expected = Experiment {
        seed: Some(u64::MAX),
        epochs: 3,
        channels: vec![8, 16],
        kernel: vec![3],
        activation: Some(3),
        stages: vec![Some(4), None],
        lr: Some(1.0),
        label: None,
        shuffle: Some(true),
    };
    assert_eq!(read(text, &[]).unwrap(), expected);
    let sets = ["model.stages.1.channels=16", "label=runs/a-1", "model.activation=relu"];
    expected.stages[1] = Some(16);
    expected.label = Some("runs/a-1".into());
    expected.activation = Some(1);
    expected.kernel = vec![5, 3];
    let sets = [&sets[..], &["model.kernel = [5, 3]", "optimizer.lr=2", "optimizer.lr = 0.5"]].concat();
    expected.lr = Some(0.5);
    assert_eq!(read(text, &sets).unwrap(), expected);
    let inline = "epochs=1\noptimizer.lr=2.0\nmodel={stages=[{channels=1}, {}]}";
    let read = read(inline, &["model.channels=[1]"]).unwrap();
    assert_eq!((read.lr, read.stages, read.channels), (Some(2.0), vec![Some(1), None], vec![1]));
}

#[test]
fn the_first_line_of_an_error_names_place_found_and_expected() {
    let cases = [
        // Unknown keys, in each kind of table.
        ("epoch = 1\nepochs = 1", "x.toml:1:1: unknown key `epoch` at the top level; did you mean `epochs`?"),
        ("epochs=1\n[model]\nchanels=[8]", "x.toml:3:1: unknown key `chanels` in [model]; did you mean `channels`?"),
        ("epochs=1\nmodel={zzz=1}", "x.toml:2:8: unknown key `zzz` in [model]"),
        ("epochs=1\nmodel.kernal=1", "x.toml:2:7: unknown key `kernal` in [model]; did you mean `kernel`?"),
        ("epochs=1\n[[model.stages]]\n[[model.stages]]\nc=1", "x.toml:4:1: unknown key `c` in [model.stages.1]"),
        ("epochs=1\n[optimiser]\nlr=1", "x.toml:2:2: unknown key `optimiser` at the top level; did you mean"),
        // Wrong types.
        ("epochs = '3'", "x.toml:1:10: `epochs` at the top level must be a non-negative integer, found string \"3\""),
        ("epochs = 3.0", "x.toml:1:10: `epochs` at the top level must be a non-negative integer, found float 3.0"),
        ("epochs=1\nshuffle=1", "x.toml:2:9: `shuffle` at the top level must be true or false, found integer 1"),
        ("epochs=1\nlabel=[]", "x.toml:2:7: `label` at the top level must be a string, found an array of 0 entries"),
        ("epochs=1\nmodel=3", "x.toml:2:7: `model` at the top level must be a table, found integer 3"),
        ("epochs=1\nlabel=1979-05-27", "x.toml:2:7: `label` at the top level must be a string, found date 1979-05-27"),
        ("epochs=1\n[model]\nstages={}", "x.toml:3:8: `stages` in [model] must be an array of tables, found a table"),
        ("epochs=1\n[model]\nstages=[1]", "x.toml:3:9: `stages.0` in [model] must be a table, found integer 1"),
        ("epochs=1\n[model]\nkernel='3'", "x.toml:3:8: `kernel` in [model] must be an integer or an array of integers"),
        ("epochs=1\nmodel.channels=[1,true]", "x.toml:2:19: `channels.1` in [model] must be a non-negative integer"),
        ("epochs=1\n[optimizer]\nlr=true", "x.toml:3:4: `lr` in [optimizer] must be a number, found boolean true"),
        // Numbers.
        ("epochs = -3", "x.toml:1:10: `epochs` at the top level must be a non-negative integer, found integer -3"),
        (
            "epochs=1\nseed=18446744073709551616",
            "x.toml:2:6: `seed` at the top level must be an integer from 0 to 1844",
        ),
        ("epochs=9999999999999999999999999999999999999999", "x.toml:1:8: `epochs` at the top level must be an integer"),
        ("epochs=1\noptimizer.lr=nan", "x.toml:2:14: `lr` in [optimizer] must be a finite number, found float nan"),
        ("epochs=1\noptimizer.lr=-inf", "x.toml:2:14: `lr` in [optimizer] must be a finite number, found float -inf"),
        ("epochs=1\noptimizer.lr=1e999", "x.toml:2:14: `lr` in [optimizer] must be a finite number, found float 1e999"),
        ("epochs=1\noptimizer.lr=0", "x.toml:2:14: `lr` in [optimizer] must be positive"),
        ("epochs=1\n[optimizer]\nlr=11", "x.toml:2:1: `warmup` in [optimizer] must be given with so large a step"),
        // Names, missing keys.
        (
            "epochs=1\nmodel.activation='rleu'",
            "x.toml:2:18: `activation` in [model] has the unknown name \"rleu\"; did",
        ),
        (
            "epochs=1\nmodel.activation=1",
            "x.toml:2:18: `activation` in [model] must be one of \"relu\", \"leaky_relu\"",
        ),
        ("", "x.toml: missing key `epochs` at the top level; expected a non-negative integer"),
        ("epochs=1\n[optimizer]", "x.toml:2:1: missing key `lr` in [optimizer]; expected a number"),
        // Not TOML.
        ("epochs=1\nepochs=2", "x.toml:2:1: not valid TOML: duplicate key"),
        ("epochs=1\r\nseed==2", "x.toml:2:6: not valid TOML: extra `=`"),
        ("epochs=1\nlabel=relu", "x.toml:2:7: not valid TOML: string values must be quoted, expected literal string"),
        ("[model", "x.toml:1:7: not valid TOML: unclosed table, expected `]`"),
        // Columns are characters.
        ("epochs=1\nlabel='é→', x", "x.toml:2:11: not valid TOML"),
        ("epochs=1\nmodel={'ключ' = 1, kernel = 'x'}", "x.toml:2:29: `kernel` in [model] must be"),
    ];
    for (text, expected) in cases {
        let message = message(text, &[]);
        let unfolded = message.replace("\n  ", " ");
        assert!(unfolded.starts_with(expected), "{text}\n{message}\nexpected: {expected}");
    }
}

#[test]
fn an_override_error_names_the_argument() {
    let text = "epochs = 1\n[model]\nchannels = [8, 16]\n[optimizer]\nlr = 0.1\n";
    let cases = [
        ("model.chanels=8", "unknown key `chanels` in [model]; did you mean `channels`?"),
        ("epochs=many", "`epochs` at the top level must be a non-negative integer, found string \"many\""),
        ("epochs", "no `=` in the argument; expected `path=value`, such as `optimizer.lr=0.1`"),
        ("=3", "the path is empty; expected keys with dots between them"),
        ("", "no `=` in the argument"),
        ("model..kernel=3", "`` in the path is no key"),
        ("model.ker nel=3", "`ker nel` in the path is no key"),
        ("model.channels.2=4", "`model.channels` is an array; expected an index from 0 to 1, found `2`"),
        ("model.channels.x=4", "`model.channels` is an array; expected an index from 0 to 1, found `x`"),
        ("model.channels.-1=4", "`model.channels` is an array; expected an index from 0 to 1, found `-1`"),
        ("model.stages.0.channels=4", "`model.stages` is absent or empty, so it has no entry `0`"),
        ("optimizer.lr.max=4", "`optimizer.lr` is float 0.1, so it has no key `max`"),
        ("epochs=", "no value after `=`"),
        ("label=two words", "the value is not valid TOML: string values must be quoted"),
        ("epochs=[1", "the value is not valid TOML: unclosed array"),
        ("epochs=3x", "the value is not valid TOML"),
        ("model={activation='rleu'}", "`activation` in [model] has the unknown name \"rleu\"; did you mean \"relu\"?"),
    ];
    for (set, expected) in cases {
        let message = message(text, &[set]);
        let unfolded = message.replace("\n  ", " ");
        assert!(unfolded.starts_with(&format!("--set {set}: {expected}")), "{set}\n{message}\nexpected: {expected}");
    }
    let deep = format!("{}x=1", "a.".repeat(100_000));
    assert!(message(text, &[&deep]).replace("\n  ", " ").contains("the path has 100001 keys; expected at most 64"));
}

#[test]
fn a_whole_message_shows_the_line_and_the_valid_names() {
    let cases = [
        (
            "epochs = 1\n\n\n\n\n\n\n\n\n\n[model]\nchanels = [8, 16]\nwidth = 3",
            "x.toml:12:1: unknown key `chanels` in [model]; did you mean `channels`?\n   |\n12 | chanels = [8, 16]\n   \
             | ^^^^^^^\n   = valid keys here: activation, channels, kernel, stages\n   = also unknown: `width`",
        ),
        (
            "epochs = 1\nmodel.activation = 'sigmoid' # \u{202e}\ttext",
            "x.toml:2:20: `activation` in [model] has the unknown name \"sigmoid\"\n  |\n2 | model.activation = \
             'sigmoid' # �    text\n  |                    ^^^^^^^^^\n  = valid names: relu, leaky_relu, tanh",
        ),
        (
            "epohcs = 1",
            "x.toml: missing key `epochs` at the top level; expected a non-negative integer\n  = `epohcs` is there; \
             did you mean `epochs`?",
        ),
        (
            "epochs =",
            "x.toml:1:9: not valid TOML: string values must be quoted, expected literal\n  string\n  |\n1 | epochs =\n  |         ^",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(message(text, &[]), expected, "{text}");
    }
}

#[test]
fn long_texts_are_refused_or_cut() {
    let huge = "#".repeat((1 << 20) + 1);
    assert_eq!(message(&huge, &[]), "x.toml: the config has 1048577 bytes; expected at most 1048576");
    let long = message(&format!("epochs=1\nlabel = [{}]", "1, ".repeat(100_000)), &[]);
    assert!(long.lines().all(|line| line.chars().count() <= 80), "{long}");
    let key = format!("epochs=1\n{} = 1", "k".repeat(100_000));
    assert!(message(&key, &[]).len() < 600);
}

#[test]
fn the_order_of_reading_does_not_change_what_is_valid() {
    let document = Document::parse("x.toml", "a = 1\nb = 2\nz = 3", &[]).unwrap();
    let error = |order: [&str; 2]| {
        let root = document.root();
        for key in order {
            root.usize(key).unwrap();
        }
        root.finish().unwrap_err().to_string().lines().next().map(str::to_owned)
    };
    assert_eq!(error(["a", "b"]), error(["b", "a"]));
    assert_eq!(error(["a", "b"]).unwrap(), "x.toml:3:1: unknown key `z` at the top level");
}

proptest! {
    #[test]
    fn no_text_and_no_override_panics(text in ".*", set in ".*", tail in "[a-z.=\\[\\]{}0-9\"\r\n é]*") {
        for text in [text, format!("epochs = 1\n[model]\n{tail}"), tail.clone()] {
            for sets in [vec![], vec![set.as_str()], vec![tail.as_str()]] {
                if let Err(error) = read(&text, &sets) {
                    prop_assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}

#[test]
fn an_error_tells_file_line_and_key_to_programs() {
    for (text, sets, line, key) in [
        ("epochs = 'x'", &[][..], Some(1), Some("epochs")),
        ("epochs = 1\n[model]\n\nactivation = 'rulu'", &[], Some(4), Some("model.activation")),
        ("epochs = 1\nmodel = { activation = 'rulu' }", &[], Some(2), Some("model")),
        ("epochs = 1\n[[model.stages]]\nchannels = -1", &[], Some(3), Some("model.stages.channels")),
        ("seed = 1", &[], None, Some("epochs")),
        ("epochs = 1", &["model.activation=rulu"], None, Some("model.activation")),
    ] {
        let error = read(text, sets).unwrap_err();
        let (file, found, path) = error.place();
        assert!(file == "x.toml" || !sets.is_empty(), "{file}");
        assert_eq!((found, path.as_deref()), (line, key), "{error}");
    }
}
