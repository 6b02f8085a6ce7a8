package feature

import (
	"math"
	"strconv"

	"github.com/esteira-ml/esteira/internal/frame"
)

const (
	microsPerMinute = 60_000_000
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour
)

// parts gives the first and last value of each date part that has both.
var parts = map[string]struct{ first, last int }{
	"month":       {1, 12},
	"day":         {1, 31},
	"day_of_week": {0, 6},
	"hour":        {0, 23},
	"minute":      {0, 59},
}

// PartNames lists the date parts in the order of a date.
var PartNames = []string{"year", "month", "day", "day_of_week", "hour", "minute"}

// PartRange returns the first and last value of a date part, and false for
// "year", which has none, and for an unknown part.
func PartRange(part string) (first, last int, ok bool) {
	r, ok := parts[part]
	return r.first, r.last, ok
}

// PartCategories returns the categories of the block that a date part becomes,
// in code order, or nil for "year".
func PartCategories(part string) []string {
	r, ok := parts[part]
	if !ok {
		return nil
	}
	names := make([]string, 0, r.last-r.first+1)
	for v := r.first; v <= r.last; v++ {
		names = append(names, strconv.Itoa(v))
	}
	return names
}

// floorDiv and floorMod round towards minus infinity, for b > 0.
func floorMod(a, b int64) int64 { return ((a % b) + b) % b }
func floorDiv(a, b int64) int64 {
	if a%b < 0 {
		return a/b - 1
	}
	return a / b
}

// datePart returns one part of a time in microseconds since the Unix epoch, in
// UTC, in the proleptic Gregorian calendar. All of it is int64 arithmetic, so
// that ONNX does the same with Div and Mod (floorMod is ONNX's Mod with fmod=0;
// floorDiv(a,b) is Div(a - Mod(a,b), b) but for the last day of the int64 range,
// in the year -290308, where that overflows); every division after the first two is
// of non-negative numbers. With t in microseconds:
//
//	days        = floorDiv(t, 86400000000)
//	hour        = floorMod(t, 86400000000) / 3600000000
//	minute      = floorMod(t, 3600000000) / 60000000
//	day_of_week = floorMod(days + 3, 7)                 1970-01-01 was a Thursday
//	z   = days + 719468                                  days since 0000-03-01
//	era = floorDiv(z, 146097)                            400 years
//	doe = z - era*146097                                 day of era, 0 … 146096
//	yoe = (doe - doe/1460 + doe/36524 - doe/146096)/365  year of era, 0 … 399
//	doy = doe - (365*yoe + yoe/4 - yoe/100)              day of year from 1 March
//	mp  = (5*doy + 2)/153                                month from March, 0 … 11
//	day   = doy - (153*mp + 2)/5 + 1
//	month = mp + 3 - 12*(mp/10)
//	year  = yoe + era*400 + mp/10                        mp of 10, 11: January, February
//
// after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms",
// civil_from_days.
func datePart(part string, t int64) int64 {
	switch part {
	case "hour":
		return floorMod(t, microsPerDay) / microsPerHour
	case "minute":
		return floorMod(t, microsPerHour) / microsPerMinute
	}
	days := floorDiv(t, microsPerDay)
	if part == "day_of_week" {
		return floorMod(days+3, 7)
	}
	z := days + 719468
	era := floorDiv(z, 146097)
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	switch part {
	case "day":
		return doy - (153*mp+2)/5 + 1
	case "month":
		return mp + 3 - 12*(mp/10)
	default:
		return yoe + era*400 + mp/10
	}
}

func datePartNumber(part string, t int64) float64 {
	if t == frame.MissingTime {
		return math.NaN()
	}
	return float64(datePart(part, t))
}

func datePartCode(part string, first int, t int64) int32 {
	if t == frame.MissingTime {
		return frame.MissingCode
	}
	return int32(datePart(part, t)) - int32(first)
}

// PartCycle returns the sines ("sin") or cosines ("cos") of the places of a
// part's values on their circle, from its first value on, or nil for "year".
func PartCycle(part, cycle string) []float64 { return cycles[part+"_"+cycle] }

// cycles is computed once: every request then reads the same bits.
var cycles = func() map[string][]float64 {
	all := map[string][]float64{}
	for part, r := range parts {
		n := r.last - r.first + 1
		sines, cosines := make([]float64, n), make([]float64, n)
		for i := range n {
			sines[i], cosines[i] = math.Sincos(2 * math.Pi * float64(i) / float64(n))
		}
		all[part+"_sin"], all[part+"_cos"] = sines, cosines
	}
	return all
}()
