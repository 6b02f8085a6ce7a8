package main

import (
	"encoding/json"
	"fmt"
	"strconv"

	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/sdk/converter"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// momentsMemo keeps the words of a schedule with its action.
const momentsMemo = "moments"

// wording is the text of a memo's field as a description gives it.
func wording(field any) string {
	payload, ok := field.(*commonpb.Payload)
	if !ok {
		return fmt.Sprint(field)
	}
	var text string
	if err := converter.GetDefaultDataConverter().FromPayload(payload, &text); err != nil {
		return "another schedule"
	}
	return text
}

// span writes a duration that was checked as Temporal gives it back.
func span(text string) string {
	d, err := pipeline.ParseDuration(text)
	if err != nil {
		return text
	}
	return d.String()
}

// maxSetting bounds a value that is shown, in characters.
const maxSetting = 60

// flat names every setting of a value by its path, as in the file.
func flat(v any) (map[string]string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode settings")
	}
	var tree any
	if err := json.Unmarshal(b, &tree); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "decode settings")
	}
	out := map[string]string{}
	flatten(out, "", tree)
	return out, nil
}

func flatten(into map[string]string, path string, v any) {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			at := name
			if path != "" {
				at = path + "." + name
			}
			flatten(into, at, inner)
		}
	case []any:
		for i, inner := range v {
			flatten(into, path+"["+strconv.Itoa(i)+"]", inner)
		}
	default:
		b, err := json.Marshal(v)
		if err != nil { // cannot happen: it came from JSON
			return
		}
		into[path] = string(b)
	}
}

// shown is a setting cut to a width that reads.
func shown(text string) string {
	if r := []rune(text); len(r) > maxSetting {
		return string(r[:maxSetting]) + "…"
	}
	return text
}
