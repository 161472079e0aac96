// Package schedule is EventBridge's schedule expressions, rate and cron: when a rule's time comes next. It is pure: it
// knows no clock.
//
// Source: Amazon EventBridge User Guide, "Creating a rule that runs on a schedule". Of Go's cron libraries that can be had
// none reads AWS's six fields with L, W and #.
package schedule

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// ErrInvalid says that an expression is none. The words are EventBridge's.
var ErrInvalid = errors.New("Parameter ScheduleExpression is not valid.") //nolint:revive,staticcheck // AWS's own words

// Schedule is the times of a rule. Parse makes one.
type Schedule struct {
	every time.Duration // of a rate; 0: cron says when
	cron  cron
}

// rate is a rate expression.
var rate = regexp.MustCompile(`^rate\(([1-9][0-9]{0,8}) (minute|hour|day)(s?)\)$`)

// Parse reads a schedule expression. Its error is ErrInvalid.
func Parse(expression string) (Schedule, error) {
	if m := rate.FindStringSubmatch(expression); m != nil {
		n, err := strconv.Atoi(m[1])
		if err != nil || (n == 1) != (m[3] == "") { // one minute, and two minutes
			return Schedule{}, ErrInvalid
		}
		unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[m[2]]
		if time.Duration(n) > (1<<62)/unit {
			return Schedule{}, ErrInvalid
		}
		return Schedule{every: time.Duration(n) * unit}, nil
	}
	fields, ok := strings.CutPrefix(expression, "cron(")
	fields, closed := strings.CutSuffix(fields, ")")
	if !ok || !closed {
		return Schedule{}, ErrInvalid
	}
	c, err := parseCron(strings.Fields(fields))
	return Schedule{cron: c}, err
}

// Next returns the first time after a moment, of a rule that was made or enabled at start. There may be none any more.
func (s Schedule) Next(start, after time.Time) (time.Time, bool) {
	if s.every == 0 {
		return s.cron.next(after.UTC())
	}
	if after.Before(start) {
		after = start
	}
	periods := after.Sub(start)/s.every + 1
	return start.Add(periods * s.every), true
}
