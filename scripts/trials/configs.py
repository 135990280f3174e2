"""Configs and studies as trees, such as should be read, and as TOML."""

import math

ACTIVATIONS = "identity relu leaky_relu general_relu shifted_relu tanh sigmoid gelu gelu_tanh silu elu selu softplus softsign mish linear".split()
PARAMETERS = {
    "leaky_relu": ["leak"],
    "general_relu": ["leak", "shift", "max"],
    "shifted_relu": ["shift"],
    "elu": ["alpha"],
}
WEIGHTS = "zeros constant normal uniform truncated_normal lecun_normal lecun_uniform xavier_normal xavier_uniform kaiming_normal kaiming_uniform orthogonal delta_orthogonal looks_linear looks_linear_first looks_linear_last rai sparse identity lesson_simple lesson_raw".split()
PRESETS = "torch keras candle lesson-simple lesson-raw kaiming xavier lecun orthogonal looks-linear rai moment-matched depth-aware tat critical".split()


def number(draw, low=0.01, high=2.0):
    """A usual number, log-uniform."""
    return float(f"{math.exp(draw.uniform(math.log(low), math.log(high))):.3g}")


def maybe(draw, table, key, make, share=0.3):
    if draw.random() < share:
        table[key] = make()


def activation(draw):
    name = draw.choice(ACTIVATIONS)
    if name in PARAMETERS and draw.random() < 0.6:
        return {"kind": name} | {
            key: number(draw) * (1 if key == "alpha" else draw.choice([1, 1, -1]))
            for key in PARAMETERS[name]
            if draw.random() < 0.7
        }
    return name


def gain(draw):
    return draw.choice(["activation", number(draw), 0.0])


def weight(draw):
    name = draw.choice(WEIGHTS)
    own = {
        "constant": {"value": number(draw)},
        "normal": {"std": number(draw)},
        "uniform": {"bound": number(draw)},
        "truncated_normal": {"std": number(draw)},
        "sparse": {"sparsity": draw.random(), "std": number(draw)},
    }
    if name in own and draw.random() < 0.5:
        return {"kind": name} | own[name]
    if name.startswith(("xavier", "kaiming", "identity")) or "orthogonal" in name:
        table = {"kind": name}
        maybe(draw, table, "gain", lambda: gain(draw))
        if name.startswith("kaiming"):
            maybe(draw, table, "mode", lambda: draw.choice(["fan_in", "fan_out", "fan_avg"]))
        return table
    return name


def rule(draw):
    table = {}
    maybe(draw, table, "weight", lambda: weight(draw), 0.5)
    maybe(
        draw,
        table,
        "bias",
        lambda: draw.choice(
            [
                "zeros",
                "uniform_fan_in",
                "rai",
                {"kind": "constant", "value": number(draw)},
                {"kind": "normal", "std": number(draw)},
            ]
        ),
    )
    return table


def start(draw):
    table = rule(draw)
    maybe(draw, table, "preset", lambda: draw.choice(PRESETS), 0.5)
    maybe(draw, table, "first", lambda: rule(draw), 0.15)
    maybe(draw, table, "last", lambda: rule(draw), 0.15)
    aims = [
        {"kind": "moment_matched"},
        {"kind": "depth_aware", "zeta": number(draw, 1.01, 3)},
        {"kind": "tat", "eta": number(draw, 0.1, 0.99)},
        {"kind": "critical", "variance_b": number(draw, 1e-3, 1)},
    ]
    maybe(draw, table, "aim", lambda: draw.choice(aims), 0.15)
    if draw.random() < 0.15:
        lsuv = table["lsuv"] = {"images": draw.choice([1, 2, 20, 60])}
        maybe(draw, lsuv, "of", lambda: draw.choice(["activation", "pre_activation"]))
        maybe(draw, lsuv, "mean", lambda: draw.choice(["keep", "bias", "shift"]))
        maybe(draw, lsuv, "tolerance", lambda: number(draw, 1e-6, 1))
        maybe(draw, lsuv, "max_iterations", lambda: draw.choice([1, 2, 30]))
    return table


