package serving

import (
	"net/http"
	"strconv"

	"github.com/esteira-ml/esteira/internal/bundle"
	"github.com/esteira-ml/esteira/internal/fault"
	"github.com/esteira-ml/esteira/internal/jsontext"
)

// invocations are the formats of MLflow's scoring server: in, a table as
// "dataframe_split", "dataframe_records", "instances" or "inputs", and optionally
// "params", or CSV; out, {"predictions": […]}: values, or the classes, or, with the
// param "predict_method" "predict_proba", the probabilities of the classes. Unlike
// MLflow's, a column that the model does not know is refused, not dropped.
var invocations = protocol{name: "mlflow", decode: (*rows).decodeInvocation, encode: (*exchange).appendPredictions}

const tables = `"dataframe_split", "dataframe_records", "instances" or "inputs"`

func (r *rows) decodeInvocation(x *exchange, maxRows int) error {
	if x.csv {
		return r.decodeCSV(x.body, maxRows)
	}
	c := &jsontext.Cursor{B: x.body}
	table := ""
	err := r.object(c, func(name string) error {
		switch name {
		case "params":
			return r.params(c)
		case "dataframe_split", "dataframe_records", "instances", "inputs":
		default:
			return unknownMember(c, name, "one of "+tables+`, and, optionally, "params"`)
		}
		if table != "" {
			return fault.New(fault.RequestInvalid, "the body has both %q and %q", table, name).WithRemedy("send one table")
		}
		table = name
		switch {
		case name == "dataframe_split":
			return r.split(c, maxRows)
		case name == "inputs" && c.Peek() == '{':
			return r.inputColumns(c, maxRows)
		}
		return r.array(c, "an array of rows", func(n int) error {
			if n >= maxRows {
				return tooManyRows(maxRows)
			}
			return r.record(c, n)
		})
	}, func(map[string]bool) error {
		if table == "" {
			return fault.New(fault.RequestInvalid, "the body has no table").WithRemedy("send one of %s", tables)
		}
		if r.frame.Rows == 0 {
			return fault.New(fault.RequestInvalid, "%q is empty", table).WithRemedy("send at least one row")
		}
		return nil
	})
	if err == nil && r.ask.probabilities && len(r.sig.Outputs) < 2 {
		return fault.New(fault.RequestInvalid, "the model has no classes, of which predict_proba could be asked").WithRemedy("ask without predict_method")
	}
	return err
}

// params reads those of the request; what it does not know it reads over, as MLflow
// does.
func (r *rows) params(c *jsontext.Cursor) error {
	if c.Peek() == 'n' {
		return c.Literal("null")
	}
	return r.members(c, func(name string) error {
		switch name {
		case "explain":
			yes, err := c.Truth()
			r.ask.explain = yes
			return err
		case "predict_method":
			method, err := c.Word("the name of a method")
			if err == nil && method != "predict" && method != "predict_proba" {
				return fault.New(fault.RequestInvalid, "there is no predict_method %q", clip(method)).WithRemedy("write predict or predict_proba")
			}
			r.ask.probabilities = method == "predict_proba"
			return err
		}
		_, err := c.Skip(0)
		return err
	})
}

// split reads {"columns": [names], "data": [[values]], "index": […]}.
func (r *rows) split(c *jsontext.Cursor, maxRows int) error {
	var order []int
	data := 0
	err := r.members(c, func(name string) (err error) {
		switch name {
		case "columns":
			order = make([]int, 0, len(r.sig.Inputs))
			return r.array(c, "an array of column names", func(int) error {
				column, err := c.Word("the name of a column")
				if err != nil {
					return err
				}
				order, err = r.place(order, column)
				return err
			})
		case "data":
			c.Peek()
			data = c.At
			_, err = c.Skip(0)
		case "index":
			_, err = c.Skip(0)
		default:
			err = unknownMember(c, name, `"columns", "data" and, optionally, "index" in "dataframe_split"`)
		}
		return err
	})
	if err != nil {
		return err
	}
	if order == nil || data == 0 {
		return fault.New(fault.RequestInvalid, `"dataframe_split" has no "columns" or no "data"`).WithRemedy(`send {"columns": [names], "data": [[values]]}`)
	}
	if err := r.placed(order); err != nil {
		return err
	}
	back := c.At
	defer func() { c.At = back }()
	c.At = data
	return r.array(c, "an array of rows", func(n int) error {
		if n >= maxRows {
			return tooManyRows(maxRows)
		}
		columns := 0
		err := r.array(c, "a row, an array of values", func(k int) error {
			if k >= len(order) {
				return problem(n, "", "more values than columns", strconv.Itoa(len(order))+" values")
			}
			columns++
			return r.cell(c, order[k], n)
		})
		if err == nil && columns < len(order) {
			err = problem(n, "", strconv.Itoa(columns)+" values", strconv.Itoa(len(order)))
		}
		r.frame.Rows = n + 1
		return err
	})
}

