package profile

import (
	"context"
	"math"
	"sort"
)

// series is the distinct values of a column with their counts.
type series interface {
	// each gives them in ascending order, as often as it is asked.
	each(ctx context.Context, take func([]counted)) error
	// apart gives their distances from a median instead, in ascending order; equal
	// ones may come apart.
	apart(ctx context.Context, median float64, take func([]counted)) error
}

// listed is the series of values that are held in ascending order.
type listed []counted

func (l listed) each(_ context.Context, take func([]counted)) error {
	take(l)
	return nil
}

func (l listed) apart(_ context.Context, median float64, take func([]counted)) error {
	above := sort.Search(len(l), func(i int) bool { return l[i].value >= median })
	below := above - 1
	return apart(median, take,
		func() (v counted, ok bool, err error) {
			if ok = below >= 0; ok {
				v = l[below]
				below--
			}
			return v, ok, nil
		},
		func() (v counted, ok bool, err error) {
			if ok = above < len(l); ok {
				v = l[above]
				above++
			}
			return v, ok, nil
		})
}

// apart gives the distances of values from the median in ascending order: those of
// the values below it, the greatest first, and of the others ascend as one goes
// away from it.
func apart(median float64, take func([]counted), below, above func() (counted, bool, error)) error {
	low, lower, err := below()
	if err != nil {
		return err
	}
	high, higher, err := above()
	if err != nil {
		return err
	}
	some := make([]counted, 0, 1024)
	for lower || higher {
		v := low
		if !higher || lower && median-low.value < high.value-median {
			low, lower, err = below()
		} else {
			v = high
			high, higher, err = above()
		}
		if err != nil {
			return err
		}
		if some = append(some, counted{math.Abs(v.value - median), v.count}); len(some) == cap(some) {
			take(some)
			some = some[:0]
		}
	}
	take(some)
	return nil
}
