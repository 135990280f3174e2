"""PyTorch modules: the start of our own networks bit for bit, the same training, the same rows, and what is refused."""

from __future__ import annotations

import gzip
import struct
import warnings
from collections import OrderedDict

import numpy as np
import pytest
from conftest import command

import initlab

torch = pytest.importorskip("torch", reason="PyTorch is not installed")
from torch import nn  # noqa: E402

F = nn.functional
N, SIDE = 256, 28


def mlp():
    """Layers have the names that `initlab model` prints, from which their numbers come."""
    sizes = [SIDE * SIDE, 50, 30, 10]
    layers = {"flatten1": nn.Flatten()}
    for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
        layers |= {f"linear{i + 1}": nn.Linear(a, b), f"tanh{i + 1}": nn.Tanh()}
    layers.pop("tanh3")
    return nn.Sequential(OrderedDict(layers))


def lesson_cnn():
    """configs/lesson_cnn.toml in PyTorch."""
    layers = {}
    for i, (a, b, k) in enumerate([(1, 8, 5), (8, 16, 3), (16, 32, 3), (32, 32, 3)]):
        layers |= {f"conv{i + 1}": nn.Conv2d(a, b, k, stride=2, padding=k // 2), f"relu{i + 1}": nn.ReLU(inplace=True)}
    layers |= {"pool": nn.AdaptiveAvgPool2d(1), "flatten": nn.Flatten(), "linear1": nn.Linear(32, 10)}
    return nn.Sequential(OrderedDict(layers))


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """A data set of our own in a directory: a pattern for each class, and noise."""
    rng = np.random.default_rng(1)
    place = tmp_path_factory.mktemp("images")
    patterns = rng.integers(0, 256, (10, SIDE, SIDE))
    for part, count in [("train", N), ("t10k", 64)]:
        labels = rng.integers(0, 10, count).astype(np.uint8)
        pixels = np.clip(0.6 * patterns[labels] + rng.normal(40, 40, (count, SIDE, SIDE)), 0, 255).astype(np.uint8)
        with gzip.open(place / f"{part}-images-idx3-ubyte.gz", "wb") as file:
            file.write(struct.pack(">IIII", 2051, count, SIDE, SIDE) + pixels.tobytes())
        with gzip.open(place / f"{part}-labels-idx1-ubyte.gz", "wb") as file:
            file.write(struct.pack(">II", 2049, count) + labels.tobytes())
        if part == "train":
            kept = pixels.astype(np.float64) / 255, labels.astype(np.int64)
    x, y = kept
    x = (x - x.mean()) / x.std()
    return place, torch.tensor(x, dtype=torch.float32), torch.tensor(y)


CASES = {
    "mlp": (
        {"kind": "mlp", "widths": [50, 30], "activation": "tanh"},
        {"preset": "xavier"},
        mlp,
        dict(preset="xavier", activation="tanh", last="linear3.*"),
    ),
    "cnn": (
        {
            "kind": "cnn",
            "stages": [
                {"channels": 8, "kernel": 5, "stride": 2},
                {"channels": 16, "stride": 2},
                {"channels": 32, "stride": 2},
                {"channels": 32, "stride": 2},
            ],
            "head": "global_average",
            "activation": "relu",
        },
        {"preset": "kaiming", "last": {"preset": "torch"}},
        lesson_cnn,
        dict(preset="kaiming", activation="relu", last="linear1.*", rules={"linear1.*": "torch"}),
    ),
}


def run_of(case, images, out, **more):
    model, init, *_ = CASES[case]
    config = {
        "model": model,
        "init": init,
        "data": {"dataset": str(images[0])},
        "optimizer": {"kind": "sgd", "lr": 0.1},
        "train": {"steps": 20, "batch_size": 64},
        "seed": 3,
    }
    return initlab.train({**config, **more}, out=out, progress=False)


def started(case):
    *_, make, start = CASES[case]
    module = make()
    table = initlab.init_(module, seed=3, **start)
    return module, table


def batches(images):
    """The engine's batches: each epoch in an order of its own."""
    _, x, y = images
    for epoch in range(100):
        order = torch.tensor(initlab._initlab.epoch_order(3, epoch, N))
        for at in order.split(64):
            yield x[at], y[at]


@pytest.mark.parametrize("case", CASES)
def test_a_modules_start_is_the_commands_file_bit_for_bit(case, images, tmp_path):
    run = run_of(case, images, tmp_path / "run")
    file = tmp_path / "init.safetensors"
    done = command("init", run.directory / "config.toml", "-o", file)
    assert done.returncode == 0, done.stderr
    expected = initlab._initlab.weights(file)
    module, _ = started(case)
    state = {name: values.numpy() for name, values in module.state_dict().items()}
    # The file counts modules, as a `torch.nn.Sequential` without names does.
    counted = {name: f"{list(module._modules).index(name.split('.')[0])}.{name.split('.')[1]}" for name in state}
    assert {*counted.values()} == {*expected}
    for name, values in state.items():
        assert values.tobytes() == expected[counted[name]].tobytes(), name


@pytest.mark.parametrize("case", CASES)
def test_training_and_rows_are_those_of_the_engine(case, images, tmp_path):
    run = run_of(case, images, tmp_path / "run")
    module, _ = started(case)
    sgd = torch.optim.SGD(module.parameters(), lr=0.1)
    losses = []
    with initlab.watch(module) as watched:
        for step, (x, y) in zip(range(20), batches(images)):
            loss = F.cross_entropy(module(x[:, None]), y)
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            losses.append(loss.item())
            # Passes outside of the steps are not looked at.
            with torch.no_grad():
                module(x[:, None])
    np.testing.assert_allclose(losses, np.asarray(run.steps["loss"]), atol=1e-4)
    expected = run.layers
    train = np.asarray([phase == "train" for phase in expected["phase"]])
    found = watched.layers
    assert [*found["layer"]] == [*np.asarray(expected["layer"])[train]]
    assert [*found["step"]] == [*np.asarray(expected["step"])[train]]
    assert [*found] == [*expected]
    for name in [*found][3:]:
        ours, own = np.asarray(found[name], dtype=float), np.asarray(expected[name], dtype=float)[train]
        scale = np.nanmax(np.abs(own)) if np.isfinite(own).any() else 1.0
        # A share counts values; one that lies on the limit falls to either side.
        atol = 1e-4 if name.endswith("near_zero") else 1e-4 * scale
        np.testing.assert_allclose(ours, own, rtol=1e-4, atol=atol, err_msg=name)
    assert "<svg" in watched.report(tmp_path / "watch.html") and watched.plot("deviation")
    watched.write_csv(tmp_path / "layers.csv")
    assert (tmp_path / "layers.csv").read_text().splitlines()[0] == (run.directory / "layers.csv").read_text().splitlines()[0]


def test_the_order_of_construction_changes_nothing():
    def parts(backwards):
        names = ["a", "b", "c"]
        made = {name: nn.Linear(5, 4) for name in (reversed(names) if backwards else names)}
        module = nn.ModuleDict({name: made[name] for name in (reversed(names) if backwards else names)})
        initlab.init_(module, preset="orthogonal", seed=1)
        return {name: value.clone() for name, value in module.state_dict().items()}

    one, other = parts(False), parts(True)
    assert all((one[name] == other[name]).all() for name in one)


def test_every_kind_of_module_starts_as_it_should():
    module = nn.ModuleDict(
        {
            "conv1d": nn.Conv1d(4, 6, 3),
            "conv3d": nn.Conv3d(2, 4, 3, groups=2),
            "up": nn.ConvTranspose2d(6, 4, 3, stride=2, groups=2),
            "table": nn.Embedding(20, 8, padding_idx=3),
            "norm": nn.BatchNorm2d(6),
            "wide": nn.LayerNorm((3, 5)),
            "lstm": nn.LSTM(5, 7),
            "attention": nn.MultiheadAttention(8, 2),
            "head": nn.Linear(8, 3, dtype=torch.float64),
            "narrow": nn.Linear(8, 3, dtype=torch.bfloat16),
        }
    )
    with torch.no_grad():
        module["norm"].weight.fill_(1.5)
        module["wide"].weight.fill_(2.5)
    table = initlab.init_(module, preset="kaiming", seed=0)
    rules = {name: rule for name, rule in zip(table.table["name"], table.table["rule"])}
    assert rules["conv3d.weight"] == "kaiming_normal, 2 groups"
    assert rules["up.weight"] == "kaiming_normal, transposed, 2 groups"
    assert rules["table.weight"].startswith("hint: normal") and rules["norm.weight"] == rules["wide.weight"] == "stays"
    assert (module["norm"].weight == 1.5).all() and (module["wide"].weight == 2.5).all()
    assert module["table"].weight[3].abs().sum() == 0 and 0.7 < module["table"].weight.std() < 1.3
    expected = initlab.sample("kaiming_normal", name="conv1d.weight", shape=(6, 4, 3), seed=0)
    assert (module["conv1d"].weight.detach().numpy() == expected).all()
    fan_in = 3 * 9  # inputs of a group, and the kernel
    assert abs(module["up"].weight.std().item() / (2 / fan_in) ** 0.5 - 1) < 0.2
    assert module["head"].weight.dtype == torch.float64 and (module["head"].bias == 0).all()
    assert module["narrow"].weight.dtype == torch.bfloat16 and module["narrow"].weight.std() > 0


def test_without_a_preset_modules_start_as_pytorch_has_them_but_by_name():
    module = nn.ModuleDict({"conv": nn.Conv2d(8, 64, 3), "fc": nn.Linear(400, 300), "up": nn.ConvTranspose1d(64, 8, 4)})
    initlab.init_(module, preset=None, seed=0)
    for name, fan_in in [("conv", 72), ("fc", 400), ("up", 32)]:
        for parameter in module[name].parameters():
            bound = fan_in**-0.5
            assert parameter.abs().max() <= bound and parameter.abs().max() > 0.8 * bound, name


def test_rules_by_pattern_and_full_name():
    module = nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5), nn.Linear(5, 4))
    initlab.init_(
        module,
        rules={"2.*": "zeros", "0.weight": {"kind": "normal", "std": 3.0}, "0.bias": "keep", "1.weight": "zeros"},
    )
    assert (module[2].weight == 0).all() and (module[2].bias == 0).all() and (module[1].weight == 0).all()
    assert module[0].weight.std() > 1
    # `keep` is PyTorch's own distribution, from a stream of its name.
    assert 0 < module[0].bias.abs().max() <= 6**-0.5


