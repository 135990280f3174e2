"""Theory says what the command says."""

from __future__ import annotations

import json

import pytest
from conftest import command

import initlab


def test_values_are_those_of_the_command():
    words = ["theory", "shifted_relu:shift=0.5", "--depth", "20", "--variance-w", "2", "--json"]
    expected = json.loads(command(*words).stdout)
    found = initlab.theory("shifted_relu:shift=0.5", depth=20, variance_w=2)
    assert dict(found) == expected
    assert found.chi == expected["chi"] and "chi" in dir(found)


def test_a_dict_is_an_activation_too_and_prints_as_a_table():
    found = initlab.theory({"kind": "leaky_relu", "leak": 0.1})
    assert found.activation == "leaky_relu:leak=0.1"
    assert "Sources" in str(found) and found._repr_html_().startswith("<pre>")


@pytest.mark.parametrize(
    "call, word",
    [
        (dict(activation="rulu"), "relu"),
        (dict(activation="relu", variance_w=-1), "variance_w"),
        (dict(activation="relu", variance_b=1.0), "variance_w"),
        (dict(activation="relu", depth=0), "depth"),
        (dict(activation="relu", width=3), "depth"),
    ],
)
def test_what_means_nothing_is_named(call, word):
    with pytest.raises(initlab.Error, match=word):
        initlab.theory(**call)


def test_an_unknown_name_says_which_there_are():
    with pytest.raises(AttributeError, match="chi"):
        initlab.theory("relu", variance_w=2).chii
