package serving

import (
	"encoding/json"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/esteira-ml/esteira/internal/bundle"
)

// appendFloat writes a finite number as encoding/json does.
func appendFloat(b []byte, x float64) []byte {
	format := byte('f')
	if a := math.Abs(x); a != 0 && (a < 1e-6 || a >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, x, format, -1, 64)
}

// appendText writes a JSON string.
func appendText(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if ch := s[i]; ch < ' ' || ch == '"' || ch == '\\' || ch >= utf8.RuneSelf || ch == '<' || ch == '>' || ch == '&' {
			q, err := json.Marshal(s)
			if err != nil { // cannot happen with a string
				q = []byte(`""`)
			}
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendAnswer writes the members of one row's answer: "prediction": x, or
// "label": class, "probabilities": {class: x, …}.
func (s *served) appendAnswer(b []byte, out []float64) []byte {
	if s.classes == nil {
		return appendFloat(append(b, `"prediction":`...), out[0])
	}
	b = appendText(append(b, `"label":`...), s.classes[bundle.MostProbable(out)])
	b = append(b, `,"probabilities":{`...)
	for k, class := range s.classes {
		if k > 0 {
			b = append(b, ',')
		}
		b = appendFloat(append(appendText(b, class), ':'), out[k])
	}
	return append(b, '}')
}

// appendRow is appendAnswer for row i, with its explanation if that is asked for:
// "explanation": {"base": the expected raw score, "contributions": {column: what it
// added}}, or one of these by class.
func (x *exchange) appendRow(b []byte, i int) []byte {
	s, r := x.served, x.rows
	k := s.model.Predictor.Outputs()
	b = s.appendAnswer(b, r.out[i*k:(i+1)*k])
	if !r.ask.explain {
		return b
	}
	return x.appendExplanation(append(b, `,"explanation":`...), i)
}

func (x *exchange) appendExplanation(b []byte, i int) []byte {
	s, r := x.served, x.rows
	k := s.model.Predictor.Outputs()
	width := len(r.sig.Inputs) + 1
	of := func(k int) {
		values := r.explained[k*width : (k+1)*width]
		b = appendFloat(append(b, `{"base":`...), values[width-1])
		b = append(b, `,"contributions":{`...)
		for j, v := range values[:width-1] {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendFloat(append(appendText(b, r.sig.Inputs[j].Name), ':'), v)
		}
		b = append(b, "}}"...)
	}
	if s.classes == nil {
		of(i)
		return b
	}
	b = append(b, '{')
	for c, class := range s.classes {
		if c > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, class), ':')
		of(i*k + c)
	}
	return append(b, '}')
}

// appendFeatures writes row i as it was sent, one object of the columns.
func (r *rows) appendFeatures(b, body []byte, i int) []byte {
	if len(r.records) > 0 {
		return append(b, body[r.records[i].From:r.records[i].To]...)
	}
	b = append(b, '{')
	for j := range r.sig.Inputs {
		if j > 0 {
			b = append(b, ',')
		}
		b = append(appendText(b, r.sig.Inputs[j].Name), ':')
		at, from := r.cells[j][i], body
		if r.written[j] {
			from = r.text
		}
		b = append(b, from[at.From:at.To]...)
	}
	return append(b, '}')
}

func appendUUID(b []byte, id uuid.UUID) []byte {
	var text [36]byte
	t, _ := id.MarshalText()
	copy(text[:], t)
	return append(b, text[:]...)
}

// appendRecords writes the answer to plain records.
func (x *exchange) appendRecords(b []byte) []byte {
	s, r := x.served, x.rows
	b = append(b, `{"endpoint":`...)
	b = appendText(b, s.endpoint)
	b = append(b, `,"model_name":`...)
	b = appendText(b, s.name)
	b = append(b, `,"model_version":`...)
	b = strconv.AppendInt(b, int64(s.number), 10)
	b = append(b, `,"revision":`...)
	b = strconv.AppendInt(b, s.revision, 10)
	b = append(b, `,"id":`...)
	b = appendText(b, x.requestID)
	b = append(b, `,"predictions":[`...)
	for i := range r.frame.Rows {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"id":"`...)
		b = appendUUID(b, x.records[i].ID)
		b = append(b, `",`...)
		b = append(x.appendRow(b, i), '}')
	}
	return append(b, "]}\n"...)
}
