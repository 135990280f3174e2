"""Makes norm_law.json: the law of one input's mean square behind bias-free ReLU layers of Gaussian weights, by SciPy.

    pip install scipy && python make_norm_law.py

One layer is a mixture of scaled chi-squared laws. Several are convolved by FFT as densities of the logarithm on a fine grid; the
logarithm's density is smooth and its tails fall exponentially, so that sums over the grid are exact far beyond nine digits. Nothing is
shared with the crate, which inverts the characteristic function.
"""

import json
from pathlib import Path

import numpy as np
from scipy.fft import irfft, rfft
from scipy.integrate import quad
from scipy.stats import binom, chi2

SHARES = [0.0005, 0.025, 0.25, 0.5, 0.75, 0.975, 0.9995]
VARIANCE = 2.0


def layer_cdf(x, width):
    """P(0 < factor <= x) of one ReLU layer."""
    k = np.arange(1, width + 1)
    return float(np.sum(binom.pmf(k, width, 0.5) * chi2.cdf(x * width / VARIANCE, k)))


def log_density(y, width, rectified):
    """Density of the logarithm of a layer's factor, where it is not 0."""
    x = np.exp(y) * width / VARIANCE
    if not rectified:
        return chi2.pdf(x, width) * x
    total = np.zeros_like(y)
    for k in range(1, width + 1):
        weight = binom.pmf(k, width, 0.5)
        if weight > 1e-18:
            total += weight * chi2.pdf(x, k) * x
    return total


def by_grid(width, depth, output, reach, points):
    """(y, P(0 < product <= e^y)) on a grid from -reach to reach, by convolution of the layers' densities."""
    step = 2 * reach / points
    y = (np.arange(points) - points // 2) * step
    product = rfft(np.fft.ifftshift(log_density(y, width, True))) ** depth * step ** (depth - 1)
    if output:
        product = product * rfft(np.fft.ifftshift(log_density(y, output, False))) * step
    density = np.fft.fftshift(irfft(product, points))
    # The integral up to a point of the grid, by the trapezoidal rule, which is exact here but for the half end.
    return y, (np.cumsum(density) - 0.5 * density) * step, density


def edge_corrected(density, step):
    """Euler-Maclaurin: the cut at a point leaves step^2/12 of the density's slope, and its next term."""
    slope = np.gradient(density, step, edge_order=2)
    third = np.gradient(np.gradient(slope, step), step)
    return -step ** 2 / 12 * slope + step ** 4 / 720 * third


def case(width, depth, output, reach=None, points=1 << 20):
    dead = 1 - (1 - 2.0 ** -width) ** depth
    if depth == 1 and not output:
        pairs = []
        for share in SHARES:
            low, high = 1e-12, 1e3
            for _ in range(200):
                middle = np.sqrt(low * high)
                low, high = (middle, high) if dead + layer_cdf(middle, width) < share else (low, middle)
            pairs.append([float(middle), dead + layer_cdf(middle, width)])
    else:
        y, cdf, density = by_grid(width, depth, output, reach, points)
        cdf = cdf + edge_corrected(density, y[1] - y[0])
        pairs = []
        for share in SHARES:
            i = int(np.searchsorted(dead + cdf, share))
            pairs.append([float(np.exp(y[i])), float(dead + cdf[i])])
    return dict(width=width, depth=depth, output=output, dead=dead, at_most=[p for p in pairs if p[1] > dead + 1e-6])


cases = [case(2, 1, 0), case(5, 1, 0), case(100, 1, 0), case(2, 3, 0, 160), case(3, 2, 0, 120), case(10, 5, 0, 120),
         case(30, 20, 0, 60), case(50, 9, 10, 40), case(200, 50, 0, 20), case(400, 3, 10, 20)]

# Two layers once more by an integral over the first, as a check of the grid.
for ratio, share in cases[4]["at_most"]:
    integrand = lambda y: log_density(np.array([y]), 3, True)[0] * layer_cdf(ratio / np.exp(y), 3)
    direct = cases[4]["dead"] + quad(integrand, -110, 12, limit=800, epsabs=1e-13, points=[-20, -5, 0, 3])[0]
    assert abs(direct - share) < 1e-9, (ratio, share, direct)

Path(__file__).with_name("norm_law.json").write_text(json.dumps(cases, indent=1) + "\n")
