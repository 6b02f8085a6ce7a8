"""Reference values of internal/rollout, by SciPy: how often chance crosses a bound.

    pip install -r bench/reference/requirements.txt
    python bench/reference/rollout.py > internal/rollout/testdata/reference.json
"""

import json

import numpy as np
from scipy import stats


def loss(a, b, margin):
    """Welch's t test of mean(a) > (1 + margin) * mean(b), one-sided."""
    return stats.ttest_ind(a, np.asarray(b) * (1 + margin), equal_var=False, alternative="greater").pvalue


def errors(x, n, y, m, margin):
    """z test of the difference of two proportions beyond a margin, Agresti and Caffo's adjustment."""
    p, q = (x + 1) / (n + 2), (y + 1) / (m + 2)
    z = (p - q - margin) / np.sqrt(p * (1 - p) / (n + 2) + q * (1 - q) / (m + 2))
    return stats.norm.sf(z)


rng = np.random.default_rng(7)
a, b = rng.gamma(2, 1.3, 120), rng.gamma(2, 1, 400)
x, y = [30, 50, 20], [200, 260, 240]
print(json.dumps({
    "errors": [{"x": x_, "n": n, "y": y_, "m": m, "p": errors(x_, n, y_, m, 0.01)} for x_, n, y_, m in [(2, 120, 0, 5000), (12, 300, 9, 4000), (5, 1000, 0, 1000)]],
    "slow": [{"k": k, "n": n, "p": stats.binom.sf(k - 1, n, 0.01)} for k, n in [(3, 120), (0, 50), (25, 1000), (1500, 100000)]],
    "shift": {"x": x, "y": y, "p": stats.chi2_contingency([x, y], correction=False).pvalue,
              "distance": float(np.abs(np.array(x) / sum(x) - np.array(y) / sum(y)).sum() / 2)},
    "loss": {"a": a.tolist(), "b": b.tolist(), "p": loss(a, b, 0.1)},
}))
