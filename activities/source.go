package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// SourceFile is one file of a source as it was looked at.
type SourceFile struct {
	Name   string `json:"name"` // relative to the pipeline file, or s3://…
	Digest string `json:"sha256"`
	Size   int64  `json:"size"`
}

// sourceFiles are the files of a source, at hand locally, in order of name.
type sourceFiles struct {
	Files  []SourceFile
	paths  []string
	remove string // scratch directory of downloads
}

func (f *sourceFiles) local() []string { return f.paths }

func (f *sourceFiles) release() {
	if f.remove != "" {
		os.RemoveAll(f.remove)
	}
}

// refs are the files as inputs of the step: the way from a prediction back to a
// source's checksum starts here.
func (f *sourceFiles) refs() []artifact.Ref {
	refs := make([]artifact.Ref, len(f.Files))
	for i, s := range f.Files {
		refs[i] = artifact.Ref{Digest: s.Digest, Size: s.Size, MediaType: "application/octet-stream"}
	}
	return refs
}

// checksum is one digest over the digests of all files.
func (f *sourceFiles) checksum() string {
	var all strings.Builder
	for _, s := range f.Files {
		all.WriteString(s.Digest)
	}
	return artifact.DigestOf([]byte(all.String()))
}

func (f *sourceFiles) metadata() []metadata.SourceFile {
	out := make([]metadata.SourceFile, len(f.Files))
	for i, s := range f.Files {
		out[i] = metadata.SourceFile{Path: s.Name, Checksum: s.Digest, Size: s.Size}
	}
	return out
}

// look finds the files of a source and their checksums.
func (a *Activities) look(ctx context.Context, s pipeline.Source, baseDir, scratch string) (*sourceFiles, error) {
	if strings.HasPrefix(s.Path, "s3://") {
		return a.lookS3(ctx, s.Path, scratch)
	}
	pattern := s.Path
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(baseDir, pattern)
	}
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fault.Wrap(err, fault.PipelineInvalid, "source path %q is not a pattern", s.Path)
	}
	if len(paths) == 0 {
		return nil, fault.New(fault.SourceNotFound, "no file matches %s on this worker", pattern).
			WithRemedy("check the path; it must be readable where the worker runs, or be an s3:// address")
	}
	slices.Sort(paths)
	out := &sourceFiles{}
	for _, path := range paths {
		digest, size, err := hashFile(ctx, path)
		if err != nil {
			return nil, fault.Wrap(err, fault.SourceNotFound, "read source file %s", path).WithRemedy("make the file readable to the worker")
		}
		name := path
		if rel, err := filepath.Rel(baseDir, path); err == nil {
			name = rel
		}
		out.Files = append(out.Files, SourceFile{Name: name, Digest: digest, Size: size})
		out.paths = append(out.paths, path)
	}
	return out, nil
}

func (a *Activities) lookS3(ctx context.Context, address, scratch string) (*sourceFiles, error) {
	objects, err := a.Store.List(ctx, address)
	if err != nil {
		return nil, err
	}
	if len(objects) == 0 {
		return nil, fault.New(fault.SourceNotFound, "no object matches %s", address).WithRemedy("check bucket, key and the worker's credentials")
	}
	dir, err := os.MkdirTemp(scratch, "s3-")
	if err != nil {
		return nil, err
	}
	out := &sourceFiles{remove: dir}
	for _, o := range objects {
		local := filepath.Join(dir, strings.ReplaceAll(strings.TrimPrefix(o.URL, "s3://"), "/", "_"))
		got, err := a.Store.Download(ctx, o.URL, local)
		if err != nil {
			out.release()
			return nil, err
		}
		out.Files = append(out.Files, SourceFile{Name: got.URL, Digest: got.Digest, Size: got.Size})
		out.paths = append(out.paths, local)
	}
	return out, nil
}

func hashFile(ctx context.Context, path string) (digest string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return f.Read(p)
	}))
	return hex.EncodeToString(h.Sum(nil)), size, err
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
