package quality

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/esteira-ml/esteira/internal/fault"
)

// ContractYAML writes suggestions as a contract file: a rule a line, its reason
// as a comment above it.
func ContractYAML(suggestions []Suggestion, pipeline string) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Contract of the dataset of %s, inferred from data: keep what is true of the\n# world, change what was only true of these rows, and name this file in the\n# pipeline file:  contract: FILE\nrules:\n", pipeline)
	for _, s := range suggestions {
		line, err := yaml.MarshalWithOptions(s.Rule, yaml.Flow(true))
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "the rule %q cannot be written", Text(s.Rule))
		}
		fmt.Fprintf(&b, "\n  # %s\n  - %s\n", strings.Join(strings.Fields(s.Reason), " "), bytes.TrimSpace(line))
	}
	return b.Bytes(), nil
}
