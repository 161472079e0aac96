package schedule_test

import (
	"errors"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/events/schedule"
)

const (
	cronPage = "EventBridge User Guide, Cron expressions, 2026-11"
	ratePage = "EventBridge User Guide, Rate expressions, 2026-11"
)

// TestNext: when a rule's times are.
func TestNext(t *testing.T) {
	cases := []struct{ name, source, expression, after, want string }{
		{name: "ten in the morning", source: cronPage, expression: "cron(0 10 * * ? *)", after: "2026-11-21 10:00:00", want: "2026-11-22 10:00:00"},
		{name: "within the minute before", source: cronPage, expression: "cron(15 12 * * ? *)", after: "2026-11-21 12:14:59", want: "2026-11-21 12:15:00"},
		{name: "weekdays", source: cronPage, expression: "cron(0 18 ? * MON-FRI *)", after: "2026-11-20 18:00:00", want: "2026-11-23 18:00:00"},
		{name: "first of the month", source: cronPage, expression: "cron(0 8 1 * ? *)", after: "2026-11-21 00:00:00", want: "2026-12-01 08:00:00"},
		{name: "every ten minutes on weekdays", source: cronPage, expression: "cron(0/10 * ? * MON-FRI *)", after: "2026-11-20 23:50:00", want: "2026-11-23 00:00:00"},
		{name: "every five minutes in office hours", source: cronPage, expression: "cron(0/5 8-17 ? * MON-FRI *)", after: "2026-11-20 17:55:00", want: "2026-11-23 08:00:00"},
		{name: "first Monday", source: cronPage, expression: "cron(0 9 ? * 2#1 *)", after: "2026-11-21 00:00:00", want: "2026-12-07 09:00:00"},
		{name: "last Friday of years gone", source: cronPage, expression: "cron(15 10 ? * 6L 2002-2005)", after: "2026-11-21 00:00:00", want: ""},
		{name: "last Friday", source: cronPage, expression: "cron(15 10 ? * 6L *)", after: "2026-11-21 00:00:00", want: "2026-11-27 10:15:00"},
		{name: "last day", source: cronPage, expression: "cron(0 0 L * ? *)", after: "2027-02-01 00:00:00", want: "2027-02-28 00:00:00"},
		{name: "last day of the week", source: cronPage, expression: "cron(0 0 ? * L *)", after: "2026-11-21 00:00:00", want: "2026-11-28 00:00:00"},
		{name: "nearest weekday is before", source: cronPage, expression: "cron(0 0 21W * ? *)", after: "2026-11-01 00:00:00", want: "2026-11-20 00:00:00"},
		{name: "nearest weekday is after", source: cronPage, expression: "cron(0 0 22W * ? *)", after: "2026-11-01 00:00:00", want: "2026-11-23 00:00:00"},
		{name: "nearest weekday in the month", source: cronPage, expression: "cron(0 0 1W 8 ? *)", after: "2026-01-01 00:00:00", want: "2026-08-03 00:00:00"},
		{name: "five and thirty-five past", source: cronPage, expression: "cron(5,35 14 * * ? *)", after: "2026-11-21 14:05:00", want: "2026-11-21 14:35:00"},
		{name: "over midnight", source: cronPage, expression: "cron(0 22-2 * * ? *)", after: "2026-11-21 22:30:00", want: "2026-11-21 23:00:00"},
		{name: "from Friday to Monday", source: cronPage, expression: "cron(0 0 ? * FRI-MON *)", after: "2026-11-23 00:00:00", want: "2026-11-27 00:00:00"},
		{name: "leap day", source: cronPage, expression: "cron(0 0 29 2 ? *)", after: "2026-11-21 00:00:00", want: "2028-02-29 00:00:00"},
		{name: "a day that there is not", source: cronPage, expression: "cron(0 0 31 2 ? *)", after: "2026-11-21 00:00:00", want: ""},
		{name: "names in small letters", source: "none: AWS's page writes capitals", expression: "cron(0 0 ? jan mon *)", after: "2026-11-21 00:00:00", want: "2027-01-04 00:00:00"},
		{name: "five minutes", source: ratePage, expression: "rate(5 minutes)", after: "2026-11-21 00:07:00", want: "2026-11-21 00:10:00"},
		{name: "at its time", source: ratePage, expression: "rate(1 hour)", after: "2026-11-21 01:00:00", want: "2026-11-21 02:00:00"},
		{name: "before it was made", source: ratePage, expression: "rate(7 days)", after: "2026-11-01 00:00:00", want: "2026-11-28 00:00:00"},
	}
	start := at(t, "2026-11-21 00:00:00")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, err := schedule.Parse(c.expression)
			if err != nil {
				t.Fatal(err)
			}
			got, ok := s.Next(start, at(t, c.after))
			if ok != (c.want != "") || ok && !got.Equal(at(t, c.want)) {
				t.Errorf("%s after %s: %v %v, want %s", c.expression, c.after, got, ok, c.want)
			}
		})
	}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.DateTime, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

// TestInvalid is what EventBridge refuses.
// Source: localstack/localstack, test_events_schedule.py, validated on AWS, 2026-11.
func TestInvalid(t *testing.T) {
	for _, expression := range []string{
		"rate(10 seconds)", "rate(10 years)", "rate(1 minutes)", "rate(1 hours)", "rate(10 minute)", "rate(10 day)", "rate()", "rate(10)",
		"rate(10 minutess)", "rate(foo minutes)", "rate(0 minutes)", "rate(-10 minutes)", "rate(10 MINUTES)", "rate( 10 minutes )", " rate(10 minutes)",
		"rate(999999999999 days)", "cron(0 1 * * * *)", "cron(7 20 * * NOT *)", "cron(INVALID)", "cron(0 dummy ? * MON-FRI *)", "cron(71 8 1 * ? *)",
		"cron(0 10 * * ?)", "cron(0 10 ? * ? *)", "cron(0 10 32 * ? *)", "cron(0 10 ? * 8 *)", "cron(0 10 ? * MON#6 *)", "cron(0/0 10 * * ? *)",
		"cron(0 10 W * ? *)", "cron(0 10 * * ? 1969)", "cron(0 10 * * ? *", "at(2026-11-21T00:00:00)", "",
	} {
		if _, err := schedule.Parse(expression); !errors.Is(err, schedule.ErrInvalid) {
			t.Errorf("%q: %v", expression, err)
		}
	}
}

// FuzzParse: whatever is an expression has times after any moment, or an end.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"rate(5 minutes)", "cron(0/5 8-17 ? JAN,MAR-MAY 2#1,6L 2026-2030)", "cron(* * L,15W * ? *)"} {
		f.Add(seed, int64(1795000000))
	}
	f.Fuzz(func(t *testing.T, expression string, unix int64) {
		s, err := schedule.Parse(expression)
		if err != nil {
			return
		}
		after := time.Unix(unix%4e9, 0)
		if next, ok := s.Next(time.Unix(1e9, 0), after); ok && !next.After(after) {
			t.Errorf("%s after %v: %v", expression, after, next)
		}
	})
}
