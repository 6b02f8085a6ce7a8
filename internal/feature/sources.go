package feature

import "slices"

// Sources returns, for each feature of the matrix in its order, the inputs that it is
// made of, as their places in Inputs, each once and in increasing order.
func (fitted *Fitted) Sources() [][]int {
	at := make(map[string]int, len(fitted.Inputs))
	for i, in := range fitted.Inputs {
		at[in.Name] = i
	}
	chains := make(map[string]*Chain, len(fitted.Chains))
	for i := range fitted.Chains {
		chains[fitted.Chains[i].Name] = &fitted.Chains[i]
	}
	var of func(c *Chain) []int
	of = func(c *Chain) (list []int) {
		switch {
		case c.Factors != nil: // which are no products themselves
			for _, name := range c.Factors {
				list = append(list, of(chains[name])...)
			}
		case c.Columns != nil:
			for _, name := range c.Columns {
				list = append(list, at[name])
			}
		default:
			list = append(list, at[c.Column])
		}
		slices.Sort(list)
		return slices.Compact(list)
	}
	var out [][]int
	for i := range fitted.Chains {
		if c := &fitted.Chains[i]; !c.Hidden {
			list := of(c)
			for range c.outputs() {
				out = append(out, list)
			}
		}
	}
	return out
}
