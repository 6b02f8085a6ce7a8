"""Reference features for internal/feature, by scikit-learn.

    pip install -r bench/reference/requirements.txt
    python bench/reference/features.py

writes internal/feature/testdata/reference.json: one small table, and for each
case a feature of a pipeline file with the columns scikit-learn makes of it.
"""

import json
import pathlib
import warnings

import numpy as np
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold, f_classif, f_regression
from sklearn.impute import SimpleImputer
from sklearn.metrics import mutual_info_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (KBinsDiscretizer, MinMaxScaler, OneHotEncoder, OrdinalEncoder, PolynomialFeatures,
                                   PowerTransformer, RobustScaler, StandardScaler, TargetEncoder)

warnings.simplefilter("ignore")
OUT = pathlib.Path(__file__).resolve().parents[2] / "internal/feature/testdata/reference.json"
rng = np.random.default_rng(7)
N = 120


def missing(x, share):
    x = x.astype(object if x.dtype.kind == "U" else float)
    x[rng.random(len(x)) < share] = None if x.dtype == object else np.nan
    return x


names = np.array(["GRU", "JFK", "São Paulo", "LAX", "b", "a", "zz", "rare"])
words = ["late  flight", "Boeing 737-800", "", "ação", "x", "tail\t\n no", "✈ sky", "aaaa"]
table = {
    "skewed": missing(np.round(rng.lognormal(1, 1.2, N), 6), 0.1),
    "mixed": missing(np.round(rng.normal(-1, 3, N), 6), 0.08),
    "positive": np.round(rng.gamma(2, 3, N) + 0.1, 6),
    "few": rng.integers(0, 4, N).astype(float),
    "constant": np.full(N, 2.5),
    "code": missing(names[rng.choice(8, N, p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.08, 0.05, 0.02])], 0.06),
    "plain": names[rng.choice(8, N, p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.08, 0.05, 0.02])].astype(object),
    "remark": np.array(words, dtype=object)[rng.integers(0, 8, N)],
}
value = np.array([len(str(c)) for c in table["code"]]) + 0.3 * table["positive"]
targets = {
    "regression": np.round(value + rng.normal(0, 2, N), 6),
    "binary": (value + rng.normal(0, 2, N) > np.median(value)).astype(float),
    "multiclass": np.digitize(value + rng.normal(0, 2, N), np.quantile(value, [0.3, 0.7])).astype(float),
}
cases = []


def sparse(x):
    """Row, column and value of what is not 0."""
    return [[int(i), int(j), float(x[i, j])] for i, j in zip(*np.nonzero(x))]


def case(columns, apply, result, task="regression", **more):
    if hasattr(result, "fit_transform"):
        x = np.column_stack([table[c] for c in columns])
        result = result.fit(x, targets[task]).transform(x)
    result = np.asarray(result.toarray() if hasattr(result, "toarray") else result, dtype=float)
    assert np.isfinite(result).all(), apply
    cases.append({"feature": {"columns": columns, "apply": apply}, "task": task, "columns": result.shape[1], "output": sparse(result), **more})


numbers = ["skewed", "mixed"]
for strategy in ("mean", "median", "most_frequent"):
    case(numbers, [{"impute": {"strategy": strategy}}], SimpleImputer(strategy=strategy))
case(["skewed"], [{"impute": {"strategy": "constant", "value": -1.5, "indicator": True}}], SimpleImputer(strategy="constant", fill_value=-1.5, add_indicator=True))
case(["positive"], [{"impute": {"strategy": "mean", "indicator": True}}], SimpleImputer(add_indicator=True))
median = {"impute": {"strategy": "median"}}
impute = SimpleImputer(strategy="median")
case(numbers, [median, "standardize"], make_pipeline(impute, StandardScaler()))
for columns in (["positive"], ["few"], ["constant"]):
    case(columns, ["standardize"], StandardScaler())
    case(columns, ["min_max"], MinMaxScaler())
    case(columns, ["robust"], RobustScaler())
case(numbers, ["min_max", median], make_pipeline(MinMaxScaler(), impute))
case(numbers, [median, {"min_max": {"min": -1, "max": 3, "clip": True}}], make_pipeline(impute, MinMaxScaler((-1, 3), clip=True)))
case(numbers, ["robust", median], make_pipeline(RobustScaler(), impute))
case(numbers, [median, {"robust": {"lower": 10, "upper": 95}}], make_pipeline(impute, RobustScaler(quantile_range=(10, 95))))
case(numbers, [median, "power"], make_pipeline(impute, PowerTransformer()), tolerance=1e-5)
case(numbers + ["positive"], [{"power": {"standardize": False}}, median], make_pipeline(PowerTransformer(standardize=False), impute), tolerance=1e-5)
case(["positive"], [{"power": {"method": "box_cox"}}], PowerTransformer("box-cox"), tolerance=1e-5)
case(["constant"], ["power"], PowerTransformer())
for encode in ("onehot", "ordinal"):
    for strategy in ("quantile", "uniform"):
        for bins in (2, 5, 13):
            case(numbers + ["few", "constant"], [median, {"bin": {"strategy": strategy, "bins": bins, "encode": encode}}],
                 make_pipeline(impute, KBinsDiscretizer(bins, strategy=strategy, encode=encode)))
