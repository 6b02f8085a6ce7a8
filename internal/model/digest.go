package model

import (
	"crypto/sha256"
	"encoding/hex"
)

// Digest names a fitted model by its content: equal models have equal digests, 64 hex
// digits. It is the SHA-256 of Encode's bytes, but of trees, whose text takes longer
// than a small fit, the tree package's own. Errors are Encode's.
func Digest(m Model) (string, error) {
	if trees, ok := m.(*Boosted); ok {
		return trees.Trees.Digest(), nil
	}
	data, err := Encode(m)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
