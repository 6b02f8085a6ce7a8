package artifact

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/esteira-ml/esteira/internal/fault"
)

var errStalled = errors.New("no byte arrived for " + stallTimeout.String())

// download writes an object to file and returns the digest and number of bytes.
// A file that cannot be written is ResourceExhausted: the disk is full.
func (s *Store) download(ctx context.Context, bucket, key string, file *os.File, missing fault.Kind, operation, name string) (string, int64, error) {
	reading, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	core := minio.Core{Client: s.client} // one GET, no seeking reader behind it
	body, _, _, err := core.GetObject(reading, bucket, key, minio.GetObjectOptions{})
	if err != nil {
		return "", 0, classify(ctx, err, missing, operation, name)
	}
	defer body.Close()
	timer := time.AfterFunc(stallTimeout, func() { cancel(errStalled) })
	defer timer.Stop()
	hash := sha256.New()
	buffer := make([]byte, 256<<10)
	var size int64
	for {
		n, err := body.Read(buffer)
		timer.Reset(stallTimeout)
		hash.Write(buffer[:n])
		if _, bad := file.Write(buffer[:n]); bad != nil {
			return "", 0, fault.Wrap(bad, fault.ResourceExhausted, "write %s to local disk", name).WithRemedy("free space on the disk of %s", file.Name())
		}
		size += int64(n)
		if err == io.EOF {
			return hex.EncodeToString(hash.Sum(nil)), size, nil
		}
		if err != nil {
			if cause := context.Cause(reading); cause != nil && ctx.Err() == nil {
				err = cause
			}
			return "", 0, classify(ctx, err, missing, operation, name)
		}
	}
}
