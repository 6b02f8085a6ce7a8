package source

import (
	"cmp"
	"context"
	"path/filepath"

	"github.com/esteira-ml/esteira/internal/artifact"
)

// objects are objects of the object store the workers use.
type objects struct {
	unpacker
	pattern string
	store   *artifact.Store
	most    int64 // bytes of an object; 0: maxBody
}

func (o *objects) List(ctx context.Context) ([]Part, error) {
	found, err := o.store.List(ctx, o.pattern)
	if err != nil {
		return nil, err
	}
	parts := make([]Part, len(found))
	for i, object := range found {
		parts[i] = partOf(object)
	}
	return parts, nil
}

// partOf names an object. The ETag of an object changes with its bytes.
func partOf(o artifact.Object) Part {
	return Part{Name: o.URL, Location: o.URL, Size: o.Size, Identity: "etag " + o.ETag + " of " + o.URL}
}

func (o *objects) Look(ctx context.Context, part Part) (Part, error) {
	now, err := o.store.Object(ctx, part.Location)
	if err != nil {
		return part, err
	}
	return partOf(now), nil
}

func (o *objects) Fetch(ctx context.Context, part Part, dir string) (Fetched, error) {
	raw := filepath.Join(dir, "raw")
	got, err := o.store.Download(ctx, part.Location, raw, cmp.Or(o.most, maxBody))
	if err != nil {
		return Fetched{}, err
	}
	out := Fetched{Digest: got.Digest, Size: got.Size}
	out.Check = func(ctx context.Context) error {
		now, err := o.store.Object(ctx, part.Location)
		if err != nil {
			return err
		}
		if now.ETag != got.ETag {
			return changed(part.Name, "ETag "+got.ETag, "ETag "+now.ETag)
		}
		return nil
	}
	if part.Identity != "" && partOf(got).Identity != part.Identity {
		return out, changed(part.Name, part.Identity, partOf(got).Identity)
	}
	if err := out.Check(ctx); err != nil {
		return out, err
	}
	// What was downloaded stays what it is, whatever happens to the object now.
	out.Check = func(context.Context) error { return nil }
	return out, o.unpack(ctx, part.Name, raw, dir, &out)
}
