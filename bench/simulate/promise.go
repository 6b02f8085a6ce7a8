package main

import "fmt"

// words are the year in one line.
func (s summary) words() string {
	opened := 0
	for _, n := range s.Alerts {
		opened += n
	}
	return fmt.Sprintf("mean error %.1f minutes with retraining, %.1f without; %d windows (computed again for late labels %d times), %d alerts, %d retrainings, %d promoted, %d not better; %d requests, %d failed, %d audited, %d untraceable",
		s.With, s.Without, s.Windows, s.Again, opened, s.Retrainings, s.Promotions, s.NotBetter, s.Requests, s.Failed, s.Audited, s.Untraceable)
}

// broken are the promises that a year did not keep; none: it kept all of them.
func (y *year) broken() (out []error) {
	s := y.Summary
	promise := func(kept bool, format string, args ...any) {
		if !kept {
			out = append(out, fmt.Errorf(format, args...))
		}
	}
	promise(s.Failed == 0, "%d requests were not answered with 200", s.Failed)
	promise(s.Audited == s.Requests && s.Untraceable == 0, "%d answers, %d in the log, %d not as they were given", s.Requests, s.Audited, s.Untraceable)
	promise(s.Windows == len(y.Weeks), "%d weeks, %d windows", len(y.Weeks), s.Windows)
	promise(s.WindowRequests == int64(s.Requests), "%d requests, %d in windows", s.Requests, s.WindowRequests)
	promise(s.Labelled == s.Requests-s.Labels.Never && s.WrongLabels == 0, "%d labels of %d were joined, %d of them wrong", s.Labelled, s.Requests-s.Labels.Never, s.WrongLabels)
	promise(s.Alerts["performance"] > 0, "no loss of performance was found")
	promise(s.FalseAlerts == 0, "%d alerts opened before the world changed", s.FalseAlerts)
	promise(s.Promotions > 0, "no retraining was promoted")
	promise(s.Retrainings == s.Promotions+s.NotBetter+s.UnderWay, "of %d retrainings %d were promoted, %d not better and %d under way", s.Retrainings, s.Promotions, s.NotBetter, s.UnderWay)
	promise(s.With < s.Without, "the error is %.2f with retraining, %.2f without", s.With, s.Without)
	for _, r := range y.Rollouts {
		if r.State == "live" {
			promise(r.Canaries > 0, "%s went live without having answered as a canary", r.Model)
		}
	}
	return out
}
