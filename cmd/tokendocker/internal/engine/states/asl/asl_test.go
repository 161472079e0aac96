package asl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
)

const language = "states-language.net/spec.html, 2026-11"

// runCase runs a machine of one or more states given as JSON.
func runCase(t *testing.T, definition, input string, do func(context.Context, Task) (any, error)) (string, error) {
	t.Helper()
	m, err := Parse(definition)
	if err != nil {
		t.Fatal(err)
	}
	data, err := Decode([]byte(input))
	if err != nil {
		t.Fatal(err)
	}
	x := &Execution{Clock: clock.New(1000), Do: do, Context: map[string]any{"Execution": map[string]any{"Id": "arn:x", "Input": data}}}
	out, err := x.Run(t.Context(), m, data)
	return Encode(out), err
}

// echo is a task that gives its input back.
func echo(_ context.Context, t Task) (any, error) { return t.Input, nil }

func single(state string) string {
	return `{"StartAt":"A","States":{"A":` + state + `}}`
}

// The case table of states: what comes out of one, by the language's specification and Step Functions' pages.
func TestStateCases(t *testing.T) {
	const guide = "AWS Step Functions Developer Guide, "
	cases := []struct {
		name, source, limit string
		machine, input      string
		want                string // output, or the beginning of the failure after "!"
	}{
		{name: "pass", source: language, machine: single(`{"Type":"Pass","End":true}`), input: `{"a":1}`, want: `{"a":1}`},
		{name: "pass result", source: language, machine: single(`{"Type":"Pass","Result":{"x":[1]},"ResultPath":"$.b.c","End":true}`), input: `{"a":1}`, want: `{"a":1,"b":{"c":{"x":[1]}}}`},
		{name: "null result path", source: language, machine: single(`{"Type":"Pass","Result":1,"ResultPath":null,"End":true}`), input: `{"a":1}`, want: `{"a":1}`},
		{name: "null input path", source: language, machine: single(`{"Type":"Pass","InputPath":null,"End":true}`), input: `{"a":1}`, want: `{}`},
		{name: "null output path", source: language, machine: single(`{"Type":"Pass","OutputPath":null,"End":true}`), input: `{"a":1}`, want: `{}`},
		{name: "result path into raw input", source: language, machine: single(`{"Type":"Pass","InputPath":"$.a","ResultPath":"$.r","End":true}`), input: `{"a":{"b":2}}`, want: `{"a":{"b":2},"r":{"b":2}}`},
		{name: "parameters", source: guide + "Manipulate parameters in workflows, 2026-11",
			machine: single(`{"Type":"Pass","Parameters":{"k":{"v.$":"$.a","w":[{"x.$":"$.a"}]},"e.$":"$$.Execution.Id","n.$":"$$.State.Name"},"End":true}`),
			input:   `{"a":"1"}`, want: `{"e":"arn:x","k":{"v":"1","w":[{"x":"1"}]},"n":"A"}`},
		{name: "missing path in parameters", source: "answer seen in public logs of Step Functions, 2026-11", machine: single(`{"Type":"Pass","Parameters":{"address.$":"$.address"},"End":true}`), input: `{"flagged":false}`,
			want: `!States.Runtime: An error occurred while executing the state 'A' (entered at the event id #1). The JSONPath '$.address' specified for the field 'address.$' could not be found in the input '{"flagged":false}'`},
		{name: "many nodes", source: language, machine: single(`{"Type":"Pass","Parameters":{"v.$":"$..id","f.$":"$.l[?(@.id>1)].id","s.$":"$.l[0:1]"},"End":true}`), input: `{"l":[{"id":1},{"id":2}]}`,
			want: `{"f":[2],"s":[{"id":1}],"v":[1,2]}`},
		{name: "dot before a bracket", source: "public issue aws/aws-cdk#22471, 2026-11", machine: single(`{"Type":"Pass","Parameters":{"a.$":"$.[1].b.[0]","b.$":"$..b.[0]","c.$":"$[1]['b.[0]']"},"End":true}`), input: `[{},{"b":[7],"b.[0]":"q"}]`,
			want: `{"a":7,"b":[7],"c":"q"}`},
		{name: "output path", source: language, machine: single(`{"Type":"Pass","OutputPath":"$.a","End":true}`), input: `{"a":{"b":1}}`, want: `{"b":1}`},
		{name: "result path mismatch", source: guide + "Error names, 2026-11", machine: single(`{"Type":"Pass","Result":1,"ResultPath":"$.a.b","End":true}`), input: `{"a":"text"}`, want: `!States.ResultPathMatchFailure`},
		{name: "choice", source: guide + "Choice workflow state, 2026-11", machine: `{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"And":[{"Variable":"$.n","NumericGreaterThan":1},{"Not":{"Variable":"$.s","StringMatches":"x*z"}}],"Next":"B"}],"Default":"C"},"B":{"Type":"Pass","Result":"b","End":true},"C":{"Type":"Pass","Result":"c","End":true}}}`,
			input: `{"n":2,"s":"xyy"}`, want: `"b"`},
		{name: "no choice", source: guide + "Error names, 2026-11", machine: `{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.n","IsNull":true,"Next":"B"}]},"B":{"Type":"Succeed"}}}`,
			input: `{"n":2}`, want: `!States.NoChoiceMatched`},
		{name: "choice on missing", source: "answer seen in public logs of Step Functions, 2026-11", machine: `{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.n","StringEquals":"x","Next":"B"}]},"B":{"Type":"Succeed"}}}`,
			input: `{}`, want: `!States.Runtime: An error occurred while executing the state 'A' (entered at the event id #1). Invalid path '$.n': The choice state's condition path references an invalid value.`},
		{name: "fail", source: guide + "Fail workflow state, 2026-11", machine: single(`{"Type":"Fail","Error":"Mine","CausePath":"States.Format('no {}',$.w)"}`), input: `{"w":"way"}`, want: `!Mine: no way`},
		{name: "wait", source: guide + "Wait workflow state, 2026-11", machine: single(`{"Type":"Wait","SecondsPath":"$.s","End":true}`), input: `{"s":30}`, want: `{"s":30}`},
		{name: "wait for text", source: guide + "Wait workflow state, 2026-11", machine: single(`{"Type":"Wait","SecondsPath":"$.s","End":true}`), input: `{"s":"30"}`, want: `!States.Runtime`},
		{name: "wait for the past", source: guide + "Wait workflow state, 2026-11", machine: single(`{"Type":"Wait","Timestamp":"2016-03-14T01:59:00Z","End":true}`), input: `{}`, want: `{}`},
		{name: "parallel", source: guide + "Parallel workflow state, 2026-11", machine: single(`{"Type":"Parallel","End":true,"ResultSelector":{"first.$":"$[0]"},"Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","Result":1,"End":true}}},{"StartAt":"C","States":{"C":{"Type":"Succeed"}}}]}`),
			input: `{}`, want: `{"first":1}`},
		{name: "map", source: guide + "Using Map state in Inline mode, 2026-11", machine: single(`{"Type":"Map","ItemsPath":"$.l","ItemSelector":{"v.$":"$$.Map.Item.Value","i.$":"$$.Map.Item.Index","a.$":"$.a"},"ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Pass","End":true}}},"End":true}`),
			input: `{"l":["x","y"],"a":1}`, want: `[{"a":1,"i":0,"v":"x"},{"a":1,"i":1,"v":"y"}]`},
		{name: "map, some at once", source: guide + "Using Map state in Inline mode, 2026-11", machine: single(`{"Type":"Map","ItemsPath":"$.l","MaxConcurrencyPath":"$.n","ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}`), input: `{"l":[1,2,3],"n":2}`, want: `[1,2,3]`},
		{name: "map, at once by text", source: guide + "Using Map state in Inline mode, 2026-11", machine: single(`{"Type":"Map","ItemsPath":"$.l","MaxConcurrencyPath":"$.n","ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}`), input: `{"l":[1],"n":"2"}`, want: `!States.Runtime`},
		{name: "map over nothing", source: guide + "Using Map state in Inline mode, 2026-11", machine: single(`{"Type":"Map","ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}`), input: `[]`, want: `[]`},
		{name: "distributed map over its input", source: guide + "Using Map state in Distributed mode, 2026-11", limit: "its iterations are no executions of their own, and none may fail",
			machine: single(`{"Type":"Map","ToleratedFailurePercentage":5,"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}`), input: `[1]`, want: `[1]`},
		{name: "distributed map over a bucket", source: guide + "Using Map state in Distributed mode, 2026-11", limit: "items come from the state's input, and results go into its output",
			machine: single(`{"Type":"Map","ItemReader":{"Resource":"arn:aws:states:::s3:listObjectsV2","Parameters":{"Bucket":"b"}},"ItemProcessor":{"ProcessorConfig":{"Mode":"DISTRIBUTED","ExecutionType":"STANDARD"},"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}`), input: `[]`, want: `!States.Runtime`},
		{name: "too much data", source: guide + "Quotas, 2026-11", machine: single(`{"Type":"Pass","Parameters":{"a.$":"States.Array($,$)"},"End":true}`), input: `"` + strings.Repeat("x", 200_000) + `"`, want: `!States.DataLimitExceeded`},
		{name: "too many events", source: guide + "Quotas, 2026-11", machine: `{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.stop","IsPresent":true,"Next":"B"}],"Default":"A"},"B":{"Type":"Succeed"}}}`, input: `{}`,
			want: `!States.Runtime: The execution reached the maximum number of history events (25000).`},
		{name: "execution time-out", source: guide + "State machine structure, 2026-11", machine: `{"StartAt":"A","TimeoutSeconds":5,"States":{"A":{"Type":"Wait","Seconds":500,"End":true}}}`, input: `{}`, want: "!context deadline exceeded"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := runCase(t, c.machine, c.input, echo)
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

// The case table of intrinsic functions; the source of all is one page.
func TestIntrinsicCases(t *testing.T) {
	const source = "AWS Step Functions Developer Guide, Intrinsics for JSONPath states, 2026-11"
	cases := []struct{ call, input, want string }{
		{`States.Format('Hello, my name is {}.', $.name)`, `{"name":"Arnav"}`, `"Hello, my name is Arnav."`},
		{`States.Format('\{\} {} it\'s \\ {}', 1, $.o)`, `{"o":{"a":true}}`, `"{} 1 it's \\ {\"a\":true}"`},
		{`States.StringToJson($.s)`, `{"s":"{\"n\": 20}"}`, `{"n":20}`},
		{`States.JsonToString($)`, `{"a":"<&>"}`, `"{\"a\":\"<&>\"}"`},
		{`States.Array(1, 'x', null, true, $.a)`, `{"a":2.5}`, `[1,"x",null,true,2.5]`},
		{`States.ArrayPartition($.a, 4)`, `{"a":[1,2,3,4,5,6,7,8,9]}`, `[[1,2,3,4],[5,6,7,8],[9]]`},
		{`States.ArrayContains($.a, 5)`, `{"a":[1,5]}`, `true`},
		{`States.ArrayRange(1, 9, 2)`, `{}`, `[1,3,5,7,9]`},
		{`States.ArrayGetItem($.a, 1)`, `{"a":["x","y"]}`, `"y"`},
		{`States.ArrayLength($.a)`, `{"a":[1,2]}`, `2`},
		{`States.ArrayUnique($.a)`, `{"a":[1,2,1,"1"]}`, `[1,2,"1"]`},
		{`States.Base64Encode('Data to encode')`, `{}`, `"RGF0YSB0byBlbmNvZGU="`},
		{`States.Base64Decode('RGVjb2RlZCBkYXRh')`, `{}`, `"Decoded data"`},
		{`States.Hash('input data', 'SHA-1')`, `{}`, `"aaff4a450a104cd177d28d18d74485e8cae074b7"`},
		{`States.JsonMerge($.a, $.b, false)`, `{"a":{"x":1,"y":1},"b":{"y":2}}`, `{"x":1,"y":2}`},
		{`States.MathAdd($.v, -1)`, `{"v":111}`, `110`},
		{`States.StringSplit('1,2+3', ',+')`, `{}`, `["1","2","3"]`},
		{`States.ArrayLength(States.Array(States.UUID(), States.MathRandom(1, 9)))`, `{}`, `2`},
		{`States.ArrayGetItem($.a, 7)`, `{"a":[]}`, `!States.IntrinsicFailure`},
		{`States.StringToJson('{')`, `{}`, `!States.IntrinsicFailure`},
		{`States.MathAdd(1)`, `{}`, `!States.IntrinsicFailure`},
		{`States.Format('{}')`, `{}`, `!States.IntrinsicFailure`},
		{`States.ArrayRange(9007199254740990, 9007199254740991, 1)`, `{}`, `[9007199254740990,9007199254740991]`},
	}
	for _, c := range cases {
		t.Run(c.call, func(t *testing.T) {
			field, err := json.Marshal(c.call)
			if err != nil {
				t.Fatal(source, err)
			}
			got, err := runCase(t, single(`{"Type":"Pass","Parameters":{"r.$":`+string(field)+`},"OutputPath":"$.r","End":true}`), c.input, echo)
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

// Comparisons of the Choice state; the source of all is one page.
func TestComparisonCases(t *testing.T) {
	const source = "AWS Step Functions Developer Guide, Choice workflow state, 2026-11"
	cases := []struct {
		rule string
		want bool
	}{
		{`"StringEquals":"b"`, true}, {`"StringLessThan":"c"`, true}, {`"StringGreaterThanEquals":"c"`, false}, {`"StringMatches":"*"`, true}, {`"StringMatches":"a*"`, false},
		{`"StringEqualsPath":"$.same"`, true}, {`"NumericEquals":1`, false}, {`"IsString":true`, true}, {`"IsNumeric":false`, true}, {`"IsPresent":true`, true},
		{`"IsTimestamp":true`, false}, {`"BooleanEquals":true`, false}, {`"IsNull":false`, true}, {`"TimestampLessThan":"2020-01-01T00:00:00Z"`, false},
	}
	for _, c := range cases {
		got, err := runCase(t, `{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.v",`+c.rule+`,"Next":"Y"}],"Default":"N"},"Y":{"Type":"Pass","Result":true,"End":true},"N":{"Type":"Pass","Result":false,"End":true}}}`,
			`{"v":"b","same":"b"}`, echo)
		if err != nil || got != fmt.Sprint(c.want) {
			t.Errorf("%s: got %s, %v (%s)", c.rule, got, err, source)
		}
	}
	for _, c := range []struct {
		operator string
		a, b     any
		want     bool
	}{{"NumericLessThanEquals", int64(2), 2.0, true}, {"NumericGreaterThan", 2.5, int64(2), true}, {"TimestampGreaterThan", "2026-01-02T00:00:00Z", "2026-01-01T23:00:00-01:00", false},
		{"TimestampEquals", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", true}, {"StringMatches", `a*b`, `a\*b`, true}, {"StringMatches", `axb`, `a\*b`, false},
		{"StringMatches", "log-2024.txt", "log-*.txt", true}} {
		if got := compare(c.operator, c.a, c.b); got != c.want {
			t.Errorf("%s(%v, %v) = %v (%s)", c.operator, c.a, c.b, got, source)
		}
	}
}

// Definitions that are refused, in the words that public logs show.
func TestDefinitionCases(t *testing.T) {
	cases := []struct{ name, source, definition, want string }{
		{"not JSON", "API Reference, CreateStateMachine, 2026-11", `{`, "INVALID_JSON_DESCRIPTION"},
		{"dangling and unreachable", "localstack issue 11978, answer of AWS", `{"StartAt":"pass1","States":{"pass1":{"Type":"Pass","Next":"pass3"},"pass2":{"Type":"Pass","End":true}}}`,
			`Invalid State Machine Definition: 'MISSING_TRANSITION_TARGET: Missing 'Next' target: pass3 at /States/pass1/Next, MISSING_TRANSITION_TARGET: State "pass2" is not reachable. at /States/pass2'`},
		{"choice without next", "cfn-lint issue 4077, answer of AWS", `{"StartAt":"Choice","States":{"Choice":{"Type":"Choice","Choices":[{"Variable":"$","StringMatches":"Test"}],"Default":"S"},"S":{"Type":"Succeed"}}}`,
			`SCHEMA_VALIDATION_FAILED: These fields are required: [Next] at /States/Choice/Choices[0]`},
		{"no end", "floci pull request 2786, answer of AWS", `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"}}}`, `'MISSING_END_STATE: Workflow has no terminal state'`},
		{"start", language, `{"StartAt":"X","States":{"A":{"Type":"Succeed"}}}`, `Missing 'Next' target: X at /StartAt`},
		{"next and end", language, single(`{"Type":"Pass","Next":"A","End":true}`), "One and only one of the fields must be present: [Next, End]"},
		{"unknown field", language, single(`{"Type":"Pass","Foo":1,"End":true}`), "Field is not supported at /States/A/Foo"},
		{"unknown type", language, single(`{"Type":"Magic","End":true}`), "Value is not valid at /States/A/Type"},
		{"bad path", "answer seen in public logs", single(`{"Type":"Pass","Parameters":{"a.$":"nope"},"End":true}`), "The value for the field 'a.$' must be a valid JSONPath or a valid intrinsic function call at /States/A/Parameters/a.$"},
		{"reference path", language, single(`{"Type":"Pass","ResultPath":"$.a[*]","End":true}`), "Value is not a Reference Path at /States/A/ResultPath"},
		{"all not alone", language, single(`{"Type":"Task","Resource":"arn:x","Retry":[{"ErrorEquals":["States.ALL"]},{"ErrorEquals":["x"]}],"End":true}`), "States.ALL must appear alone"},
		{"catch target", language, single(`{"Type":"Task","Resource":"arn:x","Catch":[{"ErrorEquals":["States.ALL"],"Next":"Z"}],"End":true}`), "Missing 'Next' target: Z at /States/A/Catch[0]/Next"},
		{"duplicate name", language, single(`{"Type":"Parallel","End":true,"Branches":[{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}]}`), "DUPLICATE_STATE_NAME"},
		{"query language", language, `{"QueryLanguage":"SQL","StartAt":"A","States":{"A":{"Type":"Succeed"}}}`, "Value is not valid at /QueryLanguage"},
		{"JSONPath in a machine of JSONata", "Developer Guide, Transforming data with JSONata, 2026-11", `{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Succeed","QueryLanguage":"JSONPath"}}}`, "has no states of JSONPath at /States/A/QueryLanguage"},
		{"field of JSONPath in JSONata", "Developer Guide, Transforming data with JSONata, 2026-11", single(`{"Type":"Pass","QueryLanguage":"JSONata","InputPath":"$","End":true}`), "Field is not supported at /States/A/InputPath"},
		{"bad expression", "Developer Guide, Transforming data with JSONata, 2026-11", single(`{"Type":"Pass","QueryLanguage":"JSONata","Output":{"a":"{% $x( %}"},"End":true}`), "Invalid JSONata expression: "},
		{"expression without an end", "Developer Guide, Transforming data with JSONata, 2026-11", single(`{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% $x","End":true}`), "must end in %} at /States/A/Output"},
		{"recursion", "limit: functions that call functions of the expression's own are not run", single(`{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% ($f := function($n){$n < 1 ? 0 : $f($n - 1)}; $f(9)) %}","End":true}`), "functions that call others of the expression's own are not run here"},
		{"recursion by a parameter", "limit: functions that call functions of the expression's own are not run", single(`{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% (function($f){$f($f)})(function($f){$f($f)}) %}","End":true}`), "functions that call others of the expression's own are not run here"},
		{"variable's name", "Developer Guide, Passing data between states with variables, 2026-11", single(`{"Type":"Pass","Assign":{"a-b":1},"End":true}`), "The variable name is not valid at /States/A/Assign/a-b"},
		{"reserved variable", "Developer Guide, Passing data between states with variables, 2026-11", single(`{"Type":"Pass","QueryLanguage":"JSONata","Assign":{"states":1},"End":true}`), "The variable name is not valid at /States/A/Assign/states"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(c.definition)
			var invalid *InvalidError
			if !errors.As(err, &invalid) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error = %v, want %s", err, c.want)
			}
		})
	}
}

func TestRetryAndCatch(t *testing.T) {
	const state = `{"Type":"Task","Resource":"arn:x","TimeoutSeconds":60,"End":true,
		"Retry":[{"ErrorEquals":["Busy"],"IntervalSeconds":10,"BackoffRate":2,"MaxAttempts":3,"MaxDelaySeconds":15},{"ErrorEquals":["Never"],"MaxAttempts":0}],
		"Catch":[{"ErrorEquals":["States.Timeout"],"Next":"T"},{"ErrorEquals":["States.TaskFailed"],"ResultPath":"$.e","Next":"C"}]}`
	const machine = `{"StartAt":"A","States":{"A":` + state + `,"C":{"Type":"Succeed"},"T":{"Type":"Pass","Result":"timed out","End":true}}}`
	cases := []struct {
		name  string
		tries int32 // that fail
		err   error
		slow  bool
		want  string
		calls int32
		waits time.Duration
	}{
		{name: "third try", tries: 2, err: Fail("Busy", ""), want: `"fine"`, calls: 3, waits: 25 * time.Second},
		{name: "caught after the tries", tries: 9, err: Fail("Busy", "c"), want: `{"e":{"Cause":"c","Error":"Busy"},"i":1}`, calls: 4, waits: 40 * time.Second},
		{name: "not tried again", tries: 9, err: Fail("Never", ""), want: `{"e":{"Cause":"","Error":"Never"},"i":1}`, calls: 1},
		{name: "time-out", slow: true, want: `"timed out"`, calls: 1, waits: 60 * time.Second},
		{name: "runtime errors are not caught", tries: 9, err: Fail(ErrorRuntime, "x"), want: "!States.Runtime", calls: 1},
		{name: "too much data is not caught", tries: 9, err: Fail(ErrorDataLimit, "x"), want: "!States.DataLimitExceeded", calls: 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var calls atomic.Int32
			start := time.Now()
			got, err := runCase(t, machine, `{"i":1}`, func(ctx context.Context, _ Task) (any, error) {
				n := calls.Add(1)
				if c.slow {
					<-ctx.Done()
					return nil, context.Cause(ctx)
				}
				if n <= c.tries {
					return nil, c.err
				}
				return "fine", nil
			})
			if failure, ok := strings.CutPrefix(c.want, "!"); ok {
				if err == nil || !strings.HasPrefix(err.Error(), failure) {
					t.Errorf("error = %v", err)
				}
			} else if err != nil || got != c.want {
				t.Errorf("got %s, %v", got, err)
			}
			if simulated := time.Since(start) * 1000; calls.Load() != c.calls || simulated < c.waits {
				t.Errorf("%d calls in %v", calls.Load(), simulated)
			}
		})
	}
}

func TestFailingBranchStopsItsSiblings(t *testing.T) {
	stopped := make(chan error, 1)
	_, err := runCase(t, single(`{"Type":"Parallel","End":true,"Branches":[
		{"StartAt":"B","States":{"B":{"Type":"Fail","Error":"Mine","Cause":"now"}}},
		{"StartAt":"C","States":{"C":{"Type":"Task","Resource":"arn:x","End":true}}}]}`), `{}`,
		func(ctx context.Context, _ Task) (any, error) {
			<-ctx.Done()
			stopped <- context.Cause(ctx)
			return nil, ctx.Err()
		})
	if err == nil || err.Error() != "Mine: now" {
		t.Errorf("error = %v", err)
	}
	select {
	case cause := <-stopped:
		if !errors.Is(cause, ErrStopped) {
			t.Errorf("the sibling ended by %v", cause)
		}
	default: // the failure came before the sibling began
	}
}

func TestCauseIsCut(t *testing.T) {
	f := Fail("X", strings.Repeat("é", maxCause))
	if len(f.Cause) > maxCause || len(f.Cause) < maxCause-1 || !strings.HasSuffix(f.Cause, "é") {
		t.Errorf("cause has %d bytes", len(f.Cause))
	}
}

func TestDataIsNotShared(t *testing.T) {
	got, err := runCase(t, `{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"z":1},"ResultPath":"$.o.n","Next":"B"},"B":{"Type":"Pass","Parameters":{"i.$":"$$.Execution.Input"},"End":true}}}`,
		`{"o":{}}`, echo)
	if err != nil || got != `{"i":{"o":{}}}` {
		t.Errorf("got %s, %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(single(`{"Type":"Pass","Parameters":{"r.$":"States.Format('{}', $.a[0]['b'])"},"End":true}`), `{"a":[{"b":1}]}`)
	f.Add(single(`{"Type":"Map","ItemsPath":"$.l","ItemProcessor":{"StartAt":"B","States":{"B":{"Type":"Succeed"}}},"End":true}`), `{"l":[1]}`)
	f.Add(`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","Output":{"n":"{% $states.input.l[$ > 1] %}"},"Assign":{"x":"{% 1 + 1 %}"},"End":true}}}`, `{"l":[1,2]}`)
	f.Add(`{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Not":{"Variable":"$.n","StringMatches":"\\**"},"Next":"B"}]},"B":{"Type":"Fail","ErrorPath":"$.x"}}}`, `{"n":"*"}`)
	f.Fuzz(func(t *testing.T, definition, input string) {
		hang := time.AfterFunc(10*time.Second, func() { panic("it does not end: " + definition + "\n" + input) })
		defer hang.Stop()
		m, err := Parse(definition)
		if err != nil {
			var invalid *InvalidError
			if !errors.As(err, &invalid) || len(invalid.Problems) == 0 {
				t.Fatalf("error without a problem: %v", err)
			}
			return
		}
		data, err := Decode([]byte(input))
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		x := &Execution{Clock: clock.New(1e6), Do: echo}
		if _, err := x.Run(ctx, m, data); err != nil && err.Error() == "" {
			t.Error("an error without text")
		}
	})
}
