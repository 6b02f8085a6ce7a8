package bundle

import (
	"slices"

	"github.com/esteira-ml/esteira/internal/drift"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/feature"
	"github.com/esteira-ml/esteira/internal/model"
	"github.com/esteira-ml/esteira/internal/signing"
)

// Contents is what goes into a bundle.
type Contents struct {
	Name      string // of the model
	Run       string // Workflow ID of the run that made it; may be empty
	Signature Signature
	Features  *feature.Fitted
	Target    *feature.Target
	Model     model.Model
	ONNX      []byte // nil if not exported
	PMML      []byte // nil if not asked for
	Baseline  *Baseline
	Estimator *drift.Estimator // nil if there were too few rows to learn it from
	Golden    []GoldenRow
	Metrics   Metrics
	Lineage   Lineage
	Card      string // Markdown
}

type plainFile struct {
	name  string
	value any
}

// plain lists the files that are the JSON of this package's own types.
func (c *Contents) plain() []plainFile {
	return []plainFile{
		{"signature.json", &c.Signature},
		{"baseline.json", &c.Baseline},
		{"golden.json", &c.Golden},
		{"metrics.json", &c.Metrics},
		{"lineage.json", &c.Lineage},
	}
}

// Bundle is an opened one. ONNX and PMML alias the bytes it was opened from.
type Bundle struct {
	Manifest Manifest
	Contents

	SignedBy string             // ID of the key that the signature names; empty: not signed, or opened without asking
	Signer   *signing.PublicKey // the trusted key that vouches for it; nil if none was asked for
}

// Build returns the archive. Equal contents give equal bytes.
//
// Errors: BundleInvalid if the parts do not fit each other or exceed a bound;
// Internal if one cannot be encoded (a metric that is NaN).
func Build(c Contents) ([]byte, error) {
	if c.Features == nil || c.Target == nil || c.Model == nil || c.Baseline == nil {
		return nil, fault.New(fault.Internal, "a bundle needs features, target, model and baseline")
	}
	if err := fit(c.Features, c.Target, c.Model, c.Signature); err != nil {
		return nil, err
	}
	if theirs, ok := c.Model.(*model.Foreign); ok {
		c.ONNX = theirs.ONNX
	}
	files := map[string][]byte{}
	var err error
	if files["features.json"], err = c.Features.Encode(); err != nil {
		return nil, err
	}
	if files["target.json"], err = c.Target.Encode(); err != nil {
		return nil, err
	}
	if files["model.json"], err = model.Encode(c.Model); err != nil {
		return nil, err
	}
	for _, f := range c.plain() {
		if files[f.name], err = encode(f.name, f.value); err != nil {
			return nil, err
		}
	}
	if c.Estimator != nil {
		if files["loss.json"], err = c.Estimator.Encode(); err != nil {
			return nil, err
		}
	}
	files["MODEL_CARD.md"] = []byte(c.Card)
	if len(c.ONNX) > 0 {
		files["model.onnx"] = c.ONNX
	}
	if len(c.PMML) > 0 {
		files["model.pmml"] = c.PMML
	}
	m := Manifest{Format: Format, Version: Version, Name: c.Name, Task: c.Target.Task, CreatedByRun: c.Run}
	for _, e := range entries {
		if data, ok := files[e.name]; ok {
			m.Files = append(m.Files, File{Name: e.name, SHA256: digest(data), Size: int64(len(data))})
		}
	}
	m, raw, err := m.encode()
	if err != nil {
		return nil, err
	}
	if _, err := readManifest(raw); err != nil {
		return nil, err
	}
	return (&opened{raw: raw, manifest: m, files: files}).bytes(0)
}

// Open reads and verifies a bundle, whoever signed it. It trusts nothing: whatever it
// accepts can be served. The error is BundleInvalid and says what is wrong.
func Open(data []byte) (*Bundle, error) {
	o, err := unarchive(data)
	if err != nil {
		return nil, err
	}
	return o.open()
}

// open decodes the files and checks that they fit each other.
func (o *opened) open() (b *Bundle, err error) {
	m, files := o.manifest, o.files
	b = &Bundle{Manifest: m, Contents: Contents{Name: m.Name, Run: m.CreatedByRun, ONNX: files["model.onnx"], PMML: files["model.pmml"], Card: string(files["MODEL_CARD.md"])}}
	if b.Features, err = feature.Decode(files["features.json"]); err != nil {
		return nil, err
	}
	if b.Target, err = feature.DecodeTarget(files["target.json"]); err != nil {
		return nil, err
	}
	if b.Model, err = model.Decode(files["model.json"]); err != nil {
		return nil, err
	}
	if theirs, ok := b.Model.(*model.Foreign); ok {
		theirs.ONNX = b.ONNX
	}
	if data, ok := files["loss.json"]; ok {
		if b.Estimator, err = drift.DecodeEstimator(data, len(b.Target.Classes)); err != nil {
			return nil, err
		}
	}
	for _, f := range b.plain() {
		if err := decode(f.name, files[f.name], f.value); err != nil {
			return nil, err
		}
	}
	if err := b.check(); err != nil {
		return nil, err
	}
	return b, nil
}

// check refuses parts that do not fit each other.
func (b *Bundle) check() error {
	if b.Manifest.Task != b.Target.Task {
		return invalid("the manifest says task %q and the target %q", clip(string(b.Manifest.Task)), b.Target.Task)
	}
	if err := b.Baseline.check(b.Signature); err != nil {
		return err
	}
	if !slices.EqualFunc(b.Signature.Outputs, outputsOf(b.Target), func(a, b Output) bool {
		return a.Name == b.Name && a.Kind == b.Kind && slices.Equal(a.Classes, b.Classes)
	}) {
		return invalid("the outputs of the signature are not those of the target")
	}
	for _, in := range b.Signature.Inputs {
		if in.Nullable != nullable(b.Features, in.Name) {
			return invalid("the signature says nullable %t of column %q, and the features otherwise", in.Nullable, in.Name)
		}
	}
	return fit(b.Features, b.Target, b.Model, b.Signature)
}

// Predictor returns the serving path of the bundle: the native one, or ONNX
// Runtime for a model that somebody else trained.
func (b *Bundle) Predictor() (*Predictor, error) {
	return NewPredictor(b.Features, b.Target, b.Model, b.Signature)
}
