package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Canonical returns the one JSON form of a complete pipeline: every default
// written, fields in the order of the types, keys of maps sorted. Two files that
// mean the same, whatever their comments and order, have the same form.
func Canonical(p *Pipeline) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(p); err != nil {
		return nil, fault.Wrap(err, fault.PipelineInvalid, "the pipeline has no canonical form").
			WithRemedy("build it with Parse")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// MaxCanonical bounds the canonical form, in bytes: it travels through every
// workflow and is part of its history.
const MaxCanonical = 48 << 10

func (d *decoder) checkSize(p *Pipeline) {
	if len(d.mistakes) > 0 {
		return
	}
	if data, err := Canonical(p); err == nil && len(data) > MaxCanonical {
		d.add("", "keep it below "+strconv.Itoa(MaxCanonical)+": move long lists into a source and join them in dataset.sql",
			"the pipeline has %d bytes in its canonical form", len(data))
	}
}

// Digest returns the SHA-256 of the canonical form in hex: the version of the
// pipeline.
func Digest(p *Pipeline) (string, error) {
	data, err := Canonical(p)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// Decode reads a canonical form back, strictly.
func Decode(data []byte) (*Pipeline, error) {
	p := &Pipeline{}
	if err := strictJSON(data, p); err != nil {
		return nil, fault.Wrap(err, fault.PipelineInvalid, "not the canonical form of a pipeline").
			WithRemedy("write it with Canonical of the same version")
	}
	return p, nil
}
