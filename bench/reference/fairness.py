"""Reference figures of fairness for internal/evaluation, by fairlearn.

    pip install -r bench/reference/requirements.txt
    python bench/reference/fairness.py

writes internal/evaluation/testdata/fairness.json.
"""

import json
import pathlib

import numpy as np
from fairlearn import metrics as f

OUT = pathlib.Path(__file__).resolve().parents[2] / "internal/evaluation/testdata/fairness.json"
rng = np.random.default_rng(11)
n = 240
group = rng.choice(3, n, p=[0.5, 0.3, 0.2])
p = np.clip(rng.random(n) + (group == 1) * 0.15, 0, 1).round(3)
y = (rng.random(n) < p).astype(int)
w = rng.exponential(size=n).round(3)
hard = (p > 0.5).astype(int)
of = {"selection_rate": f.selection_rate, "true_positive_rate": f.true_positive_rate, "false_positive_rate": f.false_positive_rate}
table = f.MetricFrame(metrics=of, y_true=y, y_pred=hard, sensitive_features=group, sample_params={k: {"sample_weight": w} for k in of}).by_group
OUT.write_text(json.dumps({
    "y": y.tolist(), "p": p.tolist(), "weights": w.tolist(), "group": group.tolist(),
    "groups": {"abc"[g]: {k: float(v) for k, v in row.items()} for g, row in table.iterrows()},
    "gaps": {
        "demographic_parity_difference": float(f.demographic_parity_difference(y, hard, sensitive_features=group, sample_weight=w)),
        "equalized_odds_difference": float(f.equalized_odds_difference(y, hard, sensitive_features=group, sample_weight=w)),
    },
}) + "\n")
