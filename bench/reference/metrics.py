"""Reference metrics for internal/evaluation, by scikit-learn.

    pip install -r bench/reference/requirements.txt
    python bench/reference/metrics.py

writes internal/evaluation/testdata/reference.json.
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn import metrics as m

OUT = pathlib.Path(__file__).resolve().parents[2] / "internal/evaluation/testdata/reference.json"
warnings.simplefilter("ignore")
rng = np.random.default_rng(7)


def regression(y, p, w):
    out = {
        "rmse": m.root_mean_squared_error(y, p, sample_weight=w), "mae": m.mean_absolute_error(y, p, sample_weight=w),
        "r2": m.r2_score(y, p, sample_weight=w), "mape": m.mean_absolute_percentage_error(y, p, sample_weight=w),
        "smape": np.average(2 * np.abs(y - p) / (np.abs(y) + np.abs(p)), weights=w),
        "median_absolute_error": m.median_absolute_error(y, p, sample_weight=w),
        "max_error": m.max_error(y if w is None else y[w > 0], p if w is None else p[w > 0]),
    }
    for alpha in (10, 50, 90):
        out[f"pinball_{alpha}"] = m.mean_pinball_loss(y, p, sample_weight=w, alpha=alpha / 100)
    if (y >= 0).all() and (p > 0).all():
        out["poisson_deviance"] = m.mean_poisson_deviance(y, p, sample_weight=w)
    return out


def ece(y, p, w):
    """Expected calibration error over 10 bins of equal width (Naeini et al. 2015)."""
    bins, gap = np.minimum((p * 10).astype(int), 9), 0.0
    for b in range(10):
        rows = bins == b
        if w[rows].sum() > 0:
            gap += w[rows].sum() * abs(np.average(y[rows], weights=w[rows]) - np.average(p[rows], weights=w[rows]))
    return gap / w.sum()


def binary(y, p, w):
    hard, q = np.argmax(p, axis=1), p[:, 1]
    return {
        "log_loss": m.log_loss(y, p, labels=[0, 1], sample_weight=w), "brier": m.brier_score_loss(y, q, sample_weight=w),
        "accuracy": m.accuracy_score(y, hard, sample_weight=w), "precision": m.precision_score(y, hard, sample_weight=w),
        "recall": m.recall_score(y, hard, sample_weight=w), "f1": m.f1_score(y, hard, sample_weight=w),
        "roc_auc": m.roc_auc_score(y, q, sample_weight=w), "average_precision": m.average_precision_score(y, q, sample_weight=w),
        "balanced_accuracy": m.balanced_accuracy_score(y, hard, sample_weight=w), "mcc": m.matthews_corrcoef(y, hard, sample_weight=w),
        "ece": ece(y, q, np.ones(len(y)) if w is None else w),
    }


def top_label_ece(y, p, w):
    """ece of the answered class and whether it is right (Guo et al. 2017)."""
    hard = np.argmax(p, axis=1)
    return ece((y == hard).astype(float), p[np.arange(len(y)), hard], w)


def multiclass(y, p, w):
    hard, classes = np.argmax(p, axis=1), p.shape[1]
    out = {
        "log_loss": m.log_loss(y, p, labels=range(classes), sample_weight=w), "accuracy": m.accuracy_score(y, hard, sample_weight=w),
        "balanced_accuracy": m.balanced_accuracy_score(y, hard, sample_weight=w),
        "micro_f1": m.f1_score(y, hard, average="micro", sample_weight=w),
        "ece": top_label_ece(y, p, np.ones(len(y)) if w is None else w),
    }
    for average in ("macro", "weighted"):
        for name, score in (("f1", m.f1_score), ("precision", m.precision_score), ("recall", m.recall_score)):
            out[f"{average}_{name}"] = score(y, hard, average=average, sample_weight=w)
    if classes > 3:
        out["top_3_accuracy"] = m.top_k_accuracy_score(y, p, k=3, labels=range(classes), sample_weight=w)
    if len(set(y)) == classes:
        out["macro_roc_auc"] = m.roc_auc_score(y, p, multi_class="ovr", average="macro", labels=range(classes), sample_weight=w)
    return out


def case(task, score, y, p, classes=0, w=None):
    y, p = np.asarray(y), np.asarray(p, float)
    return {
        "task": task, "classes": classes, "y": list(map(float, y)), "predictions": list(map(float, p.ravel())),
        "weights": None if w is None else list(map(float, w)), "scores": {k: float(v) for k, v in score(y, p, w).items()},
    }


def probabilities(rows, classes, y, skill):
    z = rng.normal(size=(rows, classes))
    z[np.arange(rows), y] += skill
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return p / p.sum(axis=1, keepdims=True)


def both(task, score, y, p, classes=0):
    """The case without weights, and with weights of which some are 0."""
    w = np.round(rng.exponential(size=len(y)), 3) * (rng.random(len(y)) < 0.9)
    w[:2] = 1.5
    return [case(task, score, y, p, classes), case(task, score, y, p, classes, w)]


cases = []
for n in (1 + 1, 37, 200):
    y = rng.normal(size=n) * 30 + 10
    cases += both("regression", regression, y, y + rng.normal(size=n) * 8)
y = rng.poisson(4, 120) + 1.0
cases += both("regression", regression, y, y * np.exp(rng.normal(size=120) / 4))
y = rng.integers(0, 2, 150)
cases += both("binary", binary, y, probabilities(150, 2, y, 1.0), 2)
p1 = np.round(probabilities(150, 2, y, 0.5)[:, 1], 1)  # ties, and 0 and 1
cases += both("binary", binary, y, np.column_stack([1 - p1, p1]), 2)
cases += both("binary", binary, y, np.tile([0.6, 0.4], (150, 1)), 2)  # no positive predicted
for classes in (3, 6):
    y = rng.integers(0, classes, 180)
    cases += both("multiclass", multiclass, y, probabilities(180, classes, y, 1.2), classes)
y = rng.integers(0, 3, 60)  # classes 3 and 4 do not occur; 3 is predicted
cases += both("multiclass", multiclass, y, probabilities(60, 5, y, 0.3), 5)
y = np.array([0, 1, 2, 2])
cases += both("multiclass", multiclass, y, np.eye(3)[[0, 1, 2, 1]], 3)  # certain and wrong
OUT.write_text(json.dumps(cases) + "\n")
