package artifact_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func send(t *testing.T, method, address string, body []byte) (int, []byte) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(body))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	got, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, got
}

// An address is good for one object and one thing to do with it.
func TestAnAddressOpensOneObjectInOneWay(t *testing.T) {
	t.Parallel()
	s := open(t, testenv.StoreOptions(t))
	ref, err := s.PutBytes(t.Context(), []byte("rows"), artifact.MediaTypeParquet)
	require.NoError(t, err)
	other, err := s.PutBytes(t.Context(), []byte("secret rows"), artifact.MediaTypeParquet)
	require.NoError(t, err)
	read, err := s.ReadAddress(t.Context(), ref, time.Minute)
	require.NoError(t, err)
	status, body := send(t, http.MethodGet, read, nil)
	require.Equal(t, 200, status)
	require.Equal(t, "rows", string(body))
	status, _ = send(t, http.MethodPut, read, []byte("forged"))
	require.Equal(t, 403, status)
	status, _ = send(t, http.MethodGet, strings.ReplaceAll(strings.ReplaceAll(read, ref.Digest, other.Digest), "/"+ref.Digest[:2]+"/", "/"+other.Digest[:2]+"/"), nil)
	require.Equal(t, 403, status)
	_, err = s.ReadAddress(t.Context(), artifact.Ref{Digest: "../x"}, time.Minute)
	require.Equal(t, fault.ArtifactMissing, fault.KindOf(err))
}

func TestAStagedObjectIsReadWithinItsBoundAndRemoved(t *testing.T) {
	t.Parallel()
	s := open(t, testenv.StoreOptions(t))
	staged, write, err := s.Stage(t.Context(), time.Minute)
	require.NoError(t, err)
	body, err := s.Staged(t.Context(), staged, 100)
	require.NoError(t, err)
	require.Nil(t, body, "nobody has sent anything")

	status, _ := send(t, http.MethodGet, write, nil)
	require.Equal(t, 403, status, "who may write may not read")
	status, _ = send(t, http.MethodPut, write, []byte("model"))
	require.Equal(t, 200, status)
	body, err = s.Staged(t.Context(), staged, 5)
	require.NoError(t, err)
	require.Equal(t, "model", string(body))
	_, err = s.Staged(t.Context(), staged, 4)
	require.Equal(t, fault.ResourceExhausted, fault.KindOf(err))

	require.NoError(t, s.Unstage(t.Context(), staged))
	require.NoError(t, s.Unstage(t.Context(), staged), "twice is no error")
	body, err = s.Staged(t.Context(), staged, 100)
	require.NoError(t, err)
	require.Nil(t, body)
}
