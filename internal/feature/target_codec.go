package feature

import (
	"encoding/json"
	"fmt"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// Encode returns the canonical JSON of the target.
func (t *Target) Encode() ([]byte, error) {
	if err := t.validate(); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode target")
	}
	data, err := json.MarshalIndent(t, "", " ")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode target")
	}
	return append(data, '\n'), nil
}

// DecodeTarget reads what Target.Encode wrote. Errors are BundleInvalid.
func DecodeTarget(data []byte) (*Target, error) {
	t := &Target{}
	err := decodeStrict(data, t)
	if err == nil {
		err = t.validate()
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.BundleInvalid, "the fitted target cannot be read")
	}
	return t, nil
}

func (t *Target) validate() error {
	if t.Kind != "number" && t.Kind != "text" {
		return fmt.Errorf("%q is not number or text", t.Kind)
	}
	low, high := 0, 0
	switch t.Task {
	case pipeline.Regression:
	case pipeline.Binary:
		low, high = 2, 2
	case pipeline.Multiclass:
		low, high = 2, MaxClasses
	default:
		return fmt.Errorf("unknown task %q", t.Task)
	}
	if n := len(t.Classes); n < low || n > high {
		return fmt.Errorf("%d classes do not fit task %s", n, t.Task)
	}
	seen := map[string]bool{}
	for _, c := range t.Classes {
		if seen[c] {
			return fmt.Errorf("class %q is listed twice", c)
		}
		seen[c] = true
	}
	return nil
}
