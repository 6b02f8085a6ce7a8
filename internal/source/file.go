package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/esteira-ml/esteira/internal/fault"
)

// files are files of this machine, or of a disk that all workers share.
type files struct {
	unpacker
	pattern, base string
	dirs          []string // below which files may be read; empty: any
}

func (f *files) List(_ context.Context) ([]Part, error) {
	pattern := f.pattern
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(f.base, pattern)
	}
	paths, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fault.Wrap(err, fault.PipelineInvalid, "source path %q is not a pattern", f.pattern)
	}
	slices.Sort(paths)
	var parts []Part
	for _, path := range paths {
		if err := f.permitted(path); err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, unreadable(path, err)
		}
		if info.IsDir() && len(paths) > 1 {
			continue // a folder beside the files of a glob
		}
		name := path
		if rel, err := filepath.Rel(f.base, path); err == nil {
			name = rel
		}
		parts = append(parts, Part{Name: name, Location: path, Size: info.Size()})
	}
	if len(parts) == 0 {
		return nil, fault.New(fault.SourceNotFound, "no file matches %s on this worker", pattern).
			WithRemedy("check the path; it must be readable where the worker runs, or be an s3:// address")
	}
	return parts, nil
}

// Look returns the part with its size now. A file has no identity but its bytes:
// its times say little, as whoever copies files sets them. Those of a file that
// Fetch would copy are read here, so that one that is known is not unpacked.
func (f *files) Look(ctx context.Context, part Part) (Part, error) {
	if err := f.permitted(part.Location); err != nil {
		return part, err
	}
	info, err := os.Stat(part.Location)
	if err != nil {
		return part, unreadable(part.Location, err)
	}
	part.Size, part.Identity = info.Size(), ""
	if !info.Mode().IsRegular() {
		return part, nil // Fetch says what it is
	}
	plain, err := f.plain(part.Location)
	if err != nil || plain {
		return part, err
	}
	digest, _, err := hashFile(ctx, part.Location)
	if err != nil {
		return part, unreadable(part.Location, err)
	}
	part.Identity = identityOfBytes(digest)
	return part, nil
}

func identityOfBytes(digest string) string { return "sha256 " + digest }

// Fetch reads the file where it lies; only what is compressed or encoded is
// copied.
func (f *files) Fetch(ctx context.Context, part Part, dir string) (Fetched, error) {
	if err := f.permitted(part.Location); err != nil {
		return Fetched{}, err
	}
	before, err := os.Stat(part.Location)
	if err != nil {
		return Fetched{}, unreadable(part.Location, err)
	}
	if before.IsDir() {
		return Fetched{}, fault.New(fault.SourceUnreadable, "%s is a directory", part.Name).WithRemedy("name its files, such as %s", filepath.Join(part.Name, "*.csv"))
	}
	if !before.Mode().IsRegular() {
		return Fetched{}, fault.New(fault.SourceUnreadable, "%s is not a regular file", part.Name).WithRemedy("name a file")
	}
	out := Fetched{}
	if out.Digest, out.Size, err = hashFile(ctx, part.Location); err != nil {
		return out, unreadable(part.Location, err)
	}
	if now := identityOfBytes(out.Digest); part.Identity != "" && now != part.Identity {
		return out, changed(part.Name, part.Identity, now)
	}
	out.Check = func(context.Context) error {
		after, err := os.Stat(part.Location)
		if err != nil {
			return changed(part.Name, stateOf(before), "it is gone")
		}
		if !os.SameFile(before, after) || stateOf(before) != stateOf(after) {
			return changed(part.Name, stateOf(before), stateOf(after))
		}
		return nil
	}
	if err := f.unpack(ctx, part.Name, part.Location, dir, &out); err != nil {
		// A file that grew or was replaced is torn for that reason alone.
		if moved := out.Check(ctx); moved != nil {
			return out, moved
		}
		return out, err
	}
	return out, out.Check(ctx)
}

// permitted refuses a path that leads out of the directories a worker may read.
// The engine reads the file by its name, so links are followed here.
func (f *files) permitted(path string) error { return Permitted(f.dirs, path) }

// Permitted refuses a path that leads out of the directories, wherever links lead;
// without any, every path is permitted. SourceNotFound.
func Permitted(dirs []string, path string) error {
	if len(dirs) == 0 {
		return nil
	}
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return unreadable(path, err)
	}
	for _, dir := range dirs {
		root, err := filepath.EvalSymlinks(dir)
		if err != nil {
			continue // a directory that is not there permits nothing
		}
		if rel, err := filepath.Rel(root, real); err == nil && filepath.IsLocal(rel) {
			return nil
		}
	}
	return fault.New(fault.SourceNotFound, "%s is outside the directories this worker may read", path).
		WithRemedy("put the file below one of %s, or have ESTEIRA_SOURCE_DIRS changed", strings.Join(dirs, ", "))
}

func stateOf(info fs.FileInfo) string {
	return fmt.Sprintf("%d bytes of %s", info.Size(), info.ModTime().UTC().Format("2006-01-02T15:04:05.000000000Z"))
}

func unreadable(path string, err error) error {
	if ctx := fault.KindOf(err); ctx != "" {
		return err
	}
	if os.IsNotExist(err) {
		return fault.Wrap(err, fault.SourceNotFound, "there is no file %s", path).WithRemedy("check the source's path")
	}
	if os.IsPermission(err) {
		return fault.Wrap(err, fault.SourceNotFound, "read source file %s", path).WithRemedy("make the file readable to the worker")
	}
	return fmt.Errorf("read source file %s: %w", path, err)
}

func hashFile(ctx context.Context, path string) (digest string, size int64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	h := sha256.New()
	size, err = io.Copy(h, reading(ctx, f))
	return hex.EncodeToString(h.Sum(nil)), size, err
}

// reading is r until ctx is done.
func reading(ctx context.Context, r io.Reader) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	})
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
