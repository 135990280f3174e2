"""Makes statistics.json: values of scipy and lifelines that the statistics of studies are held to.

    pip install scipy lifelines && python make_statistics.py
"""

import json
from pathlib import Path

import numpy as np
import scipy.stats
from lifelines import KaplanMeierFitter
from lifelines.statistics import logrank_test

random = np.random.default_rng(8)


def numbers(array):
    return [float(x) for x in array]


def paired(differences):
    test = scipy.stats.ttest_1samp(differences, 0.0)
    low, high = test.confidence_interval(0.95)
    return dict(differences=numbers(differences), mean=float(np.mean(differences)), low=float(low), high=float(high),
                p=float(test.pvalue))


def bootstrap(values):
    # Many resamples, so that only the other side's luck is left.
    found = scipy.stats.bootstrap((values,), np.mean, n_resamples=1_000_000, method="percentile", batch=1000,
                                  random_state=random)
    low, high = found.confidence_interval
    return dict(values=numbers(values), low=float(low), high=float(high))


def times(n, scale, censored_at):
    at = np.ceil(random.exponential(scale, n) / 10) * 10
    return np.minimum(at, censored_at), (at <= censored_at).astype(float)


def kaplan_meier(at, event):
    fitter = KaplanMeierFitter().fit(at, event)
    table = fitter.event_table
    when = [t for t in table.index if table.observed[t] > 0]
    share = [float(fitter.survival_function_.loc[t].iloc[0]) for t in when]
    # Lifelines' own median misses a share of one half by rounding.
    median = next((float(t) for t, s in zip(when, share) if s <= 0.5 + 1e-12), None)
    return dict(times=numbers(at), times_event=numbers(event), at=numbers(when), share=share, median=median)


def log_rank(a, b):
    p = logrank_test(a[0], b[0], a[1], b[1]).p_value
    return dict(a=numbers(a[0]), a_event=numbers(a[1]), b=numbers(b[0]), b_event=numbers(b[1]), p=float(p))


everything = dict(
    paired=[paired(random.normal(mean, 1.0, n)) for n, mean in [(2, 0.0), (3, 1.0), (5, 0.0), (5, 3.0), (30, 0.2)]],
    bootstrap=[bootstrap(random.normal(0.3, 1.0, n)) for n in (5, 12, 50)],
    kaplan_meier=[kaplan_meier(*times(n, 200, end)) for n, end in [(5, 1000), (20, 150), (60, 400), (4, 20)]],
    log_rank=[log_rank(times(n, 200, 500), times(m, scale, 500))
              for n, m, scale in [(5, 5, 200), (5, 5, 60), (12, 9, 400), (60, 50, 260)]],
)
Path(__file__).with_name("statistics.json").write_text(json.dumps(everything, indent=1) + "\n")
