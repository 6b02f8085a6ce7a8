package source

import (
	"context"
	"os"
)

// Seen lists the parts of a source such that what it returns differs where their
// bytes do. A file is read for it: neither its size nor its times tell, and it gets
// the digest of its bytes as its identity; a database is asked by changed_by. Errors
// are List's and Look's, and SourceUnreadable.
func Seen(ctx context.Context, s Source) ([]Part, error) {
	parts, err := s.List(ctx)
	if err != nil {
		return nil, err
	}
	_, asked := s.(*query)
	_, local := s.(*files)
	for i := range parts {
		if asked {
			if parts[i], err = s.Look(ctx, parts[i]); err != nil {
				return nil, err
			}
		}
		if !local {
			continue
		}
		part := &parts[i]
		info, err := os.Stat(part.Location)
		if err != nil {
			return nil, unreadable(part.Location, err)
		}
		if !info.Mode().IsRegular() {
			continue // a run that fetches it says so
		}
		if part.Identity, part.Size, err = hashFile(ctx, part.Location); err != nil {
			return nil, unreadable(part.Location, err)
		}
	}
	return parts, nil
}
