package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/esteira-ml/esteira/internal/table"
)

// firstDay is where the data begin, a Monday.
var firstDay = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)

const (
	week      = 7 * 24 * time.Hour
	dataWeeks = 26 // that the data hold; the year plays them twice
)

// world is what happens, and when. Weeks count from 0, the first of 2001.
type world struct {
	From    int // first week
	History int // weeks that the first champion learns from
	Weeks   int // that are replayed after those, at least
	Most    int // at most: the year goes on until a model was promoted for some weeks; 0: Weeks
	PerWeek int // flights asked about
	Changes []change
}

// first is the week at which the replay begins, end the one before which it ends.
func (w world) first() int { return w.From + w.History }
func (w world) end() int   { return w.first() + max(w.Weeks, w.Most) }

// change is a declared change of the world, in the weeks [From, To).
type change struct {
	From, To int
	Words    string
	Later    func(departed time.Time) float64            // minutes that are added to the delay
	Keep     func(distance float64, chance float64) bool // whether the flight is still flown
}

// fromHour is by how many minutes flights arrive later that leave in [from, to) o'clock:
// by so much that a week of bad weather is less.
func fromHour(from, to int, by float64) func(time.Time) float64 {
	return func(t time.Time) float64 {
		if h := t.Hour(); from <= h && h < to {
			return by
		}
		return 0
	}
}

// theYear is of 52 weeks, after eight that the first champion learns from. It has three
// changes: two that make the model wrong, and one of the flights that are asked about,
// which does not.
func theYear(perWeek int) world {
	return world{
		From: -8, History: 8, Weeks: 52, PerWeek: perWeek,
		Changes: []change{
			{From: 20, To: 52, Words: "flights that leave from 15:00 on arrive 45 minutes later", Later: fromHour(15, 24, 45)},
			{From: 32, To: 52, Words: "three of four flights under 500 miles are no longer flown", Keep: func(miles, chance float64) bool { return miles >= 500 || chance < 0.25 }},
			{From: 40, To: 52, Words: "flights that leave before 10:00 arrive 45 minutes later, too", Later: fromHour(0, 10, 45)},
		},
	}
}

// aQuarter is the short form, of calm weeks, with one change.
func aQuarter(perWeek int) world {
	return world{
		From: 8, History: 6, Weeks: 13, Most: 38, PerWeek: perWeek,
		Changes: []change{{From: 17, To: 52, Words: "flights that leave from 15:00 on arrive 45 minutes later", Later: fromHour(15, 24, 45)}},
	}
}

// flight is one question and what becomes true of it.
type flight struct {
	ID    string
	Week  int
	At    time.Duration // after the first of 2001 that it leaves
	Delay float64       // minutes, known later
	Body  []byte        // of the request
	row   []string      // as history.csv has it
	fate  uint64        // of its label, by chance
}

// columns of history.csv, and of the rows that are scored.
var columns = []string{"flight", "departed", "distance", "origin", "destination", "origin_latitude", "origin_longitude", "destination_latitude", "destination_longitude", "delay"}

const flightsSQL = `
	SELECT epoch_us(f.date)::BIGINT, f.delay::DOUBLE, f.distance::DOUBLE, f.origin::VARCHAR, f.destination::VARCHAR,
		o.latitude::DOUBLE, o.longitude::DOUBLE, d.latitude::DOUBLE, d.longitude::DOUBLE,
		md5(concat_ws('|', f.date, f.delay, f.distance, f.origin, f.destination)) AS hash
	FROM %s AS f JOIN %s AS o ON o.iata = f.origin JOIN %s AS d ON d.iata = f.destination
	WHERE f.delay BETWEEN -120 AND 1440
	ORDER BY hash, f.date`

// turn is by how many weeks a flight of week n is moved, by chance: a row of the data is
// a flight of one half of the year alone, or of the weeks before it, which are those at
// the end of the data.
func (w world) turn(n int, chance uint64) int {
	if w.From < 0 && n >= dataWeeks+w.From {
		return []int{0, 0, 0, 1, 1, 1, -1, -1}[chance%8] * dataWeeks
	}
	return int(chance%2) * dataWeeks
}

// draw returns the flights of the world's weeks, in the order in which they leave: of each
// week the first PerWeek by the hash of the row, which says its turn, too.
func (w world) draw(ctx context.Context, dir, flights, airports string) ([]flight, error) {
	engine, err := table.Open(table.Options{TempDir: dir})
	if err != nil {
		return nil, err
	}
	defer engine.Close()
	airport := "read_csv(" + table.Literal(airports) + ")"
	have := map[int]int{}
	var out []flight
	err = engine.Stream(ctx, fmt.Sprintf(flightsSQL, table.Scan(flights), airport, airport), func(row []any) error {
		departed := time.UnixMicro(row[0].(int64)).UTC()
		hash := row[9].(string)
		dice := func(from int) uint64 { n, _ := strconv.ParseUint(hash[from:from+8], 16, 32); return n }
		n := int(departed.Sub(firstDay) / week)
		turn := w.turn(n, dice(8))
		n, departed = n+turn, departed.Add(time.Duration(turn)*week)
		if n < w.From || n >= w.end() || have[n] == w.PerWeek {
			return nil
		}
		delay := row[1].(float64)
		for _, c := range w.Changes {
			if n < c.From || n >= c.To {
				continue
			}
			if c.Keep != nil && !c.Keep(row[2].(float64), float64(dice(16))/(1<<32)) {
				return nil
			}
			if c.Later != nil {
				delay += c.Later(departed)
			}
		}
		have[n]++
		f := flight{ID: fmt.Sprintf("w%02d-%04d", n+1, have[n]), Week: n, At: departed.Sub(firstDay), Delay: delay, fate: dice(24)}
		record := map[string]any{"departed": departed.Format(time.RFC3339)}
		f.row = []string{f.ID, departed.Format(time.RFC3339)}
		for i, name := range columns[2:9] {
			record[name] = row[i+2]
			f.row = append(f.row, fmt.Sprint(row[i+2]))
		}
		f.row = append(f.row, fmt.Sprint(delay))
		if f.Body, err = json.Marshal(map[string]any{"id": f.ID, "records": []any{record}}); err != nil {
			return err
		}
		out = append(out, f)
		return nil
	})
	slices.SortStableFunc(out, func(a, b flight) int { return int(a.At - b.At) })
	return out, err
}

// write makes a CSV file of flights.
func write(path string, flights []flight) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := csv.NewWriter(f)
	rows := [][]string{columns}
	for _, f := range flights {
		rows = append(rows, f.row)
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	return f.Close()
}
