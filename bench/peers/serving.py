"""Data, requests and checks of the serving section.

serving.py make DIRECTORY ROWS    the table, two pipeline files and the requests
serving.py model DIRECTORY        what MLServer and MLflow start from
serving.py same KIND URL DIRECTORY  waits for a server, and compares its answers with ONNX Runtime's
"""

import json
import os
import sys
import time
import urllib.request

import numpy

WIDTH = 20
TRIED = 256


def requests(x):
    names = [f"x{j}" for j in range(WIDTH)]
    tensors = [{"name": n, "shape": [len(x), 1], "datatype": "FP64", "data": [float(v) for v in x[:, j]]} for j, n in enumerate(names)]
    return {"v2": {"inputs": tensors}, "split": {"dataframe_split": {"columns": names, "data": [[float(v) for v in row] for row in x]}}}


def make(directory, rows):
    import pyarrow
    import pyarrow.parquet

    r = numpy.random.default_rng(7)
    # What float32 holds exactly: the graph's trees and ours then ask the same question.
    x = r.normal(size=(rows, WIDTH)).astype(numpy.float32).astype(numpy.float64)
    y = x[:, 0] * 3 + numpy.sin(3 * x[:, 1]) * 2 + x[:, 2] * x[:, 3] + numpy.where(x[:, 4] > 0.3, 2, 0) + r.normal(size=rows) * 0.3
    table = pyarrow.table({**{f"x{j}": x[:, j] for j in range(WIDTH)}, "y": y})
    pyarrow.parquet.write_table(table, os.path.join(directory, "rows.parquet"))
    for trees in (100, 99):  # two versions of one model, to swap
        with open(os.path.join(directory, f"{trees}.yaml"), "w") as f:
            f.write(f"""name: serving
problem: {{task: regression, target: y}}
sources: {{rows: {{path: rows.parquet}}}}
train:
  folds: 2
  candidates: [{{kind: boosted_trees, grid: {{max_iter: [{trees}], max_depth: [6]}}}}]
evaluate: {{gates: [{{against: baseline}}]}}
""")
    for name, n in (("one", 1), ("many", TRIED)):
        for kind, body in requests(x[:n]).items():
            with open(os.path.join(directory, f"{name}.{kind}.json"), "w") as f:
                json.dump(body, f)


def model(directory):
    import mlflow

    here = os.path.dirname(os.path.abspath(__file__))
    mlflow.pyfunc.save_model(os.path.join(directory, "mlflow"), python_model=os.path.join(here, "serving_mlflow.py"), pip_requirements=[])
    served = os.path.join(directory, "mlserver")
    os.makedirs(served)
    http, grpc, metrics = (int(p) for p in os.environ["MLSERVER_PORTS"].split())
    with open(os.path.join(served, "settings.json"), "w") as f:
        json.dump({"host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics, "parallel_workers": os.cpu_count(), "debug": False, "metrics_dir": served}, f)
    with open(os.path.join(served, "model-settings.json"), "w") as f:
        json.dump({"name": "serving", "implementation": "serving_mlserver.Runtime"}, f)


def answers(said):
    if "predictions" in said:
        return said["predictions"]
    return next(o for o in said["outputs"] if o["name"] == "prediction")["data"]


def same(kind, url, directory):
    with open(os.path.join(directory, f"many.{kind}.json"), "rb") as f:
        body = f.read()
    for left in range(600, -1, -1):  # the slowest takes half a minute to start
        try:
            asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            with urllib.request.urlopen(asked, timeout=30) as answer:
                got = answers(json.load(answer))
            break
        except OSError:
            if left == 0:
                raise
            time.sleep(0.2)
    from serving_graph import Graph, path

    with open(os.path.join(directory, "many.v2.json")) as f:
        want = Graph(path()).predict({t["name"]: t["data"] for t in json.load(f)["inputs"]})
    numpy.testing.assert_allclose(numpy.asarray(got, dtype=float).reshape(-1), want, rtol=1e-5, atol=1e-5)
    print(json.dumps({"rows": len(want), "largest_difference": float(numpy.abs(numpy.asarray(got, dtype=float).reshape(-1) - want).max())}))


if __name__ == "__main__":
    {"make": lambda d, n: make(d, int(n)), "model": model, "same": same}[sys.argv[1]](*sys.argv[2:])
