package artifact

import (
	"context"
	"crypto/rand"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Staged is an object that somebody else writes, before it is known what it is. Its
// key is drawn at random, so that nobody finds it who was not given it.
type Staged struct {
	Key string `json:"key"`
}

// maxAddress is how long S3 lets a presigned address live.
const maxAddress = 7 * 24 * time.Hour

// ReadAddress is where whoever has it may GET the artifact, and nothing else, until
// the time is over. It is a credential; its host is the one this process reaches the
// store by.
func (s *Store) ReadAddress(ctx context.Context, ref Ref, lives time.Duration) (string, error) {
	if err := ref.Validate(); err != nil {
		return "", err
	}
	u, err := s.client.PresignedGetObject(ctx, s.bucket, ref.key(), min(lives, maxAddress), nil)
	if err != nil {
		return "", classify(ctx, err, fault.ArtifactMissing, "make an address of artifact", ref.Short())
	}
	return u.String(), nil
}

// Stage makes an object for somebody else to PUT, at an address that is a credential
// for that alone until the time is over. Nothing is written yet; Unstage removes it.
func (s *Store) Stage(ctx context.Context, lives time.Duration) (Staged, string, error) {
	staged := Staged{Key: "staging/external/" + rand.Text()}
	u, err := s.client.PresignedPutObject(ctx, s.bucket, staged.Key, min(lives, maxAddress))
	if err != nil {
		return Staged{}, "", classify(ctx, err, fault.ArtifactMissing, "make an address of", staged.Key)
	}
	return staged, u.String(), nil
}

// Staged reads what was written to a staged object: nil if nothing was.
// ResourceExhausted, before a byte is read, if it has more bytes than limit.
func (s *Store) Staged(ctx context.Context, staged Staged, limit int64) ([]byte, error) {
	object, err := s.client.GetObject(ctx, s.bucket, staged.Key, minio.GetObjectOptions{})
	if err != nil {
		return nil, classify(ctx, err, fault.ArtifactMissing, "read", staged.Key)
	}
	defer object.Close()
	info, err := object.Stat()
	if err := classify(ctx, err, fault.ArtifactMissing, "read", staged.Key); err != nil {
		if fault.KindOf(err) == fault.ArtifactMissing {
			return nil, nil
		}
		return nil, err
	}
	if info.Size > limit {
		return nil, fault.New(fault.ResourceExhausted, "what was sent has %d bytes, more than the %d that are taken", info.Size, limit)
	}
	body, err := io.ReadAll(io.LimitReader(object, limit))
	return body, classify(ctx, err, fault.ArtifactMissing, "read", staged.Key)
}

// Unstage removes a staged object, if it is there.
func (s *Store) Unstage(ctx context.Context, staged Staged) error {
	err := s.client.RemoveObject(ctx, s.bucket, staged.Key, minio.RemoveObjectOptions{})
	return classify(ctx, err, fault.ArtifactMissing, "remove", staged.Key)
}
