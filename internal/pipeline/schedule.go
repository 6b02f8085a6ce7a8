package pipeline

import (
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a bare machine or container has no zone files

	"github.com/robfig/cron"
)

func contains(list []string, s string) bool { return slices.Contains(list, s) }

// maxJitter is the widest spread of starts that is still a schedule.
const maxJitter = 24 * time.Hour

// Mistakes checks a schedule that did not come from a file, such as one of
// command-line flags, and returns the mistakes found.
func (s Schedule) Mistakes() []Mistake {
	d := &decoder{faulty: map[string]bool{}}
	d.checkSchedule("schedule", s)
	return d.mistakes
}

func (d *decoder) checkSchedule(path string, s Schedule) {
	switch {
	case s.Cron == "" && s.Every == "" && !d.inside(path):
		d.add(path+".cron", `add cron: "0 3 * * 1", or every: 6h`, "is missing")
	case s.Cron != "" && s.Every != "":
		d.add(path+".every", "keep one of the two", "stands beside cron")
	}
	d.checkSpan(path+".every", s.Every, time.Minute, 366*24*time.Hour)
	if s.Offset != "" {
		if s.Every == "" {
			d.add(path+".offset", "remove it, or write every", "says nothing of cron")
		}
		d.checkSpan(path+".offset", s.Offset, time.Second, 366*24*time.Hour)
	}
	d.checkSpan(path+".catch_up", s.CatchUp, 10*time.Second, 366*24*time.Hour)
	if s.Cron != "" {
		switch fields := strings.Fields(s.Cron); {
		case strings.HasPrefix(s.Cron, "@"):
			if !contains([]string{"@hourly", "@daily", "@weekly"}, s.Cron) {
				d.add(path+".cron", "write @hourly, @daily, @weekly or five fields", "unknown shorthand %q", clip(s.Cron))
			}
		case len(fields) != 5:
			d.add(path+".cron", `write "0 3 * * 1": minute, hour, day of month, month, day of week`, "must have five fields, not %d", len(fields))
		default:
			if _, err := cron.ParseStandard(s.Cron); err != nil {
				d.add(path+".cron", `write "0 3 * * 1": minute, hour, day of month, month, day of week`, "is not a cron expression: %s", clip(err.Error()))
			}
		}
	}
	if _, err := time.LoadLocation(s.TimeZone); err != nil || s.TimeZone == "Local" {
		d.add(path+".time_zone", "write an IANA name such as America/Sao_Paulo or UTC", "unknown time zone %q", clip(s.TimeZone))
	}
	if s.Jitter != "" {
		if j, err := time.ParseDuration(s.Jitter); err != nil || j < 0 || j > maxJitter {
			d.add(path+".jitter", "write a duration such as 30s or 5m, at most 24h", "%q is not a spread of starts", clip(s.Jitter))
		}
	}
}
