package testenv

import (
	"testing"

	"github.com/esteira-ml/esteira/internal/metadata"
)

// Place is where programs under test work without meeting others.
type Place struct {
	DB        *metadata.DB
	TaskQueue string   // prefix
	Env       []string // NAME=VALUE for a program's environment
}

// Isolated makes a database, a bucket and task queues for programs that a test
// starts as processes.
func Isolated(t testing.TB) Place {
	t.Helper()
	url, store, queue := DatabaseURL(t), StoreOptions(t), Name(t)
	return Place{
		DB:        OpenDatabase(t, url),
		TaskQueue: queue,
		Env:       []string{"DATABASE_URL=" + url, "ESTEIRA_BUCKET=" + store.Bucket, "ESTEIRA_TASK_QUEUE=" + queue},
	}
}
