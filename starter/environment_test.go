package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/esteira-ml/esteira/internal/config"
)

func TestHelpTellsOfEveryVariable(t *testing.T) {
	out, _, code := esteira(t, "help", "environment")
	require.Equal(t, exitDone, code)
	for _, v := range config.Describe() {
		require.Contains(t, out, v.Name)
	}
}
