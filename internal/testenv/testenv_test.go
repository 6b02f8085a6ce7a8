package testenv_test

import (
	"regexp"
	"testing"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/testenv"
)

func TestDatabasesAreApartAndReady(t *testing.T) {
	one, other := testenv.Database(t), testenv.Database(t)
	if _, _, err := one.StartRun(t.Context(), metadata.StartRun{ID: "r", Pipeline: "p", Trigger: "manual"}); err != nil {
		t.Fatal(err)
	}
	if runs, err := other.Runs(t.Context(), metadata.RunFilter{}, 10); err != nil || len(runs) != 0 {
		t.Fatal(runs, err)
	}
	if have, known, err := other.SchemaVersion(t.Context()); err != nil || have != known {
		t.Fatal(have, known, err)
	}
}

func TestNothingIsLeftBehind(t *testing.T) {
	var bucket string
	t.Run("a test that uses a store", func(t *testing.T) {
		options := testenv.StoreOptions(t)
		bucket = options.Bucket
		store, err := artifact.Open(t.Context(), options)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.PutBytes(t.Context(), []byte("x"), artifact.MediaTypeJSON); err != nil {
			t.Fatal(err)
		}
	})
	if ok, err := testenv.S3(t).BucketExists(t.Context(), bucket); ok || err != nil {
		t.Fatal(bucket, ok, err)
	}
}

func TestNamesAreShortValidAndNew_WhateverTheTestIsCalled(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		name := testenv.Name(t)
		if seen[name] || len(name) > 48 || !regexp.MustCompile(`^[a-z][a-z0-9-]*[a-z0-9]$`).MatchString(name) {
			t.Fatal(name)
		}
		seen[name] = true
	}
}

func BenchmarkDatabase(b *testing.B) {
	for b.Loop() {
		testenv.DatabaseURL(b)
	}
}
