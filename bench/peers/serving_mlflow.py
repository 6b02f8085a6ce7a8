"""The graph as a pyfunc model of MLflow, from code."""

import mlflow
from mlflow.models import set_model

from serving_graph import Graph, path


class Model(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.graph = Graph(path())

    def predict(self, context, model_input, params=None):
        return self.graph.predict({name: model_input[name].to_numpy() for name in model_input.columns})


set_model(Model())
