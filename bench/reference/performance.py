"""Reference figures of performance without labels for internal/drift, by NannyML's
confidence-based estimates and scikit-learn's log loss.

    pip install -r bench/reference/performance.requirements.txt
    python bench/reference/performance.py

writes internal/drift/testdata/performance.json.
"""

import json
import pathlib

import numpy as np
from nannyml.performance_estimation.confidence_based import metrics as m
from sklearn.metrics import brier_score_loss, log_loss
from sklearn.preprocessing import label_binarize

OUT = pathlib.Path(__file__).resolve().parents[2] / "internal/drift/testdata/performance.json"
rng = np.random.default_rng(5)
n = 400
p = rng.permutation(np.linspace(0.01, 0.99, n)) ** 1.5  # distinct: NannyML shares no ranks
c = np.clip(p * 0.9 + 0.03, 0, 1)
hard = (p > 0.5).astype(int)
rows, labels = np.arange(2 * n) % n, np.repeat([0, 1], n)  # each row as both, weighed
weights = np.concatenate([1 - c, c])
binary = {
    "accuracy": m.estimate_accuracy(hard, c), "precision": m.estimate_precision(hard, c), "recall": m.estimate_recall(hard, c),
    "f1": m.estimate_f1(hard, c), "roc_auc": m.estimate_roc_auc(c, p), "average_precision": m.estimate_ap(c, p),
    "log_loss": log_loss(labels, p[rows], sample_weight=weights), "brier": brier_score_loss(labels, p[rows], sample_weight=weights),
}
k = 3
q = rng.dirichlet([1, 2, 1.5], n)
t = (q + 0.1) / (1 + 0.1 * k)
answered = label_binarize(q.argmax(axis=1), classes=range(k)).T
multi = {
    "accuracy": float(np.mean(t[np.arange(n), q.argmax(axis=1)])),
    "macro_precision": np.mean([m.estimate_precision(answered[j], t[:, j]) for j in range(k)]),
    "macro_recall": np.mean([m.estimate_recall(answered[j], t[:, j]) for j in range(k)]),
    "macro_f1": np.mean([m.estimate_f1(answered[j], t[:, j]) for j in range(k)]),
    "macro_roc_auc": np.mean([m.estimate_roc_auc(t[:, j], q[:, j]) for j in range(k)]),
}
OUT.write_text(json.dumps({
    "binary": {"predicted": np.column_stack([1 - p, p]).ravel().tolist(), "calibrated": np.column_stack([1 - c, c]).ravel().tolist(),
               "metrics": {name: float(v) for name, v in binary.items()}},
    "multiclass": {"predicted": q.ravel().tolist(), "calibrated": t.ravel().tolist(), "metrics": {name: float(v) for name, v in multi.items()}},
}) + "\n")