@pytest.mark.parametrize(
    "call, words",
    [
        (dict(preset="kaimin"), ["kaimin", "kaiming"]),
        (dict(rules={"head.*": "zeros"}), ["head.*", "2 parameters"]),
        (dict(rules={"weight": "zeross"}), ["zeross", "zeros"]),
        (dict(rules={"weight": {"kind": "sparse", "sparsity": 3}}), ["sparsity"]),
        (dict(activation="rulu"), ["rulu", "relu"]),
        (dict(preset="looks-linear"), ["first"]),
    ],
)
def test_a_start_that_means_nothing_is_named_and_changes_nothing(call, words):
    module = nn.Linear(3, 4)
    before = module.weight.clone()
    with pytest.raises(initlab.Error) as raised:
        initlab.init_(module, **call)
    assert all(word in str(raised.value) for word in words), str(raised.value)
    assert (module.weight == before).all()


@pytest.mark.parametrize("do", [initlab.init_, initlab.watch, lambda module: initlab.lsuv_(module, torch.ones(2, 3))])
def test_what_is_no_module_with_parameters_is_refused(do):
    with pytest.raises(initlab.UsageError, match="ReLU: has no parameters"):
        do(nn.ReLU())
    with pytest.raises(initlab.UsageError, match="found list"):
        do([1])
    with pytest.raises(initlab.UsageError, match="meta"):
        do(nn.Linear(3, 4, device="meta"))
    with pytest.raises(initlab.UsageError, match="no shape yet"):
        do(nn.LazyLinear(4))


