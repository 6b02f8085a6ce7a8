package audit

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/metadata"
)

// Record is one prediction: one row of one request, or a request that was
// refused before its rows were known.
type Record struct {
	ID           uuid.UUID       `json:"id"` // version 7, so that its time decides the day's partition
	At           time.Time       `json:"at"` // when the request arrived; kept to the microsecond, UTC
	Endpoint     string          `json:"endpoint"`
	Revision     int64           `json:"revision"`      // 0: nothing was live
	ModelName    string          `json:"model_name"`    // "": nothing was live
	ModelVersion int64           `json:"model_version"` // 0: nothing was live
	RequestID    string          `json:"request_id"`    // the caller's own, else the server's; the rows of one request share it, in the order of their ids
	Features     json.RawMessage `json:"features,omitempty"`
	Outputs      json.RawMessage `json:"outputs,omitempty"`
	Status       int32           `json:"status"`          // the HTTP status that was answered
	Error        string          `json:"error,omitempty"` // "Kind: message" of a refused or failed request
	Latency      time.Duration   `json:"latency"`         // from the first byte read to the moment before the append; kept to the microsecond

	Role           metadata.Role `json:"role"`                   // of the model version; empty: live
	ShadowOf       uuid.UUID     `json:"shadow_of,omitzero"`     // of a shadow: the prediction that was answered instead
	Token          string        `json:"token,omitempty"`        // name of the token the request came with
	RequestHash    []byte        `json:"request_hash,omitempty"` // SHA-256 of the request's body
	IdempotencyKey string        `json:"idempotency_key,omitempty"`
}

// fixedBytes is the size of a record's fixed part: id, time, revision, model
// version, status, latency.
const fixedBytes = 16 + 8 + 8 + 8 + 4 + 8

// byteStrings is how many byte strings follow the fixed part.
const byteStrings = 11

// appendRecord appends the payload of format version 2: the fixed part in
// little-endian order, then the byte strings, each after its uvarint length.
func appendRecord(b []byte, r *Record) []byte {
	b = append(b, r.ID[:]...)
	b = binary.LittleEndian.AppendUint64(b, uint64(r.At.UnixMicro()))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Revision))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.ModelVersion))
	b = binary.LittleEndian.AppendUint32(b, uint32(r.Status))
	b = binary.LittleEndian.AppendUint64(b, uint64(r.Latency.Microseconds()))
	b = appendBytes(b, r.Endpoint)
	b = appendBytes(b, r.ModelName)
	b = appendBytes(b, r.RequestID)
	b = appendBytes(b, r.Error)
	b = appendBytes(b, r.Features)
	b = appendBytes(b, r.Outputs)
	b = appendBytes(b, r.Role)
	if r.ShadowOf == uuid.Nil {
		b = append(b, 0)
	} else {
		b = appendBytes(b, r.ShadowOf[:])
	}
	b = appendBytes(b, r.Token)
	b = appendBytes(b, r.RequestHash)
	return appendBytes(b, r.IdempotencyKey)
}

func appendBytes[T ~string | ~[]byte](b []byte, v T) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// decodeRecord reads a payload of version 2. Features, Outputs and RequestHash
// alias it.
func decodeRecord(p []byte) (Record, error) {
	var r Record
	if len(p) < fixedBytes {
		return r, fmt.Errorf("record of %d bytes is shorter than its fixed part of %d", len(p), fixedBytes)
	}
	copy(r.ID[:], p)
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(p[at:]) }
	r.At = time.UnixMicro(int64(u64(16))).UTC()
	r.Revision = int64(u64(24))
	r.ModelVersion = int64(u64(32))
	r.Status = int32(binary.LittleEndian.Uint32(p[40:]))
	r.Latency = time.Duration(u64(44)) * time.Microsecond
	rest := p[fixedBytes:]
	var fields [byteStrings][]byte
	for i := range fields {
		n, w := binary.Uvarint(rest)
		if w <= 0 || n > uint64(len(rest)-w) {
			return r, fmt.Errorf("field %d of the record runs past its end", i)
		}
		fields[i], rest = rest[w:w+int(n):w+int(n)], rest[w+int(n):]
	}
	if len(rest) != 0 {
		return r, fmt.Errorf("%d bytes follow the record's last field", len(rest))
	}
	r.Endpoint, r.ModelName = string(fields[0]), string(fields[1])
	r.RequestID, r.Error = string(fields[2]), string(fields[3])
	if len(fields[4]) > 0 {
		r.Features = fields[4]
	}
	if len(fields[5]) > 0 {
		r.Outputs = fields[5]
	}
	r.Role, r.Token, r.IdempotencyKey = metadata.Role(fields[6]), string(fields[8]), string(fields[10])
	switch len(fields[7]) {
	case 0:
	case len(r.ShadowOf):
		copy(r.ShadowOf[:], fields[7])
	default:
		return r, fmt.Errorf("the prediction it shadows has an id of %d bytes", len(fields[7]))
	}
	if len(fields[9]) > 0 {
		r.RequestHash = fields[9]
	}
	return r, nil
}
