package switches

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kinds says how each switch is written; docs/cli.md explains them.
var kinds = map[string]func(s *Switches, value string) error{
	"lose-build-events": flag(func(s *Switches) { s.LoseBuildEvents = true }),
	"duplicate-events":  flag(func(s *Switches) { s.DuplicateEvents = true }),
	"refuse-pull":       flag(func(s *Switches) { s.RefusePull = true }),
	"log-delay":         duration(func(s *Switches, d time.Duration) { s.LogDelay = d }),
	"policy-delay":      duration(func(s *Switches, d time.Duration) { s.PolicyDelay = d }),
	"credentials-life":  duration(func(s *Switches, d time.Duration) { s.CredentialsLife = d }),
	"replication-delay": duration(func(s *Switches, d time.Duration) { s.ReplicationDelay = d }),
	"network-delay":     duration(func(s *Switches, d time.Duration) { s.NetworkDelay = d }),
	"fail-replication":  word(func(s *Switches, region string) { s.FailReplication = region }),
	"build-slots":       number(func(s *Switches, n int) { s.BuildSlots = n }),
	"kill-invocations":  span(func(s *Switches, which Span) { s.KillInvocations = which }),
	"hang-invocations":  span(func(s *Switches, which Span) { s.HangInvocations = which }),
	"throttle":          throttle,
}

// Parse reads switches as TOKENDOCKER_REHEARSE_FAULTS holds them: comma-separated, each a name or name=value, for
// example "log-delay=30s,build-slots=1". An unknown name is an error that lists the known ones.
func Parse(text string) (Switches, error) {
	var s Switches
	for word := range strings.SplitSeq(text, ",") {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		name, value, _ := strings.Cut(word, "=")
		set, known := kinds[name]
		if !known {
			return s, fmt.Errorf("there is no fault %q; there are %s", name, strings.Join(Names(), ", "))
		}
		if err := set(&s, value); err != nil {
			return s, fmt.Errorf("fault %q: %w", word, err)
		}
	}
	return s, nil
}

// Names returns the names of all switches, sorted.
func Names() []string {
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func flag(set func(*Switches)) func(*Switches, string) error {
	return func(s *Switches, value string) error {
		if value != "" {
			return fmt.Errorf("takes no value")
		}
		set(s)
		return nil
	}
}

func duration(set func(*Switches, time.Duration)) func(*Switches, string) error {
	return func(s *Switches, value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d < 0 {
			return fmt.Errorf("takes a duration such as 30s")
		}
		set(s, d)
		return nil
	}
}

func word(set func(*Switches, string)) func(*Switches, string) error {
	return func(s *Switches, value string) error {
		if value == "" {
			return fmt.Errorf("takes a value such as eu-west-1")
		}
		set(s, value)
		return nil
	}
}

func number(set func(*Switches, int)) func(*Switches, string) error {
	return func(s *Switches, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("takes a number")
		}
		set(s, n)
		return nil
	}
}

// span reads "3", the first three, or "2-4".
func span(set func(*Switches, Span)) func(*Switches, string) error {
	return func(s *Switches, value string) error {
		first, last, ranged := strings.Cut(value, "-")
		if !ranged {
			first, last = "1", value
		}
		from, err := strconv.Atoi(first)
		to, bad := strconv.Atoi(last)
		if err != nil || bad != nil || from < 1 || to < from {
			return fmt.Errorf("takes a number or a range such as 2-4")
		}
		set(s, Span{From: from, To: to})
		return nil
	}
}

func throttle(s *Switches, value string) error {
	action, times, _ := strings.Cut(value, "=")
	n, err := strconv.Atoi(times)
	if err != nil || n < 1 || action != "*" && !strings.Contains(action, ":") {
		return fmt.Errorf("takes an action or * and a number such as throttle=codebuild:StartBuild=2")
	}
	if s.Throttle == nil {
		s.Throttle = map[string]int{}
	}
	s.Throttle[action] = n
	return nil
}
