package alert

import (
	"encoding/json"
	"math"
	"time"
)

// Severity is how much an alert matters.
type Severity string

// The severities, least first.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// AtLeast reports whether s is as severe as least; an unknown one is the least.
func (s Severity) AtLeast(least Severity) bool { return s.rank() >= least.rank() }

func (s Severity) rank() int {
	switch s {
	case Critical:
		return 2
	case Warning:
		return 1
	default:
		return 0
	}
}

// Verdict is what a window says of a subject.
type Verdict string

// The verdicts.
const (
	Within   Verdict = "within"   // its bounds
	Breached Verdict = "breached" // a bound
	Unknown  Verdict = "unknown"  // cannot tell: Message says why
)

// Finding is what one window says of one subject.
type Finding struct {
	Key      string   `json:"key"`     // the same in every window: "data_drift/psi/distance"
	Kind     string   `json:"kind"`    // as in monitor.alerts[].on
	Subject  string   `json:"subject"` // feature, metric or part of the rows; "": the endpoint
	Severity Severity `json:"severity"`
	Verdict  Verdict  `json:"verdict"`
	Measure  string   `json:"measure"` // what Value is: "psi", "rmse"
	Value    Number   `json:"value"`
	Bound    Number   `json:"bound"`             // that Value should keep to
	Against  string   `json:"against,omitempty"` // what it is compared with: "baseline", "the test rows"
	Message  string   `json:"message"`           // one sentence, without the endpoint
	Policy   Policy   `json:"policy"`
}

// Policy is when a subject becomes an alert. The zero value: at once, told again
// after DefaultCooldown.
type Policy struct {
	After    int           `json:"after"` // of the last Of windows that can tell must be breached; 0: 1
	Of       int           `json:"of"`    // 0: After
	Cooldown time.Duration `json:"cooldown"`
}

// DefaultCooldown is the least time between two messages about one open alert.
const DefaultCooldown = 24 * time.Hour

// maxOf bounds the windows that are remembered of one subject.
const maxOf = 100

func (p Policy) normal() Policy {
	p.After = min(max(p.After, 1), maxOf)
	p.Of = min(max(p.Of, p.After), maxOf)
	if p.Cooldown <= 0 {
		p.Cooldown = DefaultCooldown
	}
	return p
}

// Number is a float64 that JSON can hold whatever it is: what is not finite is null.
type Number float64

// MarshalJSON implements json.Marshaler.
func (n Number) MarshalJSON() ([]byte, error) {
	if f := float64(n); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return json.Marshal(f)
	}
	return []byte("null"), nil
}

// UnmarshalJSON implements json.Unmarshaler: null is NaN.
func (n *Number) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*n = Number(math.NaN())
		return nil
	}
	return json.Unmarshal(b, (*float64)(n))
}
