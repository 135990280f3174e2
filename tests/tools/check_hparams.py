#!/usr/bin/env python3
"""Asks TensorBoard's own HPARAMS plugin what it shows of a study, and compares that with the study's records.

    check_hparams.py STUDY_DIR DIFFERING...

Every arm at every point of the grid must be one group of its seeds, with the metrics of the records, and the hyperparameters
that differ must be those named. Needs the Python package tensorboard.
"""

import json
import sys
from pathlib import Path

import numpy as np
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.context import RequestContext
from tensorboard.plugins.base_plugin import TBContext
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups

METRICS = {"test/accuracy": "test_accuracy", "test/loss": "test_loss", "train/mean_accuracy": None, "train/mean_loss": None}
STATUS = {"finished": api_pb2.STATUS_SUCCESS, "diverged": api_pb2.STATUS_FAILURE, "interrupted": api_pb2.STATUS_UNKNOWN}


def shown(directory):
    """The experiment and its groups, as the plugin gives them to the page."""
    multiplexer = EventMultiplexer()
    multiplexer.AddRunsFromDirectory(directory)
    multiplexer.Reload()
    provider = MultiplexerDataProvider(multiplexer, directory)
    backend = backend_context.Context(TBContext(data_provider=provider, logdir=directory))
    context = RequestContext()
    tags = backend.hparams_metadata(context, "")
    experiment = backend.experiment_from_metadata(context, "", True, tags, backend.hparams_from_data_provider(context, "", None))
    request = api_pb2.ListSessionGroupsRequest(
        slice_size=1000, allowed_statuses=list(STATUS.values()), aggregation_type=api_pb2.AGGREGATION_AVG
    )
    answer = list_session_groups.Handler(context, backend, "", request).run()
    return experiment, answer.session_groups


def close(found, values):
    return np.allclose(found, np.mean(np.float32(values)), rtol=1e-5, equal_nan=True)


def main():
    study = Path(sys.argv[1])
    record = json.loads((study / "study.json").read_text())
    experiment, groups = shown(str(study))
    assert [metric.name.tag for metric in experiment.metric_infos] == list(METRICS), experiment.metric_infos
    differing = {info.name: info for info in experiment.hparam_infos if info.differs}
    assert set(differing) == set(sys.argv[2:]), set(differing)
    assert all("seed" != info.name for info in experiment.hparam_infos)

    runs = {run["dir"]: run for run in record["runs"]}
    wanted = {}
    for run in record["runs"]:
        wanted.setdefault((run["arm"], *run["point"]), set()).add(run["dir"])
    assert sorted(map(sorted, wanted.values())) == sorted(sorted(s.name for s in g.sessions) for g in groups), "groups"
    for group in groups:
        here = [runs[session.name] for session in group.sessions]
        assert group.name.startswith(here[0]["arm"] + " "), group.name
        for session, run in zip(group.sessions, here):
            assert session.status == STATUS[run["outcome"]], session
        found = {value.name.tag: value.value for value in group.metric_values}
        for tag, key in METRICS.items():
            values = [run.get(key) for run in here]
            assert None in values or close(found[tag], values), (group.name, tag, found.get(tag), values)
        for name, info in differing.items():
            if info.type == api_pb2.DATA_TYPE_FLOAT64 and name in group.hparams:
                value = group.hparams[name].number_value
                assert info.domain_interval.min_value <= value <= info.domain_interval.max_value, name
    print(f"{study}: {len(groups)} groups of {len(runs)} runs, {len(differing)} hyperparameters differ")


if __name__ == "__main__":
    main()
