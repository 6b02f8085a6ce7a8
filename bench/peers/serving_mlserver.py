"""The graph as a runtime of MLServer's own kind."""

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from serving_graph import Graph, path


class Runtime(MLModel):
    async def load(self) -> bool:
        self.graph = Graph(path())
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        answer = self.graph.predict({t.name: NumpyCodec.decode_input(t) for t in payload.inputs})
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("prediction", answer)])
