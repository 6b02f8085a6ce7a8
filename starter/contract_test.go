package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/quality"
)

// contracted is a pipeline file over a few rows, with its contract beside it.
func contracted(t *testing.T) (path, contract string) {
	t.Helper()
	dir := t.TempDir()
	var rows strings.Builder
	rows.WriteString("id,x,kind,y\n")
	for i := range 40 {
		rows.WriteString(strings.Join([]string{string(rune('a'+i%26)) + string(rune('a'+i/26)), "1." + string(rune('0'+i%10)), []string{"red", "blue"}[i%2], string(rune('0' + i%7))}, ",") + "\n")
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "d.csv"), []byte(rows.String()), 0o600))
	path, contract = filepath.Join(dir, "p.yaml"), filepath.Join(dir, "p.contract.yaml")
	require.NoError(t, os.WriteFile(path, []byte("name: p\nproblem: {task: regression, target: y}\nsources: {d: {path: d.csv}}\ndataset: {key: [id]}\n"), 0o600))
	return path, contract
}

func TestAContractIsInferredNamedAndHeld(t *testing.T) {
	path, contract := contracted(t)
	out, _, code := esteira(t, "contract", "infer", path)
	require.Equal(t, exitDone, code)
	require.Contains(t, out, "# 2 distinct texts")
	require.Contains(t, out, "set: [blue, red]")

	// A pipeline file may name the contract before it is written.
	plain, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(plain, "contract: p.contract.yaml\n"...), 0o600))
	_, _, code = esteira(t, "contract", "infer", path, "--write", contract)
	require.Equal(t, exitDone, code)
	require.NoError(t, os.WriteFile(path, plain, 0o600))
	before := decoded[validation](t, exitDone, "validate", path)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(data, "contract: p.contract.yaml\n"...), 0o600))
	after := decoded[validation](t, exitDone, "validate", path)
	require.NotEqual(t, before.Digest, after.Digest)

	// A version of the pipeline names the version of its contract.
	text, err := os.ReadFile(contract)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(contract, append(text, "\n  # by hand\n  - {column: x, range: {max: 1.5}}\n"...), 0o600))
	require.NotEqual(t, after.Digest, decoded[validation](t, exitDone, "validate", path).Digest)

	got := decoded[quality.Result](t, exitRejected, "contract", "check", path)
	last := got.Rules[len(got.Rules)-1]
	require.Equal(t, "x ≤ 1.5", last.Rule)
	require.EqualValues(t, 16, last.Failed)
	require.Len(t, last.Examples, 16)
	out, _, code = esteira(t, "contract", "check", path)
	require.Equal(t, exitRejected, code)
	require.Contains(t, out, "16 of 40 rows")
}

func TestServingRowsHaveNoTarget(t *testing.T) {
	path, _ := contracted(t)
	asked := filepath.Join(t.TempDir(), "asked.csv")
	require.NoError(t, os.WriteFile(asked, []byte("id,x,kind\nzz,1.5,red\n"), 0o600))
	got := decoded[quality.Result](t, exitDone, "contract", "check", path, "--environment", "serving", "--data", asked)
	require.EqualValues(t, 1, got.Valid)

	require.NoError(t, os.WriteFile(asked, []byte("id,x,kind,y\nzz,1.5,red,3\n"), 0o600))
	got = decoded[quality.Result](t, exitRejected, "contract", "check", path, "--environment", "serving", "--data", asked)
	require.Contains(t, got.Violation().Error(), "y is absent: it is there")

	_, errs, code := esteira(t, "contract", "check", path, "--environment", "moon")
	require.Equal(t, exitUsage, code, errs)
}

func TestAContractThatIsWrongNamesItsLine(t *testing.T) {
	path, contract := contracted(t)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append(data, "contract: p.contract.yaml\n"...), 0o600))
	_, errs, code := esteira(t, "validate", path)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "p.contract.yaml")
	require.NoError(t, os.WriteFile(contract, []byte("rules:\n  - {column: x, rnage: {max: 3}}\n"), 0o600))
	_, errs, code = esteira(t, "validate", path)
	require.Equal(t, exitUsage, code)
	require.Contains(t, errs, "p.contract.yaml:2:")
	require.Contains(t, errs, "range")
}
