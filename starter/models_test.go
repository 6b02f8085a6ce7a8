package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/foreign"
	"github.com/esteira-ml/esteira/internal/foreign/foreigntest"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/proof"
	"github.com/esteira-ml/esteira/internal/serving/servingtest"
	"github.com/esteira-ml/esteira/internal/testenv"
	"github.com/esteira-ml/esteira/internal/testline"
)

// TestMain lets the test binary be the processes that an import examines a model in,
// and proves its bundle with.
func TestMain(m *testing.M) {
	foreign.Main()
	proof.Main()
	os.Exit(m.Run())
}

// A pipeline that asks for PMML has it in its bundle; every form is exported, and what
// JPMML makes of it is what the bundle says of its golden rows.
func TestEveryFormOfAModelIsExported(t *testing.T) {
	l := testline.Start(t)
	first := l.Run(testline.ExitDone, l.Example("cars/cars.yaml", "cars", "\ntrain:", "\npackage: {pmml: true}\n\ntrain:"))
	require.NotEmpty(t, first.Run)
	dir := t.TempDir()
	export := func(which, format string) []byte {
		t.Helper()
		var done exported
		path := filepath.Join(dir, format)
		l.JSON(testline.ExitDone, &done, "models", "export", which, "--format", format, "--out", path)
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, exported{Model: "cars", Version: 1, Format: format, File: path, Size: len(data), SHA256: artifact.DigestOf(data)}, done)
		return data
	}
	whole := export("cars", "bundle")
	b, err := bundle.Open(whole)
	require.NoError(t, err)
	// The program itself is the server that an import has to pass.
	var again imported
	l.JSON(testline.ExitDone, &again, "models", "import", filepath.Join(dir, "bundle"))
	require.Equal(t, 1, again.Version)
	require.Equal(t, len(b.Golden), again.Proof.Rows)
	require.Equal(t, b.ONNX, export("cars@champion", "onnx"))
	document := export("cars@1", "pmml")
	require.Equal(t, b.PMML, document)
	require.Contains(t, fmt.Sprint(b.Manifest.Files), "model.pmml")

	rows := []map[string]any{}
	for _, g := range b.Golden {
		rows = append(rows, g.Record)
	}
	for i, got := range testenv.StartCheckers(t).PMML(t, document, rows) {
		v, ok := got["prediction"].(float64)
		require.True(t, ok, "%v", got)
		require.LessOrEqual(t, math.Abs(v-b.Golden[i].Outputs[0]), 1e-6*math.Abs(b.Golden[i].Outputs[0]), "row %d", i)
	}

	out, errs, code := l.CLI("models", "export", "cars", "--out", "-")
	require.Equal(t, exitDone, code, errs)
	require.Equal(t, string(whole), out)
	for _, wrong := range []struct{ which, says string }{{"cars@2", "version 2"}, {"cars@nobody", "no alias nobody"}, {"lorries", "lorries"}} {
		_, errs, code := l.CLI("models", "export", wrong.which)
		require.Equal(t, exitFailed, code)
		require.Contains(t, errs, wrong.says)
	}
}

func TestAFormThatABundleLacksIsSaidSo(t *testing.T) {
	predicted(t, "flights", servingtest.Regression(t, 1), 0)
	for _, format := range []string{"onnx", "pmml"} {
		_, errs, code := esteira(t, "models", "export", "flights", "--format", format)
		require.Equal(t, exitFailed, code)
		require.Contains(t, errs, "flights@1 was packaged without "+strings.ToUpper(format))
		require.Contains(t, errs, "package: {"+format+": true}")
	}
	_, errs, code := esteira(t, "models", "export", "flights", "--out", filepath.Join(t.TempDir(), "no", "where"))
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "cannot be written")
}

const declared = `version: 1
task: multiclass
target: species
classes: [a, b, c]
framework: skl2onnx 1.20
inputs:
  - {name: x, type: number}
  - {name: c, type: text}
`

func write(t *testing.T, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}

