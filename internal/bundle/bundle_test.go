package bundle

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

func TestWhatIsBuiltIsWhatOpens(t *testing.T) {
	eachTask(t, func(t *testing.T, task pipeline.Task) {
		c := contents(t, task)
		data := build(t, c)
		b, err := Open(data)
		if err != nil {
			t.Fatal(err)
		}
		if b.Manifest.Name != c.Name || b.Manifest.Task != task || b.Run != c.Run || string(b.ONNX) != "a graph" || string(b.PMML) != "a document" || b.Card != c.Card || len(b.Manifest.Files) != 11 {
			t.Fatalf("got %+v", b.Manifest)
		}
		p, err := b.Predictor()
		if err != nil {
			t.Fatal(err)
		}
		if err := b.VerifyGolden(p); err != nil || len(b.Golden) != 5 {
			t.Fatalf("%d golden rows: %v", len(b.Golden), err)
		}
		f := flights(7, 100)
		if !slices.Equal(answers(t, p, f), answers(t, predictor(t, task), f)) {
			t.Fatal("the opened model answers otherwise")
		}
		if again := build(t, b.Contents); !bytes.Equal(again, data) {
			t.Fatal("what was opened builds to other bytes")
		}
	})
}

func TestEqualContentsHaveEqualBytes(t *testing.T) {
	first := build(t, contents(t, pipeline.Multiclass))
	for range 10 {
		if !bytes.Equal(first, build(t, contents(t, pipeline.Multiclass))) {
			t.Fatal("bytes differ")
		}
	}
}

func TestABundleWithoutONNX(t *testing.T) {
	c := contents(t, pipeline.Regression)
	c.ONNX, c.PMML = nil, nil
	b, err := Open(build(t, c))
	if err != nil || b.ONNX != nil || b.PMML != nil {
		t.Fatalf("got %d bytes, %v", len(b.ONNX), err)
	}
}

func TestEveryChangedByteIsFound(t *testing.T) {
	data := build(t, contents(t, pipeline.Regression))
	for i := range data {
		data[i] ^= 1 << (i % 8)
		if _, err := Open(data); fault.KindOf(err) != fault.BundleInvalid {
			t.Fatalf("byte %d of %d: got %v", i, len(data), err)
		}
		data[i] ^= 1 << (i % 8)
	}
	if _, err := Open(data); err != nil {
		t.Fatal(err)
	}
}

func TestEveryTruncationAndAdditionIsFound(t *testing.T) {
	data := build(t, contents(t, pipeline.Regression))
	for n := 0; n < len(data); n += 251 {
		if _, err := Open(data[:n]); fault.KindOf(err) != fault.BundleInvalid {
			t.Fatalf("%d of %d bytes: got %v", n, len(data), err)
		}
	}
	for _, more := range [][]byte{{0}, make([]byte, 512), []byte("x"), data} {
		if _, err := Open(append(slices.Clone(data), more...)); fault.KindOf(err) != fault.BundleInvalid {
			t.Fatalf("%d bytes more: got %v", len(more), err)
		}
	}
}

// taken apart and put together again with a change, every digest made to fit:
// what a forger could do.
func forge(t *testing.T, change func(m *Manifest, files map[string][]byte)) []byte {
	t.Helper()
	o, err := unarchive(build(t, contents(t, pipeline.Regression)))
	if err != nil {
		t.Fatal(err)
	}
	m, files := o.manifest, o.files
	change(&m, files)
	for i, f := range m.Files {
		if data, ok := files[f.Name]; ok {
			m.Files[i].Size, m.Files[i].SHA256 = int64(len(data)), digest(data)
		}
	}
	m, raw, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := archive(&out, &opened{raw: raw, manifest: m, files: files}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAForgedBundleIsRefused(t *testing.T) {
	replace := func(name, from, to string) func(*Manifest, map[string][]byte) {
		return func(_ *Manifest, files map[string][]byte) {
			if !bytes.Contains(files[name], []byte(from)) {
				t.Fatalf("%s does not contain %q", name, from)
			}
			files[name] = bytes.Replace(files[name], []byte(from), []byte(to), 1)
		}
	}
	add := func(name string) func(*Manifest, map[string][]byte) {
		return func(m *Manifest, files map[string][]byte) {
			files[name] = []byte("x")
			m.Files = append(m.Files, File{Name: name})
		}
	}
	for name, c := range map[string]struct {
		change func(m *Manifest, files map[string][]byte)
		says   string
	}{
		"nothing":        {func(*Manifest, map[string][]byte) {}, ""},
		"newer":          {func(m *Manifest, _ map[string][]byte) { m.Version = 2 }, "upgrade"},
		"older":          {func(m *Manifest, _ map[string][]byte) { m.Version = 0 }, "older"},
		"another format": {func(m *Manifest, _ map[string][]byte) { m.Format = "mlflow" }, `"mlflow"`},
		"no name":        {func(m *Manifest, _ map[string][]byte) { m.Name = "" }, "name"},
		"unknown entry":  {add("run.sh"), `"run.sh"`},
		"path upwards":   {add("../model.json"), `"../model.json"`},
		"absolute path":  {add("/etc/passwd"), `"/etc/passwd"`},
		"listed twice":   {add("model.json"), `"model.json"`},
		"out of order":   {func(m *Manifest, _ map[string][]byte) { slices.Reverse(m.Files) }, "in its place"},
		"one fewer":      {func(m *Manifest, _ map[string][]byte) { m.Files = m.Files[1:] }, "signature.json"},
		"last one fewer": {func(m *Manifest, _ map[string][]byte) { m.Files = m.Files[:len(m.Files)-1] }, "MODEL_CARD.md"},
		"another task":   {func(m *Manifest, _ map[string][]byte) { m.Task = pipeline.Binary }, "task"},
		"oversized":      {func(_ *Manifest, files map[string][]byte) { files["MODEL_CARD.md"] = make([]byte, 4<<20+1) }, "bound"},
		"unknown key":    {replace("lineage.json", `"run"`, `"ran"`), "lineage.json"},
		"two values": {func(_ *Manifest, files map[string][]byte) {
			files["metrics.json"] = append(files["metrics.json"], "{}"...)
		}, "after the value"},
		"no baseline":        {func(_ *Manifest, files map[string][]byte) { files["baseline.json"] = []byte("null") }, "baseline"},
		"other column":       {replace("signature.json", `"distance"`, `"distances"`), "distance"},
		"other kind":         {replace("signature.json", `"number"`, `"text"`), "number"},
		"not nullable":       {replace("signature.json", `"nullable": true`, `"nullable": false`), "nullable"},
		"other outputs":      {replace("signature.json", `"prediction"`, `"score"`), "outputs"},
		"fewer coefficients": {replace("model.json", `"departs_hour"`, `"departs_minute"`), "columns"},
		"deep":               {func(_ *Manifest, files map[string][]byte) { files["golden.json"] = []byte(strings.Repeat("[", 20_000)) }, "golden.json"},
		"broken features":    {replace("features.json", `"version": 1`, `"version": 9`), "version"},
		"broken target":      {replace("target.json", `"regression"`, `"guess"`), "guess"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(forge(t, c.change))
			if c.says == "" {
				if err != nil {
					t.Fatalf("the forge itself is broken: %v", err)
				}
				return
			}
			if fault.KindOf(err) != fault.BundleInvalid || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("got %v", err)
			}
		})
	}
}

// TestOtherKindsOfEntriesAreRefused: tar can say more than files.
func TestOtherKindsOfEntriesAreRefused(t *testing.T) {
	o, err := unarchive(build(t, contents(t, pipeline.Regression)))
	if err != nil {
		t.Fatal(err)
	}
	m, files := o.manifest, o.files
	_, raw, err := m.encode()
	if err != nil {
		t.Fatal(err)
	}
	for name, header := range map[string]tar.Header{
		"link":       {Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"},
		"hard link":  {Typeflag: tar.TypeLink, Linkname: "manifest.json"},
		"directory":  {Typeflag: tar.TypeDir},
		"pax":        {Typeflag: tar.TypeReg, Format: tar.FormatPAX, PAXRecords: map[string]string{"ESTEIRA.x": "y"}},
		"gnu":        {Typeflag: tar.TypeReg, Format: tar.FormatGNU},
		"executable": {Typeflag: tar.TypeReg, Mode: 0o755},
		"owned":      {Typeflag: tar.TypeReg, Mode: 0o644, Uid: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			w := tar.NewWriter(&out)
			put := func(h tar.Header, name string, data []byte) {
				h.Name = name
				if h.Typeflag == tar.TypeReg {
					h.Size = int64(len(data))
				}
				if err := w.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
				if h.Typeflag == tar.TypeReg {
					if _, err := w.Write(data); err != nil {
						t.Fatal(err)
					}
				}
			}
			plain := tar.Header{Typeflag: tar.TypeReg, Mode: 0o644, Format: tar.FormatUSTAR}
			put(plain, "manifest.json", raw)
			for i, f := range m.Files {
				if i == 0 {
					put(header, f.Name, files[f.Name])
				} else {
					put(plain, f.Name, files[f.Name])
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := Open(out.Bytes()); fault.KindOf(err) != fault.BundleInvalid {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestPartsThatDoNotFitAreNotBuilt(t *testing.T) {
	for name, c := range map[string]struct {
		change func(c *Contents)
		kind   fault.Kind
	}{
		"no model":      {func(c *Contents) { c.Model = nil }, fault.Internal},
		"NaN metric":    {func(c *Contents) { c.Metrics.Test["rmse"] = math.NaN() }, fault.Internal},
		"no name":       {func(c *Contents) { c.Name = "" }, fault.BundleInvalid},
		"other task":    {func(c *Contents) { c.Target = contents(t, pipeline.Multiclass).Target }, fault.BundleInvalid},
		"other model":   {func(c *Contents) { c.Model = contents(t, pipeline.Binary).Model }, fault.BundleInvalid},
		"fewer columns": {func(c *Contents) { c.Signature.Inputs = c.Signature.Inputs[1:] }, fault.BundleInvalid},
		"huge card":     {func(c *Contents) { c.Card = strings.Repeat("x", 5<<20) }, fault.BundleInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			parts := contents(t, pipeline.Regression)
			c.change(&parts)
			if _, err := Build(parts); fault.KindOf(err) != c.kind {
				t.Fatalf("got %v", err)
			}
		})
	}
}

func TestAModelThatAnswersOtherwiseFailsItsGoldenRows(t *testing.T) {
	b, err := Open(build(t, contents(t, pipeline.Multiclass)))
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.Predictor()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(g *GoldenRow){
		"value":  func(g *GoldenRow) { g.Outputs[1] += 1e-6 },
		"label":  func(g *GoldenRow) { g.Label = "never" },
		"width":  func(g *GoldenRow) { g.Outputs = g.Outputs[:2] },
		"record": func(g *GoldenRow) { g.Record["distance"] = "far" },
		"absent": func(g *GoldenRow) { delete(g.Record, "origin") },
	} {
		t.Run(name, func(t *testing.T) {
			again, err := Open(build(t, b.Contents))
			if err != nil {
				t.Fatal(err)
			}
			change(&again.Golden[2])
			if err := again.VerifyGolden(p); fault.KindOf(err) != fault.BundleInvalid || !strings.Contains(err.Error(), "golden row 2") {
				t.Fatalf("got %v", err)
			}
		})
	}
}

// FuzzOpen: any bytes open to a bundle that serves, or are refused as one.
func FuzzOpen(f *testing.F) {
	data := build(f, contents(f, pipeline.Regression))
	f.Add(data)
	f.Add(data[:len(data)/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := Open(data)
		if err != nil {
			if fault.KindOf(err) != fault.BundleInvalid {
				t.Fatalf("got %v", err)
			}
			return
		}
		if _, err := b.Predictor(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzPart replaces one part, its digest made to fit, so that the fuzzer gets
// past the checksums: whatever opens must answer a row of nulls, or say why not.
func FuzzPart(f *testing.F) {
	o, err := unarchive(build(f, contents(f, pipeline.Regression)))
	if err != nil {
		f.Fatal(err)
	}
	m, files := o.manifest, o.files
	for i, file := range m.Files {
		f.Add(i, files[file.Name])
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		m := m
		m.Files = slices.Clone(m.Files)
		i = (i%len(m.Files) + len(m.Files)) % len(m.Files)
		forged := map[string][]byte{}
		for _, file := range m.Files {
			forged[file.Name] = files[file.Name]
		}
		forged[m.Files[i].Name] = data
		m.Files[i].Size, m.Files[i].SHA256 = int64(len(data)), digest(data)
		m, raw, err := m.encode()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := archive(&out, &opened{raw: raw, manifest: m, files: forged}); err != nil {
			t.Fatal(err)
		}
		b, err := Open(out.Bytes())
		if err != nil {
			if fault.KindOf(err) != fault.BundleInvalid {
				t.Fatalf("got %v", err)
			}
			return
		}
		p, err := b.Predictor()
		if err != nil {
			t.Fatal(err)
		}
		record := map[string]any{}
		for _, in := range b.Signature.Inputs {
			record[in.Name] = nil
		}
		row, err := FrameFromRecords(p.Signature(), []map[string]any{record})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Predict(row, make([]float64, p.Outputs())); err != nil && fault.KindOf(err) != fault.RequestInvalid && fault.KindOf(err) != fault.FeatureInvalid {
			t.Fatal(err)
		}
		if _, err := json.Marshal(b.Golden); err != nil {
			t.Fatal(err)
		}
	})
}
