#!/bin/sh
# Regenerates onnx-ml.pb.go from onnx-ml.proto. Needs python3 and go; everything
# else is pinned here and lands in a temporary directory.
#
#   ./generate.sh          generate from the committed .proto
#   ./generate.sh --fetch  take the .proto of the pinned onnx package first
set -eu
ONNX=1.23.2
GRPCIO_TOOLS=1.85.1
PROTOC_GEN_GO=v1.36.12

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q "grpcio-tools==$GRPCIO_TOOLS"
if [ "${1:-}" = --fetch ]; then
	"$work/venv/bin/pip" install -q --no-deps "onnx==$ONNX"
	cp "$("$work/venv/bin/python" -c 'import importlib.util as u; print(u.find_spec("onnx").submodule_search_locations[0])')/onnx-ml.proto" "$here/onnx-ml.proto"
fi
GOBIN="$work/bin" go install "google.golang.org/protobuf/cmd/protoc-gen-go@$PROTOC_GEN_GO"
cd "$here"
PATH="$work/bin:$PATH" "$work/venv/bin/python" -m grpc_tools.protoc -I . \
	--go_out=. --go_opt=paths=source_relative \
	--go_opt=Monnx-ml.proto=github.com/esteira-ml/esteira/internal/onnx/onnxpb \
	onnx-ml.proto
gofmt -l .
