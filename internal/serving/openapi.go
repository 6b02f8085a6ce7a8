package serving

import (
	"maps"
	"net/http"
	"slices"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/frame"
)

// object is a JSON object; encoding/json writes its members in order of their names.
type object = map[string]any

// openAPI describes the endpoints (OpenAPI 3.1), each by the signature of what is
// live: that of the path, or all.
func (s *Server) openAPI(w http.ResponseWriter, req *http.Request) {
	names := s.opts.Table.Names()
	if name := req.PathValue("endpoint"); name != "" {
		if s.find(w, req) == nil {
			return
		}
		names = []string{name}
	}
	paths, schemas := object{}, object{"Error": errorSchema}
	for _, name := range names {
		served, _, err := s.look(name, "")
		if err != nil {
			continue // withdrawn meanwhile
		}
		maps.Copy(paths, served.paths(schemas))
	}
	if req.PathValue("endpoint") == "" {
		paths["/v2/health/ready"] = object{"get": object{"summary": "Whether to send requests here", "security": []any{object{}},
			"responses": object{"200": object{"description": "Yes."}, "503": object{"description": "No, and why.", "content": content(reference("Error"))}}}}
	}
	reply(w, http.StatusOK, object{
		"openapi": "3.1.0",
		"info":    object{"title": "Esteira prediction server", "version": s.opts.Version, "description": "Every answer is recorded before it is sent; its ids lead back to the model, its data and who approved it."},
		"paths":   paths,
		"components": object{"schemas": schemas, "securitySchemes": object{
			"token": object{"type": "http", "scheme": "bearer", "description": "Needed where the server requires tokens: esteira tokens create."}}},
		"security": []any{object{}, object{"token": []string{}}},
	})
}

var errorSchema = object{"type": "object", "required": []string{"error", "kind"}, "properties": object{
	"error": object{"type": "string", "description": "What, where, and how to mend it."}, "kind": object{"type": "string", "description": "Stable name of the kind of error."},
	"details": object{},
}}

func reference(name string) object { return object{"$ref": "#/components/schemas/" + name} }

func content(schema any) object { return object{"application/json": object{"schema": schema}} }

