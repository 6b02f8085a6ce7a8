package archive

import (
	"time"

	"github.com/esteira-ml/esteira/internal/artifact"
	"github.com/esteira-ml/esteira/internal/metadata"
)

const formatName = "esteira-audit-day/1"

// Manifest says what an exported file is. Its digest stands for all of it.
type Manifest struct {
	Format   string                `json:"format"`
	Sequence int64                 `json:"sequence"`
	Day      string                `json:"day"`  // 2006-01-02, UTC
	Part     int                   `json:"part"` // 0; a supplement of late records: 1, 2, …
	Rows     int64                 `json:"rows"`
	First    string                `json:"first,omitempty"` // ids
	Last     string                `json:"last,omitempty"`
	Start    string                `json:"start"` // of the chain of rows
	Head     string                `json:"head"`  // hash of the last row; without rows: start
	Parquet  artifact.Ref          `json:"parquet"`
	Previous string                `json:"previous"` // digest of the manifest of the sequence before; empty: the first
	Counts   []metadata.AuditCount `json:"counts"`
}

// Archive reads and writes exported days. All fields are required.
type Archive struct {
	DB    *metadata.DB
	Store Store
	Open  func(dir string) (Engine, error) // an engine that spills into dir
	Dir   string                           // for temporary files
}

func dayOf(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }
