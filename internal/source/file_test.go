package source

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/pipeline"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func TestAGlobIsItsFilesInOrder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.csv", "a.csv", "c.txt"} {
		write(t, dir, name, []byte(name))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "d.csv"), 0o700))
	from, err := Open(pipeline.Source{Path: "*.csv", Format: "csv"}, Options{BaseDir: dir})
	require.NoError(t, err)
	parts, err := from.List(t.Context())
	require.NoError(t, err)
	require.Len(t, parts, 2, "neither another ending nor a folder")
	require.Equal(t, "a.csv", parts[0].Name)
	require.Equal(t, "b.csv", parts[1].Name)
	got, err := from.Fetch(t.Context(), parts[1], t.TempDir())
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, "b.csv"), got.Path, "a plain file is read where it lies")
	require.Equal(t, artifact.DigestOf([]byte("b.csv")), got.Digest)
	require.NoError(t, got.Check(t.Context()))
}

func TestAFileThatIsNotThere(t *testing.T) {
	dir := t.TempDir()
	_, _, err := collect(t, pipeline.Source{Path: "no-*.csv", Format: "csv"}, Options{BaseDir: dir})
	kind(t, fault.SourceNotFound, err)
	_, _, err = collect(t, pipeline.Source{Path: ".", Format: "csv"}, Options{BaseDir: dir})
	kind(t, fault.SourceUnreadable, err)
}

func TestAFileThatChangesWhileItIsRead(t *testing.T) {
	for name, change := range map[string]func(path string){
		"it grows":   func(path string) { write(t, filepath.Dir(path), "a.csv", []byte("a\n1\n2\n3\n")) },
		"it is gone": func(path string) { require.NoError(t, os.Remove(path)) },
		"it is other": func(path string) {
			require.NoError(t, os.Rename(write(t, filepath.Dir(path), "new", []byte("a\n9\n")), path))
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := write(t, dir, "a.csv", []byte("a\n1\n"))
			_, got, err := collect(t, pipeline.Source{Path: path, Format: "csv"}, Options{})
			require.NoError(t, err)
			require.NoError(t, got.Check(t.Context()))
			change(path)
			err = got.Check(t.Context())
			kind(t, fault.SourceChanged, err)
			require.True(t, fault.Retryable(fault.KindOf(err)))
		})
	}
}

func TestAFileThatFetchWouldCopyIsKnownByItsBytes(t *testing.T) {
	dir := t.TempDir()
	packed := gzipped(t, []byte("a\n1\n"))
	for name, c := range map[string]struct {
		source   pipeline.Source
		content  []byte
		identity string
	}{
		"packed.csv.gz": {pipeline.Source{Format: "csv"}, packed, "sha256 " + artifact.DigestOf(packed)},
		"latin.csv":     {pipeline.Source{Format: "csv", CSV: &pipeline.CSV{Encoding: "windows-1252"}}, []byte("\xe7\n1\n"), "sha256 " + artifact.DigestOf([]byte("\xe7\n1\n"))},
		"plain.csv":     {pipeline.Source{Format: "csv"}, []byte("a\n1\n"), ""},
		"gzip.parquet":  {pipeline.Source{Format: "parquet"}, packed, ""}, // it is read where it lies, and refused
	} {
		t.Run(name, func(t *testing.T) {
			c.source.Path = write(t, dir, name, c.content)
			from, err := Open(c.source, Options{})
			require.NoError(t, err)
			part, err := from.Look(t.Context(), Part{Name: name, Location: c.source.Path})
			require.NoError(t, err)
			require.Equal(t, c.identity, part.Identity)
			require.EqualValues(t, len(c.content), part.Size)
		})
	}

	path := filepath.Join(dir, "packed.csv.gz")
	from, err := Open(pipeline.Source{Path: path, Format: "csv"}, Options{})
	require.NoError(t, err)
	part, err := from.Look(t.Context(), Part{Name: "packed.csv.gz", Location: path})
	require.NoError(t, err)
	write(t, dir, "packed.csv.gz", gzipped(t, []byte("a\n2\n")))
	scratch := t.TempDir()
	_, err = from.Fetch(t.Context(), part, scratch)
	kind(t, fault.SourceChanged, err)
	left, err := os.ReadDir(scratch)
	require.NoError(t, err)
	require.Empty(t, left, "what is no more what was looked at is not unpacked")
	now, err := from.Look(t.Context(), part)
	require.NoError(t, err)
	require.NotEqual(t, part.Identity, now.Identity, "the next attempt looks anew")
}

func TestObjectsAreKnownByTheirETag(t *testing.T) {
	options := testenv.StoreOptions(t)
	store, err := artifact.Open(t.Context(), options)
	require.NoError(t, err)
	put := func(content string) artifact.Ref {
		ref, err := store.PutBytes(t.Context(), []byte(content), artifact.MediaTypeJSON)
		require.NoError(t, err)
		return ref
	}
	first := put(`{"a":1}`)
	url := "s3://" + options.Bucket + "/sha256/" + first.Digest[:2] + "/" + first.Digest
	part, got, err := collect(t, pipeline.Source{Path: url, Format: "json"}, Options{Store: store})
	require.NoError(t, err)
	require.NotEmpty(t, part.Identity)
	require.Equal(t, first.Digest, got.Digest)
	require.Equal(t, `{"a":1}`, text(t, got.Path))

	from, err := Open(pipeline.Source{Path: url, Format: "json"}, Options{Store: store})
	require.NoError(t, err)
	part.Identity = "etag of yesterday"
	_, err = from.Fetch(t.Context(), part, t.TempDir())
	kind(t, fault.SourceChanged, err)
	now, err := from.Look(t.Context(), part)
	require.NoError(t, err)
	require.NotEqual(t, part.Identity, now.Identity, "the next attempt looks anew")
}

func TestAnObjectIsBounded(t *testing.T) {
	options := testenv.StoreOptions(t)
	store, err := artifact.Open(t.Context(), options)
	require.NoError(t, err)
	ref, err := store.PutBytes(t.Context(), []byte(`{"a":1}`), artifact.MediaTypeJSON)
	require.NoError(t, err)
	o := &objects{pattern: "s3://" + options.Bucket + "/sha256/" + ref.Digest[:2] + "/" + ref.Digest, store: store, most: ref.Size - 1, unpacker: unpacker{format: "json"}}
	parts, err := o.List(t.Context())
	require.NoError(t, err)
	dir := t.TempDir()
	_, err = o.Fetch(t.Context(), parts[0], dir)
	kind(t, fault.ResourceExhausted, err)
	require.NoFileExists(t, filepath.Join(dir, "raw"))
	o.most++
	_, err = o.Fetch(t.Context(), parts[0], dir)
	require.NoError(t, err)
}

func TestOnlyPermittedDirectoriesAreRead(t *testing.T) {
	inside, outside := t.TempDir(), t.TempDir()
	for _, dir := range []string{inside, outside} {
		if err := os.WriteFile(filepath.Join(dir, "a.csv"), []byte("x\n1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(outside, "a.csv"), filepath.Join(inside, "link.csv")); err != nil {
		t.Fatal(err)
	}
	look := func(path string) error {
		s, err := Open(pipeline.Source{Path: path, Format: "csv"}, Options{BaseDir: inside, Dirs: []string{inside}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.List(t.Context())
		return err
	}
	if err := look("a.csv"); err != nil {
		t.Error(err)
	}
	for _, path := range []string{filepath.Join(outside, "a.csv"), "../" + filepath.Base(outside) + "/a.csv", "link.csv"} {
		kind(t, fault.SourceNotFound, look(path))
	}
}
