package tree

import (
	"slices"
	"testing"
)

func TestEqualTreesHaveEqualDigests(t *testing.T) {
	d, s := of(Logistic, 4, 2000), settings(Logistic)
	e, _ := fitted(t, d, s)
	again, _ := fitted(t, d, s)
	want := e.Digest()
	if len(want) != 64 || again.Digest() != want {
		t.Fatalf("%s and %s", want, again.Digest())
	}
	at := slices.IndexFunc(again.Trees, func(t *Tree) bool { return len(t.Sets) > 0 })
	if at < 0 {
		t.Fatal("no split of a block to change")
	}
	first := again.Trees[at]
	for what, change := range map[string]func() func(){
		"a base":   func() func() { v := &again.Base[0]; was := *v; *v++; return func() { *v = was } },
		"the loss": func() func() { again.Loss = Squared; return func() { again.Loss = Logistic } },
		"a name":   func() func() { n := &again.Features[0].Name; *n += "x"; return func() { *n = (*n)[:len(*n)-1] } },
		"a category": func() func() {
			n := &again.Features[5].Categories[1]
			*n += "x"
			return func() { *n = (*n)[:len(*n)-1] }
		},
		"a tree less": func() func() { all := again.Trees; again.Trees = all[1:]; return func() { again.Trees = all } },
		"a feature":   func() func() { first.Features[0]++; return func() { first.Features[0]-- } },
		"a threshold": func() func() { v := &first.Thresholds[0]; was := *v; *v++; return func() { *v = was } },
		"a child":     func() func() { first.Lefts[0]++; return func() { first.Lefts[0]-- } },
		"a direction": func() func() {
			v := &first.MissingLeft[0]
			*v = !*v
			return func() { *v = !*v }
		},
		"a value": func() func() { v := &first.Values[0]; was := *v; *v++; return func() { *v = was } },
		"a gain":  func() func() { v := &first.Gains[0]; was := *v; *v *= 2; return func() { *v = was } },
		"a cover": func() func() { v := &first.Covers[0]; was := *v; *v *= 2; return func() { *v = was } },
		"a set":   func() func() { s := &first.Sets[0]; s.Node++; return func() { s.Node-- } },
		"a code": func() func() {
			s := &first.Sets[0]
			s.Codes = append(s.Codes, 999)
			return func() { s.Codes = s.Codes[:len(s.Codes)-1] }
		},
	} {
		back := change()
		if again.Digest() == want {
			t.Errorf("%s more or less is the same digest", what)
		}
		if back(); again.Digest() != want {
			t.Fatalf("%s put back is another digest", what)
		}
	}
}

func BenchmarkDigest(b *testing.B) {
	s := settings(Squared)
	s.Rounds, s.MaxDepth = 100, 6
	e, _ := fitted(b, of(Squared, 4, 2000), s)
	for b.Loop() {
		e.Digest()
	}
}
