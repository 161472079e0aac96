package asl

import (
	"context"
	"strings"
	"testing"
)

// jsonataMachine is a machine of JSONata; its states are given as JSON without the outer braces.
func jsonataMachine(states string) string {
	return `{"QueryLanguage":"JSONata","StartAt":"A","States":{` + states + `}}`
}

// The case table of states that speak JSONata.
func TestJSONataCases(t *testing.T) {
	const (
		guide     = "AWS Step Functions Developer Guide, Transforming data with JSONata in Step Functions, 2026-11"
		functions = "AWS Step Functions Developer Guide, JSONata functions provided by Step Functions, 2026-11"
		choice    = "AWS Step Functions Developer Guide, Choice workflow state, 2026-11"
	)
	cases := []struct {
		name, source, limit string
		machine, input      string
		want                string // output, or the beginning of the failure after "!"
	}{
		{name: "output", source: guide, machine: jsonataMachine(`"A":{"Type":"Pass","Output":{"total":"{% $sum($states.input.l) %}","text":"plain","deep":["{% $states.context.State.Name %}"]},"End":true}`), input: `{"l":[1,2,3]}`, want: `{"deep":["A"],"text":"plain","total":6}`},
		{name: "without output", source: guide, machine: jsonataMachine(`"A":{"Type":"Pass","End":true}`), input: `{"a":1}`, want: `{"a":1}`},
		{name: "whole output is one expression", source: guide, machine: jsonataMachine(`"A":{"Type":"Succeed","Output":"{% $states.input.a & '!' %}"}`), input: `{"a":"x"}`, want: `"x!"`},
		{name: "null", source: guide, machine: jsonataMachine(`"A":{"Type":"Succeed","Output":"{% $states.input.a %}"}`), input: `{"a":null}`, want: `null`},
		{name: "null in data", source: guide, machine: jsonataMachine(`"A":{"Type":"Pass","Output":{"all":"{% $states.input %}","is":"{% $states.input.a = null %}"},"End":true}`), input: `{"a":null,"l":[null,1]}`, want: `{"all":{"a":null,"l":[null,1]},"is":true}`},
		{name: "undefined", source: guide, machine: jsonataMachine(`"A":{"Type":"Pass","Output":"{% $states.input.gone %}","End":true}`), input: `{}`,
			want: `!States.QueryEvaluationError: An error occurred while executing the state 'A' (entered at the event id #1). The JSONata expression '$states.input.gone' specified for the field 'Output' returned nothing (undefined).`},
		{name: "error", source: guide, machine: jsonataMachine(`"A":{"Type":"Pass","Output":"{% 1 + 'x' %}","End":true}`), input: `{}`, want: `!States.QueryEvaluationError: An error occurred while executing the state 'A'`},
		{name: "task", source: guide, machine: jsonataMachine(`"A":{"Type":"Task","Resource":"arn:x","Arguments":{"n":"{% $states.input.n + 1 %}"},"Output":{"got":"{% $states.result.n %}","was":"{% $states.input.n %}"},"End":true}`), input: `{"n":1}`, want: `{"got":2,"was":1}`},
		{name: "task's result is its output", source: guide, machine: jsonataMachine(`"A":{"Type":"Task","Resource":"arn:x","End":true}`), input: `{"n":1}`, want: `{"n":1}`},
		{name: "condition", source: choice, machine: jsonataMachine(`"A":{"Type":"Choice","Choices":[{"Condition":"{% $states.input.n > 5 %}","Next":"B"},{"Condition":true,"Next":"C","Output":{"small":"{% $states.input.n %}"}}]},"B":{"Type":"Succeed"},"C":{"Type":"Succeed"}`), input: `{"n":3}`, want: `{"small":3}`},
		{name: "condition that is no boolean", source: choice, machine: jsonataMachine(`"A":{"Type":"Choice","Choices":[{"Condition":"{% 'yes' %}","Next":"B"}]},"B":{"Type":"Succeed"}`), input: `{}`, want: `!States.QueryEvaluationError`},
		{name: "no condition holds", source: choice, machine: jsonataMachine(`"A":{"Type":"Choice","Choices":[{"Condition":false,"Next":"B"}]},"B":{"Type":"Succeed"}`), input: `{}`, want: `!States.NoChoiceMatched`},
		{name: "default", source: choice, machine: jsonataMachine(`"A":{"Type":"Choice","Choices":[{"Condition":false,"Next":"B"}],"Default":"B","Output":{"by":"default"}},"B":{"Type":"Succeed"}`), input: `{}`, want: `{"by":"default"}`},
		{name: "wait", source: "AWS Step Functions Developer Guide, Wait workflow state, 2026-11", machine: jsonataMachine(`"A":{"Type":"Wait","Seconds":"{% $states.input.s * 2 %}","End":true}`), input: `{"s":10}`, want: `{"s":10}`},
		{name: "wait for a time", source: "AWS Step Functions Developer Guide, Wait workflow state, 2026-11", machine: jsonataMachine(`"A":{"Type":"Wait","Timestamp":"{% $states.input.t %}","End":true}`), input: `{"t":"2016-03-14T01:59:00Z"}`, want: `{"t":"2016-03-14T01:59:00Z"}`},
		{name: "wait for text", source: "AWS Step Functions Developer Guide, Wait workflow state, 2026-11", machine: jsonataMachine(`"A":{"Type":"Wait","Seconds":"{% 'soon' %}","End":true}`), input: `{}`, want: `!States.QueryEvaluationError`},
		{name: "fail", source: "AWS Step Functions Developer Guide, Fail workflow state, 2026-11", machine: jsonataMachine(`"A":{"Type":"Fail","Error":"Mine","Cause":"{% 'no ' & $states.input.w %}"}`), input: `{"w":"way"}`, want: `!Mine: no way`},
		{name: "parallel", source: "AWS Step Functions Developer Guide, Parallel workflow state, 2026-11", machine: jsonataMachine(`"A":{"Type":"Parallel","Arguments":{"n":"{% $states.input.n %}"},"Output":"{% $sum($states.result.n) %}","End":true,"Branches":[{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},{"StartAt":"C","States":{"C":{"Type":"Pass","Output":{"n":"{% $states.input.n * 10 %}"},"End":true}}}]}`), input: `{"n":2}`, want: `22`},
		{name: "map", source: "AWS Step Functions Developer Guide, Using Map state in Inline mode, 2026-11", machine: jsonataMachine(`"A":{"Type":"Map","Items":"{% $states.input.l %}","MaxConcurrency":"{% 1 %}","ItemSelector":{"v":"{% $states.context.Map.Item.Value %}","i":"{% $states.context.Map.Item.Index %}"},"ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Pass","Output":"{% $states.input.v & $string($states.input.i) %}","End":true}}},"End":true}`), input: `{"l":["x","y"]}`, want: `["x0","y1"]`},
		{name: "map over no list", source: "AWS Step Functions Developer Guide, Using Map state in Inline mode, 2026-11", machine: jsonataMachine(`"A":{"Type":"Map","Items":"{% 1 %}","ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}`), input: `{}`, want: `!States.QueryEvaluationError`},
		{name: "catch", source: guide, machine: jsonataMachine(`"A":{"Type":"Task","Resource":"arn:fails","Catch":[{"ErrorEquals":["States.ALL"],"Output":{"e":"{% $states.errorOutput.Error %}","i":"{% $states.input.n %}"},"Assign":{"why":"{% $states.errorOutput.Cause %}"},"Next":"B"}],"End":true},"B":{"Type":"Pass","Output":{"all":"{% $states.input %}","why":"{% $why %}"},"End":true}`), input: `{"n":1}`, want: `{"all":{"e":"Broken","i":1},"why":"as asked"}`},
		{name: "catch without output", source: guide, machine: jsonataMachine(`"A":{"Type":"Task","Resource":"arn:fails","Catch":[{"ErrorEquals":["Broken"],"Next":"B"}],"End":true},"B":{"Type":"Succeed"}`), input: `{}`, want: `{"Cause":"as asked","Error":"Broken"}`},
		{name: "an expression's error is caught", source: "AWS Step Functions Developer Guide, Handling errors, 2026-11", machine: jsonataMachine(`"A":{"Type":"Task","Resource":"arn:x","Output":"{% $states.result.gone %}","Catch":[{"ErrorEquals":["States.QueryEvaluationError"],"Output":"caught","Next":"B"}],"End":true},"B":{"Type":"Succeed"}`), input: `{}`, want: `"caught"`},
		{name: "one state of JSONata", source: guide, machine: `{"StartAt":"A","States":{"A":{"Type":"Pass","QueryLanguage":"JSONata","Output":{"n":"{% $states.input.n + 1 %}"},"Next":"B"},"B":{"Type":"Pass","Parameters":{"m.$":"$.n"},"End":true}}}`, input: `{"n":1}`, want: `{"m":2}`},
		{name: "partition", source: functions, machine: jsonataMachine(`"A":{"Type":"Succeed","Output":"{% $partition([1,2,3], 2) %}"}`), input: `{}`, want: `[[1,2],[3]]`},
		{name: "range", source: functions, machine: jsonataMachine(`"A":{"Type":"Succeed","Output":"{% $range(0, 6, 3) %}"}`), input: `{}`, want: `[0,3,6]`},
		{name: "hash", source: functions, machine: jsonataMachine(`"A":{"Type":"Succeed","Output":"{% $hash('input data', 'SHA-1') %}"}`), input: `{}`, want: `"aaff4a450a104cd177d28d18d74485e8cae074b7"`},
		{name: "parse", source: functions, machine: jsonataMachine(`"A":{"Type":"Succeed","Output":"{% $parse($states.input.s).a %}"}`), input: `{"s":"{\"a\":[1]}"}`, want: `[1]`},
		{name: "uuid and random", source: functions, machine: jsonataMachine(`"A":{"Type":"Succeed","Output":"{% [$length($uuid()), $random() < 1, $random(7) = $random(7)] %}"}`), input: `{}`, want: `[36,true,true]`},
		{name: "result that is no data", source: guide, machine: jsonataMachine(`"A":{"Type":"Succeed","Output":"{% $sum %}"}`), input: `{}`, want: `!States.QueryEvaluationError`},
		{name: "eval", source: functions, machine: jsonataMachine(`"A":{"Type":"Succeed","Output":"{% $eval('1') %}"}`), input: `{}`, want: `!States.QueryEvaluationError`},
		{name: "newer functions", source: "jsonata.org, release notes, 2026-11", limit: "expressions are those of JSONata 1.5; functions that later versions added are not all there, and functions that call others of the expression's own are refused",
			machine: jsonataMachine(`"A":{"Type":"Succeed","Output":"{% $states.input.a ?? 1 %}"}`), input: `{}`, want: `!Invalid State Machine Definition`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if failure, ok := strings.CutPrefix(c.want, "!Invalid"); ok {
				if _, err := Parse(c.machine); err == nil || !strings.HasPrefix(err.Error(), "Invalid"+failure) {
					t.Errorf("error = %v", err)
				}
				return
			}
			got, err := runCase(t, c.machine, c.input, func(_ context.Context, task Task) (any, error) {
				if task.Resource == "arn:fails" {
					return nil, Fail("Broken", "as asked")
				}
				return task.Input, nil
			})
			if failure, ok := strings.CutPrefix(c.want, "!"); ok {
				if err == nil || !strings.HasPrefix(err.Error(), failure) {
					t.Errorf("error = %v, want %s", err, failure)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}

// The case table of variables, in both languages.
func TestVariableCases(t *testing.T) {
	const page = "AWS Step Functions Developer Guide, Passing data between states with variables, 2026-11"
	cases := []struct {
		name, source, limit string
		machine, input      string
		want                string
	}{
		{name: "by path", source: page, machine: `{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"x.$":"$.a","y":2},"Next":"B"},"B":{"Type":"Pass","Parameters":{"x.$":"$x.b","y.$":"$y"},"End":true}}}`, input: `{"a":{"b":1}}`, want: `{"x":1,"y":2}`},
		{name: "in a function call", source: page, machine: `{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"x":20},"Next":"B"},"B":{"Type":"Pass","Parameters":{"r.$":"States.MathAdd($x, 3)"},"End":true}}}`, input: `{}`, want: `{"r":23}`},
		{name: "in a choice", source: page, machine: `{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"n":3},"Next":"B"},"B":{"Type":"Choice","Choices":[{"Variable":"$n","NumericEquals":3,"Assign":{"n":4},"Next":"C"}]},"C":{"Type":"Pass","Parameters":{"n.$":"$n"},"End":true}}}`, input: `{}`, want: `{"n":4}`},
		{name: "unknown", source: page, machine: single(`{"Type":"Pass","Parameters":{"x.$":"$x"},"End":true}`), input: `{}`, want: `!States.Runtime: An error occurred while executing the state 'A' (entered at the event id #1). The JSONPath '$x' specified for the field 'x.$' could not be found`},
		{name: "all at once", source: page, machine: jsonataMachine(`"A":{"Type":"Pass","Assign":{"x":1,"y":2},"Next":"B"},"B":{"Type":"Pass","Assign":{"x":"{% $y %}","y":"{% $x %}"},"Next":"C"},"C":{"Type":"Succeed","Output":"{% [$x, $y] %}"}`), input: `{}`, want: `[2,1]`},
		{name: "output sees the values of before", source: page, machine: jsonataMachine(`"A":{"Type":"Pass","Assign":{"x":1},"Next":"B"},"B":{"Type":"Pass","Assign":{"x":2},"Output":"{% $x %}","End":true}`), input: `{}`, want: `1`},
		{name: "the result of a task", source: page, machine: `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:x","ResultPath":null,"Assign":{"r.$":"$.n"},"Next":"B"},"B":{"Type":"Pass","Parameters":{"r.$":"$r"},"End":true}}}`, input: `{"n":5}`, want: `{"r":5}`},
		{name: "inner scopes see outer ones", source: page + ", Variable scope", machine: jsonataMachine(`"A":{"Type":"Pass","Assign":{"x":1},"Next":"B"},"B":{"Type":"Map","Items":"{% [1,2] %}","ItemProcessor":{"StartAt":"C","States":{"C":{"Type":"Pass","Assign":{"inner":"{% $x + $states.input %}"},"Next":"D"},"D":{"Type":"Succeed","Output":"{% $inner %}"}}},"End":true}`), input: `{}`, want: `[2,3]`},
		{name: "outer scopes do not see inner ones", source: page + ", Variable scope", machine: jsonataMachine(`"A":{"Type":"Parallel","Branches":[{"StartAt":"C","States":{"C":{"Type":"Pass","Assign":{"inner":1},"End":true}}}],"Next":"B"},"B":{"Type":"Succeed","Output":"{% $exists($inner) %}"}`), input: `{}`, want: `false`},
		{name: "an outer name in an inner scope", source: page + ", Variable scope", limit: "a branch that assigns an outer variable gets one of its own; AWS refuses the definition", machine: jsonataMachine(`"A":{"Type":"Pass","Assign":{"x":1},"Next":"B"},"B":{"Type":"Parallel","Branches":[{"StartAt":"C","States":{"C":{"Type":"Pass","Assign":{"x":2},"End":true}}}],"Next":"D"},"D":{"Type":"Succeed","Output":"{% $x %}"}`), input: `{}`, want: `1`},
		{name: "caught", source: page, machine: `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:fails","Catch":[{"ErrorEquals":["States.ALL"],"Assign":{"e.$":"$.Error"},"ResultPath":null,"Next":"B"}],"End":true},"B":{"Type":"Pass","Parameters":{"e.$":"$e"},"End":true}}}`, input: `{}`, want: `{"e":"Broken"}`},
		{name: "too much", source: page + ", Limits", machine: jsonataMachine(`"A":{"Type":"Pass","Assign":{"x":"{% [$states.input, $states.input] %}"},"End":true}`), input: `"` + strings.Repeat("x", 150_000) + `"`, want: `!States.Runtime`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := runCase(t, c.machine, c.input, func(_ context.Context, task Task) (any, error) {
				if task.Resource == "arn:fails" {
					return nil, Fail("Broken", "as asked")
				}
				return task.Input, nil
			})
			if failure, ok := strings.CutPrefix(c.want, "!"); ok {
				if err == nil || !strings.HasPrefix(err.Error(), failure) {
					t.Errorf("error = %v, want %s", err, failure)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %s, %v, want %s", got, err, c.want)
			}
		})
	}
}
