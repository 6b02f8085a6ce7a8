// Package telemetry owns what the prediction server tells machines of itself: metrics
// for Prometheus and traces for OpenTelemetry. Both are made of a
// serving.Observation, after the answer left; they cost the request path nothing but
// a few clock readings.
//
// Metrics have the names that users of Triton (nv_inference_*) and MLServer
// (model_infer_request_*) know where these fit, with the label role beside theirs;
// what only this server has begins with esteira_. Among these are gauges of what the
// monitor came to in the last window of each endpoint, read from the metadata store
// when they are asked for: any server tells them.
package telemetry
