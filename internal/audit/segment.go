package audit

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"strconv"
	"strings"
)

// A segment is a header followed by frames. All numbers are little-endian.
//
//	header: "ESTAUDIT" (8 bytes), format version (uint32), reserved (uint32)
//	frame:  length of the payload (uint32), CRC-32C of length and payload (uint32), payload
const (
	magic         = "ESTAUDIT"
	formatVersion = 3
	headerBytes   = 16
	frameBytes    = 8
	maxPayload    = 32 << 20
	suffix        = ".segment"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segment is one file of the spool. Its mutable fields belong to Spool.mu.
type segment struct {
	sequence uint64
	path     string
	size     int64 // bytes known to be on disk: nothing beyond is ever read
	records  int64 // frames within size
	drained  int64 // offset up to which Postgres holds the records
	taken    int64 // frames within drained
	sealed   bool  // no more is written to it
	format   int   // version of its records
}

func segmentName(sequence uint64) string { return fmt.Sprintf("%016x%s", sequence, suffix) }

// sequenceOf returns the sequence in a segment's file name.
func sequenceOf(name string) (uint64, bool) {
	hex, ok := strings.CutSuffix(filepath.Base(name), suffix)
	if !ok || len(hex) != 16 {
		return 0, false
	}
	n, err := strconv.ParseUint(hex, 16, 64)
	return n, err == nil
}

func header() []byte {
	b := append(make([]byte, 0, headerBytes), magic...)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	return binary.LittleEndian.AppendUint32(b, 0)
}

// checkHeader returns the format version, and tells an unfinished header (torn) from
// one that is not ours.
func checkHeader(b []byte) (format int, err error) {
	if len(b) < headerBytes {
		return 0, errTorn
	}
	if string(b[:len(magic)]) != magic {
		return 0, errors.New("the file does not begin with " + magic)
	}
	v := binary.LittleEndian.Uint32(b[len(magic):])
	if v < 1 || v > formatVersion {
		return 0, fmt.Errorf("format version %d, this program reads up to %d", v, formatVersion)
	}
	return int(v), nil
}

// appendFrame appends the frame of a record.
func appendFrame(b []byte, r *Record) []byte {
	start := len(b)
	b = append(b, make([]byte, frameBytes)...)
	b = appendRecord(b, r)
	payload := b[start+frameBytes:]
	binary.LittleEndian.PutUint32(b[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[start+4:], checksum(b[start:start+4], payload))
	return b
}

func checksum(length, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, payload)
}

var (
	errTorn    = errors.New("the frame is not complete")
	errDamaged = errors.New("the frame does not match its checksum")
)

// nextFrame returns the payload of the frame at the start of b and the bytes the
// frame takes. errTorn means that b ends before the frame does, in which case
// taken says how many bytes the whole frame would need, if that is known.
func nextFrame(b []byte) (payload []byte, taken int, err error) {
	if len(b) < frameBytes {
		return nil, frameBytes, errTorn
	}
	n := binary.LittleEndian.Uint32(b)
	if n < fixedBytes || n > maxPayload {
		return nil, 0, errDamaged // also a tail of zeros
	}
	taken = frameBytes + int(n)
	if len(b) < taken {
		return nil, taken, errTorn
	}
	payload = b[frameBytes:taken:taken]
	if checksum(b[:4], payload) != binary.LittleEndian.Uint32(b[4:]) {
		return nil, 0, errDamaged
	}
	return payload, taken, nil
}
