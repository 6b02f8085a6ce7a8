package console

import "net/http"

// object is a JSON object.
type object = map[string]any

// openAPI describes what other programs may ask (OpenAPI 3.1).
func openAPI() object {
	text, name := object{"type": "string"}, object{"name": "name", "in": "path", "required": true, "schema": object{"type": "string"}, "description": "The pipeline."}
	content := func(schema any) object { return object{"application/json": object{"schema": schema}} }
	refusals := func(more map[string]string) object {
		out := object{}
		for status, why := range map[string]string{
			"401": "There is no token, or none that is good.", "403": "The token may not do this.", "404": "There is no such thing.", "503": "Postgres, Temporal or its workers cannot be reached; try again.",
		} {
			out[status] = object{"description": why, "content": content(object{"$ref": "#/components/schemas/Error"})}
		}
		for status, why := range more {
			out[status] = object{"description": why, "content": content(object{"$ref": "#/components/schemas/Error"})}
		}
		return out
	}
	answers := func(status, why string, schema any, more map[string]string) object {
		out := refusals(more)
		out[status] = object{"description": why, "content": content(schema)}
		return out
	}
	return object{
		"openapi": "3.1.0",
		"info":    object{"title": "Esteira console", "version": "1", "description": "Asks for runs of applied pipelines, and tells what became of them."},
		"paths": object{
			"/pipelines/{name}/runs": object{
				"parameters": []any{name},
				"post": object{
					"summary":     "Ask for a run",
					"description": "The pipeline's retraining decides: at most one run at a time, within cool-down and budget, none while it is paused. What a run does is in the applied file.",
					"parameters": []any{object{"name": "Idempotency-Key", "in": "header", "schema": object{"type": "string", "maxLength": maxKey},
						"description": "Names what you ask for: the same key and body again is the same run and the same answer."}},
					"requestBody": object{"required": false, "content": content(object{"type": "object", "additionalProperties": false,
						"properties": object{"reason": object{"type": "string", "maxLength": maxReason}}})},
					"responses": answers("202", "What became of it.", object{"$ref": "#/components/schemas/Outcome"},
						map[string]string{"400": "The request makes no sense.", "413": "The body is too large.", "422": "The key came with another body before."}),
				},
				"get": object{
					"summary": "The runs, the newest first",
					"parameters": []any{object{"name": "limit", "in": "query", "schema": object{"type": "integer", "minimum": 1, "maximum": 100, "default": 20}},
						object{"name": "before", "in": "query", "schema": object{"type": "string", "format": "date-time"}, "description": "Only runs that began before."},
						object{"name": "state", "in": "query", "schema": object{"type": "string", "enum": []string{"running", "completed", "failed", "rejected", "cancelled"}}}},
					"responses": answers("200", "A page of runs; next leads to the older ones.", object{"type": "object", "required": []string{"runs"},
						"properties": object{"runs": object{"type": "array", "items": object{"$ref": "#/components/schemas/Run"}}, "next": text}}, map[string]string{"400": "The request makes no sense."}),
				},
			},
			"/runs/{id}": object{
				"get": object{
					"summary":    "A run: steps, checks, metrics, gates, rollout",
					"parameters": []any{object{"name": "id", "in": "path", "required": true, "schema": text, "description": "As it is written, slashes and all: flights/run/http-0123456789ab."}},
					"responses": answers("200", "All that is known of it.", object{"type": "object", "required": []string{"run", "steps"}, "properties": object{
						"run": object{"$ref": "#/components/schemas/Run"}, "steps": object{"type": "array", "items": object{"type": "object"}}, "ui": text, "page": text,
					}}, nil),
				},
			},
			"/health/live": object{"get": object{"summary": "Whether the console lives", "security": []any{object{}}, "responses": object{"200": object{"description": http.StatusText(http.StatusOK)}}}},
		},
		"components": object{
			"schemas": object{
				"Error": object{"type": "object", "required": []string{"error", "kind"}, "properties": object{
					"error": object{"type": "string", "description": "What, where, and how to mend it."}, "kind": object{"type": "string", "description": "Stable name of the kind of error."}, "details": object{}}},
				"Outcome": object{"type": "object", "required": []string{"pipeline", "key", "outcome", "why"}, "properties": object{
					"pipeline": text, "key": text, "outcome": object{"type": "string", "enum": []string{"started", "remembered", "dropped", "repeated"}},
					"run": object{"type": "string", "description": "The run it started, or will be part of."}, "why": text, "ui": text, "page": text}},
				"Run": object{"type": "object", "required": []string{"id", "pipeline", "trigger", "state", "started"}, "properties": object{
					"id": text, "pipeline": text, "trigger": text, "state": text, "decision": text, "reason": text, "started": object{"type": "string", "format": "date-time"}, "finished": object{"type": "string", "format": "date-time"}}},
			},
			"securitySchemes": object{"token": object{"type": "http", "scheme": "bearer", "description": "Needed where tokens are required: esteira tokens create NAME --scope deploy."}},
		},
		"security": []any{object{}, object{"token": []string{}}},
	}
}
