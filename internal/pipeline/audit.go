package pipeline

import (
	"maps"
	"slices"
	"time"
)

// Audit says what the audit log keeps of the endpoint's requests, and when an answer
// may leave. A deployment makes it the endpoint's policy; without it, the endpoint
// keeps the policy it has, at first strict audit of everything.
type Audit struct {
	Mode       string            `json:"mode" yaml:"mode,omitempty" jsonschema:"enum=strict,enum=bounded" jsonschema_description:"strict (default): an answer leaves after its record is on disk; bounded: before, and max_records and max_delay bound what a crash may lose."`
	MaxRecords *int64            `json:"max_records,omitempty" yaml:"max_records,omitempty" jsonschema_description:"bounded: greatest number of answers of a server that have left and are not on disk; default 1000."`
	MaxDelay   string            `json:"max_delay,omitempty" yaml:"max_delay,omitempty" jsonschema_description:"bounded: how long the oldest of them may have waited, a duration; default 1s."`
	Columns    map[string]string `json:"columns,omitempty" yaml:"columns,omitempty" jsonschema_description:"What is not kept as it was sent: {column: hash, mask or omit}, before it reaches a disk. hash: a keyed hash, equal for equal values; mask: only whether there was a value; omit: nothing."`
	Key        string            `json:"key,omitempty" yaml:"key,omitempty" jsonschema_description:"Where the servers find the secret of hashes, at least 16 characters: env:NAME or file:PATH. Needed with columns."`
}

// The bounds of bounded audit.
const (
	DefaultAuditRecords = 1000
	DefaultAuditDelay   = time.Second
	maxAuditRecords     = 1_000_000
	maxAuditDelay       = time.Minute
	maxAuditColumns     = 1000
)

// Bound returns what bounded audit may lose: the records and the delay.
func (a *Audit) Bound() (records int64, delay time.Duration) {
	records, delay = DefaultAuditRecords, DefaultAuditDelay
	if a.MaxRecords != nil {
		records = *a.MaxRecords
	}
	if d, err := ParseDuration(a.MaxDelay); err == nil {
		delay = d
	}
	return records, delay
}

func (d *decoder) checkAudit(a *Audit) {
	if a == nil {
		return
	}
	const path = "deploy.audit"
	if a.Mode != "strict" && a.Mode != "bounded" {
		d.add(path+".mode", "write strict or bounded", "%q is no mode of audit", clip(a.Mode))
	}
	if a.Mode == "strict" && (a.MaxRecords != nil || a.MaxDelay != "") {
		d.add(path, "write mode: bounded, or remove max_records and max_delay", "strict audit loses nothing that a bound could bound")
	}
	if a.MaxRecords != nil && (*a.MaxRecords < 1 || *a.MaxRecords > maxAuditRecords) {
		d.add(path+".max_records", "write 1 to 1000000", "cannot be bounded by %d records", *a.MaxRecords)
	}
	if a.MaxDelay != "" {
		if delay, err := ParseDuration(a.MaxDelay); err != nil || delay <= 0 || delay > maxAuditDelay {
			d.add(path+".max_delay", "write a duration up to 1m, such as 1s", "%q cannot bound a delay", clip(a.MaxDelay))
		}
	}
	if len(a.Columns) > maxAuditColumns {
		d.add(path+".columns", "name at most 1000", "%d columns are more than a policy holds", len(a.Columns))
	}
	for _, name := range slices.Sorted(maps.Keys(a.Columns)) {
		if how := a.Columns[name]; how != "hash" && how != "mask" && how != "omit" {
			d.add(path+".columns."+name, "write hash, mask or omit", "%q cannot be done to a column", clip(how))
		}
	}
	switch {
	case len(a.Columns) > 0 && a.Key == "":
		d.add(path+".key", "write key: env:NAME or file:PATH, and give the servers the secret there", "is missing: without a secret, what is withheld could be guessed from the request's hash")
	case a.Key != "" && !secretReference.MatchString(a.Key):
		// The value is not repeated: it may be the secret.
		d.add(path+".key", "write env:NAME or file:PATH, and give the servers the secret there", "must be a reference, not the secret itself")
	case a.Key != "" && len(a.Columns) == 0:
		d.add(path+".key", "remove it, or write columns: {NAME: hash}", "no column needs a key")
	}
}
