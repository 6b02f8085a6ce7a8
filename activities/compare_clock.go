package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"reflect"
	"strings"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// sameButForTheClock names the outputs of a step that differ by nothing but what the
// clock measured. Gates on latency alone measure: how long answers took is in the
// evaluation and on its page, and no two runs take as long. Whether such a gate let
// the model pass is a finding, and compared.
func (a *Activities) sameButForTheClock(ctx context.Context, recorded, repeated metadata.Step) (map[string]bool, error) {
	was, is := recorded.Outputs[evaluationOutput], repeated.Outputs[evaluationOutput]
	if was.IsZero() || is.IsZero() || was.Digest == is.Digest {
		return nil, nil // the page follows from the evaluation
	}
	one, two, ok, err := a.bothBodies(ctx, was, is)
	if err != nil || !ok {
		return nil, err
	}
	x, y, ok := readBoth(one, two)
	if !ok {
		return nil, nil
	}
	before, after := takeMeasured(x), takeMeasured(y)
	if len(before) == 0 || !reflect.DeepEqual(x, y) {
		return nil, nil
	}
	same := map[string]bool{evaluationOutput: true}
	if one, two, ok, err = a.bothBodies(ctx, recorded.Outputs[reportOutput], repeated.Outputs[reportOutput]); err != nil || !ok {
		return same, err
	}
	same[reportOutput] = bytes.Equal(without(one, before), without(two, after))
	return same, nil
}

// bothBodies reads two artifacts; ok is false if one of them is not there, or large.
func (a *Activities) bothBodies(ctx context.Context, was, is artifact.Ref) (one, two []byte, ok bool, err error) {
	var bodies [2][]byte
	for i, ref := range []artifact.Ref{was, is} {
		if ref.IsZero() || ref.Size > maxCompared {
			return nil, nil, false, nil
		}
		there, err := a.Store.Exists(ctx, ref)
		if err != nil || !there {
			return nil, nil, false, err
		}
		if bodies[i], err = a.Store.Bytes(ctx, ref, maxCompared); err != nil {
			return nil, nil, false, err
		}
	}
	return bodies[0], bodies[1], true, nil
}

// readBoth reads two JSON texts, with every number as it is written.
func readBoth(one, two []byte) (x, y any, ok bool) {
	read := func(body []byte, v *any) bool {
		d := json.NewDecoder(bytes.NewReader(body))
		d.UseNumber()
		return d.Decode(v) == nil
	}
	ok = read(one, &x) && read(two, &y)
	return x, y, ok
}

// takeMeasured takes out of an evaluation what the clock measured, and returns the
// sentences that told it. It reads plain JSON, so that of an evaluation which another
// build wrote nothing is lost that this one does not know.
func takeMeasured(evaluation any) (sentences []string) {
	root, _ := evaluation.(map[string]any)
	gates, _ := root["gates"].([]any)
	for _, one := range gates {
		result, _ := one.(map[string]any)
		asked, _ := result["gate"].(map[string]any)
		if asked["max_latency_us"] == nil {
			continue
		}
		if told, ok := result["reason"].(string); ok && told != "" {
			sentences = append(sentences, told)
		}
		delete(result, "value")
		delete(result, "reason")
	}
	return sentences
}

// without is a page without some sentences, which it writes as html/template does: a
// plus, as in 1e+06, escaped too.
func without(page []byte, sentences []string) []byte {
	for _, s := range sentences {
		page = bytes.ReplaceAll(page, []byte(strings.ReplaceAll(html.EscapeString(s), "+", "&#43;")), nil)
	}
	return page
}