def stage(draw):
    table = {"channels": draw.choice([1, 2, 3, 8])}
    maybe(draw, table, "layers", lambda: draw.choice([1, 2, 3]))
    maybe(draw, table, "kernel", lambda: draw.choice([1, 2, 3, 5, 7, [1, 3], [3, 2]]), 0.5)
    maybe(draw, table, "stride", lambda: draw.choice([1, 2, 3]))
    maybe(draw, table, "padding", lambda: draw.choice([0, 1, 2, 5]))
    if draw.random() < 0.3:
        pool = table["pool"] = {"kind": draw.choice(["max", "average"])}
        for key in ("kernel", "stride"):
            maybe(draw, pool, key, lambda: draw.choice([1, 2, 3]))
        maybe(draw, pool, "padding", lambda: draw.choice([0, 1, 2]))
    return table


def model(draw):
    width = lambda: draw.choice([1, 1, 2, 3, 5, 8, 17])
    if draw.random() < 0.3:
        table = {"kind": "cnn", "stages": [stage(draw) for _ in range(draw.choice([0, 1, 1, 2, 3]))]}
        maybe(draw, table, "head", lambda: draw.choice(["global_average", "flatten"]))
        maybe(draw, table, "hidden", lambda: [width() for _ in range(draw.randrange(3))])
    elif draw.random() < 0.5:
        table = {"kind": "mlp", "widths": [width() for _ in range(draw.choice([0, 1, 2, 3, 6]))]}
    else:
        table = {"kind": "mlp", "width": width(), "depth": draw.choice([1, 2, 3, 10, 40])}
    maybe(draw, table, "activation", lambda: activation(draw), 0.7)
    maybe(draw, table, "bias", lambda: draw.choice([True, False, "output"]))
    maybe(draw, table, "dropout", lambda: draw.choice([0, 0.2, 0.5, 0.99]), 0.2)
    norm = lambda: {"kind": draw.choice(["none", "batch", "layer"])} | draw.choice(
        [{}, {"position": "after"}, {"eps": number(draw, 1e-8, 1)}, {"momentum": draw.random()}]
    )
    maybe(draw, table, "norm", lambda: draw.choice(["none", "batch", "layer", norm()]))
    maybe(
        draw,
        table,
        "residual",
        lambda: draw.choice(
            [
                "plain",
                "fixup",
                "rezero",
                {"start": draw.choice(["plain", "fixup", "rezero"]), "layers": draw.choice([1, 2, 3])},
            ]
        ),
    )
    return table


def optimizer(draw):
    kind = draw.choice(["sgd", "adam", "adamw", "rmsprop", "lion", "muon"])
    table = {"kind": kind, "lr": draw.choice([number(draw, 1e-4, 1), number(draw, 1e-4, 1), 1e30])}
    maybe(draw, table, "weight_decay", lambda: number(draw, 1e-5, 0.1))
    if kind in ("sgd", "rmsprop"):
        maybe(draw, table, "momentum", lambda: draw.choice([0.5, 0.9]))
    if kind == "sgd" and "momentum" in table:
        maybe(draw, table, "nesterov", lambda: True)
    if kind.startswith("adam"):
        maybe(draw, table, "betas", lambda: [0.0, 0.99])
    return table


def schedule(draw):
    table = draw.choice(
        [
            {"kind": "constant"},
            {"kind": "step", "every": draw.choice([1, 2])},
            {"kind": "cosine", "end": draw.random()},
            {"kind": "one_cycle", "warm": draw.random() * 0.99},
            {"kind": "exponential", "end": number(draw)},
            {"kind": "lesson"},
        ]
    )
    maybe(draw, table, "warmup_steps", lambda: draw.choice([0, 1, 5]))
    return table


