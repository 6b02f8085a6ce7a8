"""Answers rows with JPMML's evaluator, and checks ONNX graphs with ONNX's own checker.

It reads one JSON object a line and answers each with one:

  {"pmml": PATH, "rows": [{COLUMN: number, text or null, ...}, ...]}
      -> {"answers": [{OUTPUT: value, ...} or {"error": why}, ...]}
  {"onnx": [PATH, ...]}
      -> {"errors": {PATH: why, ...}}

Either answers {"error": why} if it cannot say anything.
"""

import glob
import importlib.util
import json
import math
import os
import sys

evaluators = {}


def java():
    import jpype

    if not jpype.isJVMStarted():
        where = importlib.util.find_spec("jpmml_evaluator").submodule_search_locations[0]
        archives = sorted(glob.glob(os.path.join(where, "dependencies", "*.jar")))
        jpype.startJVM("-Xmx1g", "-XX:+UseSerialGC", "-Xss16m", classpath=archives, convertStrings=True)
    return jpype


def evaluate(path, rows):
    jpype = java()
    File = jpype.JClass("java.io.File")
    HashMap = jpype.JClass("java.util.HashMap")
    util = jpype.JClass("org.jpmml.evaluator.EvaluatorUtil")
    evaluator = jpype.JClass("org.jpmml.evaluator.LoadingModelEvaluatorBuilder")().load(File(path)).build()
    evaluator.verify()
    answers = []
    for row in rows:
        arguments = HashMap()
        for name, value in row.items():
            arguments.put(name, None if value is None else jpype.JDouble(value) if isinstance(value, (int, float)) else value)
        try:
            answer = {}
            for entry in util.decodeAll(evaluator.evaluate(arguments)).entrySet():
                value = entry.getValue()
                if value is not None:
                    value = str(value) if isinstance(value, str) else float(value)
                    value = str(value) if value in (math.inf, -math.inf) or value != value else value
                answer[str(entry.getKey())] = value
        except jpype.JException as e:
            answer = {"error": str(e)}
        answers.append(answer)
    return {"answers": answers}


def check(paths):
    import onnx

    errors = {}
    for path in paths:
        try:
            onnx.checker.check_model(path, full_check=True)
        except Exception as e:
            errors[path] = str(e)
    return {"errors": errors}


for line in sys.stdin:
    try:
        asked = json.loads(line)
        answer = evaluate(asked["pmml"], asked["rows"]) if "pmml" in asked else check(asked["onnx"])
    except Exception as e:
        answer = {"error": f"{type(e).__name__}: {e}"}
    print(json.dumps(answer), flush=True)
