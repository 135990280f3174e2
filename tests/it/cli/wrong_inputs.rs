//! Wrong inputs, a line each: what is given, the place that the message names, and the next step in it.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{Ran, Work};

const NET: &str = "[model]
kind = 'mlp'
widths = [12, 9]
[optimizer]
lr = 0.1
[train]
epochs = 1
";

const STUDY: &str = "seeds = 2
targets = [{ test_accuracy = 0.5 }]
base = 'net.toml'
[[arms]]
name = 'a'
[[arms]]
name = 'b'
";

/// `initlab …` called in `directory`, and its message with the folded lines joined.
fn refused(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let ran: Ran =
        Command::new(env!("CARGO_BIN_EXE_initlab")).args(arguments).current_dir(directory).output().unwrap().into();
    assert!(ran.stdout.is_empty() && !ran.message().contains("panicked"), "{arguments:?}: {ran:?}");
    let fits = |line: &str| line.chars().count() <= 80 || !line.trim().contains(' ');
    assert!(ran.stderr.lines().all(fits), "{arguments:?}: {}", ran.stderr);
    (ran.code, ran.stderr.replace("\n  ", " "))
}

/// A call, the place, the next step.
type Case<'a> = (&'a [&'a str], &'a str, &'a str);

fn check(directory: &Path, cases: &[Case<'_>]) {
    let mut failures = Vec::new();
    for (arguments, place, next) in cases {
        let (code, message) = refused(directory, arguments);
        if code != Some(2) || !message.contains(place) || !message.contains(next) {
            failures.push(format!("{arguments:?}: code {code:?}\nexpected {place}\nand {next}\n{message}"));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn what_is_set_on_the_command_line() {
    let work = Work::new();
    fs::write(work.path("net.toml"), NET).unwrap();
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str)] = &[
        ("lr", "--set lr: no `=` in the argument", "such as `optimizer.lr=0.1`"),
        ("=3", "--set =3: the path is empty", "such as `optimizer.lr`"),
        ("optimizer.lr=", "--set optimizer.lr=: no value after `=`", "an empty string is written \"\""),
        ("optimizer..lr=1", "`` in the path is no key", "expected letters, digits"),
        ("optimizer.lr=fast", "--set optimizer.lr=fast: `lr` in [optimizer]", "must be a number"),
        ("optimizer.lr.max=1", "`optimizer.lr` is float 0.1", "it has no key `max`"),
        ("optimizer.lr=0", "`lr` in [optimizer]", "must be above 0, found 0"),
        ("optimizer.kind=adma", "`kind` in [optimizer]", "did you mean \"adam\"?"),
        ("optimizer.momentum=1", "`momentum` in [optimizer]", "from 0 up to but not including 1"),
        ("optimizer.betas=[1]", "unknown key `betas` in [optimizer]", "valid keys here: kind, lr, momentum"),
        ("optimiser.lr=1", "unknown key `optimiser`", "did you mean `optimizer`?"),
        ("learning_rate=0.1", "unknown key `learning_rate` at the top level", "valid keys here: model"),
        ("name=two words", "the value is not valid TOML", "no plain word needs quotes"),
        ("seed=-1", "`seed` at the top level", "must be a non-negative integer"),
        ("seed=1.5", "`seed` at the top level", "must be a non-negative integer, found float 1.5"),
        ("model.kind=rnn", "`kind` in [model] has the unknown name \"rnn\"", "valid names: mlp, cnn"),
        ("model.kind=cnn", "missing key `stages` in [model]", "expected an array of tables"),
        ("model.widths.5=3", "`model.widths` is an array", "expected an index from 0 to 1"),
        ("model.widths=12", "`widths` in [model]", "must be an array of non-negative integers"),
        ("model.depth=3", "--set model.depth=3: `depth` in [model]", "add `--set model.width=50`"),
        ("model=mlp", "`model` at the top level must be a table", "did you mean `model.kind=mlp`?"),
        ("init=kaiming", "`init` at the top level must be a table", "did you mean `init.preset=kaiming`?"),
        ("optimizer=adam", "`optimizer` at the top level must be a table", "did you mean `optimizer.kind=adam`?"),
        ("schedule=cosine", "`schedule` at the top level must be a table", "did you mean `schedule.kind=cosine`?"),
        ("data=mnist", "`data` at the top level must be a table", "did you mean `data.dataset=mnist`?"),
        ("model.bias=1", "`bias` in [model]", "must be true, false or \"output\""),
        ("model.dropout=1", "`dropout` in [model]", "up to but not including 1, found 1"),
        ("model.norm=bacth", "`norm` in [model]", "did you mean \"batch\"?"),
        ("model.residual=fixpu", "`residual` in [model]", "did you mean \"fixup\"?"),
        ("model.residual=plain", "`residual` in [model]", "cannot be built"),
        ("model.activation=rleu", "`activation` in [model]", "did you mean \"relu\"?"),
        ("model.activation=1", "`activation` in [model]", "must be one of \"identity\""),
        ("model.activation=relu - x", "has the unknown name \"relu - x\"", "did you mean \"relu\"?"),
        ("model.activation=tanh - 0.5", "`activation` in [model] cannot be read", "as in `relu - 0.5`"),
        ("model.activation=leaky_relu:lek=1", "has no parameter `lek`", "did you mean `leak`?"),
        ("model.activation=leaky_relu:0.1", "is not a parameter", "write it as key=value"),
        ("model.activation=elu:alpha=0", "parameter `alpha` of `elu`", "expected a finite number above 0"),
        ("model.activation={kind='elu',alpha=0}", "`alpha` in [model.activation]", "must be above 0"),
        ("init.preset=kaimin", "`preset` in [init]", "did you mean \"kaiming\"?"),
        ("init.weight=xavier_norml", "`weight` in [init]", "did you mean \"xavier_normal\"?"),
        ("init.weight={kind='xavier_normal',gian=2}", "unknown key `gian` in [init.weight]", "did you mean `gain`?"),
        ("init.weight={gain=2}", "missing key `kind` in [init.weight]", "one of \""),
        ("init.lsuv=3", "`lsuv` in [init]", "must be true, false or a table"),
        ("init.lsuv=yes", "`lsuv` in [init]", "must be true, false or a table, found string \"yes\""),
        ("init.lsuv={images=0}", "`images` in [init.lsuv]", "must be at least 1"),
        ("init.lsuv={mean='bias'}", "`mean` in [init.lsuv]", "must be \"shift\" or \"keep\""),
        ("init.aim=criticl", "`aim` in [init]", "did you mean \"critical\"?"),
        ("data.split=half", "`split` in [data]", "valid names: usual, lesson, validation"),
        ("schedule.kind=step", "missing key `every` in [schedule]", "the steps between two drops"),
        ("schedule.kind=cosin", "`kind` in [schedule]", "did you mean \"cosine\"?"),
        ("schedule.end=1", "unknown key `end` in [schedule]", "valid keys here: kind, warmup_steps"),
        ("train.steps=0", "`steps` in [train]", "must be at least 1"),
        ("train={epochs=1,steps=2}", "`steps` in [train] stands instead of `epochs`", "give one of them"),
        ("train={}", "missing key `epochs` in [train]", "the number of epochs (or `steps`)"),
        ("train.batch_size=1.5", "`batch_size` in [train]", "must be a non-negative integer"),
        ("train.loss=crossentropy", "`loss` in [train]", "did you mean \"cross_entropy\"?"),
        ("train.target_accuracy=98", "`target_accuracy` in [train]", "must be from 0 to 1, found 98"),
        ("stats.histogram_bins=0", "`histogram_bins` in [stats]", "must be at least 1"),
        ("data.range=[1]", "`range` in [data]", "two numbers, the lower one first"),
        ("data.range=[1,1]", "`range` in [data]", "can tell apart"),
        ("stats.histogram_range=[1]", "`histogram_range` in [stats]", "two numbers, the lower one first"),
        ("stats.evry=1", "unknown key `evry` in [stats]", "did you mean `every`?"),
        ("record.weights=no", "`weights` in [record]", "must be true or false"),
        ("record.checkpoint_every=0", "`checkpoint_every` in [record]", "must be at least 1"),
    ];
    let calls: Vec<[&str; 4]> = cases.iter().map(|(set, ..)| ["train", "net.toml", "--set", *set]).collect();
    let cases: Vec<Case<'_>> =
        calls.iter().zip(cases).map(|(call, (_, place, next))| (&call[..], *place, *next)).collect();
    check(work.root.path(), &cases);
}

#[test]
fn what_a_call_gives() {
    let work = Work::new();
    fs::write(work.path("net.toml"), NET).unwrap();
    fs::write(work.path("study.toml"), STUDY).unwrap();
    let old = "kind = 'sgd'\nlr = 0.1\nmomentum = 0.9\n[schedule]\nkind = 'one_cycle'\nend = 0.1\nwarm = 0.2\n";
    fs::write(work.path("old.toml"), NET.replace("lr = 0.1\n", old)).unwrap();
    for directory in ["runs/net-seed0", "studies/lesson8"] {
        fs::create_dir_all(work.path(directory)).unwrap();
    }
    fs::write(work.path("empty.toml"), "").unwrap();
    fs::write(work.path("binary.toml"), [0xff, 0xfe, 0, 1]).unwrap();
    fs::write(work.path("no_value.toml"), "[model]\nkind").unwrap();
    fs::write(work.path("open.toml"), "[model]\nkind = 'mlp\n").unwrap();
    fs::write(work.path("twice.toml"), "seed = 1\nseed = 2\n").unwrap();
    fs::write(work.path("large.toml"), "#".repeat((1 << 20) + 1)).unwrap();
    #[rustfmt::skip]
    let cases: &[Case<'_>] = &[
        (&["train"], "<CONFIG>", "Usage: initlab train"),
        (&["trian"], "'trian'", "'train'"),
        (&["train", "nett"], "nett: cannot read the config", "did you mean net.toml?"),
        (&["train", "elsewhere"], "elsewhere: cannot read the config", "give the path of a .toml file"),
        (&["train", "blobs"], "blobs: cannot read the config", "check that it is a readable file"),
        (&["train", "binary.toml"], "binary.toml: cannot read the config", "a text file in UTF-8"),
        (&["train", "large.toml"], "large.toml: cannot read the config", "the most that a config may have"),
        (&["train", "empty.toml"], "empty.toml: missing keys: `model.kind`", "lines that would do"),
        (&["train", "no_value.toml"], "no_value.toml:2:5: not valid TOML", "expected `=`"),
        (&["train", "open.toml"], "open.toml:2:", "not valid TOML"),
        (&["train", "twice.toml"], "twice.toml:2:1: not valid TOML", "duplicate key"),
        (&["train", "study.toml"], "study.toml: is a study", "`initlab compare study.toml`"),
        (&["compare", "net.toml"], "net.toml: is the config of one run", "`initlab train net.toml`"),
        (&["train", "net.toml", "--lr", "0"], "--lr 0: `lr` in [optimizer]", "must be above 0"),
        (&["train", "net.toml", "--lr", "1e"], "--lr 1e: ", "the value is not valid TOML"),
        (&["train", "net.toml", "--epochs", "1.5"], "--epochs 1.5: `epochs` in [train]", "must be a non-negative integer"),
        (&["train", "net.toml", "--init", "xvaier"], "--init xvaier: `preset` in [init]", "did you mean \"xavier\"?"),
        (&["train", "net.toml", "--activation", ""], "--activation : no value", "an empty string is written"),
        (&["train", "net.toml", "--depth", "4"], "--depth 4: `depth` in [model]", "add `--set model.width=50`"),
        (&["train", "net.toml", "--epochs", "1", "--steps", "30"], "--epochs", "cannot be used with"),
        (&["train", "old.toml", "--set", "optimizer.kind=adam"], "old.toml:7:1: unknown key `momentum`", "= `momentum` is a key of sgd, rmsprop and muon, not of adam"),
        (&["train", "old.toml", "--set", "optimizer.kind=adam"], "old.toml:7:1: unknown key", " --set 'optimizer={ kind = \"adam\", lr = 0.001 }'"),
        (&["train", "old.toml", "--set", "schedule.kind=cosine"], "unknown key `warm` in [schedule]", " --set 'schedule={ kind = \"cosine\", end = 0.1 }'"),
        (&["compare", "study.toml", "--set", "train.steps=10"], "--set train.steps=10: `train` at the top level", "by `--set set.train.steps=10`"),
        (&["report", "net-seed0"], "net-seed0: there is no such directory", "did you mean runs/net-seed0?"),
        (&["report", "runs/net-sed0"], "runs/net-sed0: there is no such directory", "did you mean runs/net-seed0?"),
        (&["status", "lesson9"], "lesson9: there is no such directory", "did you mean studies/lesson8?"),
        (&["report", "runs/net-seed0", "--only", "loss,std"], "--only loss,std: picks among pictures", "add --svg DIR or --png DIR"),
        (&["theory", "relu", "--variance-w", "2", "--chart", "x.pdf"], "--chart x.pdf", "ends with .svg or .png"),
        (&["theory", "relu", "--chart", "gone/x.svg"], "--chart gone/x.svg: there is no directory gone", "make it first"),
        (&["lr-find", "net.toml", "--chart", "x.pdf"], "--chart x.pdf", "ends with .svg or .png"),
        (&["width", "net.toml", "--chart", "x"], "--chart x", "ends with .svg or .png"),
        (&["train", "net.toml", "--epoch", "3"], "'--epoch'", "'--epochs'"),
        (&["train", "net.toml", "--momentum", "0.9"], "'--momentum'", "`--set optimizer.momentum=VALUE`"),
        (&["train", "net.toml", "--batch-size", "9"], "'--batch-size'", "`--set train.batch_size=VALUE`"),
        (&["train", "net.toml", "--seed", "x"], "'x'", "--seed <SEED>"),
        (&["train", "net.toml", "--threads", "0"], "--threads", "1..=1024"),
        (&["train", "net.toml", "--device", "tpu"], "--device", "cpu, cuda, cuda:N"),
        (&["train", "net.toml", "--resume", "--overwrite"], "--resume", "cannot be used with"),
        (&["train", "net.toml", "--resume", "--out", "nowhere"], "there is no run in nowhere", "leave out --resume"),
        (&["compare", "study.toml", "--cohort", "4"], "--cohort", "add --device cuda or auto"),
        (&["compare", "study.toml", "--shard", "3/3"], "3/3", "such as 0/3"),
        (&["lr-find", "net.toml", "--low", "3", "--high", "1"], "--low 3 and --high 1", "expected 0 < low < high"),
        (&["probe", "net.toml", "--seeds", "0"], "--seeds", "1..=10000"),
        (&["init", "net.toml"], "--output <FILE>", "Usage: initlab init"),
        (&["theory", "rellu"], "unknown activation `rellu`", "did you mean `relu`?"),
        (&["theory", "tanh - 1"], "`tanh` takes no shift", "as in `relu - 0.5`"),
        (&["theory", "relu", "--variance-w", "0"], "--variance-w", "a finite number above 0"),
        (&["theory", "relu", "--variance-b", "1"], "--variance-w", "required arguments"),
        (&["config", "trian"], "no section `trian`", "did you mean `train`?"),
        (&["new", "rnn"], "'rnn'", "[possible values: mlp, cnn, study]"),
        (&["new", "mlp", "-o", "net.toml"], "net.toml: is there already", "name another file"),
        (&["data", "fetch", "mnits"], "'mnits'", "mnist"),
    ];
    check(work.root.path(), cases);
}

#[test]
fn what_a_study_says() {
    let work = Work::new();
    fs::write(work.path("net.toml"), NET).unwrap();
    #[rustfmt::skip]
    let cases: &[(&str, &str, &str, &str)] = &[
        ("seeds = 2", "seeds = 0", "s.toml:1:9: `seeds`", "expected at least one"),
        ("seeds = 2", "seeds = [1, 1]", "s.toml:1:9: `seeds`", "has the seed 1 twice"),
        ("seeds = 2", "seeds = 'five'", "s.toml:1:9: `seeds`", "a number of seeds, such as 5"),
        ("seeds = 2", "sedes = 2", "missing key `seeds`", "`sedes` is there; did you mean `seeds`?"),
        ("seeds = 2", "seeds = 2\nbaseline = 'c'", "s.toml:2:12: `baseline`", "valid names: a, b"),
        ("seeds = 2", "seeds = 2\nfoo = 1", "s.toml:2:1: unknown key `foo`", "valid keys here: "),
        ("seeds = 2", "seeds = 2\nlearning_rate = 'x'", "s.toml:2:17: `learning_rate`", "a number, an array of numbers"),
        ("seeds = 2", "seeds = 2\nlearning_rate.tune = { low = 1, high = 0.1 }", "s.toml:2:40: `high`", "must be above `low`"),
        ("seeds = 2", "seeds = 2\nlearning_rate.tune = {}", "missing keys: `learning_rate.tune.low`, `learning_rate.tune.high`", "a learning rate"),
        ("seeds = 2", "seeds = 2\nunset = ['train.steps']", "s.toml:2:10: `unset.0`", "not there to be taken away"),
        ("seeds = 2", "seeds = 2\nset = 3", "s.toml:2:7: `set`", "a table of changes"),
        ("seeds = 2", "seeds = 2\nset = { init.prest = 'xavier' }", "unknown key `prest` in [init]", "did you mean `preset`?"),
        ("seeds = 2", "seeds = 2\ngrid = [{ path = 'seed' }]", "missing key `values` in [grid.0]", "an array of values (or `cases`"),
        ("seeds = 2", "seeds = 2\ngrid = [{ path = 'seed', values = [] }]", "`values` in [grid.0]", "expected at least one point"),
        ("seeds = 2", "seeds = 2\ngrid = [{ path = 'trian.epochs', values = [1] }]", "unknown key `trian`", "did you mean `train`?"),
        ("seeds = 2", "seeds = 2\naxis = [{ path = 'seed', values = [1, 1] }]", "`values` in [axis.0]", "has 1 twice"),
        ("seeds = 2", "seeds = 2\naxis = [{}]", "missing keys: `axis.0.path`", "an array of values (or `cases`"),
        ("{ test_accuracy = 0.5 }", "", "s.toml:2:11: `targets`", "such as { test_accuracy = 0.9 }"),
        ("{ test_accuracy = 0.5 }", "{}", "missing key `test_accuracy` in [targets.0]", "(or `train_loss`)"),
        ("test_accuracy = 0.5", "test_accuracy = 90", "`test_accuracy` in [targets.0]", "must be at most 1, found 90"),
        ("test_accuracy = 0.5", "test_accuracy = 0.5, train_loss = 1", "`train_loss` in [targets.0]", "give one"),
        ("test_accuracy = 0.5", "accuracy = 0.5", "missing key `test_accuracy`", "(or `train_loss`)"),
        ("base = 'net.toml'", "base = 'gone.toml'", "s.toml:3:8: `base`", "paths begin at the study file"),
        ("base = 'net.toml'", "base = 3", "s.toml:3:8: `base`", "the path of a config, or the config itself"),
        ("base = 'net.toml'", "", "missing key `base`", "the path of a config, or the config itself"),
        ("name = 'a'", "name = 'b'", "s.toml:7:8: `name`", "names must differ"),
        ("name = 'a'", "name = ''", "s.toml:5:8: `name`", "must not be empty"),
        ("name = 'a'", "nam = 'a'", "missing key `name` in [arms.0]", "`nam` is there; did you mean `name`?"),
        ("name = 'a'", "name = 'a'\nset = { optimizer.lr = -1 }", "s.toml:6:24: `lr` in [optimizer]", "must be above 0"),
        ("name = 'a'", "name = 'a'\nset = { train = { steps = 1, epochs = 1 } }", "`steps` in [train] stands instead of `epochs`", "give one"),
    ];
    let mut failures = Vec::new();
    for (old, new, place, next) in cases {
        assert_eq!(STUDY.matches(old).count(), 1, "{old}");
        fs::write(work.path("s.toml"), STUDY.replace(old, new)).unwrap();
        let (code, message) = refused(work.root.path(), &["compare", "s.toml"]);
        if code != Some(2) || !message.contains(place) || !message.contains(next) {
            failures.push(format!("{new}: code {code:?}\nexpected {place}\nand {next}\n{message}"));
        }
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn both_places_of_a_conflict_are_shown() {
    let work = Work::new();
    for (text, expected) in [
        (
            NET.replace("epochs = 1", "epochs = 1\nbatch_size = 9\n\n\n\nsteps = 5"),
            " 7 | epochs = 1\n   | ------ `epochs` is given here\n...\n12 | steps = 5\n   |         ^",
        ),
        (
            NET.replace("widths = [12, 9]", "width = 4\nwidths = [12, 9]"),
            "3 | width = 4\n  | ----- `width` is given here\n4 | widths = [12, 9]\n  |          ^^^^^^^",
        ),
    ] {
        fs::write(work.path("net.toml"), text).unwrap();
        let path = work.path("net.toml");
        let ran: Ran = Command::new(env!("CARGO_BIN_EXE_initlab")).arg("train").arg(path).output().unwrap().into();
        assert!(ran.stderr.contains(expected), "{}\n{expected}", ran.stderr);
    }
}
