"""The accuracy of the examples beside scikit-learn and XGBoost."""

import json
import os


def text(out):
    """A row an example: the problem's metric on its test rows, ours and theirs."""
    found = {}
    with open(os.path.join(out, "accuracy.jsonl")) as f:
        for line in map(json.loads, f):
            found.setdefault(line["example"], {})[line["peer"]] = line
    versions = ", ".join(f"{peer} {line['version']}" for peer, line in next(iter(found.values())).items() if peer != "esteira")
    said = f"""## Accuracy of the examples

{os.environ["BENCH_STAMP"]} Each example through the whole line (`esteira run examples/…`), beside [what a careful team would write](peers/accuracy.py) with {versions}, on the same rows: the Parquet files of the run's own split. Everyone learns from the training rows, searches by cross-validation on them and reads the test rows once; the validation rows choose among our kinds of model and stop our trees and XGBoost, cross-validation chooses among scikit-learn's. The metric is an error, less is better; in brackets the 95 % interval of ours over resamples of the test rows; "beside the better" is how much more (+) or less (−) than the better peer's it is.

| example | metric | baseline | Esteira | scikit-learn | XGBoost | beside the better |
|---|---|---:|---:|---:|---:|---:|
"""
    for example, by in found.items():
        ours, metric = by["esteira"], by["esteira"]["metric"]
        mine = ours["test"][metric]
        theirs = {peer: by[peer]["test"][metric] for peer in ("scikit-learn", "XGBoost")}
        low, high = ours["interval"]
        said += (f"| {example}, {ours['rows']['test']:,} test rows | {metric} | {ours['baseline'][metric]:.4f} | {mine:.4f} ({low:.4f} to {high:.4f}), {ours['kind']} | "
                 f"{theirs['scikit-learn']:.4f}, {by['scikit-learn']['kind']} | {theirs['XGBoost']:.4f} | {100 * (mine / min(theirs.values()) - 1):+.1f} % |\n")
    said += "\n| example | also, on the test rows | Esteira | scikit-learn | XGBoost | search, s: Esteira | scikit-learn | XGBoost |\n|---|---|---:|---:|---:|---:|---:|---:|\n"
    for example, by in found.items():
        other = next(m for m in ("roc_auc", "accuracy", "r2") if m in by["XGBoost"]["test"])
        cells = [f"{by[peer]['test'][other]:.4f}" for peer in ("esteira", "scikit-learn", "XGBoost")] + [f"{by[peer]['seconds']:.1f}" for peer in ("esteira", "scikit-learn", "XGBoost")]
        said += f"| {example} | {other} | {' | '.join(cells)} |\n"
    return said
