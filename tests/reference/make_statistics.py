"""Makes statistics.json: values of scipy and lifelines that the statistics of studies are held to.

    pip install scipy lifelines && python make_statistics.py
"""

import json
from pathlib import Path

import numpy as np
import scipy.integrate
import scipy.optimize
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


def proportion(found, of):
    low, high = scipy.stats.binomtest(found, of).proportion_ci(0.95, method="wilson")
    return dict(found=found, of=of, low=float(low), high=float(high))


def superiority(a, b):
    """Newcombe 2006, method 5, with Student's quantile, by a root finder."""
    probability = float(scipy.stats.mannwhitneyu(a, b).statistic) / (len(a) * len(b))
    others, t = (len(a) + len(b)) / 2 - 1, scipy.stats.t.ppf(0.975, len(a) + len(b) - 2)

    def outside(p):
        q1, q2 = p / (2 - p), 2 * p**2 / (1 + p)
        variance = (p * (1 - p) + others * (q1 - p**2 + q2 - p**2)) / (len(a) * len(b))
        return (p - probability)**2 - t**2 * variance

    # A hair off the estimate, where the function is below 0 even if it has another root at 0 or 1.
    low = scipy.optimize.brentq(outside, 0, probability - 1e-9, xtol=1e-13) if probability > 0 else 0.0
    high = scipy.optimize.brentq(outside, probability + 1e-9, 1, xtol=1e-13) if probability < 1 else 1.0
    return dict(a=numbers(a), b=numbers(b), probability=probability, low=low, high=high)


def power(effect, pairs, level):
    freedom, shift = pairs - 1, effect * pairs**0.5
    limit = scipy.stats.t.ppf(1 - level / 2, freedom)
    norm, chi = scipy.stats.norm, scipy.stats.chi(freedom, scale=freedom**-0.5)
    # SciPy's noncentral t has no tails this far out.
    passes = lambda s: chi.pdf(s) * (norm.sf(limit * s - shift) + norm.cdf(-limit * s - shift))
    found, _ = scipy.integrate.quad(passes, 0, 12, epsabs=1e-12, limit=1000, points=[1.0, shift / limit])
    low, high = ((freedom / scipy.stats.chi2.ppf(mass, freedom))**0.5 for mass in (0.975, 0.025))
    return dict(effect=effect, pairs=pairs, level=level, power=float(found), low=float(low), high=float(high))


everything = dict(
    paired=[paired(random.normal(mean, 1.0, n)) for n, mean in [(2, 0.0), (3, 1.0), (5, 0.0), (5, 3.0), (30, 0.2)]],
    bootstrap=[bootstrap(random.normal(0.3, 1.0, n)) for n in (5, 12, 50)],
    kaplan_meier=[kaplan_meier(*times(n, 200, end)) for n, end in [(5, 1000), (20, 150), (60, 400), (4, 20)]],
    log_rank=[log_rank(times(n, 200, 500), times(m, scale, 500))
              for n, m, scale in [(5, 5, 200), (5, 5, 60), (12, 9, 400), (60, 50, 260)]],
    proportion=[proportion(found, of) for found, of in [(0, 5), (1, 5), (5, 5), (7, 10), (60, 90)]],
    superiority=[superiority(random.normal(shift, 1, n).round(digits), random.normal(0, 1, m).round(digits))
                 for n, m, shift, digits in [(5, 5, 0, 3), (5, 5, 9, 3), (3, 8, -9, 3), (10, 6, 1, 1), (30, 20, 0.5, 0)]],
    power=[power(effect, pairs, level) for effect, pairs, level in
           [(1.0, 2, 0.05), (1.0, 5, 0.05), (2.0, 5, 0.01), (3.0, 6, 0.01 / 6), (0.5, 40, 0.01), (0.2, 300, 0.001)]],
)
Path(__file__).with_name("statistics.json").write_text(json.dumps(everything, indent=1) + "\n")
