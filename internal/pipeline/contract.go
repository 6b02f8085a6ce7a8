package pipeline

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/goccy/go-yaml/token"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Contract is a file of rules that stands beside a pipeline file, so that those
// who answer for the data can keep it apart.
type Contract struct {
	Rules []Rule `json:"rules" yaml:"rules" jsonschema:"required"`
}

// ParseContract reads a contract file as strictly as Parse reads a pipeline file.
func ParseContract(filename string, data []byte) (*Contract, error) {
	d := newDecoder(filename, data)
	c := &Contract{}
	if root := d.read(data); root != nil {
		d.places[""] = positionOf(root)
		d.structure(root, reflect.ValueOf(c).Elem(), "")
		for i := range c.Rules {
			c.Rules[i].defaults()
			d.checkRule(fmt.Sprintf("rules[%d]", i), c.Rules[i])
		}
	}
	if len(d.mistakes) > 0 {
		return nil, asFault(inFileOrder(d.mistakes))
	}
	return c, nil
}

// LoadContract appends the rules of the pipeline's contract file, which stands in
// dir, to its own, and turns Contract into name and digest, so that a version of
// the pipeline names the version of its contract. Without one it does nothing.
func (p *Pipeline) LoadContract(dir string) error {
	if p.Contract == "" || strings.Contains(p.Contract, "@sha256:") {
		return nil
	}
	path := p.Contract
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	if _, err := os.Stat(path); err != nil {
		return fault.Wrap(reason(err), fault.PipelineInvalid, "the contract %s cannot be read", p.Contract).
			WithRemedy("write it with esteira contract infer, or remove contract from the pipeline file")
	}
	data, err := ReadBytes(path)
	if err != nil {
		return err
	}
	c, err := ParseContract(p.Contract, data)
	if err != nil {
		return err
	}
	d := &decoder{file: p.Contract, places: map[string]*token.Position{}, faulty: map[string]bool{}}
	for i, r := range c.Rules {
		d.checkRuleOf(fmt.Sprintf("rules[%d]", i), p, r)
	}
	if len(d.mistakes) > 0 {
		return asFault(d.mistakes)
	}
	p.Validation = append(p.Validation, c.Rules...)
	p.Contract = filepath.Base(p.Contract) + "@sha256:" + fmt.Sprintf("%x", sha256.Sum256(data))
	return nil
}
