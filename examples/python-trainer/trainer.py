"""Fits LightGBM behind scikit-learn's imputation and one-hot encoding, and converts
the whole of it to ONNX, so that raw columns go in and nothing of this file is needed
to answer. It knows nothing of Temporal: worker.py does."""

import html

import numpy as np
import pandas
import pyarrow.parquet as parquet
from lightgbm import LGBMClassifier, LGBMRegressor, early_stopping
from lightgbm import __version__ as lightgbm_version
from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FRAMEWORK = f"lightgbm {lightgbm_version}"
OPSET = {"": 17, "ai.onnx.ml": 3}
LEAST = np.iinfo(np.int64).min  # a missing time

# What a search may choose, by LightGBM's names; whole numbers arrive as 3.0.
WHOLE = {"n_estimators", "num_leaves", "max_depth", "min_child_samples", "subsample_freq", "max_bin"}
REAL = {"learning_rate", "min_split_gain", "min_child_weight", "subsample", "colsample_bytree", "reg_alpha", "reg_lambda"}

update_registered_converter(
    LGBMClassifier, "LightGbmLGBMClassifier", calculate_linear_classifier_output_shapes, convert_lightgbm,
    options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
)
update_registered_converter(
    LGBMRegressor, "LightGbmLGBMRegressor", calculate_linear_regressor_output_shapes, convert_lightgbm,
    options={"split": None},
)


class Unusable(ValueError):
    """A request that no retry makes better."""


def columns(path, request):
    """The inputs, target and weights of a Parquet file, as the ONNX model will be
    given them: a missing text is empty, a missing number NaN, a time microseconds."""
    table = parquet.read_table(path)
    inputs = {}
    for column in request["signature"]:
        values = table.column(column["name"])
        if column["type"] == "number":
            inputs[column["name"]] = values.to_numpy().astype(np.float32)
        elif column["type"] == "text":
            inputs[column["name"]] = np.array([v or "" for v in values.to_pylist()], dtype=object)
        else:
            inputs[column["name"]] = values.cast("timestamp[us]").cast("int64").fill_null(LEAST).to_numpy()
    target = table.column(request["target"])
    if request["task"] == "regression":
        y = target.to_numpy().astype(np.float64)
    else:
        order = {name: i for i, name in enumerate(request["classes"])}
        y = np.array([order[v] for v in target.to_pylist()], dtype=np.int64)
    weight = table.column(request["weight"]).to_numpy() if request.get("weight") else np.ones(len(y))
    return pandas.DataFrame(inputs), y, weight.astype(np.float64)


def parameters(request):
    chosen = {"verbose": -1, "n_jobs": 1, "deterministic": True, "force_row_wise": True, "random_state": request["seed"] % 2**31}
    for name, value in request["parameters"].items():
        if name not in WHOLE | REAL:
            raise Unusable(f"no parameter {name!r}: use any of {', '.join(sorted(WHOLE | REAL))}")
        chosen[name] = round(value) if name in WHOLE else value
    return chosen


def named(signature, kind):
    return [c["name"] for c in signature if c["type"] == kind]


def prepared(signature):
    parts = [
        ("number", SimpleImputer(strategy="median", keep_empty_features=True), named(signature, "number")),
        ("text", OneHotEncoder(handle_unknown="ignore", sparse_output=False), named(signature, "text")),
        ("time", StandardScaler(), named(signature, "time")),
    ]
    return ColumnTransformer([part for part in parts if part[2]])


def every_class(x, y, weight, classes):
    """Rows with as good as no weight for classes the fold has none of, so that the
    model has a probability for each."""
    missing = sorted(set(range(classes)) - set(y.tolist()))
    if missing:
        x = pandas.concat([x] + [x.iloc[:1]] * len(missing), ignore_index=True)
        y = np.concatenate([y, missing])
        weight = np.concatenate([weight, np.full(len(missing), 1e-9)])
    return x, y, weight


