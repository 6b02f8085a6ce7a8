package feature

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Bounds on fitted state from outside.
const (
	maxEncoded = 64 << 20
	maxChains  = 100_000
	maxSteps   = 32
)

// Encode returns the canonical JSON of the state: indented, keys in the order
// of the types, numbers in their shortest form that reads back the same.
func (fitted *Fitted) Encode() ([]byte, error) {
	if err := fitted.validate(); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode features")
	}
	data, err := json.MarshalIndent(fitted, "", " ")
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "encode features")
	}
	return append(data, '\n'), nil
}

// Decode reads what Encode wrote. It trusts nothing: whatever it accepts, Apply
// can use. Errors are BundleInvalid.
func Decode(data []byte) (*Fitted, error) {
	fitted := &Fitted{}
	if err := decodeStrict(data, fitted); err != nil {
		return nil, fault.Wrap(err, fault.BundleInvalid, "the fitted features cannot be read")
	}
	if err := fitted.validate(); err != nil {
		return nil, fault.Wrap(err, fault.BundleInvalid, "the fitted features are not valid")
	}
	return fitted, nil
}

func decodeStrict(data []byte, into any) error {
	if len(data) > maxEncoded {
		return fmt.Errorf("%d bytes are more than the bound of %d", len(data), maxEncoded)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("there are bytes after the value")
	}
	return nil
}
