package fault

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Kind names a class of error. It is stable: people alert on it and retry
// policies match it, so a kind is never renamed.
type Kind string

// The kinds. Those marked (retry) may succeed if tried again unchanged.
const (
	PipelineInvalid       Kind = "PipelineInvalid"       // the file does not describe a possible pipeline
	SourceNotFound        Kind = "SourceNotFound"        // a file, glob, bucket or key that is not there
	SourceUnreadable      Kind = "SourceUnreadable"      // bytes that do not parse as the declared format
	SourceChanged         Kind = "SourceChanged"         // a source that changed while it was read (retry)
	SourceUnavailable     Kind = "SourceUnavailable"     // a source's server that does not answer (retry)
	QueryInvalid          Kind = "QueryInvalid"          // dataset SQL that does not bind, or may not run
	ColumnMissing         Kind = "ColumnMissing"         // a named column the table does not have
	TypeMismatch          Kind = "TypeMismatch"          // a column of a type the step cannot use
	DatasetEmpty          Kind = "DatasetEmpty"          // no rows where at least one is needed
	TargetInvalid         Kind = "TargetInvalid"         // constant, one class, missing or not finite
	DataContractViolation Kind = "DataContractViolation" // a validation rule with on_fail: stop failed
	FeatureInvalid        Kind = "FeatureInvalid"        // a transform that cannot be fitted or applied
	TrainingFailed        Kind = "TrainingFailed"        // no candidate could be fitted
	GateRejected          Kind = "GateRejected"          // an evaluation gate said no: an outcome, not a failure
	ParityFailed          Kind = "ParityFailed"          // an export disagrees with the native model
	BundleInvalid         Kind = "BundleInvalid"         // a bundle that is corrupt, foreign or too old
	SignatureInvalid      Kind = "SignatureInvalid"      // a bundle that no trusted key has signed as it is
	ArtifactCorrupt       Kind = "ArtifactCorrupt"       // bytes that do not match their digest
	ArtifactMissing       Kind = "ArtifactMissing"       // a digest the store does not hold
	EndpointConflict      Kind = "EndpointConflict"      // someone else moved the endpoint first
	EndpointNotFound      Kind = "EndpointNotFound"      // no such endpoint, or nothing is live on it
	RolloutEnded          Kind = "RolloutEnded"          // a rollout that ended, or was ended, changes nothing any more
	DeploymentFailed      Kind = "DeploymentFailed"      // a server could not load or answer from the bundle
	RequestInvalid        Kind = "RequestInvalid"        // a prediction request that does not fit the signature
	NotFound              Kind = "NotFound"              // a run, model, prediction or schedule that is not there
	ConfigInvalid         Kind = "ConfigInvalid"         // an environment variable or flag that makes no sense
	ResourceExhausted     Kind = "ResourceExhausted"     // a declared bound (memory, size, rows, time) was met
	StoreUnavailable      Kind = "StoreUnavailable"      // the object store cannot be reached (retry)
	DatabaseUnavailable   Kind = "DatabaseUnavailable"   // Postgres cannot be reached (retry)
	TemporalUnavailable   Kind = "TemporalUnavailable"   // Temporal cannot be reached (retry)
	NotificationFailed    Kind = "NotificationFailed"    // a channel that did not take a message (retry)
	AuditBroken           Kind = "AuditBroken"           // rows of the audit log that are not what was exported
	AuditUnavailable      Kind = "AuditUnavailable"      // the audit spool is full or its disk failed
	DeadlineExceeded      Kind = "DeadlineExceeded"      // the caller left, or no longer waits
	Unauthenticated       Kind = "Unauthenticated"       // no token, or one that is unknown, expired or revoked
	PermissionDenied      Kind = "PermissionDenied"      // a token that may not do this
	IdempotencyConflict   Kind = "IdempotencyConflict"   // an idempotency key that came with another request before
	Internal              Kind = "Internal"              // a broken promise of our own code
)

// Error is a typed error.
type Error struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`          // what and where, one sentence, no trailing dot
	Remedy  string `json:"remedy,omitempty"` // how to mend it, an imperative sentence
	Details any    `json:"details,omitempty"`
	Cause   error  `json:"-"`
}

// New returns an error of kind; message is formatted with args.
func New(kind Kind, message string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(message, args...)}
}

// Wrap is New with the error that caused it.
func Wrap(cause error, kind Kind, message string, args ...any) *Error {
	e := New(kind, message, args...)
	e.Cause = cause
	return e
}

// WithRemedy sets the remedy and returns the error.
func (e *Error) WithRemedy(remedy string, args ...any) *Error {
	e.Remedy = fmt.Sprintf(remedy, args...)
	return e
}

// WithDetails attaches a JSON-encodable value and returns the error.
func (e *Error) WithDetails(details any) *Error {
	e.Details = details
	return e
}

func (e *Error) Error() string {
	s := e.Message
	if e.Cause != nil {
		s += ": " + e.Cause.Error()
	}
	if e.Remedy != "" {
		s += "; " + e.Remedy
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is reports whether target is a fault of the same kind, so that
// errors.Is(err, fault.New(fault.NotFound, "")) holds whatever the message.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind
}

// KindOf returns the kind of the first fault in err's chain, or "" if none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

// Retryable reports whether the same attempt may succeed later.
func Retryable(kind Kind) bool {
	switch kind {
	case StoreUnavailable, DatabaseUnavailable, TemporalUnavailable, SourceChanged, SourceUnavailable, NotificationFailed, "":
		return true
	}
	return false
}

// Clip bounds a text from outside within a message: to so many bytes of valid text,
// and a sign that there was more.
func Clip(text string, most int) string {
	text = strings.ToValidUTF8(text, "?")
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// Plain makes a text from outside safe for a terminal, and one line.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case !unicode.IsPrint(r):
			return '\uFFFD'
		}
		return r
	}, text)
}