// paths are those of one endpoint; it adds their schemas.
func (s *served) paths(schemas object) object {
	record, required := object{}, []string{}
	for i := range s.model.Signature.Inputs {
		in := &s.model.Signature.Inputs[i]
		record[in.Name] = inputSchema(in)
		required = append(required, in.Name)
	}
	schemas[s.endpoint+".Record"] = object{"type": "object", "additionalProperties": false, "required": required, "properties": record}
	schemas[s.endpoint+".Prediction"] = s.predictionSchema()
	rows := object{"type": "array", "minItems": 1, "items": reference(s.endpoint + ".Record")}
	answers := func(schema any) object {
		out := object{"200": object{"description": "The answer, which is recorded.", "content": content(schema), "headers": object{
			headerPrediction: object{"description": "Ids of the first predictions, for esteira trace.", "schema": object{"type": "string"}},
			headerVersion:    object{"schema": object{"type": "string"}}, headerRevision: object{"schema": object{"type": "string"}},
		}}}
		for status, text := range map[string]string{
			"400": "The request does not fit the signature.", "401": "There is no token, or none that is good.", "403": "The token may not ask this endpoint.",
			"413": "A bound of the server was met.", "503": "No record can be made now, or the server has too much to do.", "504": "The request's time was over.",
		} {
			out[status] = object{"description": text, "content": content(reference("Error"))}
		}
		return out
	}
	parameters := []any{
		object{"name": "explain", "in": "query", "schema": object{"type": "boolean"}, "description": "Say what each column added to the raw score."},
		object{"name": headerKey, "in": "header", "schema": object{"type": "string"}, "description": "Requests of one key are answered by one model version."},
		object{"name": headerTimeout, "in": "header", "schema": object{"type": "string"}, "description": "How long you wait: 250ms."},
		object{"name": headerRequest, "in": "header", "schema": object{"type": "string"}, "description": "Your id of the request, stored and echoed."},
	}
	post := func(summary string, body, answer any) object {
		return object{"post": object{"summary": summary, "tags": []string{s.endpoint}, "parameters": parameters, "requestBody": object{"required": true, "content": body}, "responses": answers(answer)}}
	}
	return object{
		"/v1/endpoints/" + s.endpoint + "/predict": post("Predictions for plain records", object{"application/json": object{
			"schema":  object{"type": "object", "required": []string{"records"}, "properties": object{"records": rows, "id": object{"type": "string"}}},
			"example": object{"records": []any{s.example()}},
		}}, object{"type": "object", "properties": object{
			"endpoint": object{"type": "string"}, "model_name": object{"type": "string"}, "model_version": object{"type": "integer"}, "revision": object{"type": "integer"},
			"id": object{"type": "string"}, "predictions": object{"type": "array", "items": reference(s.endpoint + ".Prediction")},
		}}),
		"/v1/endpoints/" + s.endpoint + "/invocations": post("Predictions in MLflow's formats", object{
			"application/json": object{"schema": object{"oneOf": []any{
				object{"type": "object", "required": []string{"dataframe_records"}, "properties": object{"dataframe_records": rows}},
				object{"type": "object", "required": []string{"instances"}, "properties": object{"instances": rows}},
				object{"type": "object", "required": []string{"dataframe_split"}, "properties": object{"dataframe_split": object{"type": "object", "properties": object{
					"columns": object{"type": "array", "items": object{"enum": required}}, "data": object{"type": "array", "items": object{"type": "array"}}}}}},
				object{"type": "object", "required": []string{"inputs"}, "properties": object{"inputs": object{"type": "object"}}},
			}}},
			"text/csv": object{"schema": object{"type": "string"}},
		}, object{"type": "object", "properties": object{"predictions": object{"type": "array"}}}),
		"/v2/models/" + s.endpoint + "/infer": post("Predictions by the Open Inference Protocol v2", object{"application/json": object{
			"schema": object{"type": "object", "required": []string{"inputs"}, "properties": object{"inputs": object{"type": "array", "items": object{"type": "object",
				"required": []string{"name", "shape", "datatype"}, "properties": object{"name": object{"enum": required}, "shape": object{"type": "array", "items": object{"type": "integer"}},
					"datatype": object{"enum": slices.Sorted(maps.Keys(datatypes))}, "data": object{"type": "array"}}}}}},
		}}, object{"type": "object"}),
	}
}

// inputSchema describes one column.
func inputSchema(in *bundle.Input) object {
	out, kind := object{}, "string"
	switch in.Kind {
	case frame.Number.String():
		kind = "number"
		if in.Min != nil && in.Max != nil {
			out["description"] = "In training from " + string(appendFloat(nil, *in.Min)) + " to " + string(appendFloat(nil, *in.Max)) + "."
		}
	case frame.Time.String():
		out["format"] = "date-time"
		if in.Earliest != "" {
			out["description"] = "In training from " + in.Earliest + " to " + in.Latest + "."
		}
	default:
		if len(in.Categories) > 0 && len(in.Categories) <= 50 {
			out["examples"] = in.Categories
		}
	}
	out["type"] = kind
	if in.Nullable {
		out["type"] = []string{kind, "null"}
	}
	if in.Example != nil {
		out["example"] = in.Example
	}
	return out
}

func (s *served) predictionSchema() object {
	properties := object{"id": object{"type": "string", "format": "uuid"}}
	if s.classes == nil {
		properties["prediction"] = object{"type": "number"}
	} else {
		probabilities := object{}
		for _, class := range s.classes {
			probabilities[class] = object{"type": "number", "minimum": 0, "maximum": 1}
		}
		properties["label"] = object{"type": "string", "enum": s.classes}
		properties["probabilities"] = object{"type": "object", "properties": probabilities}
	}
	properties["explanation"] = object{"type": "object", "description": "With explain: the base value and what each column added; of classes, by class."}
	return object{"type": "object", "properties": properties}
}

// example is a record of the values that the signature shows.
func (s *served) example() object {
	out := object{}
	for _, in := range s.model.Signature.Inputs {
		out[in.Name] = in.Example
	}
	return out
}
