package source

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
)

// maxBody bounds a part of any kind of source in bytes: an answer, an object, the rows
// of a query. A file is read where it lies.
const maxBody = 64 << 30

// Bounds of one address.
const (
	maxFetchTime = 2 * time.Hour
	httpAttempts = 5
	maxWait      = 30 * time.Second
)

// address is one HTTP(S) address.
type address struct {
	unpacker
	url    string
	client *http.Client
	wait   time.Duration

	// Bounds; zero: maxBody, maxFetchTime and stallTimeout.
	most          int64
	within, still time.Duration
}

func (a *address) List(ctx context.Context) ([]Part, error) {
	part, err := a.Look(ctx, Part{Name: a.url, Location: a.url, Size: -1})
	if err != nil {
		return nil, err
	}
	return []Part{part}, nil
}

// Look asks by HEAD. A server that knows no HEAD, or refuses it, says by GET whether it
// has the part: an address that is signed for GET answers nothing else. GET's headers
// alone are taken.
func (a *address) Look(ctx context.Context, part Part) (Part, error) {
	method := http.MethodHead
	look := func() error {
		answer, err := a.ask(ctx, method, part.Location)
		if err != nil {
			return err
		}
		answer.Body.Close()
		part.Size, part.Identity = answer.ContentLength, identityOf(answer, part.Location)
		return nil
	}
	err := a.trying(ctx, look)
	if status := new(statusError); errors.As(err, &status) && (status.status < 500 || status.status == http.StatusNotImplemented) && fault.KindOf(err) != fault.SourceUnavailable {
		method = http.MethodGet
		err = a.trying(ctx, look)
	}
	return part, err
}

func (a *address) Fetch(ctx context.Context, part Part, dir string) (Fetched, error) {
	raw := filepath.Join(dir, "raw")
	var out Fetched
	within := cmp.Or(a.within, maxFetchTime)
	ctx, cancel := context.WithTimeoutCause(ctx, within, fault.New(fault.ResourceExhausted, "%s took longer than %s", part.Name, within).WithRemedy("copy it nearer, or cut it into parts"))
	defer cancel()
	err := a.trying(ctx, func() (err error) {
		out, err = a.fetch(ctx, part, raw)
		return err
	})
	if err != nil {
		return out, err
	}
	return out, a.unpack(ctx, part.Name, raw, dir, &out)
}

func (a *address) fetch(ctx context.Context, part Part, raw string) (Fetched, error) {
	out := Fetched{Check: func(context.Context) error { return nil }} // it is a copy
	ctx, moved, stop := stalling(ctx, cmp.Or(a.still, stallTimeout))
	defer stop()
	answer, err := a.ask(ctx, http.MethodGet, part.Location)
	if err != nil {
		return out, err
	}
	defer answer.Body.Close()
	if now := identityOf(answer, part.Location); part.Identity != "" && now != "" && now != part.Identity {
		return out, changed(part.Name, part.Identity, now)
	}
	most := cmp.Or(a.most, maxBody)
	if answer.ContentLength > most {
		return out, tooLarge(part.Name, most)
	}
	to, err := os.Create(raw)
	if err != nil {
		return out, fault.Wrap(err, fault.ResourceExhausted, "fetch %s", part.Name).WithRemedy("check the disk of the worker")
	}
	defer to.Close()
	hash := sha256.New()
	body := readerFunc(func(p []byte) (int, error) { defer moved(); return answer.Body.Read(p) })
	out.Size, err = io.Copy(io.MultiWriter(writing{to, part.Name}, hash), io.LimitReader(body, most+1))
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return out, unanswered(part.Name, err)
	}
	if out.Size > most {
		return out, tooLarge(part.Name, most)
	}
	out.Digest = hex.EncodeToString(hash.Sum(nil))
	return out, to.Close()
}

func tooLarge(name string, most int64) error {
	return fault.New(fault.ResourceExhausted, "%s has more than %d bytes, the bound of one part of a source", name, most).WithRemedy("cut it into parts")
}

// statusError is an answer that is not 200.
type statusError struct {
	fault  *fault.Error
	status int
	after  time.Duration // Retry-After
}

func (e *statusError) Error() string { return e.fault.Error() }

func (e *statusError) Unwrap() error { return e.fault }

func (a *address) ask(ctx context.Context, method, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, url, nil)
	if err != nil {
		return nil, fault.New(fault.PipelineInvalid, "%s is not an address", url)
	}
	request.Header.Set("User-Agent", "esteira")
	request.Header.Set("Accept-Encoding", "identity")
	answer, err := a.client.Do(request)
	if err != nil {
		return nil, unanswered(url, err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer, nil
	}
	answer.Body.Close()
	e := &statusError{status: answer.StatusCode}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		e.after = min(time.Duration(seconds)*time.Second, maxWait)
	}
	switch code := answer.StatusCode; {
	case code == http.StatusTooManyRequests, code == http.StatusRequestTimeout, code >= 500 && code != http.StatusNotImplemented:
		e.fault = fault.New(fault.SourceUnavailable, "%s answered %s", url, answer.Status).WithRemedy("wait for its server, or ask its owner")
	case code == http.StatusUnauthorized, code == http.StatusForbidden:
		e.fault = fault.New(fault.SourceNotFound, "%s answered %s", url, answer.Status).WithRemedy("name an address that needs no sign-in, or copy the data to S3")
	default:
		e.fault = fault.New(fault.SourceNotFound, "%s answered %s", url, answer.Status).WithRemedy("check the address")
	}
	return nil, e
}

// unanswered is the fault of a request that got no answer, or half of one.
func unanswered(url string, err error) error {
	typed := new(fault.Error)
	if errors.As(err, &typed) {
		return typed // what the dialer or a redirect refused
	}
	var name *net.DNSError
	switch {
	case errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &name) && name.IsNotFound:
		return fault.New(fault.SourceNotFound, "there is no host %s", name.Name).WithRemedy("check the address %s", url)
	}
	return fault.Wrap(err, fault.SourceUnavailable, "fetch %s", url).WithRemedy("check that its server answers from where the worker runs")
}

// trying repeats f, with a doubling wait, while its error may pass.
func (a *address) trying(ctx context.Context, f func() error) error {
	wait := a.wait
	for attempt := 1; ; attempt++ {
		err := f()
		if fault.KindOf(err) != fault.SourceUnavailable || attempt == httpAttempts {
			return err
		}
		pause := wait
		if status := new(statusError); errors.As(err, &status) {
			pause = max(pause, status.after)
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); fault.KindOf(cause) != "" {
				return cause
			}
			return ctx.Err()
		case <-time.After(pause):
		}
		wait = min(2*wait, maxWait)
	}
}

// identityOf reads what an answer says of its bytes: a strong ETag, or a
// Last-Modified that is a minute older than the answer and so will not be given
// to other bytes (RFC 9110, section 8.8.2.2). Anything weaker is no identity.
func identityOf(answer *http.Response, url string) string {
	if tag := answer.Header.Get("ETag"); tag != "" && !strings.HasPrefix(tag, "W/") {
		return "etag " + tag + " of " + url
	}
	modified, err := http.ParseTime(answer.Header.Get("Last-Modified"))
	date, bad := http.ParseTime(answer.Header.Get("Date"))
	if err == nil && bad == nil && date.Sub(modified) >= time.Minute && answer.ContentLength >= 0 {
		return fmt.Sprintf("%d bytes of %s of %s", answer.ContentLength, modified.UTC().Format(time.RFC3339), url)
	}
	return ""
}
