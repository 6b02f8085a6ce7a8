package report

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
)

// Page is one report.
type Page struct {
	Kicker   string // small line above the title: "Exploration", "Evaluation"
	Title    string
	Subtitle string // one sentence
	Facts    []Fact // the key figures, at most about eight
	Sections []Section
	Footer   string // where the numbers come from: digests, versions
}

// Fact is one figure with its name.
type Fact struct {
	Name, Value string
	Note        string // small print, optional
}

// Section is a part of the page with an entry in its contents.
type Section struct {
	ID     string // of letters, digits and dashes, distinct in the page
	Title  string
	Intro  string
	Blocks []Block
}

// Block is one thing in a section; exactly one field is set.
type Block struct {
	Text   string
	Notice *Notice
	Table  *Table
	Plot   template.HTML // of one of the plot functions
	Plots  []Figure      // side by side where there is room
	Cards  []Card
}

// Level says how much a notice matters.
type Level string

// The levels of a notice.
const (
	Info Level = "info"
	Good Level = "good"
	Warn Level = "warn"
	Bad  Level = "bad"
)

// Notice is a sentence that must not be missed.
type Notice struct {
	Level Level
	Title string
	Text  string
}

// Table is a table of texts; columns marked Numeric are set flush right.
type Table struct {
	Caption string
	Columns []Column
	Rows    [][]string
}

// Column is the head of a table's column.
type Column struct {
	Name    string
	Numeric bool
}

// Figure is a plot with a caption.
type Figure struct {
	Caption string
	Plot    template.HTML
}

// Card shows one thing among many alike, such as a column of a dataset.
type Card struct {
	ID      string
	Title   string
	Badge   string // its type, say
	Notices []Notice
	Facts   []Fact
	Plot    template.HTML
}

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// Style is the style sheet of a report, for pages that look alike.
func Style() string { return pageCSS }

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"css": func() template.CSS { return template.CSS(pageCSS) },
	"cell": func(columns []Column, i int) string {
		if i < len(columns) && columns[i].Numeric {
			return "n"
		}
		return ""
	},
}).Parse(pageHTML))

// Write renders the page. A page that does not render is written not at all.
func Write(w io.Writer, p Page) error {
	var b bytes.Buffer
	if err := page.Execute(&b, p); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}