// A graph that somebody else made becomes a bundle with golden rows, and a version with
// a record of who, when and from which bytes; the same again has the same version.
func TestAForeignGraphIsImported(t *testing.T) {
	db, began := isolated(t).DB, time.Now().Add(-time.Second)
	dir := t.TempDir()
	graph := foreigntest.Bytes(foreigntest.Classification(0, 1, 2))
	args := []string{
		"models", "import", write(t, dir, "m.onnx", graph), "--name", "theirs", "--by", "ana",
		"--signature", write(t, dir, "m.yaml", []byte(declared)), "--rows", write(t, dir, "rows.csv", []byte("c,x,note\n007,1.5,\n,2,\nq,3,late\n")),
	}
	done := decoded[imported](t, exitDone, args...)
	require.Equal(t, []any{"theirs", 1, "ana", artifact.DigestOf(graph)}, []any{done.Model, done.Version, done.By, done.Source.Digest})
	require.WithinRange(t, done.At, began, time.Now())

	_, data, err := (&app{}).fetchModel(t.Context(), "theirs", "")
	require.NoError(t, err)
	b, err := bundle.Open(data)
	require.NoError(t, err)
	require.Equal(t, graph, b.ONNX)
	require.Equal(t, &bundle.Imported{SHA256: artifact.DigestOf(graph), Framework: "skl2onnx 1.20"}, b.Lineage.Imported)
	require.Equal(t, "007", b.Golden[0].Record["c"], "a text is a text")
	require.NotEmpty(t, b.Golden[0].Label)
	require.Contains(t, b.Card, artifact.DigestOf(graph))

	run, err := db.Run(t.Context(), done.Run)
	require.NoError(t, err)
	require.Equal(t, "import", run.Trigger)
	require.Equal(t, metadata.RunCompleted, run.State)
	require.Equal(t, "imported by ana from sha256:"+artifact.DigestOf(graph), run.Reason)
	requireProven(t, db, done, len(b.Golden))
	require.Equal(t, 3, testline.Count(t, db.Pool(), `select count(*) from lineage where output = $1 and run = $2 and step = 'import'`, done.Bundle.Digest, done.Run))
	out, errs, code := esteira(t, "runs", "show", done.Run)
	require.Equal(t, exitDone, code, errs)
	require.Contains(t, out, "imported by ana")

	again := decoded[imported](t, exitDone, args...)
	require.Equal(t, 1, again.Version)
	require.NotEqual(t, done.Run, again.Run)

	// As a file, it comes back the same.
	path := filepath.Join(dir, "theirs.bundle")
	decoded[exported](t, exitDone, "models", "export", "theirs", "--out", path)
	third := decoded[imported](t, exitDone, "models", "import", path, "--by", "bea")
	require.Equal(t, []any{1, done.Bundle.Digest}, []any{third.Version, third.Source.Digest})
}

// One of our own bundles is imported where it was not made.
func TestABundleIsImported(t *testing.T) {
	db := isolated(t).DB
	whole := servingtest.Regression(t, 1)
	b, err := bundle.Open(whole)
	require.NoError(t, err)
	path := write(t, t.TempDir(), "m.bundle", whole)
	done := decoded[imported](t, exitDone, "models", "import", path)
	require.Equal(t, []any{b.Name, 1, artifact.DigestOf(whole)}, []any{done.Model, done.Version, done.Bundle.Digest})
	require.NotEmpty(t, done.By)
	requireProven(t, db, done, len(b.Golden))
}

// requireProven holds what an import came to against the record of its proof: a server of
// its own has answered every golden row, and what that took is kept.
func requireProven(t *testing.T, db *metadata.DB, done imported, rows int) {
	t.Helper()
	require.NotNil(t, done.Proof)
	require.Equal(t, rows, done.Proof.Rows)
	require.Positive(t, done.Proof.LoadMS)
	require.Positive(t, done.Proof.P50US)
	require.Positive(t, done.Proof.Memory)
	steps, err := db.Steps(t.Context(), done.Run)
	require.NoError(t, err)
	require.Len(t, steps, 1)
	require.Contains(t, steps[0].Figure, done.Proof.String())
	store, err := artifact.Open(t.Context(), configuration(t).ArtifactOptions())
	require.NoError(t, err)
	var kept proof.Result
	require.NoError(t, store.JSON(t.Context(), steps[0].Outputs["proof"], &kept))
	require.Equal(t, *done.Proof, kept)
}

