"""Draws are those of the crate: the command's files, byte for byte, whatever the order."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import MLP, command

import initlab

# First normal numbers of seed 0's stream `init/1.weight`, which the crate's own tests hold too.
GOLDEN = [1.390875095863495, -1.21611623481765, -0.21460192432248482]
RULES = ["kaiming_normal", "kaiming_uniform", "xavier_normal", "lecun_normal", "truncated_normal", "orthogonal", "rai"]


def toml(rule: str, seed: int) -> str:
    return f"""
seed = {seed}
model = {{ kind = "mlp", widths = [20], activation = "tanh" }}
data.dataset = "digits"
init.weight = "{rule}"
optimizer.lr = 0.1
train.steps = 5
"""


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("seed", [0, 7])
def test_the_bits_are_those_of_the_commands_file(tmp_path, rule, seed):
    config, file = tmp_path / "net.toml", tmp_path / "init.safetensors"
    config.write_text(toml(rule, seed))
    done = command("init", config, "-o", file)
    assert done.returncode == 0, done.stderr
    weights = initlab._initlab.weights(file)
    # The file has the names of a `torch.nn.Sequential`; streams those of layers.
    for module, name, activation in [("3", "linear2.weight", "identity"), ("1", "linear1.weight", "tanh")]:
        expected = weights[f"{module}.weight"]
        drawn = initlab.sample(rule, name=name, shape=expected.shape, seed=seed, activation=activation)
        assert drawn.dtype == np.float32
        assert drawn.tobytes() == expected.tobytes(), name


def test_the_golden_draws_stay_as_they_are():
    drawn = initlab.sample({"kind": "normal", "std": 1.0}, name="1.weight", shape=(1, 3), seed=0)
    assert drawn.tobytes() == np.array(GOLDEN).astype(np.float32).tobytes()


def test_a_draw_depends_on_name_and_seed_alone():
    draw = lambda name, seed: initlab.sample("normal", name=name, shape=(3, 4), seed=seed)
    first = draw("a.weight", 0)
    assert (first != draw("b.weight", 0)).all() and (first != draw("a.weight", 1)).all()
    assert (first == draw("a.weight", 0)).all()


def test_an_array_is_the_callers_own():
    drawn = initlab.sample("normal", name="a.weight", shape=(3, 4))
    drawn[:] = 0
    assert initlab.sample("normal", name="a.weight", shape=(3, 4)).any()


@pytest.mark.parametrize(
    "call, words",
    [
        (dict(rule="kaiming_norml", name="w", shape=(2, 3)), ["kaiming_norml", "did you", "mean \"kaiming_normal\"?"]),
        (dict(rule={"kind": "normal", "sd": 1}, name="w", shape=(2, 3)), ["sd"]),
        (dict(rule="kaiming_normal", name="fc.weight", shape=(3,)), ["fc.weight", "[3]"]),
        (dict(rule="normal", name="fc.weight", shape=(0, 3)), ["fc.weight", "entries"]),
        (dict(rule="uniform_fan_in", name="fc.bias", shape=3), ["fc.bias", "fan_in"]),
        (dict(rule="normal", name="w", shape=(2, 3), activation="rulu"), ["rulu", "relu"]),
        (dict(rule={"kind": "normal", "std": object()}, name="w", shape=(2, 3)), ["rule.std", "object"]),
    ],
)
def test_what_means_nothing_is_named(call, words):
    with pytest.raises(ValueError) as raised:
        initlab.sample(**call)
    assert isinstance(raised.value, initlab.Error)
    assert all(word in str(raised.value) for word in words), str(raised.value)


def test_a_thousand_calls_leak_nothing():
    resource = pytest.importorskip("resource")
    draw = lambda: initlab.sample("kaiming_normal", name="fc1.weight", shape=(100, 500))
    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    [draw() for _ in range(50)]
    before = peak()
    for _ in range(1000):
        draw()
    # 1,000 arrays have 200 MB.
    assert peak() - before < 8_000, f"{peak() - before} kB"
