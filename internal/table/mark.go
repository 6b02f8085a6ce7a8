package table

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/frame"
	"github.com/esteira-ml/esteira/internal/pipeline"
)

// mark is a watermark as it is compared: a number, exactly, or a moment in UTC. Its
// text alone says which, so parts whose columns have different types have one order.
type mark struct {
	text   string
	number *big.Rat // nil: it is a moment
	moment time.Time
}

// Texts of moments as the engine writes them. A fraction of a second may follow.
const (
	dayText    = "2006-01-02"
	momentText = "2006-01-02 15:04:05"
)

// parseMark reads what Watermark returned. TypeMismatch if it is no finite number and
// no moment of the years 1 to 9999.
func parseMark(text string) (mark, error) {
	m := mark{text: text}
	if f, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		if number, ok := new(big.Rat).SetString(text); ok {
			m.number = number
			return m, nil
		}
	}
	plain := strings.TrimSuffix(text, "+00")
	for _, layout := range []string{momentText, dayText} {
		if t, err := time.Parse(layout, plain); err == nil {
			m.moment = t
			return m, nil
		}
	}
	return m, fault.New(fault.TypeMismatch, "%q is no number and no time that rows can be compared with", text).
		WithRemedy("collect the source anew: --refresh collect")
}

// Latest returns the greatest of watermarks, whatever types their columns had.
// TypeMismatch if some are numbers and some are times.
func Latest(marks []string) (string, error) {
	var latest mark
	for i, text := range marks {
		m, err := parseMark(text)
		if err != nil {
			return "", err
		}
		if i == 0 {
			latest = m
			continue
		}
		if (m.number == nil) != (latest.number == nil) {
			return "", unlike(latest.text, text)
		}
		if m.number != nil && m.number.Cmp(latest.number) > 0 || m.number == nil && m.moment.After(latest.moment) {
			latest = m
		}
	}
	return latest.text, nil
}

func unlike(one, other string) error {
	return fault.New(fault.TypeMismatch, "incremental.column is a number in one part and a time in another: %s and %s have no order", one, other).
		WithRemedy("write it alike in all parts; if it has changed for good, collect the source anew: --refresh collect")
}

// units are the steps of the engine's types of times.
var units = map[string]time.Duration{
	"DATE": 24 * time.Hour, "TIMESTAMP_S": time.Second, "TIMESTAMP_MS": time.Millisecond,
	"TIMESTAMP": time.Microsecond, "TIMESTAMP WITH TIME ZONE": time.Microsecond, "TIMESTAMP_NS": time.Nanosecond,
}

// below is SQL that holds where a column is greater than the mark. A value is just
// if it is greater than the last value of its own type that is not, so nothing is
// rounded: 11 is past 10.5 because it is past 10.
func (m mark) below(c pipeline.Column) (string, error) {
	if (c.Kind == frame.Time) != (m.number == nil) {
		return "", unlike(m.text, c.SQL)
	}
	x := Ident(c.Name)
	switch {
	case c.Kind == frame.Time:
		year := m.moment.Year()
		if c.SQL == "TIMESTAMP_NS" && (year < 1678 || year > 2261) { // what it can hold
			return strconv.FormatBool(year < 1678), nil
		}
		last := m.moment.Truncate(units[c.SQL]).Format(momentText + ".999999999")
		if c.SQL == "TIMESTAMP WITH TIME ZONE" {
			last += "+00"
		}
		return x + " > CAST(" + Literal(last) + " AS " + c.SQL + ")", nil
	case IsFloat(c):
		last, exact := m.number.Float64()
		if !exact && new(big.Rat).SetFloat64(last).Cmp(m.number) > 0 {
			last = math.Nextafter(last, math.Inf(-1))
		}
		return "CAST(" + x + " AS DOUBLE) > CAST(" + Literal(strconv.FormatFloat(last, 'g', -1, 64)) + " AS DOUBLE)", nil
	}
	// Whole numbers are decimals without a fraction.
	scale := scaleOf(c.SQL)
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(scale)), nil)
	scaled := new(big.Rat).Mul(m.number, new(big.Rat).SetInt(power))
	last := new(big.Int).Div(scaled.Num(), scaled.Denom()) // rounds down
	if digits := len(new(big.Int).Abs(last).String()); digits > maxDigits {
		return strconv.FormatBool(last.Sign() < 0), nil
	}
	return x + " > CAST(" + Literal(new(big.Rat).SetFrac(last, power).FloatString(scale)) + " AS DECIMAL(" + strconv.Itoa(maxDigits) + "," + strconv.Itoa(scale) + "))", nil
}

// maxDigits are the digits of the engine's widest exact number.
const maxDigits = 38

// scaleOf is how many digits a number of this type has after the point.
func scaleOf(sql string) int {
	_, rest, _ := strings.Cut(sql, ",")
	scale, _ := strconv.Atoi(strings.TrimSuffix(rest, ")"))
	return scale
}
