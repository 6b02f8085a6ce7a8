package activities

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/source"
)

// formatEnding is how the name of an output says its format.
func formatEnding(path string) string {
	if strings.HasSuffix(strings.ToLower(path), ".csv") {
		return ".csv"
	}
	return ".parquet"
}

// outputs are the files of a scoring: the answers and, where rows without one are put
// aside, those, beside them: scores.csv and scores.rejects.csv.
func (s Scoring) outputs() []string {
	if !s.rejects() {
		return []string{s.Output}
	}
	ending := s.Output[len(s.Output)-len(formatEnding(s.Output)):]
	return []string{s.Output, strings.TrimSuffix(s.Output, ending) + ".rejects" + ending}
}

func digestOf(path string) (digest string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), size, err
}

func occupied(path string) error {
	return fault.New(fault.ConfigInvalid, "there is something at %s already", path).WithRemedy("name another output, or replace it: --overwrite")
}

// vacant refuses an output that cannot be written: because it is there, because its
// directory is not, or because the worker may not.
func (a *Activities) vacant(ctx context.Context, path string, overwrite bool) error {
	if strings.HasPrefix(path, "s3://") {
		if err := a.Store.Writable(path); err != nil {
			return err
		}
		_, err := a.Store.Object(ctx, path)
		switch {
		case err == nil && !overwrite:
			return occupied(path)
		case fault.KindOf(err) == fault.SourceNotFound:
			return nil
		}
		return err
	}
	root, err := a.directory(path)
	if err != nil {
		return err
	}
	defer root.Close()
	info, err := root.Lstat(filepath.Base(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return unwritable(path, err)
	case !info.Mode().IsRegular():
		return fault.New(fault.ConfigInvalid, "%s is not a regular file", path).WithRemedy("name another output")
	case !overwrite:
		return occupied(path)
	}
	return nil
}

// directory opens where a local output is to be.
func (a *Activities) directory(path string) (*os.Root, error) {
	dir := filepath.Dir(path)
	if !filepath.IsAbs(path) {
		return nil, fault.New(fault.ConfigInvalid, "output %s is not named by its whole path", path).WithRemedy("name it from the root on")
	}
	if err := source.Permitted(a.SourceDirs, dir); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, unwritable(path, err)
	}
	return root, nil
}

func unwritable(path string, err error) error {
	return fault.Wrap(err, fault.ConfigInvalid, "%s cannot be written on this worker", path).
		WithRemedy("make its directory, where the worker may write, or name an s3:// address")
}

// deliver puts a finished file in its place, at once and whole. What is there with
// the same bytes is what an earlier attempt left.
func (a *Activities) deliver(ctx context.Context, from string, file ScoredFile, overwrite bool) error {
	if strings.HasPrefix(file.Path, "s3://") {
		there, err := a.Store.Upload(ctx, file.Path, from, file.SHA256, overwrite)
		if err == nil && there {
			return occupied(file.Path)
		}
		return err
	}
	root, err := a.directory(file.Path)
	if err != nil {
		return err
	}
	defer root.Close()
	name := filepath.Base(file.Path)
	if !overwrite {
		if there, _, err := digestOf(file.Path); err == nil && there == file.SHA256 {
			return nil
		}
	}
	// The name is fixed: what a killed attempt left is written over and removed.
	partial := "." + name + ".partial"
	if err := copyInto(ctx, root, partial, from); err != nil {
		_ = root.Remove(partial)
		return unwritable(file.Path, err)
	}
	defer func() { _ = root.Remove(partial) }()
	if overwrite {
		err = root.Rename(partial, name)
	} else {
		err = root.Link(partial, name) // refuses a name that is taken
	}
	switch {
	case errors.Is(err, fs.ErrExist):
		return occupied(file.Path)
	case err != nil:
		return unwritable(file.Path, err)
	}
	d, err := root.Open(".")
	if err != nil {
		return unwritable(file.Path, err)
	}
	defer d.Close()
	return d.Sync()
}

// copyInto copies a file into a directory, down to the disk.
func copyInto(ctx context.Context, root *os.Root, name, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	_ = root.Remove(name) // a link that somebody put there is not followed
	out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer out.Close()
	buffer := make([]byte, 1<<20)
	for {
		n, err := in.Read(buffer)
		if _, bad := out.Write(buffer[:n]); bad != nil {
			return bad
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	if err := out.Sync(); err != nil {
		return err
	}
	return out.Close()
}
