package pipeline

import (
	"slices"
	"strconv"
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

// zoned reports whether moments are of another zone than UTC, where intervals count.
func (s Schedule) zoned() bool {
	return s.TimeZone != "" && s.TimeZone != "UTC" && s.TimeZone != "Etc/UTC"
}

// Local gives the moments of Every in a time zone of its own as cron expressions there,
// at most 60: counted from each midnight, whatever the zone's clock does. It is empty
// where Every counts in UTC, and where it does not divide a day into whole minutes.
func (s Schedule) Local() []string {
	const day = 24 * time.Hour
	every, offset := durationOr(s.Every, 0), durationOr(s.Offset, 0)
	if !s.zoned() || every < time.Minute || day%every != 0 || every%time.Minute != 0 || offset%time.Minute != 0 {
		return nil
	}
	hours := make([][]string, 60) // by minute
	for at := offset % every; at < day; at += every {
		minute := int(at.Minutes()) % 60
		hours[minute] = append(hours[minute], strconv.Itoa(int(at.Hours())))
	}
	var out []string
	var whole []string // minutes of every hour
	for minute, at := range hours {
		switch len(at) {
		case 0:
		case 24:
			whole = append(whole, strconv.Itoa(minute))
		default:
			out = append(out, strconv.Itoa(minute)+" "+strings.Join(at, ",")+" * * *")
		}
	}
	if whole != nil {
		out = append(out, strings.Join(whole, ",")+" * * * *")
	}
	return out
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
	if s.Every != "" && s.zoned() && len(s.Local()) == 0 {
		d.add(path+".time_zone", `write cron, such as "0 3 * * *" each day or "0 3 * * 1" each week, or an interval that divides a day, such as 6h; or remove time_zone`,
			"cannot hold for every %s: an interval that does not divide a day into whole minutes has no local hour", clip(s.Every))
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
