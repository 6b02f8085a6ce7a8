"""Asks a server with tritonclient, over HTTP and gRPC; the endpoint flights of the
tests answers distance + 1000, and 0.5 more for JFK. Any surprise is an exception."""

import sys

import numpy as np
import tritonclient.grpc
import tritonclient.http
from tritonclient.utils import InferenceServerException

WANT = np.array([1010.5, 1020.25])


def tensors(kind, **json):
    values = {
        "distance": ("FP64", np.array([10, 20.25])),
        "origin": ("BYTES", np.array(["JFK", ""], dtype=object)),
        "departs": ("INT64", np.array(["2023-11-14T22:13:20", "NaT"], dtype="datetime64[us]").view(np.int64)),
    }
    out = []
    for name, (datatype, data) in values.items():
        t = kind.InferInput(name, list(data.shape), datatype)
        t.set_data_from_numpy(data, **json)
        out.append(t)
    return out


def refused(what, call, *args, **kwargs):
    try:
        call(*args, **kwargs)
    except InferenceServerException as e:
        assert what in str(e), (what, str(e))
        return str(e)
    raise AssertionError(f"{what}: it was answered")


def ask(kind, address):
    client = kind.InferenceServerClient(address)
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("flights")
    assert client.is_model_ready("flights", "3")
    if kind is tritonclient.grpc:
        refused("nobody", client.is_model_ready, "nobody")
    else:
        assert not client.is_model_ready("nobody")
    server, model = client.get_server_metadata(), client.get_model_metadata("flights")
    if kind is tritonclient.grpc:
        assert server.name == "esteira" and model.versions == ["3"] and model.inputs[1].datatype == "BYTES"
    else:
        assert server["name"] == "esteira" and model["versions"] == ["3"] and model["inputs"][1]["datatype"] == "BYTES"
        assert "binary_tensor_data" in server["extensions"]

    result = client.infer("flights", tensors(kind), request_id="mine", timeout=30_000_000)
    np.testing.assert_array_equal(result.as_numpy("prediction"), WANT)
    response = result.get_response()
    assert (response.id if kind is tritonclient.grpc else response["id"]) == "mine"
    wanted = [kind.InferRequestedOutput("prediction")]
    np.testing.assert_array_equal(client.infer("flights", tensors(kind), model_version="3", outputs=wanted).as_numpy("prediction"), WANT)

    explained = client.infer("flights", tensors(kind), parameters={"explain": True})
    contributions = explained.as_numpy("contributions")
    assert contributions.shape == (2, 1, 4), contributions.shape
    np.testing.assert_allclose(contributions.sum(axis=2)[:, 0], WANT, rtol=1e-12)

    refused("nobody", client.infer, "nobody", tensors(kind))
    refused("version 3", client.infer, "flights", tensors(kind), model_version="9")
    refused("departs", client.infer, "flights", tensors(kind)[:2])
    bad = tensors(kind)
    bad[0].set_data_from_numpy(np.array([1, np.inf]))
    refused("infinite", client.infer, "flights", bad)
    client.close()


def ask_json(address):
    client = tritonclient.http.InferenceServerClient(address)
    inputs = tensors(tritonclient.http)
    inputs[0].set_data_from_numpy(np.array([10, 20.25]), binary_data=False)
    inputs[1].set_data_from_numpy(np.array(["JFK", ""], dtype=object), binary_data=False)
    outputs = [tritonclient.http.InferRequestedOutput("prediction", binary_data=False)]
    np.testing.assert_array_equal(client.infer("flights", inputs, outputs=outputs).as_numpy("prediction"), WANT)
    client.close()


ask(tritonclient.http, sys.argv[1])
ask_json(sys.argv[1])
ask(tritonclient.grpc, sys.argv[2])
