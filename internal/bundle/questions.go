package bundle

import (
	"bytes"
	"encoding/json"
)

// Questions are the golden rows of a bundle, and how near an answer must be.
type Questions struct {
	Signature Signature
	Golden    []GoldenRow
	Tolerance float64 // see Close
}

// QuestionsOf reads what a bundle promises to answer, without decoding its model: to
// ask somebody else who has. The error is BundleInvalid.
func QuestionsOf(data []byte) (*Questions, error) {
	o, err := unarchive(data)
	if err != nil {
		return nil, err
	}
	q := &Questions{Tolerance: goldenTolerance}
	if err := decode("signature.json", o.files["signature.json"], &q.Signature); err != nil {
		return nil, err
	}
	if err := decode("golden.json", o.files["golden.json"], &q.Golden); err != nil {
		return nil, err
	}
	if madeElsewhere(o.files["model.json"]) {
		q.Tolerance = foreignTolerance
	}
	return q, nil
}

// madeElsewhere reports whether the native form is that of a model trained elsewhere: what
// follows the version is named so.
func madeElsewhere(native []byte) bool {
	d := json.NewDecoder(bytes.NewReader(native))
	for range 3 { // {, "version", its number
		if _, err := d.Token(); err != nil {
			return false
		}
	}
	kind, err := d.Token()
	return err == nil && kind == "foreign"
}
