package activities

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// CompareParams name two runs: Run.ID repeats Run.Reproduces.
type CompareParams struct {
	Run Run `json:"run"`
}

// CompareResult says whether every step came to the same bytes.
type CompareResult struct {
	Same    bool         `json:"same"`
	Outputs int          `json:"outputs"` // compared
	Scores  int          `json:"scores"`  // of fits, compared bit for bit
	First   string       `json:"first,omitempty"`
	Report  artifact.Ref `json:"report"` // []Difference (JSON), every one
}

// Difference is one output, or score, that did not come out again.
type Difference struct {
	Step     string `json:"step"`
	Output   string `json:"output"`
	Recorded string `json:"recorded"` // digest or value; empty: there was none
	Repeated string `json:"repeated"`
	How      string `json:"how,omitempty"`
}

// Compare holds the outputs of every step of a run, and the score of every fit,
// against those of the run it repeats, in the order the first run made them: the
// first difference is the one the others may follow from.
func (a *Activities) Compare(ctx context.Context, p CompareParams) (*CompareResult, error) {
	res, err := a.compare(ctx, p)
	if err != nil {
		return nil, applicationError(ctx, err)
	}
	return res, nil
}

func (a *Activities) compare(ctx context.Context, p CompareParams) (*CompareResult, error) {
	recorded, err := a.DB.Steps(ctx, p.Run.Reproduces)
	if err != nil {
		return nil, err
	}
	repeated, err := a.DB.Steps(ctx, p.Run.ID)
	if err != nil {
		return nil, err
	}
	again := map[string]metadata.Step{}
	for _, s := range repeated {
		again[s.Step] = s
	}
	res := &CompareResult{}
	var all []Difference
	for _, s := range recorded {
		if s.State != metadata.StepCompleted || strings.HasPrefix(s.Step, "collect/") || s.Step == "deploy" || s.Step == "define" {
			continue // what it began with, and what it did to the world
		}
		delete(s.Outputs, trainerReport)
		differ, err := a.compareStep(ctx, s, again[s.Step])
		if err != nil {
			return nil, err
		}
		res.Outputs += len(s.Outputs)
		if _, told := s.Outputs[proofOutput]; told {
			res.Outputs--
		}
		all = append(all, differ...)
	}
	scores, n, err := a.compareScores(ctx, p.Run)
	if err != nil {
		return nil, err
	}
	res.Scores = n
	all = append(all, scores...)
	if res.Same = len(all) == 0; !res.Same {
		d := all[0]
		res.First = fmt.Sprintf("%s: %s was %s and is %s", d.Step, d.Output, shown(d.Recorded), shown(d.Repeated))
		if d.How != "" {
			res.First += ": " + d.How
		}
	}
	res.Report, err = a.Store.PutJSON(ctx, all)
	return res, err
}

func shown(value string) string {
	switch {
	case value == "":
		return "not there"
	case len(value) == 64:
		return value[:12]
	}
	return value
}

