package asl

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Every comparison of the Choice state, with a value for which it holds and one for which it does not; those that read
// their operand by a path too. Source: AWS Step Functions Developer Guide, "Choice workflow state", 2026-11.
func TestEveryOperator(t *testing.T) {
	const early, late = `"2026-01-01T00:00:00Z"`, `"2026-01-02T00:00:00Z"`
	type row struct{ operand, holds, not string }
	rows := map[string]row{
		"StringEquals": {`"b"`, `"b"`, `"B"`}, "StringLessThan": {`"b"`, `"a"`, `"b"`}, "StringGreaterThan": {`"b"`, `"c"`, `"b"`},
		"StringLessThanEquals": {`"b"`, `"b"`, `"c"`}, "StringGreaterThanEquals": {`"b"`, `"b"`, `"a"`}, "StringMatches": {`"a*c"`, `"abc"`, `"abd"`},
		"NumericEquals": {`1`, `1.0`, `"1"`}, "NumericLessThan": {`2`, `1.5`, `2`}, "NumericGreaterThan": {`2`, `3`, `2`},
		"NumericLessThanEquals": {`2`, `2`, `3`}, "NumericGreaterThanEquals": {`2`, `2`, `1`}, "BooleanEquals": {`true`, `true`, `"true"`},
		"TimestampEquals": {early, `"2026-01-01T01:00:00+01:00"`, late}, "TimestampLessThan": {late, early, late}, "TimestampGreaterThan": {early, late, early},
		"TimestampLessThanEquals": {early, early, late}, "TimestampGreaterThanEquals": {late, late, `"no time"`},
		"IsNull": {`true`, `null`, `0`}, "IsPresent": {`true`, `null`, ``}, "IsNumeric": {`true`, `0.5`, `"0.5"`}, "IsString": {`true`, `""`, `null`},
		"IsBoolean": {`true`, `false`, `"false"`}, "IsTimestamp": {`true`, early, `"2026-01-01"`},
	}
	for _, operator := range sortedKeys(operators) {
		c, known := rows[operator]
		if !known {
			t.Errorf("no row for %s", operator)
		}
		rules := []string{fmt.Sprintf(`"%s":%s`, operator, c.operand)}
		if kind := operators[operator]; kind != 'i' && kind != 'm' {
			rules = append(rules, fmt.Sprintf(`"%sPath":"$.operand"`, operator))
		}
		for _, rule := range rules {
			machine := `{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.v",` + rule + `,"Next":"Y"}],"Default":"N"},"Y":{"Type":"Pass","Result":true,"End":true},"N":{"Type":"Pass","Result":false,"End":true}}}`
			for want, value := range map[string]string{"true": c.holds, "false": c.not} {
				input := fmt.Sprintf(`{"operand":%s,"v":%s}`, c.operand, value)
				if value == "" {
					input = `{}`
				}
				if got, err := runCase(t, machine, input, echo); err != nil || got != want {
					t.Errorf("%s of %s is %s, %v, want %s", rule, value, got, err, want)
				}
			}
		}
	}
	if !slices.Equal(sortedKeys(rows), sortedKeys(operators)) {
		t.Errorf("%d rows, %d operators", len(rows), len(operators))
	}
}

// TestStringMatches: patterns with stars and backslashes, and one that would take for ever if each star tried everything.
// Source: AWS Step Functions Developer Guide, "Choice workflow state", StringMatches, 2026-11.
func TestStringMatches(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"**", "abc", true}, {"a", "a", true}, {"a", "ab", false},
		{"log-*.txt", "log-1.txt", true}, {"log-*.txt", "log-.txt.txt", true}, {"log-*.txt", "log-1.txt.gz", false},
		{"*a*b", "xaxxab", true}, {"*a*b", "xaxba", false}, {`a\*`, "a*", true}, {`a\*`, "ab", false}, {`a\\*`, `a\bc`, true},
		{`\`, `\`, true}, {`a*\*`, "abc*", true}, {`a*\*`, "abc", false},
		{strings.Repeat("a*", 40) + "b", strings.Repeat("a", 10_000), false},
	} {
		done := make(chan bool, 1)
		go func() { done <- wildcard(c.pattern, c.text) }()
		select {
		case got := <-done:
			if got != c.want {
				t.Errorf("%.30q matches %.30q: %v", c.pattern, c.text, got)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("%.30q takes for ever", c.pattern)
		}
	}
}
