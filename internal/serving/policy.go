package serving

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/esteira-ml/esteira/internal/audit"
	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/jsontext"
	"github.com/esteira-ml/esteira/internal/metadata"
	"github.com/esteira-ml/esteira/internal/secret"
)

// policy is what the audit log keeps of an endpoint, ready for use. A nil policy is
// strict audit of everything.
type policy struct {
	metadata.AuditPolicy
	bound    *audit.Bound // nil: strict
	key      []byte       // nil: there is none, or it cannot be resolved here
	redacted json.RawMessage
}

// newPolicy resolves the secret of a policy. Where that fails, columns to be hashed
// are masked: what must not be written is not, whatever else is wrong.
func newPolicy(m metadata.AuditPolicy) (*policy, error) {
	p := &policy{AuditPolicy: m}
	if m.Mode == metadata.AuditBounded {
		p.bound = &audit.Bound{Records: m.MaxRecords, Delay: m.MaxDelay}
	}
	if len(m.Columns) == 0 {
		return p, nil
	}
	key, err := keyOf(m.Key)
	p.Columns = maps.Clone(m.Columns)
	if err == nil {
		p.key = []byte(key)
	} else {
		for name, how := range p.Columns {
			if how == metadata.ColumnHash {
				p.Columns[name] = metadata.ColumnMask
			}
		}
	}
	text, jerr := json.Marshal(p.Columns)
	p.redacted = text
	return p, errors.Join(err, jerr)
}

// leastKey is the least length of a key, in bytes.
const leastKey = 16

// keyOf is the secret that a reference stands for.
func keyOf(reference string) (string, error) {
	value, err := secret.Resolve(reference)
	if err == nil && len(value) < leastKey {
		err = fault.New(fault.ConfigInvalid, "%s holds no secret of at least %d characters on this server", reference, leastKey)
	}
	if err != nil {
		return "", fault.Wrap(err, fault.ConfigInvalid, "the key of an audit policy").
			WithRemedy("set it where the server runs; until then columns to be hashed are masked")
	}
	return value, nil
}

// withholds reports whether a part of requests must not reach the disk.
func (p *policy) withholds() bool { return p != nil && len(p.Columns) > 0 }

// keep puts the features that stand in b from from on into the record, as much of them
// as may reach the disk, and returns b, which a later append may move.
func (p *policy) keep(r *audit.Record, b []byte, from int) ([]byte, error) {
	if p.withholds() {
		sent := b[from:]
		from = len(b)
		var err error
		if b, err = p.appendRedacted(b, sent); err != nil {
			return b, err
		}
		r.Redacted = p.redacted
	}
	r.Features = b[from:len(b):len(b)]
	return b, nil
}

// requestHash identifies a body: by SHA-256, or by a keyed hash where a column is
// withheld, which the bare digest would let one guess. Without the key there is none.
func (p *policy) requestHash(body []byte, to []byte) []byte {
	if !p.withholds() {
		sum := sha256.Sum256(body)
		return append(to, sum[:]...)
	}
	if p.key == nil {
		return nil
	}
	h := hmac.New(sha256.New, p.key)
	h.Write(body)
	return h.Sum(to)
}

// mask stands in the place of a value that is not kept.
const mask = `"***"`

// appendRedacted appends an object of columns without what the policy withholds. A
// missing value stays one, so that it can still be counted.
func (p *policy) appendRedacted(b, object []byte) ([]byte, error) {
	c := &jsontext.Cursor{B: object}
	b = append(b, '{')
	first := true
	err := c.Members("an object", func(name []byte) error {
		column := string(name)
		c.Peek()
		value, err := c.Skip(0)
		if err != nil {
			return err
		}
		how := p.Columns[column]
		if how == metadata.ColumnOmit {
			return nil
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(appendText(b, column), ':')
		raw := object[value.From:value.To]
		switch {
		case string(raw) == "null":
			b = append(b, raw...)
		case how == metadata.ColumnMask:
			b = append(b, mask...)
		case how == metadata.ColumnHash:
			b = append(append(append(b, `"hmac-sha256:`...), p.hash(column, raw)...), '"')
		default:
			b = append(b, raw...)
		}
		return nil
	})
	return append(b, '}'), err
}

// hash is HMAC-SHA256 over the column's name, a zero byte and the value: a text
// without quotes and escapes, anything else as it was sent. Equal values of a column
// have equal hashes, across endpoints and servers that share the key.
func (p *policy) hash(column string, raw []byte) string {
	h := hmac.New(sha256.New, p.key)
	h.Write([]byte(column))
	h.Write([]byte{0})
	var text string
	if raw[0] == '"' && json.Unmarshal(raw, &text) == nil {
		raw = []byte(text)
	}
	h.Write(raw)
	return hex.EncodeToString(h.Sum(nil))
}

// message is an error as the log may keep it: one that may quote a value says only
// where.
func (p *policy) message(err error) string {
	if !p.withholds() {
		return err.Error()
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		return "not kept: the endpoint withholds columns"
	}
	if list, ok := f.Details.([]bundle.Problem); ok && len(list) > 0 {
		return "the request does not fit the model's signature: row " + strconv.Itoa(list[0].Row) + ", column " + list[0].Column + " (value not kept)"
	}
	if f.Kind == fault.RequestInvalid {
		return "not kept: the endpoint withholds columns"
	}
	return err.Error()
}

// SetPolicies makes these the policies of the endpoints, and returns what is wrong
// with those whose secret cannot be resolved, once for each version.
func (t *Table) SetPolicies(list []metadata.AuditPolicy) error {
	old := t.policies.Load()
	if old != nil && slices.EqualFunc(old.list, list, func(a, b metadata.AuditPolicy) bool {
		return a.Endpoint == b.Endpoint && a.Version == b.Version
	}) && !old.unresolved {
		return nil
	}
	next := &policies{list: list, of: make(map[string]*policy, len(list))}
	var wrong error
	for _, m := range list {
		p, err := newPolicy(m)
		next.of[m.Endpoint] = p
		if err != nil {
			next.unresolved = true
			if before := old.find(m.Endpoint); before == nil || before.Version != m.Version {
				wrong = errors.Join(wrong, err)
			}
		}
	}
	t.policies.Store(next)
	return wrong
}

// policies are those of one moment.
type policies struct {
	list       []metadata.AuditPolicy
	of         map[string]*policy
	unresolved bool // a secret is missing, and is looked for again
}

func (p *policies) find(endpoint string) *policy {
	if p == nil {
		return nil
	}
	return p.of[endpoint]
}
