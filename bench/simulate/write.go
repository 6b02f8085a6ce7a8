package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// write makes year.json, year.csv, year.svg and year.html in a directory.
func (y *year) write(dir string) error {
	whole, err := json.MarshalIndent(y, "", "  ")
	if err != nil {
		return err
	}
	var table strings.Builder
	w := csv.NewWriter(&table)
	rows := [][]string{{"week", "begins", "flights", "error_with_retraining", "error_without", "answers_by_version"}}
	for _, week := range y.Weeks {
		rows = append(rows, []string{fmt.Sprint(week.Week), week.Begins, fmt.Sprint(week.Flights), fmt.Sprintf("%.3f", week.With), fmt.Sprintf("%.3f", week.Without), versions(week.By)})
	}
	if err := w.WriteAll(rows); err != nil {
		return err
	}
	page, err := y.page()
	if err != nil {
		return err
	}
	for name, text := range map[string]string{"year.json": string(whole) + "\n", "year.csv": table.String(), "year.svg": y.picture() + "\n", "year.html": string(page)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// versions are the answers of a week by model version, as "1: 900, 2: 300".
func versions(by map[int]int) string {
	var out []string
	for _, v := range slices.Sorted(maps.Keys(by)) {
		out = append(out, fmt.Sprintf("%d: %d", v, by[v]))
	}
	return strings.Join(out, ", ")
}

// again writes a year that was lived before.
func again(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, "year.json"))
	if err != nil {
		return err
	}
	var y year
	if err := json.Unmarshal(text, &y); err != nil {
		return err
	}
	return y.write(dir)
}