// cell reads one value of a row as it was sent.
func (r *rows) cell(c *jsontext.Cursor, j, row int) error {
	c.Peek()
	from := c.At
	if err := r.value(c, j, row, nil); err != nil {
		return err
	}
	r.cells[j] = append(r.cells[j], jsontext.Span{From: from, To: c.At})
	return nil
}

// place adds the column of that name to the order of columns.
func (r *rows) place(order []int, name string) ([]int, error) {
	j, ok := r.index[name]
	if !ok {
		return nil, problem(-1, name, "an unknown column", "one of: "+r.names())
	}
	if r.seen[j] != 0 {
		return nil, problem(-1, name, "the column twice", "each column once")
	}
	r.seen[j] = 1
	return append(order, j), nil
}

// placed refuses an order that lacks a column.
func (r *rows) placed(order []int) error {
	if len(order) < len(r.sig.Inputs) {
		for j := range r.sig.Inputs {
			if r.seen[j] == 0 {
				return problem(-1, r.sig.Inputs[j].Name, "no such column", "every column, null where a value is missing")
			}
		}
	}
	return nil
}

// inputColumns reads {column: [values]}.
func (r *rows) inputColumns(c *jsontext.Cursor, maxRows int) error {
	order := make([]int, 0, len(r.sig.Inputs))
	err := r.members(c, func(name string) (err error) {
		if order, err = r.place(order, name); err != nil {
			return err
		}
		j, count := order[len(order)-1], 0
		if err := r.array(c, "an array of values", func(n int) error {
			if n >= maxRows {
				return tooManyRows(maxRows)
			}
			count++
			return r.cell(c, j, n)
		}); err != nil {
			return err
		}
		if len(order) > 1 && count != r.frame.Rows {
			return problem(-1, name, strconv.Itoa(count)+" values", strconv.Itoa(r.frame.Rows)+", as the column before")
		}
		r.frame.Rows = count
		return nil
	})
	if err != nil {
		return err
	}
	return r.placed(order)
}

// appendPredictions writes the answer of MLflow's scoring server.
func (x *exchange) appendPredictions(b []byte) []byte {
	r, s := x.rows, x.served
	k := s.model.Predictor.Outputs()
	b = append(b, `{"predictions":[`...)
	for i := range r.frame.Rows {
		if i > 0 {
			b = append(b, ',')
		}
		out := r.out[i*k : (i+1)*k]
		switch {
		case s.classes == nil:
			b = appendFloat(b, out[0])
		case !r.ask.probabilities:
			b = appendText(b, s.classes[bundle.MostProbable(out)])
		default:
			b = append(b, '[')
			for c, p := range out {
				if c > 0 {
					b = append(b, ',')
				}
				b = appendFloat(b, p)
			}
			b = append(b, ']')
		}
	}
	b = append(b, ']')
	if r.ask.explain {
		b = append(b, `,"explanations":[`...)
		for i := range r.frame.Rows {
			if i > 0 {
				b = append(b, ',')
			}
			b = x.appendExplanation(b, i)
		}
		b = append(b, ']')
	}
	return append(b, "}\n"...)
}

// headerEndpoint names the endpoint where the path does not.
const headerEndpoint = "Esteira-Endpoint"

// soleEndpoint is the endpoint of a request whose path does not name one: that of
// the header or of the query, else the only one that answers.
func (s *Server) soleEndpoint(req *http.Request) string {
	if name := req.Header.Get(headerEndpoint); name != "" {
		return name
	}
	if name := req.URL.Query().Get("endpoint"); name != "" {
		return name
	}
	if names := s.opts.Table.Names(); len(names) == 1 {
		return names[0]
	}
	return ""
}
