package serving

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/metadata"
)

// State remembers on local disk what a server serves: the revisions in a small
// file, and their bundles beside it by digest.
type State struct {
	dir string

	mu        sync.Mutex
	revisions map[string]metadata.Revision
	policies  []byte // as the file has them
}

const (
	stateFile    = "revisions.json"
	policiesFile = "audit-policies.json"
)

// OpenState reads the state in dir, which is made if it is missing. A file that
// does not parse is as good as none: the metadata store knows better.
func OpenState(dir string) (*State, error) {
	if err := os.MkdirAll(filepath.Join(dir, "bundles"), 0o700); err != nil {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "make the directory of the server's state").
			WithRemedy("let the server write to %s, or set ESTEIRA_CACHE_DIR to a directory it can write to", dir)
	}
	s := &State{dir: dir, revisions: map[string]metadata.Revision{}}
	b, err := os.ReadFile(filepath.Join(dir, stateFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fault.Wrap(err, fault.ConfigInvalid, "read the server's state")
	}
	var list []metadata.Revision
	if json.Unmarshal(b, &list) == nil {
		for _, r := range list {
			if r.Bundle.Validate() == nil && r.Revision > 0 {
				s.revisions[r.Endpoint] = r
			}
		}
	}
	return s, nil
}

// Revisions lists what was live when last kept, by endpoint.
func (s *State) Revisions() []metadata.Revision {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list()
}

func (s *State) list() []metadata.Revision {
	out := make([]metadata.Revision, 0, len(s.revisions))
	for _, r := range s.revisions {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b metadata.Revision) int { return cmp.Compare(a.Endpoint, b.Endpoint) })
	return out
}

// Policies lists the audit policies that were in force when last kept.
func (s *State) Policies() []metadata.AuditPolicy {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := os.ReadFile(filepath.Join(s.dir, policiesFile))
	var list []metadata.AuditPolicy
	if err != nil || json.Unmarshal(b, &list) != nil {
		return nil
	}
	s.policies = b
	return list
}

// KeepPolicies remembers the audit policies; it writes only what changed.
func (s *State) KeepPolicies(list []metadata.AuditPolicy) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := json.MarshalIndent(list, "", "  ")
	if err != nil || bytes.Equal(b, s.policies) {
		return err
	}
	if err := writeFile(filepath.Join(s.dir, policiesFile), b); err != nil {
		return err
	}
	s.policies = b
	return nil
}

// Keep remembers that the revision is live and forgets bundles that none uses.
func (s *State) Keep(r metadata.Revision) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.revisions[r.Endpoint].Revision > r.Revision {
		return nil
	}
	s.revisions[r.Endpoint] = r
	if err := s.write(); err != nil {
		return err
	}
	used := map[string]bool{}
	for _, r := range s.revisions {
		used[r.Bundle.Digest] = true
		for _, v := range []*metadata.Variant{r.Canary, r.Shadow} {
			if v != nil {
				used[v.Bundle.Digest] = true
			}
		}
	}
	entries, err := os.ReadDir(filepath.Join(s.dir, "bundles"))
	for _, e := range entries {
		// A young one may be about to be served.
		if info, err := e.Info(); err == nil && !used[e.Name()] && time.Since(info.ModTime()) > 2*loadTimeout {
			_ = os.Remove(s.path(e.Name()))
		}
	}
	return err
}

// Forget drops what is known of an endpoint. A state file that cannot be written
// is no worse than an older one: the metadata store corrects either.
func (s *State) Forget(endpoint string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.revisions, endpoint)
	_ = s.write()
}

func (s *State) write() error {
	b, err := json.MarshalIndent(s.list(), "", "  ")
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(s.dir, stateFile), b)
}

func (s *State) path(digest string) string { return filepath.Join(s.dir, "bundles", digest) }

// bundle returns the bytes kept under a digest; the caller checks them.
func (s *State) bundle(digest string) ([]byte, error) { return os.ReadFile(s.path(digest)) }

// keepBundle stores the bytes of a bundle about to be served.
func (s *State) keepBundle(digest string, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return writeFile(s.path(digest), b)
}

// writeFile replaces a file whole: a crash leaves the old or the new one.
func writeFile(path string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return os.Rename(f.Name(), path)
}
