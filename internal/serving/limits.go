package serving

import (
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
)

// Limits bound what a client may cost. A zero field takes its default.
type Limits struct {
	// BodyBytes bounds one request's body. Default 8 MiB.
	BodyBytes int64
	// Concurrent bounds the requests that are computed and audited at once; others
	// queue, the clients in turn and each one's in order of arrival. Default 256.
	Concurrent int64
	// LabelRows bounds the labels of one request. Default 10,000.
	LabelRows int
	// QueueTimeout is how long a request waits for its turn. Default 2 s.
	QueueTimeout time.Duration
	// ReadTimeout is how long a client may take to send a request. Default 15 s.
	ReadTimeout time.Duration
	// Rows bounds the rows of one request. Default 1000.
	Rows int
	// TotalBytes bounds the bodies in memory together, those of which the length
	// was not declared counted as BodyBytes; one client may hold half. Default 256 MiB.
	TotalBytes int64
	// Waiting bounds the requests of one client that wait for their turn. Default
	// 1024.
	Waiting int
	// WriteTimeout is how long a client may take to read an answer, from the end of
	// the request's head on. Default 30 s.
	WriteTimeout time.Duration
}

func orDefault[T int | int64 | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

func (l *Limits) setDefaults() error {
	orDefault(&l.BodyBytes, 8<<20)
	orDefault(&l.Concurrent, 256)
	orDefault(&l.LabelRows, 10_000)
	orDefault(&l.QueueTimeout, 2*time.Second)
	orDefault(&l.ReadTimeout, 15*time.Second)
	orDefault(&l.Rows, 1000)
	orDefault(&l.TotalBytes, max(256<<20, l.BodyBytes))
	orDefault(&l.Waiting, 1024)
	orDefault(&l.WriteTimeout, 30*time.Second)
	if l.BodyBytes < 0 || l.Concurrent < 0 || l.LabelRows < 0 || l.QueueTimeout < 0 || l.ReadTimeout < 0 || l.Rows < 0 || l.Waiting < 0 || l.WriteTimeout < 0 || l.TotalBytes < l.BodyBytes {
		return fault.New(fault.ConfigInvalid, "the limits of the prediction server %+v make no sense", *l).
			WithRemedy("give positive limits, and at least the body's bound to all bodies together")
	}
	return nil
}
