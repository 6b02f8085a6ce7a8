package feature

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"

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

func (fitted *Fitted) validate() error {
	if fitted.Version != Version {
		return fmt.Errorf("version %d is not %d, the one this build reads", fitted.Version, Version)
	}
	if len(fitted.Chains) > maxChains {
		return fmt.Errorf("%d chains are more than the bound of %d", len(fitted.Chains), maxChains)
	}
	kinds, used := map[string]string{}, map[string]bool{}
	for _, in := range fitted.Inputs {
		if _, twice := kinds[in.Name]; twice {
			return fmt.Errorf("input %q is listed twice", in.Name)
		}
		kinds[in.Name] = in.Kind
	}
	names := map[string]bool{}
	for i := range fitted.Chains {
		c := &fitted.Chains[i]
		kind, ok := kinds[c.Column]
		if !ok {
			return fmt.Errorf("chain %q reads column %q, which is not an input", c.Name, c.Column)
		}
		if names[c.Name] {
			return fmt.Errorf("two chains are named %q", c.Name)
		}
		names[c.Name], used[c.Column] = true, true
		if err := c.validate(kind); err != nil {
			return fmt.Errorf("chain %q: %w", c.Name, err)
		}
	}
	for _, in := range fitted.Inputs {
		if !used[in.Name] {
			return fmt.Errorf("input %q is not used", in.Name)
		}
	}
	return nil
}

// validate checks the grammar that the comment of Chain gives.
func (c *Chain) validate(kind string) error {
	steps := c.Steps
	if len(steps) == 0 || len(steps) > maxSteps {
		return fmt.Errorf("%d steps are not between 1 and %d", len(steps), maxSteps)
	}
	for i := range steps {
		if err := steps[i].validate(); err != nil {
			return err
		}
	}
	switch kind {
	case "text":
		if len(steps) == 2 && (steps[0].Impute == nil || steps[0].Impute.Text == nil) || len(steps) > 2 || steps[len(steps)-1].OneHot == nil {
			return fmt.Errorf("a text needs at most one impute of text, then one_hot")
		}
		return nil
	case "time":
		d := steps[0].DatePart
		if d == nil {
			return fmt.Errorf("a time needs date_part first")
		}
		if steps = steps[1:]; d.AsCategories {
			if len(steps) > 0 {
				return fmt.Errorf("a block cannot be transformed further")
			}
			return nil
		}
	case "number":
	default:
		return fmt.Errorf("%q is not number, text or time", kind)
	}
	mayMiss := true
	for i := range steps {
		switch s := &steps[i]; {
		case s.OneHot != nil || s.DatePart != nil || s.Impute != nil && s.Impute.Number == nil:
			return fmt.Errorf("step %d is not for numbers", i)
		case s.Impute != nil:
			mayMiss = false
		case s.Log1p != nil:
			mayMiss = true
		}
	}
	if mayMiss {
		return fmt.Errorf("its output may be missing: no impute follows")
	}
	return nil
}

func (s *Step) validate() error {
	set := 0
	for _, is := range []bool{s.Impute != nil, s.Standardize != nil, s.Log1p != nil, s.OneHot != nil, s.DatePart != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("a step holds %d transforms, not 1", set)
	}
	switch {
	case s.Impute != nil:
		if (s.Impute.Number == nil) == (s.Impute.Text == nil) || s.Impute.Text != nil && *s.Impute.Text == "" {
			return fmt.Errorf("impute needs either a number or a text that is not empty")
		}
	case s.Standardize != nil:
		if !(s.Standardize.Scale > 0) {
			return fmt.Errorf("scale %v is not positive", s.Standardize.Scale)
		}
	case s.DatePart != nil:
		if !slices.Contains(PartNames, s.DatePart.Part) || s.DatePart.AsCategories && PartCategories(s.DatePart.Part) == nil {
			return fmt.Errorf("date part %q (as categories: %t) is not possible", s.DatePart.Part, s.DatePart.AsCategories)
		}
	case s.OneHot != nil:
		known := s.OneHot.Categories
		if known == nil || len(known) > maxMaxCategories || s.OneHot.Shared && len(known) == 0 {
			return fmt.Errorf("one_hot has %d categories", len(known))
		}
		if s.OneHot.Shared {
			if known = known[:len(known)-1]; slices.Contains(known, s.OneHot.Categories[len(known)]) {
				return fmt.Errorf("the shared category has the name of another")
			}
		}
		for i, text := range known {
			if text == "" || i > 0 && known[i-1] >= text {
				return fmt.Errorf("categories are empty or not in increasing order at %d", i)
			}
		}
	}
	return nil
}
