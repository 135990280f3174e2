//! The snippets of docs/python.md, run in order where Python has the packages that they import, and the pages that scripts of the project make.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::tensorboard::python_with;
use super::{Work, initlab};

/// The fenced Python blocks of a Markdown text.
fn snippets(text: &str) -> Vec<&str> {
    text.split("```python\n").skip(1).map(|rest| rest.split("```").next().expect("a block ends")).collect()
}

#[test]
fn the_snippets_for_python_run() {
    let Some(python) = python_with("pandas, safetensors, numpy") else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(root.join("docs/python.md")).unwrap();
    let mut snippets = snippets(&page);
    assert_eq!(snippets.len(), 5);
    if python_with("torch").is_none() {
        snippets.retain(|snippet| !snippet.contains("import torch"));
    }
    let work = Work::new();
    let [config, run] = [root.join("configs/lesson_cnn.toml"), work.path("runs/lesson_cnn-seed0")];
    let ran = initlab([
        Path::new("train"),
        &config,
        Path::new("--dataset=digits"),
        Path::new("--set=train.epochs=1"),
        Path::new("--out"),
        &run,
    ]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    work.study(super::compare::STUDY);
    assert_eq!(work.compare("studies/lesson8", &[]).code, Some(0));
    fs::write(work.path("snippets.py"), snippets.concat()).unwrap();
    let ran = Command::new(python).arg("snippets.py").current_dir(work.path("")).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// Reads a run as `docs/python.md` says, without any of our code: modules and activations from the metadata, shifts from the
/// tensors beside the weights; then counts right answers on the test images.
const FORWARD: &str = r#"
import json, sys, tomllib
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from safetensors import safe_open

run, data, shifts = sys.argv[1], sys.argv[2], int(sys.argv[3])
with safe_open(f"{run}/model.safetensors", "np") as file:
    about = json.loads(file.metadata()["initlab"])
    weights = {key: file.get_tensor(key) for key in file.keys()}
stages = iter([
    (stage["stride"] if layer == 0 else 1, stage["padding"])
    for stage in tomllib.load(open(f"{run}/config.toml", "rb"))["model"].get("stages", [])
    for layer in range(stage["layers"])
])
assert sum(key.endswith(".shift") for key in weights) == shifts, sorted(weights)


def phi(layer, z):
    found = layer["activation"]
    if found["kind"] == "identity":
        return z
    if found["kind"] == "tanh":
        return np.tanh(z)
    before, _, place = layer["module"].rpartition(".")
    shift = weights.get(f"{before}.{int(place) + 1}.shift".lstrip("."), np.float32(found.get("shift", 0)))
    h = np.where(z > 0, z, np.float32(found.get("leak", 0)) * z) - shift
    return np.minimum(h, found.get("max", np.inf))


def windows(x, size, stride):
    return sliding_window_view(x, size, axis=(2, 3))[:, :, ::stride, ::stride]


raw = np.fromfile(f"{data}/t10k-images-idx3-ubyte", np.uint8)
n, rows, columns = raw[:16].view(">u4")[1:]
normal = about["normalization"]
x = (raw[16:].reshape(n, 1, rows, columns) / normal["divisor"] - normal["mean"]) / normal["std"]
blocks = {}
for layer in about["layers"]:
    module, kind = layer["module"], layer["name"].rstrip("0123456789")
    if ".body." in module:
        blocks.setdefault(module.split(".body.")[0], x)
    w, b = weights.get(f"{module}.weight"), weights.get(f"{module}.bias", 0)
    if kind == "flatten":
        x = x.reshape(n, -1)
    elif kind == "linear":
        x = phi(layer, x @ w.T + b)
    elif kind == "conv":
        stride, padding = next(stages)
        padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        z = np.einsum("nchwij,ocij->nohw", windows(padded, w.shape[2:], stride), w)
        x = phi(layer, z + np.reshape(b, (1, -1, 1, 1)))
    elif kind == "max_pool":
        x = windows(x, (2, 2), 2).max(axis=(4, 5))
    elif kind == "global_avg_pool":
        x = x.mean(axis=(2, 3))
    elif kind == "residual":
        x = x + blocks[module]
    elif kind == "act":
        x = phi(layer, x)
    else:
        raise ValueError(layer["name"])
labels = np.fromfile(f"{data}/t10k-labels-idx1-ubyte", np.uint8)[8:]
print((x.argmax(axis=1) == labels).mean())
"#;

#[test]
fn a_run_from_lsuv_has_its_recorded_accuracy_for_whoever_reads_its_weights() {
    let Some(python) = python_with("safetensors, numpy, tomllib") else { return };
    let train = "[optimizer]\nlr = 0.1\n[train]\nepochs = 2\nbatch_size = 64\n";
    let cnn = "kind = 'cnn'\nstages = [{ channels = 4, stride = 2 }, { channels = 6, pool = { kind = 'max' } }]\nhidden = [9]";
    // (network, start, activations with a shift from LSUV)
    let cases = [
        ("kind = 'mlp'\nwidths = [20, 15]", "[init.lsuv]", 2),
        (cnn, "[init.lsuv]", 3),
        (
            "kind = 'mlp'\nwidths = [20, 15]\nactivation = { kind = 'general_relu', leak = 0.1, max = 2.0 }",
            "[init.lsuv]",
            2,
        ),
        ("kind = 'mlp'\nwidths = [20, 20, 20]\nresidual = 'plain'\nactivation = 'leaky_relu'", "[init.lsuv]", 2),
        ("kind = 'mlp'\nwidths = [20]\nactivation = 'tanh'", "[init.lsuv]\nof = 'pre_activation'", 0),
        (cnn, "[init]\npreset = 'kaiming'", 0),
        ("kind = 'mlp'\nwidths = [20, 20]\nactivation = 'relu'", "[init]\npreset = 'moment-matched'", 0),
    ];
    for (model, init, shifts) in cases {
        let work = Work::new();
        work.config(&format!("[model]\n{model}\n{init}\n{train}"));
        assert_eq!(work.train("run", &[]).code, Some(0), "{model}");
        fs::write(work.path("forward.py"), FORWARD).unwrap();
        let paths = ["forward.py", "run", "blobs"].map(|name| work.path(name));
        let ran = Command::new(&python).args(&paths).arg(shifts.to_string()).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        let recorded = super::json(&work.path("run").join("run.json"))["test_accuracy"].as_f64().unwrap();
        let found: f64 = out.trim().parse().unwrap_or_else(|_| panic!("{model}\n{err}"));
        // Of 100 images; other orders of addition move logits by 1e-6.
        assert!((found - recorded).abs() < 1e-9, "{model} {init}: {found}, recorded {recorded}");
    }
}

#[test]
fn what_was_measured_stands_in_the_pages_as_it_was_measured() {
    let Some(python) = python_with("json") else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ran = Command::new(python).args(["benches/report.py", "check"]).current_dir(root).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}
