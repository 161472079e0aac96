package schedule

import (
	"strconv"
	"strings"
	"time"
)

// set is a set of small numbers.
type set map[int]bool

// cron is a cron expression: minutes, hours, days, months and years, in UTC.
type cron struct {
	minutes, hours, months, years set
	days                          []day // of the month or of the week
}

// day decides whether a date is one of the expression's.
type day func(date time.Time) bool

// lastYear is the last one that an expression can name.
const lastYear = 2199

// field is one of the six fields: what its numbers may be, and their names.
type field struct {
	low, high int
	names     []string // of low, low+1, ...
}

var (
	minutes  = field{low: 0, high: 59}
	hours    = field{low: 0, high: 23}
	monthday = field{low: 1, high: 31}
	months   = field{low: 1, high: 12, names: []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}}
	weekday  = field{low: 1, high: 7, names: []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}}
	years    = field{low: 1970, high: lastYear}
)

// parseCron reads the six fields. A day is said by the month or by the week, with a question mark in the other field.
// Source: Amazon EventBridge User Guide, "Cron expressions".
func parseCron(fields []string) (c cron, err error) {
	if len(fields) != 6 || (fields[2] == "?") == (fields[4] == "?") {
		return c, ErrInvalid
	}
	for _, f := range []struct {
		field
		into *set
		text string
	}{{minutes, &c.minutes, fields[0]}, {hours, &c.hours, fields[1]}, {months, &c.months, fields[3]}, {years, &c.years, fields[5]}} {
		if *f.into, err = f.parse(f.text); err != nil {
			return c, err
		}
	}
	special, of, text := monthSpecial, monthday, fields[2]
	if text == "?" {
		special, of, text = weekSpecial, weekday, fields[4]
	}
	for part := range strings.SplitSeq(strings.ToUpper(text), ",") {
		d, err := special(part)
		if err == nil && d == nil {
			d, err = of.day(part)
		}
		if err != nil {
			return c, err
		}
		c.days = append(c.days, d)
	}
	return c, nil
}

// parse reads a list of numbers, ranges and steps.
func (f field) parse(text string) (set, error) {
	out := set{}
	for part := range strings.SplitSeq(strings.ToUpper(text), ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		low, high, err := f.span(span, stepped)
		step := 1
		if err == nil && stepped {
			step, err = strconv.Atoi(stepText)
		}
		if err != nil || step < 1 {
			return nil, ErrInvalid
		}
		if high < low { // from Friday to Monday
			high += f.high - f.low + 1
		}
		for n := low; n <= high; n += step {
			out[(n-f.low)%(f.high-f.low+1)+f.low] = true
		}
	}
	return out, nil
}

// span reads the part of a range before its step. A step from one number goes to the end.
func (f field) span(text string, stepped bool) (low, high int, err error) {
	if text == "*" {
		return f.low, f.high, nil
	}
	first, last, ranged := strings.Cut(text, "-")
	if low, err = f.number(first); err != nil {
		return 0, 0, err
	}
	switch {
	case ranged:
		high, err = f.number(last)
	case stepped:
		high = f.high
	default:
		high = low
	}
	return low, high, err
}

func (f field) number(text string) (int, error) {
	for i, name := range f.names {
		if text == name {
			return f.low + i, nil
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < f.low || n > f.high || strings.HasPrefix(text, "+") {
		return 0, ErrInvalid
	}
	return n, nil
}

// day is what a list of days says without special signs.
func (f field) day(text string) (day, error) {
	days, err := f.parse(text)
	if f.high == weekday.high {
		return func(date time.Time) bool { return days[int(date.Weekday())+1] }, err
	}
	return func(date time.Time) bool { return days[date.Day()] }, err
}

// monthSpecial reads L, the last day of the month, and W, the weekday nearest to a day, in the same month.
func monthSpecial(text string) (day, error) {
	if text == "L" {
		return func(date time.Time) bool { return date.Day() == lastDay(date) }, nil
	}
	number, ok := strings.CutSuffix(text, "W")
	if !ok {
		return nil, nil //nolint:nilnil // nothing special, and nothing wrong
	}
	if number == "L" {
		return func(date time.Time) bool { return date.Day() == nearestWeekday(date, lastDay(date)) }, nil
	}
	n, err := monthday.number(number)
	return func(date time.Time) bool { return n <= lastDay(date) && date.Day() == nearestWeekday(date, n) }, err
}

// weekSpecial reads L, the last day of the week, or the month's last of a weekday, and #, the month's nth of a weekday.
func weekSpecial(text string) (day, error) {
	if text == "L" {
		return func(date time.Time) bool { return date.Weekday() == time.Saturday }, nil
	}
	name, nth, numbered := strings.Cut(text, "#")
	last := false
	if !numbered {
		if name, last = strings.CutSuffix(text, "L"); !last {
			return nil, nil //nolint:nilnil // nothing special, and nothing wrong
		}
	}
	d, err := weekday.number(name)
	if err != nil {
		return nil, err
	}
	if last {
		return func(date time.Time) bool {
			return int(date.Weekday())+1 == d && date.Day() > lastDay(date)-7
		}, nil
	}
	n, err := strconv.Atoi(nth)
	if err != nil || n < 1 || n > 5 {
		return nil, ErrInvalid
	}
	return func(date time.Time) bool { return int(date.Weekday())+1 == d && (date.Day()+6)/7 == n }, nil
}

func lastDay(date time.Time) int {
	return time.Date(date.Year(), date.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
}

// nearestWeekday is the day from Monday to Friday that is nearest to day n of the date's month, in that month.
func nearestWeekday(date time.Time, n int) int {
	switch time.Date(date.Year(), date.Month(), n, 0, 0, 0, 0, time.UTC).Weekday() {
	case time.Saturday:
		if n == 1 {
			return 3
		}
		return n - 1
	case time.Sunday:
		if n == lastDay(date) {
			return n - 2
		}
		return n + 1
	}
	return n
}

// next returns the first minute after a moment that the expression names.
func (c cron) next(after time.Time) (time.Time, bool) {
	first := after.Truncate(time.Minute).Add(time.Minute)
	date := time.Date(first.Year(), first.Month(), first.Day(), 0, 0, 0, 0, time.UTC)
	for date.Year() <= lastYear {
		switch {
		case !c.years[date.Year()]:
			date = time.Date(date.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
			continue
		case !c.months[int(date.Month())]:
			date = time.Date(date.Year(), date.Month()+1, 1, 0, 0, 0, 0, time.UTC)
			continue
		case c.on(date):
			if t, ok := c.within(date, first); ok {
				return t, true
			}
		}
		date = date.AddDate(0, 0, 1)
	}
	return time.Time{}, false
}

func (c cron) on(date time.Time) bool {
	for _, d := range c.days {
		if d(date) {
			return true
		}
	}
	return false
}

// within returns the first time of a day that is not before first.
func (c cron) within(date, first time.Time) (time.Time, bool) {
	for h := range 24 {
		for m := range 60 {
			if t := date.Add(time.Duration(h*60+m) * time.Minute); c.hours[h] && c.minutes[m] && !t.Before(first) {
				return t, true
			}
		}
	}
	return time.Time{}, false
}