func (a *Activities) compareStep(ctx context.Context, recorded, repeated metadata.Step) ([]Difference, error) {
	timed, err := a.sameButForTheClock(ctx, recorded, repeated)
	if err != nil {
		return nil, err
	}
	var out []Difference
	for _, name := range slices.Sorted(maps.Keys(recorded.Outputs)) {
		was, is := recorded.Outputs[name], repeated.Outputs[name]
		if was.Digest == is.Digest || timed[name] || name == proofOutput && !is.IsZero() {
			continue
		}
		same, err := a.sameModel(ctx, was, is)
		if err != nil {
			return nil, err
		}
		if same {
			continue
		}
		d := Difference{Step: recorded.Step, Output: name, Recorded: was.Digest, Repeated: is.Digest}
		if !is.IsZero() {
			if d.How, err = a.howDiffers(ctx, name, was, is); err != nil {
				return nil, err
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// maxCompared bounds the artifacts whose contents are compared.
const maxCompared = 64 << 20

// sameModel reports whether two bundles are the same but for their signatures, which
// say who vouches for a model and not what it is. What is gone or large is not looked at.
func (a *Activities) sameModel(ctx context.Context, was, is artifact.Ref) (bool, error) {
	if was.MediaType != artifact.MediaTypeBundle || is.MediaType != was.MediaType || was.Size > maxCompared || is.Size > maxCompared {
		return false, nil
	}
	var bare [2][]byte
	for i, ref := range []artifact.Ref{was, is} {
		there, err := a.Store.Exists(ctx, ref)
		if err != nil || !there {
			return false, err
		}
		body, err := a.Store.Bytes(ctx, ref, maxCompared)
		if err != nil {
			return false, err
		}
		if bare[i], err = bundle.Unsigned(body); err != nil {
			return false, nil // no bundle that this build reads: the bytes decide
		}
	}
	return bytes.Equal(bare[0], bare[1]), nil
}

// howDiffers says where two artifacts part: the path in JSON, the byte elsewhere.
// One that the store no longer holds is known by its digest alone. Of an evaluation,
// what the clock measured is not where they part.
func (a *Activities) howDiffers(ctx context.Context, output string, was, is artifact.Ref) (string, error) {
	there, err := a.Store.Exists(ctx, was)
	if err != nil {
		return "", err
	}
	switch {
	case !there:
		return "the recorded one is gone from the store", nil
	case was.Size > maxCompared || is.Size > maxCompared:
		return fmt.Sprintf("%d and %d bytes", was.Size, is.Size), nil
	}
	one, err := a.Store.Bytes(ctx, was, maxCompared)
	if err != nil {
		return "", err
	}
	two, err := a.Store.Bytes(ctx, is, maxCompared)
	if err != nil {
		return "", err
	}
	if was.MediaType == artifact.MediaTypeJSON {
		if x, y, ok := readBoth(one, two); ok {
			if output == evaluationOutput {
				takeMeasured(x)
				takeMeasured(y)
			}
			if path, ok := parts("", x, y); ok {
				return "first at " + path, nil
			}
		}
	}
	at := 0
	for at < min(len(one), len(two)) && one[at] == two[at] {
		at++
	}
	return fmt.Sprintf("%d and %d bytes, the first that differs is byte %d", len(one), len(two), at), nil
}

// parts finds the first place, by name and index, where two JSON values differ.
func parts(path string, x, y any) (string, bool) {
	switch a := x.(type) {
	case map[string]any:
		b, ok := y.(map[string]any)
		if !ok {
			return path, true
		}
		names := slices.Sorted(maps.Keys(a))
		for name := range b {
			if _, ok := a[name]; !ok {
				names = append(names, name)
			}
		}
		slices.Sort(names)
		for _, name := range names {
			if where, ok := parts(path+"."+name, a[name], b[name]); ok {
				return strings.TrimPrefix(where, "."), true
			}
		}
		return "", false
	case []any:
		b, ok := y.([]any)
		if !ok || len(a) != len(b) {
			return path, true
		}
		for i := range a {
			if where, ok := parts(fmt.Sprintf("%s[%d]", path, i), a[i], b[i]); ok {
				return strings.TrimPrefix(where, "."), true
			}
		}
		return "", false
	}
	if x == y {
		return "", false
	}
	return fmt.Sprintf("%s (%v, %v)", strings.TrimPrefix(path, "."), x, y), true
}

// compareScores holds every fit's scores, and the digest of the model it scored, against
// those recorded; n is how many scores. A build before fits had digests recorded none.
func (a *Activities) compareScores(ctx context.Context, run Run) (out []Difference, n int, err error) {
	recorded, err := a.DB.Trials(ctx, run.Reproduces)
	if err != nil {
		return nil, 0, err
	}
	repeated, err := a.DB.Trials(ctx, run.ID)
	if err != nil {
		return nil, 0, err
	}
	type fit struct{ outer, trial, fold int }
	again := map[fit]metadata.Trial{}
	for _, t := range repeated {
		again[fit{t.Outer, t.Trial, t.Fold}] = t
	}
	for _, t := range recorded {
		other := again[fit{t.Outer, t.Trial, t.Fold}]
		step := fmt.Sprintf("train, %s, trial %d, fold %d", t.Kind, t.Trial, t.Fold)
		for _, metric := range slices.Sorted(maps.Keys(t.Scores)) {
			n++
			was := t.Scores[metric]
			is, ok := other.Scores[metric]
			if ok && math.Float64bits(was) == math.Float64bits(is) {
				continue
			}
			d := Difference{Step: step, Output: metric, Recorded: fmt.Sprint(was)}
			if ok {
				d.Repeated = fmt.Sprint(is)
			}
			out = append(out, d)
		}
		if t.Fold >= 0 && t.ModelDigest != "" && other.ModelDigest != "" && t.ModelDigest != other.ModelDigest {
			out = append(out, Difference{Step: step, Output: "model", Recorded: t.ModelDigest, Repeated: other.ModelDigest})
		}
	}
	return out, n, nil
}