def test_functions_modules_and_in_place_activations_are_all_seen():
    class Mixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c, self.d = (nn.Linear(6, 6) for _ in range(4))
            self.norm, self.gelu = nn.LayerNorm(6), nn.GELU()

        def forward(self, x):
            x = F.relu(self.a(x), inplace=True)
            x = self.gelu(self.norm(self.b(x)))
            y = self.c(x)
            y += x
            return self.d(torch.tanh(y))

    module = Mixed()
    seen = {}
    module.a.register_forward_hook(lambda m, a, out: seen.update(z=out.detach().clone()))
    with initlab.watch(module) as watched:
        module(torch.randn(50, 6)).square().mean().backward()
    rows = watched.layers
    row = {name: i for i, name in enumerate(rows["layer"])}
    assert [*row] == ["a", "b", "c", "d"]
    assert rows["pre_mean"][row["a"]] == pytest.approx(seen["z"].mean().item(), abs=1e-6)
    assert rows["act_mean"][row["a"]] == pytest.approx(seen["z"].relu().mean().item(), abs=1e-6)
    # Behind the norm the pre-activations have mean 0 and deviation 1.
    assert rows["pre_std"][row["b"]] == pytest.approx(1, abs=1e-2) and rows["act_min"][row["b"]] > -0.2
    # What is added to where it lies is looked at before.
    assert rows["pre_mean"][row["c"]] == rows["act_mean"][row["c"]]
    assert np.isfinite(np.asarray(rows["grad_std"])).all()


