package confined_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/esteira-ml/esteira/internal/confined"
)

func TestMain(m *testing.M) {
	confined.Main("confined-hog", func(_ io.Reader, out io.Writer) error {
		if err := confined.Bound(256<<20, 1000); err != nil {
			return err
		}
		var hog [][]byte
		for range 64 {
			hog = append(hog, bytes.Repeat([]byte{1}, 16<<20))
		}
		_, err := out.Write(hog[63][:1])
		return err
	})
	confined.Main("confined-echo", func(in io.Reader, out io.Writer) error {
		if err := confined.Bound(1<<30, 0); err != nil {
			return err
		}
		if os.Getenv("GIVEN") != "this" || os.Getenv("SECRET") != "" {
			return errors.New("the environment is not what was given")
		}
		if _, err := io.Copy(out, in); err != nil {
			return err
		}
		return errors.New("said\nin the end\n\nand more" + strings.Repeat("x", 1<<20))
	})
	os.Exit(m.Run())
}

// A process is given what it is given, and what it says is bounded.
func TestAProcessHasWhatItIsGiven(t *testing.T) {
	t.Setenv("SECRET", "here")
	cmd, words, err := confined.Command(t.Context(), "confined-echo", t.TempDir(), "GIVEN=this")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin = strings.NewReader("question")
	out, err := cmd.Output()
	if err == nil || string(out) != "question" || words.String() != "said in the end" {
		t.Fatalf("%q, %v: %q", out, err, words)
	}
}

// One that takes more memory than it may is brought down alone.
func TestAProcessIsBounded(t *testing.T) {
	cmd, words, err := confined.Command(t.Context(), "confined-hog", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.Output()
	if err == nil || len(out) > 0 || !strings.Contains(words.String(), "memory") || len(words.String()) > 500 {
		t.Fatalf("%q, %v: %q", out, err, words)
	}
}
