package pipeline

import (
	"strings"
)

func (d *decoder) checkRange(path string, r Range) {
	switch {
	case r.Min == nil && r.Max == nil:
		d.add(path, "write {min: 0, max: 1} or one of them", "has no bound")
	case r.Min != nil && r.Max != nil && *r.Min > *r.Max:
		d.add(path, "swap min and max", "min %v is more than max %v", *r.Min, *r.Max)
	}
}

// anyFaultyBeneath reports whether something within path is already known wrong.
func (d *decoder) anyFaultyBeneath(path string) bool {
	for faulty := range d.faulty {
		if faulty == path || strings.HasPrefix(faulty, path+".") {
			return true
		}
	}
	return false
}
