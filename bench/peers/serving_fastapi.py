"""The graph behind FastAPI, as one writes it by hand: the request of the Open
Inference Protocol v2, and its answer."""

from fastapi import FastAPI
from pydantic import BaseModel

from serving_graph import Graph, path


class Tensor(BaseModel):
    name: str
    shape: list[int]
    datatype: str
    data: list[float]


class Request(BaseModel):
    inputs: list[Tensor]


app = FastAPI()
graph = Graph(path())


@app.post("/v2/models/serving/infer")
def infer(request: Request):
    answer = graph.predict({t.name: t.data for t in request.inputs})
    return {"model_name": "serving", "outputs": [{"name": "prediction", "shape": [len(answer)], "datatype": "FP64", "data": answer.tolist()}]}
