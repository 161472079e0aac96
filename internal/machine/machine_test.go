package machine

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
)

type state struct {
	Type, Resource, Next                      string
	Parameters, ResultSelector                map[string]any
	ResultPath, OutputPath                    string
	SecondsPath, TimeoutSecondsPath           string
	Choices                                   []struct{ Variable, StringEquals, Next string }
	Retry, Catch                              []map[string]any
	TimeoutSeconds, Seconds, HeartbeatSeconds any
}

func definition(t *testing.T, partition string) (string, map[string]state) {
	t.Helper()
	text := Definition("arn:"+partition+":lambda:eu-west-1:111122223333:function:f", partition)
	var d struct {
		StartAt        string
		TimeoutSeconds any
		States         map[string]state
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	if d.TimeoutSeconds != nil {
		t.Error("a time-out of the whole execution cannot be caught, so nobody would answer")
	}
	if _, ok := d.States[d.StartAt]; !ok {
		t.Errorf("StartAt %q is no state", d.StartAt)
	}
	return text, d.States
}

// Rules of the language: Amazon States Language specification, states-language.net/spec.html.
func TestDefinitionIsValid(t *testing.T) {
	_, states := definition(t, "aws")
	reached := map[string]bool{step: true}
	next := func(from, to string) {
		t.Helper()
		if _, ok := states[to]; !ok {
			t.Errorf("%s: next state %q does not exist", from, to)
		}
		reached[to] = true
	}
	for name, s := range states {
		if len(name) > 80 {
			t.Errorf("%s: a state's name has at most 80 characters", name)
		}
		switch s.Type {
		case "Task":
			next(name, s.Next)
			if s.TimeoutSecondsPath == "" || s.TimeoutSeconds != nil {
				t.Errorf("%s: a task's time-out must come from what is left", name)
			}
			for _, c := range s.Catch {
				next(name, c["Next"].(string))
			}
			checkPaths(t, name, s.Parameters)
			checkPaths(t, name, s.ResultSelector)
		case "Choice":
			if s.Next != "" || len(s.Choices) != 3 {
				t.Errorf("%s: a choice has rules and no Next, got %+v", name, s)
			}
			for _, c := range s.Choices {
				next(name, c.Next)
			}
		case "Wait":
			next(name, s.Next)
			if s.SecondsPath == "" {
				t.Errorf("%s: waits for nothing", name)
			}
		case "Succeed":
			if s.Next != "" {
				t.Errorf("%s: an end has no Next", name)
			}
		default:
			t.Errorf("%s: type %q", name, s.Type)
		}
	}
	for name := range states {
		if !reached[name] {
			t.Errorf("%s: nothing leads here", name)
		}
	}
}

// A value is a path exactly when its field's name ends in ".$".
func checkPaths(t *testing.T, state string, template map[string]any) {
	t.Helper()
	for field, value := range template {
		switch v := value.(type) {
		case map[string]any:
			checkPaths(t, state, v)
		case string:
			if path := strings.HasPrefix(v, "$"); path != strings.HasSuffix(field, ".$") {
				t.Errorf("%s: field %q with value %q", state, field, v)
			}
		default:
			t.Errorf("%s: field %q has value %v", state, field, value)
		}
	}
}

// A handler that fails is asked again for the hour that a custom resource has. Delays are those of the language:
// IntervalSeconds, times BackoffRate each time, MaxDelaySeconds at most (states-language.net/spec.html, "Retrying").
func TestHandlerIsAskedForAnHour(t *testing.T) {
	_, states := definition(t, "aws")
	retry := states[step].Retry[0]
	number := func(field string) float64 { return retry[field].(float64) }
	total, delay := 0.0, number("IntervalSeconds")
	for range int(number("MaxAttempts")) {
		total += min(delay, number("MaxDelaySeconds"))
		delay *= number("BackoffRate")
	}
	if total < 3600 || total > 2*3600 {
		t.Errorf("it is asked for %.0f seconds", total)
	}
}

func TestDefinitionPartition(t *testing.T) {
	text, states := definition(t, "aws-us-gov")
	if strings.Contains(text, "arn:aws:") {
		t.Error("an ARN of partition aws in a definition for aws-us-gov")
	}
	if got, want := states[build].Resource, "arn:aws-us-gov:states:::codebuild:startBuild.sync"; got != want {
		t.Errorf("resource %s, want %s", got, want)
	}
}

func TestDefinitionKeepsTokens(t *testing.T) {
	const function, partition = "${Token[TOKEN.12]}", "${Token[AWS.Partition.3]}"
	text := Definition(function, partition)
	for _, want := range []string{`"` + function + `"`, `"arn:` + partition + `:states:::lambda:invoke"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the definition", want)
		}
	}
}

var actionName = regexp.MustCompile(`^[a-z]+:[A-Z][A-Za-z]+$`)

func TestGrants(t *testing.T) {
	for role, grants := range map[string][]Grant{"function": FunctionActions(), "machine": MachineActions()} {
		seen := map[string]bool{}
		for _, g := range grants {
			if g.Why == "" {
				t.Errorf("%s: %v on %s without a reason", role, g.Actions, g.Resource)
			}
			for _, a := range g.Actions {
				key := fmt.Sprint(a, g.Resource)
				if !actionName.MatchString(a) || seen[key] {
					t.Errorf("%s: action %q is malformed or given twice", role, a)
				}
				seen[key] = true
			}
		}
	}
}

func TestARN(t *testing.T) {
	n := Names{Partition: "aws-cn", Region: "cn-north-1", Account: "111122223333", Repository: "r", Project: "p",
		LogGroup: "/aws/codebuild/p", Machine: "m", Function: "f", FunctionLogGroup: "/aws/lambda/f"}
	for _, c := range []struct {
		resource Resource
		want     string
	}{
		{Repository, "arn:aws-cn:ecr:cn-north-1:111122223333:repository/r"},
		{Project, "arn:aws-cn:codebuild:cn-north-1:111122223333:project/p"},
		{BuildLog, "arn:aws-cn:logs:cn-north-1:111122223333:log-group:/aws/codebuild/p:log-stream:*"},
		{Machine, "arn:aws-cn:states:cn-north-1:111122223333:stateMachine:m"},
		{Execution, "arn:aws-cn:states:cn-north-1:111122223333:execution:m:*"},
		{Function, "arn:aws-cn:lambda:cn-north-1:111122223333:function:f"},
		{FunctionLog, "arn:aws-cn:logs:cn-north-1:111122223333:log-group:/aws/lambda/f:log-stream:*"},
		{BuildRule, "arn:aws-cn:events:cn-north-1:111122223333:rule/StepFunctionsGetEventForCodeBuildStartBuildRule"},
	} {
		if got := c.resource.ARN(n); got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
}