// A bundle that the servers would not load is no version: here one without the signature
// that is asked for.
func TestWhatNoServerLoadsIsNotImported(t *testing.T) {
	db := isolated(t).DB
	dir := t.TempDir()
	_, g := signedFile(t, dir, "release")
	t.Setenv("ESTEIRA_TRUSTED_KEYS", g.Public)
	args := []string{
		"models", "import", write(t, dir, "m.onnx", foreigntest.Bytes(foreigntest.Classification(0, 1, 2))), "--name", "theirs",
		"--signature", write(t, dir, "m.yaml", []byte(declared)), "--rows", write(t, dir, "rows.csv", []byte("x,c\n1,p\n2,q\n")),
	}
	refused := decoded[failure](t, exitFailed, args...)
	require.Equal(t, fault.SignatureInvalid, refused.Error.Kind)
	require.Contains(t, refused.Error.Message, "a prediction server that has nothing but the bundle cannot load it")
	require.Zero(t, testline.Count(t, db.Pool(), `select count(*) from model_versions`))

	t.Setenv("ESTEIRA_SIGNING_KEY", "file:"+g.Private)
	require.Equal(t, 1, decoded[imported](t, exitDone, args...).Version)
}

func TestWhatCannotBeImportedIsRefused(t *testing.T) {
	db := isolated(t).DB
	dir := t.TempDir()
	good := foreigntest.Bytes(foreigntest.Classification(0, 1, 2))
	rows := write(t, dir, "rows.csv", []byte("x,c\n1,p\n2,q\n"))
	signature := write(t, dir, "m.yaml", []byte(declared))
	onnx := func(name string, data []byte) string { return write(t, dir, name, data) }
	edit := func(name, from, to string) string {
		require.Contains(t, declared, from)
		return write(t, dir, name, []byte(strings.Replace(declared, from, to, 1)))
	}
	lying := foreigntest.Classification(0, 1, 2)
	lying.Graph.Output = append(lying.Graph.Output, foreigntest.Value("label", foreigntest.Text, -1, 1))
	lying.Graph.Node = append(lying.Graph.Node, foreigntest.Node("Identity", "label", "c"))
	flipped := servingtest.Regression(t, 1)
	flipped = bytes.Replace(flipped, []byte("intercept"), []byte("intercepT"), 1)
	for says, args := range map[string][]string{
		"the ONNX model is refused":    {onnx("bad.onnx", []byte("x")), "--name", "m", "--signature", signature, "--rows", rows},
		"--name":                       {onnx("1.onnx", good), "--name", "M", "--signature", signature, "--rows", rows},
		"needs a signature file":       {onnx("2.onnx", good), "--name", "m", "--rows", rows},
		"needs sample rows":            {onnx("3.onnx", good), "--name", "m", "--signature", signature},
		"unknown field":                {onnx("4.onnx", good), "--name", "m", "--signature", edit("s1.yaml", "task:", "tusk:"), "--rows", rows},
		"3 classes, which":             {onnx("5.onnx", good), "--name", "m", "--signature", edit("s2.yaml", "multiclass", "regression"), "--rows", rows},
		"this build reads 1":           {onnx("6.onnx", good), "--name", "m", "--signature", edit("s3.yaml", "version: 1", "version: 2"), "--rows", rows},
		"an anchor or an alias":        {onnx("7.onnx", good), "--name", "m", "--signature", edit("s4.yaml", "species", "&x species"), "--rows", rows},
		`"y"`:                          {onnx("8.onnx", good), "--name", "m", "--signature", edit("s5.yaml", "name: x", "name: y"), "--rows", rows},
		"is a text in the sample rows": {onnx("9.onnx", good), "--name", "m", "--signature", signature, "--rows", write(t, dir, "w.csv", []byte("x,c\nfar,p\n"))},
		"there are no rows":            {onnx("10.onnx", good), "--name", "m", "--signature", signature, "--rows", write(t, dir, "e.csv", []byte("x,c\n"))},
		"of its own":                   {onnx("a.bundle", servingtest.Regression(t, 1)), "--name", "m"},
		"does not match its digest":    {onnx("b.bundle", flipped)},
		"labels row 0":                 {onnx("11.onnx", foreigntest.Bytes(lying)), "--name", "m", "--signature", signature, "--rows", rows},
	} {
		_, errs, code := esteira(t, append([]string{"models", "import"}, args...)...)
		require.NotEqual(t, exitDone, code, says)
		require.Contains(t, errs, says)
		require.Contains(t, errs, "  fix: ")
	}
	require.Zero(t, testline.Count(t, db.Pool(), `select count(*) from model_versions`))
}
