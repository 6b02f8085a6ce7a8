# The prediction server.
FROM golang:1.26.8-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ENV CGO_ENABLED=1
RUN mkdir /out && go build -trimpath -o /out/esteira-server ./server

# ONNX Runtime's library from the wheel that the local stack uses, checked by pip
# against the same hashes.
FROM python:3.12.11-slim-bookworm AS onnxruntime
COPY deploy/stack/onnxruntime/requirements.txt /requirements.txt
RUN pip download --no-deps --only-binary :all: --require-hashes --dest /wheels --requirement /requirements.txt \
    && python -m zipfile --extract /wheels/*.whl /wheel \
    && mkdir /out && cp /wheel/onnxruntime/capi/libonnxruntime.so.* /out/libonnxruntime.so

FROM debian:12.12-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates curl libstdc++6 tzdata \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --create-home --home-dir /esteira esteira
COPY --from=onnxruntime /out/ /usr/local/lib/
COPY --from=build /out/ /usr/local/bin/
ENV ONNXRUNTIME_LIB=/usr/local/lib/libonnxruntime.so
USER esteira
WORKDIR /esteira
EXPOSE 8090
ENTRYPOINT ["esteira-server"]