mode = SimpleImputer(strategy="most_frequent", missing_values=None)
case(["code"], [{"impute": {"strategy": "most_frequent"}}, "one_hot"], make_pipeline(mode, OneHotEncoder()))
case(["plain"], [{"one_hot": {"max_categories": 4}}], OneHotEncoder(max_categories=4))
case(["plain"], [{"one_hot": {"min_count": 12}}], OneHotEncoder(min_frequency=12))
case(["plain"], ["ordinal"], OrdinalEncoder())
case(["code"], [{"impute": {"strategy": "constant", "text": "none"}}, "ordinal"], make_pipeline(SimpleImputer(strategy="constant", fill_value="none", missing_values=None), OrdinalEncoder()))
for task, kind in (("regression", "continuous"), ("binary", "binary"), ("multiclass", "multiclass")):
    case(["code"], ["target_encode"], TargetEncoder(target_type=kind), task)
    case(["code", "plain"], [{"target_encode": {"smoothing": 7.5}}], TargetEncoder(smooth=7.5, target_type=kind), task)
    case(["plain"], [{"target_encode": {"smoothing": 0}}], TargetEncoder(smooth=0.0, target_type=kind), task)
share = {c: np.mean([v == c for v in table["plain"]]) for c in names}
case(["plain"], ["frequency"], np.array([[share[v]] for v in table["plain"]]))
for bits in (1, 5, 14):
    case(["code"], [{"hash": {"bits": bits}}], FeatureHasher(2**bits, input_type="string", alternate_sign=False).transform([[v] if v else [] for v in table["code"]]))
for low, high, bits in ((2, 3, 6), (1, 1, 3), (3, 5, 8)):
    case(["remark"], [{"ngrams": {"min": low, "max": high, "bits": bits}}],
         HashingVectorizer(analyzer="char", ngram_range=(low, high), n_features=2**bits, norm=None, alternate_sign=False, lowercase=False).transform(table["remark"]))
case(["remark"], ["text_length"], np.array([[len(v)] for v in table["remark"]]))
case(["positive", "few", "mixed"], [median, "polynomial"], make_pipeline(impute, PolynomialFeatures(2, include_bias=False)))
case(["positive", "few", "mixed"], [median, "standardize", {"polynomial": {"interaction_only": True}}],
     make_pipeline(impute, StandardScaler(), PolynomialFeatures(2, include_bias=False, interaction_only=True)))
with np.errstate(all="ignore"):
    s, p = table["skewed"], table["positive"]
    made = np.where(p > 5, np.minimum(s, p) / np.abs(table["few"] - 1), np.log(p) + np.sqrt(s))
    made[~np.isfinite(made)] = np.nan
    case(["positive", "skewed", "few"], [{"expr": {"name": "made", "formula": "if(positive > 5, min(skewed, positive) / abs(few - 1), log(positive) + sqrt(skewed))"}}, median], impute.fit_transform(made[:, None]))
    case(["mixed"], [{"clip": {"min": -2, "max": 1.5}}, median], impute.fit_transform(np.clip(table["mixed"], -2, 1.5)[:, None]))
    low, high = np.nanquantile(table["mixed"], [0.05, 0.9])
    case(["mixed"], [{"clip": {"lower": 0.05, "upper": 0.9}}, median], impute.fit_transform(np.clip(table["mixed"], low, high)[:, None]))

selections = []
x = np.column_stack([SimpleImputer(strategy="median").fit_transform(table[c][:, None]) for c in ("skewed", "mixed", "positive", "few", "constant")])
for task, score in (("regression", f_regression), ("binary", f_classif)):
    for k in (1, 2, 3):
        selections.append({"task": task, "select": {"top": k}, "kept": SelectKBest(score, k=k).fit(x[:, :4], targets[task]).get_support(True).tolist(), "columns": 4})
for threshold in (0.0, 1.5, 20.0):
    selections.append({"task": "regression", "select": {"variance": threshold}, "kept": VarianceThreshold(threshold).fit(x).get_support(True).tolist(), "columns": 5})


def cut(v, bins=3):
    """Codes of bins between quantiles, as 120 rows are cut: sqrt(120 / 10) bins."""
    return np.searchsorted(np.unique(np.quantile(v, np.arange(1, bins) / bins)), v, side="right")


def information(v, y):
    """Mutual information in nats with the correction of Miller (1955)."""
    table = contingency_matrix(y, v)
    cells = np.count_nonzero(table) + 1 - table.shape[0] - table.shape[1]
    return max(0.0, mutual_info_score(y, v) - cells / (2 * len(y)))


def uncorrelated(x, y, score, most):
    """Of a pair correlated above most, the one that explains less of y goes."""
    order, r, out = np.argsort(-score(x, y)[0], kind="stable"), np.abs(np.corrcoef(x, rowvar=False)), {}
    for rank, a in enumerate(order):
        for b in order[rank + 1:]:
            if a not in out and b not in out and r[a, b] > most:
                out[b] = r[a, b]
    return out


for task, score in (("regression", f_regression), ("binary", f_classif), ("multiclass", None)):
    y = targets[task]
    scores = [information(cut(v), cut(y) if task == "regression" else y) for v in x.T]
    for k in (1, 2, 3, 4):
        best = sorted(np.argsort(-np.array(scores), kind="stable")[:k].tolist())
        selections.append({"task": task, "select": {"mutual_information": k}, "kept": best, "columns": 5, "values": {str(i): v for i, v in enumerate(scores) if i not in best}})
    for most in (0.02, 0.08, 0.9) if score else ():
        gone = uncorrelated(x[:, :4], y, score, most)
        selections.append({"task": task, "select": {"correlation": most}, "kept": [i for i in range(4) if i not in gone], "columns": 4, "values": {str(i): v for i, v in gone.items()}})

clean = {name: [None if v is None or v != v else v for v in column.tolist()] for name, column in table.items()}
OUT.parent.mkdir(exist_ok=True)
OUT.write_text(json.dumps({"table": clean, "targets": {k: v.tolist() for k, v in targets.items()}, "cases": cases, "selections": selections}, separators=(",", ":")) + "\n")
