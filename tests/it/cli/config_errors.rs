//! Mistakes in configs and calls: exit code 2, and a message with the line and the next step.

use std::fs;

use super::{Ran, Work, initlab};

/// Line numbers count from here.
const CONFIG: &str = "[model]
kind = 'mlp'
widths = [12, 9]

[optimizer]
lr = 0.1

[train]
epochs = 1

[init]
preset = 'kaiming'
";

const CNN: &str = "kind = 'cnn'
stages = [
  { channels = 4, stride = 2 },
  { channels = 4, kernel = 9, padding = 0 },
]";

/// The message with its folded lines joined.
fn refused(ran: &Ran, case: &str) -> String {
    assert!(ran.code == Some(2) && ran.stdout.is_empty(), "{case}: {ran:?}");
    let message = ran.stderr.replace("\n  ", " ");
    assert!(message.starts_with("error: ") && !message.contains("panicked"), "{case}: {message}");
    message
}

#[test]
fn each_mistake_in_a_config_is_shown_at_its_line_with_what_to_write() {
    let work = Work::new();
    #[rustfmt::skip]
    let cases: &[(&str, &str, &[&str])] = &[
        ("[model]", "sed = 3\n[model]", &["net.toml:1:1: unknown key `sed`", "did you mean `seed`?"]),
        ("kind = 'mlp'", "kind = 'mlp'\nwitdh = 3", &["net.toml:3:1: unknown key `witdh` in [model]", "did you mean `width`?"]),
        ("lr = 0.1", "lr = 0.1\nmomentun = 0.9", &["net.toml:7:1: unknown key `momentun` in [optimizer]", "`momentum`?"]),
        ("lr = 0.1", "lr = 0.1\nbetas = [0.9, 0.99]", &["net.toml:7:1: unknown key `betas` in [optimizer]"]),
        ("epochs = 1", "epochs = 1\nbatch-size = 3", &["net.toml:10:1: unknown key `batch-size` in [train]", "`batch_size`?"]),
        ("preset = 'kaiming'", "presets = 'kaiming'", &["net.toml:12:1: unknown key `presets` in [init]", "`preset`?"]),
        ("[init]", "[stats]\nevry = 1\n[init]", &["net.toml:12:1: unknown key `evry` in [stats]", "`every`?"]),
        ("[init]", "[record]\ncheckpoints = 1\n[init]", &["net.toml:12:1: unknown key `checkpoints` in [record]"]),
        ("[init]", "[schedule]\nend = 0.1\n[init]", &["net.toml:12:1: unknown key `end` in [schedule]"]),
        ("[init]", "[stat]\n[init]", &["net.toml:11:2: unknown key `stat`", "`stats`?"]),
        ("preset = 'kaiming'", "lsuv = { tolerence = 1 }", &["net.toml:12:10: unknown key `tolerence` in [init.lsuv]", "`tolerance`?"]),
        ("widths = [12, 9]", "widths = 12", &["net.toml:3:10: `widths` in [model] must be", "found integer 12"]),
        ("widths = [12, 9]", "widths = [12, 'x']", &["net.toml:3:15: `widths.1` in [model] must be", "found string \"x\""]),
        ("lr = 0.1", "lr = 'fast'", &["net.toml:6:6: `lr` in [optimizer] must be a number, found string \"fast\""]),
        ("epochs = 1", "epochs = 1.5", &["net.toml:9:10: `epochs` in [train] must be", "found float 1.5"]),
        ("epochs = 1", "epochs = -1", &["net.toml:9:10: `epochs` in [train] must be", "found integer -1"]),
        ("widths = [12, 9]", "widths = [5]\nbias = 1", &["net.toml:4:8: `bias` in [model] must be true, false or \"output\""]),
        ("[optimizer]\nlr = 0.1", "optimizer = 3", &["`optimizer` in [model]"]),
        ("kind = 'mlp'", "kind = 'mpl'", &["net.toml:2:8: `kind` in [model] has the unknown name \"mpl\"; did you mean \"mlp\"?", "valid names: mlp, cnn"]),
        ("widths = [12, 9]", "widths = [5]\nactivation = 'rleu'", &["net.toml:4:14: `activation` in [model]", "did you mean \"relu\"?", "gelu"]),
        ("widths = [12, 9]", "widths = [5]\nactivation = { kind = 'relu', leak = 1 }", &["net.toml:4:31: unknown key `leak` in [model.activation]"]),
        ("preset = 'kaiming'", "preset = 'kaimin'", &["net.toml:12:10: `preset` in [init]", "did you mean \"kaiming\"?", "torch"]),
        ("preset = 'kaiming'", "weight = 'xavier_norml'", &["net.toml:12:10: `weight` in [init]", "did you mean \"xavier_normal\"?"]),
        ("preset = 'kaiming'", "bias = 'zero'", &["net.toml:12:8: `bias` in [init]", "did you mean \"zeros\"?"]),
        ("preset = 'kaiming'", "last = { preset = 'torhc' }", &["net.toml:12:19: `preset` in [init.last]", "did you mean \"torch\"?"]),
        ("lr = 0.1", "lr = 0.1\nkind = 'adma'", &["net.toml:7:8: `kind` in [optimizer]", "did you mean \"adam\"?"]),
        ("[init]", "[schedule]\nkind = 'cosin'\n[init]", &["net.toml:12:8: `kind` in [schedule]", "did you mean \"cosine\"?"]),
        ("widths = [12, 9]", "widths = [5]\nnorm = 'bacth'", &["net.toml:4:8: `norm` in [model]", "did you mean \"batch\"?"]),
        ("widths = [12, 9]", "widths = [5]\nresidual = 'fixpu'", &["net.toml:4:12: `residual` in [model]", "did you mean \"fixup\"?"]),
        ("widths = [12, 9]", "widths = [5]\ndropout = 1", &["net.toml:4:11: `dropout` in [model] must be from 0 up to but not including 1, found 1"]),
        ("epochs = 1", "epochs = 1\nsteps = 5", &["net.toml:10:9: `steps` in [train] stands instead of `epochs`"]),
        ("epochs = 1", "", &["net.toml:8:", "missing key `epochs` in [train]", "(or `steps`)"]),
        ("lr = 0.1", "", &["net.toml:5:", "missing key `lr` in [optimizer]", "such as 0.1"]),
        ("lr = 0.1", "lr = -0.1", &["net.toml:6:6: `lr` in [optimizer] must be above 0, found -0.1"]),
        ("lr = 0.1", "lr = nan", &["net.toml:6:6: `lr` in [optimizer] must be a finite number, found float nan"]),
        ("lr = 0.1", "lr = 1e999", &["net.toml:6:6: `lr` in [optimizer] must be a finite number"]),
        ("epochs = 1", "epochs = 1\nbatch_size = 0", &["net.toml:10:14: `batch_size` in [train] must be at least 1, found 0"]),
        ("epochs = 1", "epochs = 1\ntarget_accuracy = 98", &["net.toml:10:19: `target_accuracy` in [train] must be from 0 to 1, found 98"]),
        ("[init]", "[stats]\nhistogram_range = [1.0, -1.0]\n[init]", &["net.toml:12:19: `histogram_range` in [stats] must be two numbers, the lower one first, found 1.0 and -1.0"]),
        ("[init]", "[stats]\nhistogram_range = [1, 2, 3]\n[init]", &["net.toml:12:19: `histogram_range` in [stats] must be two numbers", "it has 3"]),
        ("[init]", "[stats]\nhistogram_range = [nan, 1.0]\n[init]", &["net.toml:12:20: `histogram_range.0` in [stats] must be a finite number"]),
        ("[init]", "[stats]\nhistogram_range = [-1e39, 1e39]\n[init]", &["net.toml:12:19: `histogram_range` in [stats]", "32-bit floats", "found -1e39 and 1e39"]),
        ("[init]", "[stats]\nhistogram_range = [-3e38, 3e38]\n[init]", &["net.toml:12:19: `histogram_range` in [stats]", "at most 3.4e38"]),
        ("[init]", "[stats]\nhistogram_range = [1.0, 1.00000001]\n[init]", &["net.toml:12:19: `histogram_range` in [stats]", "can tell apart"]),
        ("[init]", "[stats]\nhistogram_range = [0.0, 1e-40]\n[init]", &["net.toml:12:19: `histogram_range` in [stats]", "can tell apart"]),
        ("[init]", "[stats]\nnear_zero = 1e39\n[init]", &["net.toml:12:13: `near_zero` in [stats] must be at least 0", "32-bit floats"]),
        ("widths = [12, 9]", "width = 5", &["net.toml:1:", "missing key `depth` in [model]"]),
        ("widths = [12, 9]", "depth = 5", &["net.toml:1:", "missing key `width` in [model]"]),
        ("widths = [12, 9]", "widths = [5]\ndepth = 5", &["net.toml:3:10: `widths` in [model] stands for `width` and `depth`"]),
        ("kind = 'mlp'\nwidths = [12, 9]", CNN, &["net.toml:5:16: `channels`", "cannot be built", "window of [9, 9] does not fit", "padding 0"]),
        ("kind = 'mlp'\nwidths = [12, 9]", "kind = 'cnn'\nstages = [{ channels = 2, layers = 9223372036854775807 }, { channels = 2, layers = 9223372036854775807 }, { channels = 1, layers = 4 }]", &["net.toml:3:10: `stages` in [model] gives 18446744073709551615 layers; at most 10000"]),
        ("widths = [12, 9]", "widths = [5, 0]", &["net.toml:3:10: `widths`", "cannot be built", "must be at least 1, found 0"]),
        ("widths = [12, 9]", "widths = [5, 6]\nresidual = 'fixup'", &["net.toml:4:12: `residual`", "cannot be built", "no 2 layers in a row keep their shape"]),
        ("widths = [12, 9]", "widths = [5, 5, 5]\nresidual = 'fixup'\nnorm = 'batch'", &["net.toml:5:8: `norm` in [model]", "fixup"]),
        ("widths = [12, 9]", "widths = [5, 5]\nresidual = { start = 'fixup', layers = 1 }", &["`layers` in [model.residual] must be at least 2 for fixup"]),
        ("preset = 'kaiming'", "weight = 'delta_orthogonal'", &["net.toml:12:10: `weight` in [init]", "cannot be done", "a linear weight has no window"]),
        ("preset = 'kaiming'", "preset = 'depht-aware'", &["net.toml:12:10: `preset` in [init]", "did you mean \"depth-aware\"?", "valid names: torch, keras, candle, lesson-simple, lesson-raw, kaiming"]),
        ("preset = 'kaiming'", "aim = 'critcal'", &["net.toml:12:7: `aim` in [init]", "did you mean \"critical\"?"]),
        ("preset = 'kaiming'", "aim = { kind = 'tat', zeta = 1 }", &["net.toml:12:23: unknown key `zeta` in [init.aim]"]),
        ("preset = 'kaiming'", "preset = 'tat'", &["net.toml:12:10: `preset` in [init] cannot be done", "at depth 2", "the plain ReLU reaches only", "a smaller target"]),
        ("preset = 'kaiming'", "aim = { kind = 'depth_aware', zeta = 3.0 }", &["net.toml:12:7: `aim` in [init] cannot be done", "take a deeper network or a target closer to 1"]),
        ("preset = 'kaiming'", "preset = 'tat'\n[model.activation]\nkind = 'tanh'", &["`preset` in [init] cannot be done", "takes model.activation = \"relu\", found tanh"]),
        ("preset = 'kaiming'", "preset = 'moment-matched'\n[model.activation]\nkind = 'shifted_relu'", &["has a shift of its own"]),
        ("preset = 'kaiming'", "preset = 'moment-matched'\n[model.norm]\nkind = 'batch'", &["plain chain of layers", "leave out model.norm or the aim"]),
        ("preset = 'kaiming'", "preset = 'moment-matched'\nlsuv = {}", &["leave one of the two out"]),
        ("preset = 'kaiming'", "aim = 'moment_matched'\nweight = 'xavier_normal'", &["net.toml:12:7: `aim` in [init] cannot be done", "xavier_normal takes none", "gain = \"activation\""]),
        ("preset = 'kaiming'", "aim = 'critical'\nbias = 'uniform_fan_in'", &["net.toml:13:8: `bias` in [init] is set by the aim critical"]),
        ("kind = 'mlp'\nwidths = [12, 9]", "kind = 'cnn'\nstages = [{ channels = 4, pool = { kind = 'max', padding = 2 } }]", &["net.toml:3:", "`padding`", "at most half of the pooling window (PyTorch's rule), 1 for 2; found 2"]),
        ("preset = 'kaiming'", "lsuv = { mean = 'keep' }\n[model.activation]\nkind = 'tanh'", &["net.toml:12:8: `lsuv` in [init]", "values of tanh span 2, so their std is at most 1", "init.lsuv.of = \"pre_activation\""]),
        ("preset = 'kaiming'", "lsuv = { mean = 'keep' }\n[model.activation]\nkind = 'sigmoid'", &["values of sigmoid span 1, so their std is at most 0.5"]),
        ("preset = 'kaiming'", "lsuv = {}\n[model.activation]\nkind = 'general_relu'\nmax = 0.9", &["span 0.9, so their std is at most 0.45"]),
        ("preset = 'kaiming'", "weight = { kind = 'sparse', sparsity = 0.99 }", &["net.toml:12:10: `weight` in [init]", "sparsity 0.99 sets every weight to 0", "expected at most 0."]),
        ("preset = 'kaiming'", "preset = 'critical'\n[model.activation]\nkind = 'softplus'", &["softplus has no critical weight variance"]),
        ("preset = 'kaiming'", "aim = { kind = 'critical', variance_b = 0 }\n[model.activation]\nkind = 'gelu'", &["net.toml:12:7: `aim` in [init]", "take bias variance 0.17292 (weight variance 1.98306, length 3.56"]),
        ("preset = 'kaiming'", "lsuv = { of = 'activation', mean = 'shift' }\n[model.activation]\nkind = 'tanh'", &["net.toml:12:8: `lsuv` in [init]", "no shift to move", "init.lsuv.of = \"pre_activation\""]),
    ];
    let mut failures = Vec::new();
    for (old, new, parts) in cases {
        assert_eq!(CONFIG.matches(old).count(), 1, "{old}");
        work.config(&CONFIG.replace(old, new));
        let message = refused(&work.train("run", &[]), new);
        let missing = parts.iter().filter(|part| !message.contains(**part));
        failures.extend(missing.map(|part| format!("{new}\nlacks {part}\n{message}")));
        assert!(message.lines().all(|line| line.len() < 2000), "{message}");
        assert!(!work.path("run").join("config.toml").exists(), "{new}: something was written");
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn each_mistake_in_a_call_is_a_message_with_exit_code_2() {
    let work = Work::new();
    work.config(CONFIG);
    fs::write(work.path("binary.toml"), [0xff, 0xfe, 0, 1]).unwrap();
    fs::write(work.path("empty.toml"), "").unwrap();
    let path = |name: &str| work.path(name).to_str().unwrap().to_owned();
    let [net, gone, binary, empty, directory] =
        ["net.toml", "gone.toml", "binary.toml", "empty.toml", "blobs"].map(path);
    #[rustfmt::skip]
    let cases: [(&[&str], &[&str]); 15] = [
        (&[&gone], &[&gone, "cannot read the config", "No such file", "configs/smoke.toml"]),
        (&[&directory], &[&directory, "cannot read the config", "directory"]),
        (&[&binary], &[&binary, "cannot read the config", "UTF-8"]),
        (&[&empty], &[&empty, "missing keys: `model.kind`, `model.widths`, `optimizer.lr`, `train.epochs`", "[optimizer]"]),
        (&[&net, "--set", "optimizer.lr=-1"], &["--set optimizer.lr=-1: `lr` in [optimizer] must be above 0"]),
        (&[&net, "--set", "optimiser.lr=1"], &["--set optimiser.lr=1: unknown key `optimiser`", "did you mean `optimizer`?"]),
        (&[&net, "--set", "model.activation=sigmod"], &["--set model.activation=sigmod: ", "did you mean \"sigmoid\"?"]),
        (&[&net, "--set", "lr"], &["no `=` in the argument", "optimizer.lr=0.1"]),
        (&[&net, "--set", "model.residual=plain"], &["--set model.residual=plain: `residual`", "cannot be built"]),
        (&[&net, "--device", "gpu"], &["--device", "cpu, cuda, cuda:N", "auto"]),
        (&[&net, "--theads", "2"], &["--theads", "--threads"]),
        (&[&net, "--threads", "0"], &["--threads", "1..=1024"]),
        (&[&net, "--seed", "-1"], &["-1"]),
        (&[&net, "--resume", "--overwrite"], &["--resume", "cannot be used with", "--overwrite"]),
        (&[], &["<CONFIG>", "Usage: initlab train"]),
    ];
    for (arguments, parts) in cases {
        let message = refused(&initlab([&["train"], arguments].concat()), &format!("{arguments:?}"));
        parts.iter().for_each(|part| assert!(message.contains(part), "{arguments:?}\n{part}\n{message}"));
    }
}

#[test]
fn a_file_that_is_no_config_is_refused_without_its_contents() {
    let work = Work::new();
    work.config(CONFIG);
    let blobs = work.path("blobs").to_str().unwrap().to_owned();
    let secrets = [
        ("shadow", "root:$6$SECRET:19000:0:99999:7:::\n"),
        ("credentials", "[default]\nkey = SECRET\n"),
        ("token", "SECRET\n"),
        // Even what is TOML, and called so, but no config.
        ("credentials.toml", "[registry]\ntoken = 'SECRET'\n"),
        ("values.toml", "SECRET = 1\n"),
    ];
    for (name, text) in secrets {
        let path = work.path(name);
        fs::write(&path, text).unwrap();
        let path = path.to_str().unwrap();
        let arms = "seeds = 1\ntargets = [{ test_accuracy = 0.5 }]\n[[arms]]\nname = 'a'\n";
        let study = work.path("study.toml");
        fs::write(&study, format!("base = {path:?}\n{arms}")).unwrap();
        let calls: [&[&str]; 5] = [
            &["train", path],
            &["probe", path],
            &["compare", path],
            &["compare", study.to_str().unwrap()],
            &["lesson8", "--reference", path, "--seeds", "1", "--data", &blobs],
        ];
        for call in calls {
            let message = refused(&initlab(call), &format!("{call:?}"));
            assert!(!message.contains("SECRET"), "{call:?}: {message}");
        }
    }
    let endless = refused(&initlab(["train", "/dev/zero"]), "a device without an end");
    assert!(endless.contains("more than 1048576 bytes"), "{endless}");
}

#[test]
fn a_windows_path_gets_a_word_about_backslashes() {
    let work = Work::new();
    let net = work.path("net.toml");
    for (value, advice) in [
        (r#""C:\Users\me\mnist""#, "in double quotes a backslash begins an escape"),
        // These are escapes that TOML knows: a line break and a tab.
        (r#""C:\new\tmnist""#, "in double quotes a backslash begins an escape"),
        (r"'C:\Users\me\mnist'", "no such directory"),
    ] {
        fs::write(&net, format!("{CONFIG}[data]\ndataset = {value}\n")).unwrap();
        let ran = work.train("run", &[]);
        let message = ran.stderr.replace("\n  ", " ").replace("  ", " ");
        assert!(ran.code != Some(0) && message.contains(advice), "{value}: {message}");
    }
    fs::write(&net, CONFIG).unwrap();
    for (set, advice) in [
        (r"data.dataset=C:\Users\me", "no such directory"),
        (r#"data.dataset="C:\Users\me""#, "forward slashes"),
        ("data.dataset=~/no-such-set", "no-such-set: found no such directory"),
        ("data.dataset=minst", "did you mean `mnist`?"),
        ("data.dataset=foo", "= known names: auto, mnist, "),
    ] {
        let ran = work.train("run", &["--set", set]);
        let message = ran.stderr.replace("\n  ", " ");
        assert!(ran.code != Some(0) && message.contains(advice), "{set}: {}", ran.stderr);
    }
}

#[cfg(not(feature = "cuda"))]
#[test]
fn a_build_without_cuda_says_how_to_get_one_with_it() {
    let work = Work::new();
    work.config(CONFIG);
    for device in ["cuda", "cuda:1"] {
        let message = refused(&work.train("run", &["--device", device]), device);
        assert!(message.contains("--features cuda") && !work.path("run").exists(), "{message}");
    }
    let ran = initlab(["compare", "study.toml", "--cohort", "4"]);
    assert!(refused(&ran, "cohort").contains("add --device cuda"), "{ran:?}");
    let ran = work.train("run", &["--device", "auto"]);
    assert!(ran.code == Some(0) && ran.message().contains("computing on the CPU: this build has no CUDA"), "{ran:?}");
}