def experiment(draw, data):
    """A config that should be read, of a network that is tiny or cannot be built; at most four steps of training."""
    table = {
        "data": {"dataset": data},
        "model": model(draw),
        "optimizer": optimizer(draw),
        "train": {"steps": draw.choice([1, 2, 4]), "batch_size": draw.choice([1, 2, 7, 30, 59, 60, 512])},
    }
    maybe(draw, table["data"], "split", lambda: draw.choice(["usual", "lesson", "validation"]), 0.15)
    maybe(draw, table, "init", lambda: start(draw), 0.7)
    maybe(draw, table, "schedule", lambda: schedule(draw))
    maybe(draw, table, "seed", lambda: draw.choice([0, 1, 1 << 40]))
    maybe(draw, table, "name", lambda: draw.choice(["x", "a b", "é", "../y"]), 0.1)
    train = table["train"]
    maybe(draw, train, "loss", lambda: draw.choice(["cross_entropy", "mse", "mse_digit", "hinge"]))
    maybe(draw, train, "evaluate_every", lambda: draw.choice([1, 2, 100]))
    maybe(draw, train, "clip_norm", lambda: number(draw, 1e-3, 10))
    maybe(draw, train, "target_accuracy", lambda: draw.random(), 0.1)
    stats = lambda: {
        "every": draw.choice([0, 1, 2]),
        "histogram_every": draw.choice([0, 1, 3]),
        "histogram_bins": draw.choice([1, 2, 70]),
        "histogram_range": draw.choice([[-7, 7], [0, 1e-3], [-1e30, 1e30]]),
    }
    maybe(draw, table, "stats", stats)
    maybe(draw, table, "record", lambda: {"checkpoint_every": draw.choice([1, 2]), "tensorboard": draw.random() < 0.5, "json_lines": draw.random() < 0.5})
    return table


def study(draw, data):
    """A study of at most a dozen runs."""
    base = experiment(draw, data)
    arms = [
        {
            "name": name,
            "set": draw.choice(
                [
                    {},
                    {"init": start(draw)},
                    {"model": {"activation": activation(draw)}},
                    {"optimizer": {"lr": number(draw)}},
                ]
            ),
        }
        for name in draw.sample(["one", "two", "a, b", "=1+1", "é", "None"], draw.choice([1, 2, 3]))
    ]
    table = {
        "base": base,
        "arms": arms,
        "seeds": draw.choice([1, 2, [5, 3]]),
        "targets": [draw.choice([{"test_accuracy": draw.choice([0.4, 0.9, 1.0])}, {"train_loss": number(draw)}])],
    }
    maybe(draw, table, "baseline", lambda: draw.choice(arms)["name"])
    maybe(draw, table, "name", lambda: draw.choice(["s", "é 1"]), 0.2)
    maybe(
        draw,
        table,
        "grid",
        lambda: [
            draw.choice(
                [
                    {"path": "model.bias", "values": [True, False]},
                    {"path": "train.batch_size", "values": [7, 30]},
                    {"name": "case", "cases": [{"name": "a"}, {"name": "b", "set": {"seed": 3}}]},
                ]
            )
        ],
    )
    maybe(
        draw,
        table,
        "learning_rate",
        lambda: draw.choice([0.1, [0.1, 0.01], {"tune": {"low": 0.01, "high": 0.1, "points": 2}}]),
    )
    return table


def toml(value, top=True):
    """A tree as TOML: each table of the first level on a line of its own, all else inline."""
    if isinstance(value, dict) and top:
        return "".join(f"{text_of(key)} = {toml(item, False)}\n" for key, item in value.items())
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{text_of(key)} = {toml(item, False)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item, False) for item in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    return text_of(value) if isinstance(value, str) else str(value)


def text_of(text):
    return '"' + "".join(c if c.isprintable() and c not in '"\\' else f"\\u{ord(c):04x}" for c in text) + '"'
