"""The ONNX graph that every server answers with, in ONNX Runtime: a thread for each
request, as each server has processes of its own."""

import os

import numpy
import onnxruntime

KINDS = {"tensor(float)": numpy.float32, "tensor(double)": numpy.float64}


class Graph:
    def __init__(self, path):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.inputs = [(i.name, KINDS[i.type]) for i in self.session.get_inputs()]
        self.output = self.session.get_outputs()[0].name

    def predict(self, columns):
        """Answers rows given by columns, {name: values}."""
        feed = {name: numpy.asarray(columns[name], dtype=kind).reshape(-1, 1) for name, kind in self.inputs}
        return self.session.run([self.output], feed)[0].reshape(-1)


def path():
    return os.environ["GRAPH"]