def fit(request, train, validation, progress):
    """The ONNX model, what it comes to on the rows held out, and a page about it.
    progress(done, of) is called after each round."""
    x, y, weight = columns(train, request)
    held, held_y, held_weight = columns(validation, request)
    chosen = parameters(request)
    rounds = chosen.setdefault("n_estimators", 100)
    classification = request["task"] != "regression"
    if classification:
        x, y, weight = every_class(x, y, weight, len(request["classes"]))
    features = prepared(request["signature"])
    learner = (LGBMClassifier if classification else LGBMRegressor)(**chosen)

    def after(env):
        progress(env.iteration + 1, rounds)

    watched = {}
    callbacks = [after]
    if len(held):
        features.fit(x)
        watched = {"eval_X": features.transform(held), "eval_y": held_y, "eval_sample_weight": [held_weight]}
        callbacks.append(early_stopping(20, verbose=False))
    learner.fit(features.fit_transform(x), y, sample_weight=weight, callbacks=callbacks, **watched)
    model = Pipeline([("features", features), ("learner", learner)])
    came_to = metrics(request, model, held, held_y, held_weight)
    return exported(request, model), came_to, report(request, features, learner, came_to)


def exported(request, model):
    tensor = {"number": FloatTensorType, "text": StringTensorType, "time": Int64TensorType}
    inputs = [(c["name"], tensor[c["type"]]([None, 1])) for c in request["signature"]]
    if request["task"] == "regression":
        graph = convert_sklearn(model, "model", inputs, target_opset=OPSET, final_types=[("prediction", FloatTensorType([None, 1]))])
    else:
        graph = convert_sklearn(model, "model", inputs, target_opset=OPSET, options={id(model.steps[-1][1]): {"zipmap": False}})
        # The label is a number here, and Esteira knows itself which class is best.
        graph.graph.output.remove(next(o for o in graph.graph.output if o.name == "label"))
    return graph.SerializeToString()


def metrics(request, model, x, y, weight):
    if not len(x):
        return {}
    if request["task"] == "regression":
        error = model.predict(x) - y
        return {"rmse": float(np.sqrt(np.average(error**2, weights=weight))), "mae": float(np.average(np.abs(error), weights=weight))}
    p = model.predict_proba(x)
    right = np.clip(p[np.arange(len(y)), y], 1e-15, 1)
    return {
        "log_loss": float(-np.average(np.log(right), weights=weight)),
        "accuracy": float(np.average(p.argmax(axis=1) == y, weights=weight)),
    }


def report(request, features, learner, came_to):
    """A page for people, in HTML that needs no script. What it says depends on the fit
    alone, so that the same fit gives the same page."""
    booster = learner.booster_
    gains = booster.feature_importance(importance_type="gain")
    gain = sorted(zip(features.get_feature_names_out(), gains), key=lambda pair: (-pair[1], pair[0]))[:30]
    facts = [("task", request["task"]), ("target", request["target"]), ("rows", request["train"]["rows"]), ("rows held out", request["validation"]["rows"])]
    parts = [
        ("The fit", facts + [("trees", booster.num_trees()), ("stopped at round", learner.best_iteration_ or "the last")]),
        ("Parameters", sorted(request["parameters"].items())),
        ("On the rows held out", sorted(came_to.items())),
        ("What it learnt from, by gain", [(name, f"{value:.6g}") for name, value in gain]),
    ]
    page = [f'<!doctype html><meta charset="utf-8"><title>{FRAMEWORK}</title><style>body {{ font: 15px sans-serif }} td {{ padding: 2px 12px }}</style>', f"<h1>{FRAMEWORK}</h1>"]
    for title, rows in parts:
        cells = "".join(f"<tr><td>{html.escape(str(name))}<td>{html.escape(str(value))}" for name, value in rows)
        page.append(f"<h2>{title}</h2><table>{cells}</table>")
    return "\n".join(page).encode()
