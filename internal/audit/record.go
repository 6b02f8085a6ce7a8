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

	Mode     metadata.AuditMode `json:"mode,omitempty"`     // bounded: the answer left before the sync; empty: strict
	Redacted json.RawMessage    `json:"redacted,omitempty"` // {name: hash, mask or omit}: what was done to which feature
	// Of the first record of a request with an IdempotencyKey: the answer as it left.
	AnswerHeader json.RawMessage `json:"answer_header,omitempty"` // {name: value}
	Answer       []byte          `json:"answer,omitempty"`

	ordinal uint64 // among the records that were answered before their sync; 0: not one of them
}

// fixedBytes is the size of a record's fixed part: id, time, revision, model
// version, status, latency.
const fixedBytes = 16 + 8 + 8 + 8 + 4 + 8

// byteStrings is how many byte strings follow the fixed part, by format version. A
// version only adds at the end, so that a spool which an older server left is
// drained by a newer one.
var byteStrings = [...]int{1: 6, 2: 11, 3: 15}

// appendRecord appends the payload of format version 3: the fixed part in
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
	b = appendBytes(b, r.IdempotencyKey)
	if r.ordinal == 0 {
		b = append(b, 0)
	} else {
		b = append(b, 8)
		b = binary.LittleEndian.AppendUint64(b, r.ordinal)
	}
	b = appendBytes(b, r.Redacted)
	b = appendBytes(b, r.AnswerHeader)
	return appendBytes(b, r.Answer)
}

func appendBytes[T ~string | ~[]byte](b []byte, v T) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// decodeRecord reads a payload of a format version. The byte slices of the record
// alias it; texts that are those of the record before it are taken from there, for
// most are.
func decodeRecord(p []byte, format int, before *Record) (Record, error) {
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
	var fields [15][]byte
	for i := range byteStrings[format] {
		n, w := binary.Uvarint(rest)
		if w <= 0 || n > uint64(len(rest)-w) {
			return r, fmt.Errorf("field %d of the record runs past its end", i)
		}
		fields[i], rest = rest[w:w+int(n):w+int(n)], rest[w+int(n):]
	}
	if len(rest) != 0 {
		return r, fmt.Errorf("%d bytes follow the record's last field", len(rest))
	}
	r.Features, r.Outputs, r.RequestHash = orNil(fields[4]), orNil(fields[5]), orNil(fields[9])
	r.Redacted, r.AnswerHeader, r.Answer = orNil(fields[12]), orNil(fields[13]), orNil(fields[14])
	r.Endpoint, r.ModelName = again(fields[0], before.Endpoint), again(fields[1], before.ModelName)
	r.RequestID, r.Error = string(fields[2]), string(fields[3])
	r.Role, r.Token, r.IdempotencyKey = again(fields[6], before.Role), again(fields[8], before.Token), string(fields[10])
	if len(fields[11]) == 8 {
		r.ordinal, r.Mode = binary.LittleEndian.Uint64(fields[11]), metadata.AuditBounded
	}
	switch len(fields[7]) {
	case 0:
	case len(r.ShadowOf):
		copy(r.ShadowOf[:], fields[7])
	default:
		return r, fmt.Errorf("the prediction it shadows has an id of %d bytes", len(fields[7]))
	}
	return r, nil
}

// again is b as a text, which is not made anew if it is before.
func again[T ~string](b []byte, before T) T {
	if string(b) == string(before) {
		return before
	}
	return T(b)
}

func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
