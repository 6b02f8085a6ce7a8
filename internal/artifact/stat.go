package artifact

import (
	"context"

	"github.com/minio/minio-go/v7"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Stat makes a reference of a digest alone, as a link in a page has it:
// ArtifactMissing if the store does not hold it.
func (s *Store) Stat(ctx context.Context, digest string) (Ref, error) {
	ref := Ref{Digest: digest, MediaType: "application/octet-stream"}
	if err := ref.Validate(); err != nil {
		return Ref{}, fault.Wrap(err, fault.ArtifactMissing, "%q is not the digest of an artifact", digest)
	}
	info, err := s.client.StatObject(ctx, s.bucket, ref.key(), minio.StatObjectOptions{})
	if err := classify(ctx, err, fault.ArtifactMissing, "look for artifact", ref.Short()); err != nil {
		return Ref{}, err
	}
	ref.Size, ref.MediaType = info.Size, info.ContentType
	return ref, nil
}
