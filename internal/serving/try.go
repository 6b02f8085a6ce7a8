package serving

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/token"
)

//go:embed try.html
var tryHTML string

var tryPage = template.Must(template.New("try").Parse(tryHTML))

// tried is what the page shows.
type tried struct {
	Endpoint, Model string
	Version         int
	Revision        int64
	Fields          []field
	Explain         bool
	Error           string
	Answer          *answerShown
}

// field is one column in the form.
type field struct {
	Name, Key, Kind, Value, Hint string
	Choices                      []string
}

// answerShown is an answer as people read it.
type answerShown struct {
	Headline, ID, Request, Raw, Curl string
	Latency                          string
	Classes                          []bar
	Base                             string
	Of                               string // class that is explained
	Added                            []bar
}

// bar is a value drawn; From and Width are per cent.
type bar struct {
	Name, Value string
	From, Width float64
	Less        bool
}

// try shows an endpoint as a form with example values.
func (s *Server) try(w http.ResponseWriter, req *http.Request) {
	live := s.find(w, req)
	if live == nil {
		return
	}
	page := live.form(func(i int) string { return shown(live.model.Signature.Inputs[i].Example) })
	page.Explain = true
	page.write(w, http.StatusOK)
}

// tryAnswer answers the form by the way of every request: it is audited like one.
func (s *Server) tryAnswer(w http.ResponseWriter, req *http.Request) {
	if _, err := s.admit(req.Header.Get("Authorization"), token.Predict, req.PathValue("endpoint")); err != nil {
		replyRefusal(w, err)
		return
	}
	live := s.find(w, req)
	if live == nil {
		return
	}
	if site := req.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" && site != "none" {
		replyError(w, http.StatusForbidden, fault.New(fault.PermissionDenied, "the form was sent from another site").WithRemedy("open the page itself"))
		return
	}
	req.Body = http.MaxBytesReader(w, req.Body, 1<<20)
	if err := req.ParseForm(); err != nil {
		replyError(w, http.StatusBadRequest, fault.Wrap(err, fault.RequestInvalid, "read the form").WithRemedy("send it again"))
		return
	}
	value := func(i int) string { return req.PostForm.Get("c" + strconv.Itoa(i)) }
	x := s.begin(plain)
	defer s.end(x)
	x.endpoint, x.ask.explain = live.endpoint, req.PostForm.Get("explain") != ""
	_ = x.readHead(req) // its client; a form says nothing else there
	x.body = append(append(append(x.body, `{"records":[`...), live.record(value)...), "]}"...)
	err := s.admitted(x, req.Header.Get("Authorization"))
	release := func() {}
	if err == nil {
		release, err = s.turn(req.Context(), x)
	}
	s.settle(req.Context(), x, release, err)

	page := live.form(value)
	page.Explain = x.ask.explain
	if x.status != http.StatusOK {
		page.Error = x.failure
	} else {
		page.Answer = x.shown()
	}
	page.write(w, x.status)
}

func (p *tried) write(w http.ResponseWriter, status int) {
	var b bytes.Buffer
	if err := tryPage.Execute(&b, p); err != nil {
		replyError(w, http.StatusInternalServerError, fault.Wrap(err, fault.Internal, "draw the page"))
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes())
}

// form is the page with the values of the columns.
func (s *served) form(value func(i int) string) *tried {
	p := &tried{Endpoint: s.endpoint, Model: s.name, Version: s.number, Revision: s.revision}
	for i, in := range s.model.Signature.Inputs {
		f := field{Name: in.Name, Key: "c" + strconv.Itoa(i), Kind: in.Kind, Value: value(i)}
		switch {
		case in.Min != nil && in.Max != nil:
			f.Hint = brief(*in.Min) + " to " + brief(*in.Max)
		case in.Earliest != "":
			f.Hint = in.Earliest + " to " + in.Latest
		case len(in.Categories) > 0:
			f.Choices = in.Categories[:min(len(in.Categories), 200)]
			f.Hint = fmt.Sprintf("%d values seen", len(in.Categories)+in.MoreCategories)
		}
		if in.Nullable {
			f.Hint = strings.TrimPrefix(f.Hint+" · may be empty", " · ")
		}
		p.Fields = append(p.Fields, f)
	}
	return p
}

// record is the form as JSON. What is no number goes as a text, so that the refusal
// says what is wrong with it.
func (s *served) record(value func(i int) string) []byte {
	b := []byte{'{'}
	for i, in := range s.model.Signature.Inputs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, in.Name), ':')
		v := strings.TrimSpace(value(i))
		_, notWhole := strconv.ParseInt(v, 10, 64)
		switch {
		case v == "":
			b = append(b, "null"...)
		case in.Kind == frame.Number.String() && json.Valid([]byte(v)) && v[0] != '"', in.Kind == frame.Time.String() && notWhole == nil:
			b = append(b, v...)
		default:
			b = appendText(b, strings.ToValidUTF8(strings.ReplaceAll(v, "\x00", ""), ""))
		}
	}
	return append(b, '}')
}

// shown makes an answer of one row readable.
func (x *exchange) shown() *answerShown {
	r, s := x.rows, x.served
	a := &answerShown{ID: x.records[0].ID.String(), Request: x.requestID, Latency: fmt.Sprintf("%.1f ms", float64(x.records[0].Latency.Microseconds())/1000)}
	var raw bytes.Buffer
	if json.Indent(&raw, x.answer, "", "  ") == nil {
		a.Raw = strings.TrimSpace(raw.String())
	}
	a.Curl = "curl -s http://HOST/v1/endpoints/" + s.endpoint + "/predict -d '" + strings.ReplaceAll(string(x.body), "'", `'\''`) + "'"
	row := 0
	if s.classes == nil {
		a.Headline = brief(r.out[0])
	} else {
		row = bundle.MostProbable(r.out)
		a.Headline, a.Of = s.classes[row], s.classes[row]
		for k, p := range r.out {
			a.Classes = append(a.Classes, bar{Name: s.classes[k], Value: fmt.Sprintf("%.1f %%", 100*p), Width: 100 * p})
		}
		slices.SortStableFunc(a.Classes, func(p, q bar) int { return cmp.Compare(q.Width, p.Width) })
		a.Classes = a.Classes[:min(len(a.Classes), 12)]
	}
	if !r.ask.explain {
		return a
	}
	width := len(r.sig.Inputs) + 1
	values := r.explained[row*width : (row+1)*width]
	a.Base = brief(values[width-1])
	most := 0.0
	for _, v := range values[:width-1] {
		most = max(most, math.Abs(v))
	}
	for j, v := range values[:width-1] {
		w := 0.0
		if most > 0 {
			w = 50 * math.Abs(v) / most
		}
		b := bar{Name: r.sig.Inputs[j].Name, Value: fmt.Sprintf("%+.4g", v), From: 50, Width: w}
		if v < 0 {
			b.From, b.Less = 50-w, true
		}
		a.Added = append(a.Added, b)
	}
	slices.SortStableFunc(a.Added, func(p, q bar) int { return cmp.Compare(q.Width, p.Width) })
	return a
}

// brief is a number for people.
func brief(v float64) string {
	if a := math.Abs(v); v == math.Trunc(v) && a < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// shown is a value of the signature in a form.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return fmt.Sprint(v)
}