def test_a_watch_that_is_closed_leaves_nothing_and_an_error_in_a_pass_is_no_end():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU())
    watched = initlab.watch(module)
    with pytest.raises(RuntimeError):
        module(torch.ones(2, 7))
    module(torch.ones(2, 3)).sum().backward()
    watched.close()
    module(torch.ones(2, 3)).sum().backward()
    assert [*watched.layers["step"]] == [0]
    assert not module._forward_hooks and not module[0]._forward_hooks and not module._forward_pre_hooks
    with pytest.raises(initlab.UsageError, match="nothing was watched"):
        initlab.watch(nn.Linear(2, 2)).report()


def test_every_so_many_steps_and_values_that_are_not_finite():
    module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 1))
    with initlab.watch(module, every=3, histogram_every=1) as watched:
        for step in range(7):
            module(torch.ones(2, 3)).sum().backward()
        with watched.pause():
            module(torch.ones(2, 3)).sum().backward()
    assert sorted(set(watched.layers["step"])) == [0, 3, 6]
    assert len(watched.plot("activations of")) > 0
    with torch.no_grad():
        module[0].weight.fill_(float("nan"))
    with initlab.watch(module) as watched:
        module(torch.ones(2, 3)).sum().backward()
    assert "`0` has pre-activations that are not finite" in watched.warnings[0]


@pytest.mark.parametrize("of", ["pre_activation", "activation"])
def test_lsuv_brings_every_layer_to_unit_variance(of):
    module = nn.Sequential(nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 36, 20), nn.Tanh(), nn.Linear(20, 5))
    module[1] = nn.Identity()
    initlab.init_(module, preset="orthogonal", seed=0, activation="relu")
    if of == "activation":
        module[5] = nn.ReLU()
    x = torch.randn(64, 1, 8, 8)
    table = initlab.lsuv_(module, x, of=of)
    assert [*table["layer"]] == ["0", "4", "6"]
    assert all(abs(std - 1) <= 1e-3 for std in table["std_after"])
    assert module(x).std().item() == pytest.approx(1, abs=0.01)


def test_lsuv_leaves_running_estimates_and_names_what_it_cannot_do():
    module = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3))
    initlab.init_(module, preset="orthogonal")
    with pytest.raises(initlab.Error, match="lsuv: 0 has std"):
        # A norm undoes every scale.
        initlab.lsuv_(module, torch.randn(30, 4), tolerance=1e-9)
    assert (module[1].running_mean == 0).all()
    with pytest.raises(initlab.UsageError, match="of = 'z'"):
        initlab.lsuv_(module, torch.randn(30, 4), of="z")
    with pytest.raises(RuntimeError):
        initlab.lsuv_(module, torch.randn(30, 5))


def test_tied_weights_are_drawn_once():
    module = nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 5))
    module[1].weight = module[0].weight
    table = initlab.init_(module, preset="kaiming")
    assert [*table.table["name"]] == ["0.bias", "0.weight", "1.bias"]


def test_no_warning_comes_of_ordinary_use():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        module = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        initlab.init_(module)
        with initlab.watch(module):
            module(torch.ones(5, 3)).sum().backward()
