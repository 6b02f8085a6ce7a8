#!/bin/sh
# Regenerates *.pb.go from open_inference.proto. Needs python3 and go; everything
# else is pinned here and lands in a temporary directory.
set -eu
GRPCIO_TOOLS=1.85.1
PROTOC_GEN_GO=v1.36.12
PROTOC_GEN_GO_GRPC=v1.6.1

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q "grpcio-tools==$GRPCIO_TOOLS"
GOBIN="$work/bin" go install "google.golang.org/protobuf/cmd/protoc-gen-go@$PROTOC_GEN_GO"
GOBIN="$work/bin" go install "google.golang.org/grpc/cmd/protoc-gen-go-grpc@$PROTOC_GEN_GO_GRPC"
cd "$here"
package=github.com/esteira-ml/esteira/internal/serving/oip
PATH="$work/bin:$PATH" "$work/venv/bin/python" -m grpc_tools.protoc -I . \
	--go_out=. --go_opt=paths=source_relative --go_opt=Mopen_inference.proto=$package \
	--go-grpc_out=. --go-grpc_opt=paths=source_relative --go-grpc_opt=Mopen_inference.proto=$package \
	open_inference.proto
gofmt -l .
