package audit

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"time"
)

// quarantineDir holds what could not become a row, for people to look at; nothing
// here is read again.
const quarantineDir = "quarantine"

// poisonFile has one JSON object a line, {"at", "reason", "segment", "record" or "raw"}.
const poisonFile = "poison.jsonl"

type poison struct {
	At      time.Time `json:"at"`
	Reason  string    `json:"reason"`
	Segment string    `json:"segment"`
	Record  *Record   `json:"record,omitempty"`
	Raw     []byte    `json:"raw,omitempty"` // base64; a payload that could not be decoded
}

// quarantine sets one poison record aside, durably.
func (s *Spool) quarantine(p poison) error {
	line, err := json.Marshal(p)
	if err != nil && p.Record != nil {
		// Its features are not JSON, which may be the very reason.
		p.Raw, p.Record = appendRecord(nil, p.Record), nil
		line, err = json.Marshal(p)
	}
	if err != nil {
		return err
	}
	dir := filepath.Join(s.opts.Dir, quarantineDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, poisonFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	s.mu.Lock()
	s.counts.poisoned++
	s.mu.Unlock()
	return nil
}

// quarantineFile keeps bytes that are not a record.
func (s *Spool) quarantineFile(name string, r io.Reader) error {
	dir := filepath.Join(s.opts.Dir, quarantineDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Sync(), f.Close())
}
