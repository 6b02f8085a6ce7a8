"""A table scored by a plain loop: batches of pyarrow, ONNX Runtime, and pyarrow again.

score.py csv FROM TO           a Parquet file as CSV
score.py loop GRAPH FROM TO    the answers of an ONNX graph over the columns of a table, written
                               behind them; prints rows, seconds and the peak of memory as JSON
score.py same ONE OTHER        whether two tables of answers, as Parquet, are the same to 1e-9
"""

import json
import os
import resource
import sys
import time

import numpy
import pyarrow
import pyarrow.csv
import pyarrow.parquet

BATCH = 65_536


def batches(path):
    if path.endswith(".csv"):
        yield from pyarrow.csv.open_csv(path, pyarrow.csv.ReadOptions(block_size=8 << 20))
    else:
        yield from pyarrow.parquet.ParquetFile(path).iter_batches(BATCH)


def fed(column, kind):
    """A column as the graph takes it: missing numbers are NaN, texts empty, times the least int64."""
    if kind == "tensor(string)":
        return column.cast(pyarrow.string()).fill_null("").to_numpy(zero_copy_only=False).reshape(-1, 1)
    if kind == "tensor(int64)":
        return column.cast(pyarrow.timestamp("us")).cast(pyarrow.int64()).fill_null(-(2**63)).to_numpy(zero_copy_only=False).reshape(-1, 1)
    return column.cast(pyarrow.float64()).to_numpy(zero_copy_only=False).astype({"tensor(float)": numpy.float32, "tensor(double)": numpy.float64}[kind]).reshape(-1, 1)


def loop(graph, source, target):
    import onnxruntime

    begun = time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("THREADS", os.cpu_count()))
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    output, rows, writer, total = session.get_outputs()[0].name, 0, None, 0.0
    for batch in batches(source):
        said = session.run([output], {i.name: fed(batch.column(i.name), i.type) for i in session.get_inputs()})[0].reshape(-1)
        answered = batch.append_column("prediction", pyarrow.array(said))
        if writer is None:
            writer = pyarrow.csv.CSVWriter(target, answered.schema) if target.endswith(".csv") else pyarrow.parquet.ParquetWriter(target, answered.schema, compression="zstd")
        writer.write_batch(answered)
        rows, total = rows + len(said), total + float(said.sum(dtype=numpy.float64))
    writer.close()
    print(json.dumps({"rows": rows, "seconds": time.perf_counter() - begun, "mean": total / rows, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))


def same(one, other):
    a, b = (pyarrow.parquet.read_table(path, columns=["prediction"])["prediction"].to_numpy() for path in (one, other))
    difference = float(numpy.abs(a - b).max()) if len(a) == len(b) else float("inf")
    if not difference <= 1e-9 * max(1.0, float(numpy.abs(b).max())):
        sys.exit(f"{len(a)} and {len(b)} answers, which differ by {difference}")
    print(json.dumps({"rows": len(a), "largest_difference": difference}))


if sys.argv[1] == "same":
    same(*sys.argv[2:])
elif sys.argv[1] == "csv":
    pyarrow.csv.write_csv(pyarrow.parquet.read_table(sys.argv[2]), sys.argv[3])
else:
    loop(*sys.argv[2:])
