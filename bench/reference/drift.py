"""Reference figures of drift for internal/drift, by scipy, Evidently, statsmodels and
river.

    pip install -r bench/reference/drift.requirements.txt
    python bench/reference/drift.py

writes internal/drift/testdata/reference.json.
"""

import json
import pathlib
import warnings

import numpy as np
import pandas as pd
from evidently.legacy.calculations.stattests import chi_stat_test, jensenshannon_stat_test, ks_stat_test, psi_stat_test, wasserstein_stat_test, z_stat_test
from evidently.legacy.core import ColumnType
from river import drift
from scipy import stats
from scipy.spatial import distance
from sklearn.isotonic import IsotonicRegression
from statsmodels.stats.proportion import proportions_ztest

warnings.simplefilter("ignore")
OUT = pathlib.Path(__file__).resolve().parents[2] / "internal/drift/testdata/reference.json"
rng = np.random.default_rng(21)
NUMERICAL, CATEGORICAL = ColumnType.Numerical, ColumnType.Categorical


def score(test, a, b, kind):
    return float(test(pd.Series(a), pd.Series(b), kind, None).drift_score)


def sample(name, a, b):
    """Two samples of numbers; as Evidently's registry measures them."""
    ks, asymptotic = stats.ks_2samp(a, b), stats.ks_2samp(a, b, method="asymp")
    return {
        "name": name, "a": list(map(float, a)), "b": list(map(float, b)),
        "ks": float(ks.statistic), "ks_p": float(asymptotic.pvalue),
        "wasserstein": float(stats.wasserstein_distance(a, b)), "normed": score(wasserstein_stat_test, a, b, NUMERICAL),
        "edges": np.histogram_bin_edges(np.concatenate([a, b]), bins="sturges").tolist(),
        "evidently_psi": score(psi_stat_test, a, b, NUMERICAL), "evidently_js": score(jensenshannon_stat_test, a, b, NUMERICAL),
    }


def counts(p, q):
    """Two lists of counts; texts of as many rows give Evidently's figures."""
    a, b = (np.repeat([f"c{i}" for i in range(len(p))], n) for n in (p, q))
    homogeneity = stats.chi2_contingency(np.array([p, q])[:, np.add(p, q) > 0], correction=False)
    return {
        "p": p, "q": q,
        "js": float(distance.jensenshannon(p, q, base=2)), "evidently_js": score(jensenshannon_stat_test, a, b, CATEGORICAL),
        "evidently_psi": score(psi_stat_test, a, b, CATEGORICAL),
        "chi2": float(homogeneity.statistic), "chi2_p": float(homogeneity.pvalue), "degrees": int(homogeneity.dof),
        "fit_p": score(chi_stat_test, a, b, CATEGORICAL) if min(p) > 0 else None,
        "tvd": 0.5 * float(np.abs(np.array(p) / sum(p) - np.array(q) / sum(q)).sum()),
    }


def stream(name, values):
    """Where river's detectors find a change, and what they hold at the end."""
    out = {"name": name, "values": [float(v) for v in values], "adwin": [], "page_hinkley": []}
    adwin, hinkley = drift.ADWIN(), drift.PageHinkley(threshold=10)
    out["widths"] = []
    for i, v in enumerate(values):
        adwin.update(v)
        hinkley.update(v)
        if adwin.drift_detected:
            out["adwin"].append(i)
            out["widths"].append(int(adwin.width))
        if hinkley.drift_detected:
            out["page_hinkley"].append(i)
    out["width"], out["mean"], out["variance"] = int(adwin.width), float(adwin.estimation), float(adwin.variance)
    return out


normal = rng.normal(size=600).round(6)
samples = [
    sample("shifted", normal, rng.normal(.3, 1.2, size=700).round(6)),
    sample("alike", normal, rng.normal(size=900).round(6)),
    sample("ties", rng.integers(0, 40, 500), rng.integers(0, 44, 800)),
    sample("far", rng.normal(size=500).round(4), rng.normal(9, 1, size=520).round(4)),
    sample("small", rng.normal(5e-4, 1e-4, size=510), rng.normal(6e-4, 1e-4, size=530)),
    sample("skewed", rng.exponential(100, size=2000).round(3), rng.exponential(104, size=1500).round(3)),
]
tails = [{"n": n, "d": d, "p": float(stats.kstwo.sf(d, n))}
         for n, ds in {3: [.1, .2, .4, .9], 30: [.02, .05, .1, .3, .6], 250: [.003, .02, .04, .0597, .09, .2, .5],
                       5000: [.0002, .005, .01, .02, .05], 50_000: [.0015, .003, .005, .02], 500_000: [.0005, .0015, .0021, .003, .004, .02]}.items() for d in ds]
lists = [
    counts([120, 300, 80, 500], [100, 340, 90, 470]),
    counts([120, 300, 80, 500, 0], [100, 340, 90, 470, 12]),
    counts([5000, 3000, 1, 200], [4000, 3900, 0, 260]),
    counts([50, 50], [500, 500]),
    counts([400, 0, 0, 100], [300, 0, 100, 100]),
]
proportions = []
for n, rows, n2, rows2 in [(20, 1000, 44, 900), (0, 500, 7, 700), (500, 500, 499, 500), (3, 100_000, 2, 90_000)]:
    z, p = proportions_ztest([n2, n], [rows2, rows])
    a, b = np.repeat([0, 1], [rows - n, n]), np.repeat([0, 1], [rows2 - n2, n2])
    proportions.append({"n": n, "rows": rows, "n2": n2, "rows2": rows2, "z": float(z), "p": float(p), "evidently_p": score(z_stat_test, a, b, CATEGORICAL)})
p = np.concatenate([rng.random(12), rng.random(8) ** 6]).round(6)
steps = np.concatenate([rng.random(1000) < .1, rng.random(1500) < .35, rng.random(800) < .2]).astype(float)
x = rng.random(120).round(3)
y = (rng.random(120) < x ** 2).astype(float)
OUT.write_text(json.dumps({
    "samples": samples, "tails": tails, "counts": lists, "proportions": proportions,
    "p": p.tolist(), "q": stats.false_discovery_control(p).tolist(),
    "streams": [
        stream("stable", (rng.random(2000) < .2).astype(float)), stream("steps", steps),
        stream("errors", np.abs(np.concatenate([rng.normal(0, 1, 1200), rng.normal(0, 3, 900)])).round(5)),
        stream("ramp", np.abs(rng.normal(np.linspace(0, 4, 3000), 1)).round(5)),
    ],
    "isotonic": {"x": x.tolist(), "y": y.tolist(), "at": np.linspace(0, 1, 41).tolist(),
                 "values": IsotonicRegression(out_of_bounds="clip", y_min=0, y_max=1).fit(x, y).predict(np.linspace(0, 1, 41)).tolist()},
}) + "\n")
