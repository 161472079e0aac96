package events_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
)

// TestInputs is what a Lambda function gets.
func TestInputs(t *testing.T) {
	const transformation = "EventBridge User Guide, Amazon EventBridge input transformation, 2026-11"
	cases := []struct {
		name, source, limit string
		change              func(*types.Target)
		want                string // the payload; %s stands for what is another one each time
	}{
		{name: "the event", source: "EventBridge User Guide, AWS service event metadata, 2026-11", change: func(*types.Target) {},
			want: `{"version":"0","id":"%s","detail-type":"Ordered","source":"app","account":"111122223333","time":"%s","region":"eu-west-1",` +
				`"resources":["arn:aws:x:::y"],"detail":{"order":{"id":"o-1","count":3},"note":"say \"hi\""}}`},
		{name: "constant", source: "EventBridge API Reference, Target, Input, 2026-11", change: func(t *types.Target) { t.Input = aws.String(`{"a": 1}`) }, want: `{"a":1}`},
		{name: "part", source: "EventBridge API Reference, Target, InputPath, 2026-11", change: func(t *types.Target) { t.InputPath = aws.String("$.detail.order") },
			want: `{"id":"o-1","count":3}`},
		{name: "part of a list", source: "EventBridge API Reference, Target, InputPath, 2026-11", change: func(t *types.Target) { t.InputPath = aws.String("$.resources[0]") },
			want: `"arn:aws:x:::y"`},
		{name: "part that is not there", source: "EventBridge API Reference, Target, InputPath, 2026-11", limit: "the target gets null; the page does not say what it gets on AWS",
			change: func(t *types.Target) { t.InputPath = aws.String("$.detail.nothing") }, want: `null`},
		{name: "object", source: transformation, change: transform(`{"id": <id>, "count": <count>, "order": <order>, "text": "order <id>: <count>"}`),
			want: `{"id":"o-1","count":3,"order":{"id":"o-1","count":3},"text":"order o-1: 3"}`},
		{name: "text", source: transformation, change: transform(`"<id> of <aws.events.rule-name>"`), want: `"o-1 of r"`},
		{name: "text without quotes", source: "EventBridge API Reference, InputTransformer, 2026-11", change: transform(`order <id> has <count>`), want: `"order o-1 has 3"`},
		{name: "quotes in a value", source: transformation, change: transform(`{"note":"<note>!"}`), want: `{"note":"say \"hi\"!"}`},
		{name: "object in a text", source: "localstack/localstack, test_events_inputs.py, validated on AWS, 2026-11", change: transform(`"it is <order>"`), want: `"it is {count:3,id:o-1}"`},
		{name: "variable that is not there", source: transformation, limit: "an empty text stands in its place; the page does not say what stands there on AWS",
			change: transform(`{"a": <missing>, "b": "<missing>"}`), want: `{"a":"","b":""}`},
		{name: "rule", source: transformation, change: transform(`<aws.events.rule-arn>`), want: `"arn:aws:events:eu-west-1:111122223333:rule/r"`},
		{name: "whole event", source: transformation, change: transform(`{"e": <aws.events.event.json>}`),
			want: `{"e":{"account":"111122223333","detail":{"note":"say \"hi\"","order":{"count":3,"id":"o-1"}},"detail-type":"Ordered","id":"%s",` +
				`"region":"eu-west-1","resources":["arn:aws:x:::y"],"source":"app","time":"%s","version":"0"}}`},
		{name: "event without its detail", source: transformation, change: transform(`{"e": <aws.events.event>, "at": <aws.events.event.ingestion-time>}`),
			want: `{"e":{"account":"111122223333","detail-type":"Ordered","id":"%s","region":"eu-west-1","resources":["arn:aws:x:::y"],"source":"app",` +
				`"time":"%s","version":"0"},"at":"%s"}`},
	}
	w := newWorld(t, doortest.Store(t), 1)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			one := target(function)
			c.change(&one)
			w.rule("default", one)
			w.put("app", "default")
			g := w.next()
			text, err := json.Marshal(g.input["Payload"])
			if err != nil {
				t.Fatal(err)
			}
			if !like(c.want, string(text)) {
				t.Errorf("got  %s\nwant %s", text, c.want)
			}
		})
	}
}

func transform(template string) func(*types.Target) {
	return func(t *types.Target) {
		t.InputTransformer = &types.InputTransformer{InputTemplate: &template, InputPathsMap: map[string]string{"id": "$.detail.order.id",
			"count": "$.detail.order.count", "order": "$.detail.order", "note": "$.detail.note", "missing": "$.detail.nothing"}}
	}
}

// like compares JSON, in which %s stands for any text.
func like(want, got string) bool {
	var a, b any
	if json.Unmarshal([]byte(want), &a) != nil || json.Unmarshal([]byte(got), &b) != nil {
		return false
	}
	return cmp.Equal(a, b, cmp.FilterValues(func(x, y string) bool { return x == "%s" || y == "%s" }, cmp.Comparer(func(x, y string) bool { return x+y != "%s" })))
}

// TestTargets is how each kind of target is called.
func TestTargets(t *testing.T) {
	const page = "EventBridge User Guide, Amazon EventBridge event bus targets, 2026-11"
	cases := []struct {
		name, source, limit string
		target              types.Target
		operation, as       string // empty: it gets nothing
		input               map[string]any
	}{
		{name: "function", source: page, target: target(function), operation: "lambda:Invoke", as: "events.amazonaws.com for arn:aws:events:eu-west-1:111122223333:rule/r",
			input: map[string]any{"FunctionName": function, "InvocationType": "Event"}},
		{name: "function by a role", source: page, target: sent(function), operation: "lambda:Invoke", as: role, input: map[string]any{"FunctionName": function}},
		{name: "state machine", source: page, target: sent(machine), operation: "states:StartExecution", as: role, input: map[string]any{"stateMachineArn": machine}},
		{name: "build", source: page, target: sent(project), operation: "codebuild:StartBuild", as: role, input: map[string]any{"projectName": "p"}},
		{name: "build with an input", source: page, target: with(sent(project), `{"buildspecOverride":"version: 0.2","projectName":"q"}`), operation: "codebuild:StartBuild", as: role,
			input: map[string]any{"projectName": "p", "buildspecOverride": "version: 0.2"}},
		{name: "log group", source: page, target: target(lines), operation: "logs:CreateLogStream", as: "events.amazonaws.com for arn:aws:events:eu-west-1:111122223333:rule/r",
			input: map[string]any{"logGroupName": "/aws/events/g"}},
		{name: "queue", source: page, limit: "queues, topics, ECS tasks, streams, API destinations and other targets get nothing: a line on standard error says so, once for each",
			target: target("arn:aws:sqs:eu-west-1:111122223333:q")},
		{name: "dead letters", source: "EventBridge User Guide, Using dead-letter queues to process undelivered events, 2026-11",
			limit:  "what cannot be delivered is logged, and reaches no dead-letter queue",
			target: types.Target{Id: aws.String("t"), Arn: aws.String("arn:aws:sqs:eu-west-1:111122223333:q"), DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String("arn:aws:sqs:eu-west-1:111122223333:d")}}},
	}
	w := newWorld(t, doortest.Store(t), 1)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w.rule("default", c.target)
			w.put("app", "default")
			if c.operation == "" {
				w.silent()
				return
			}
			g := w.next()
			as := g.as.RoleARN
			if as == "" {
				as = g.as.Service + " for " + g.as.SourceARN
			}
			if g.service+":"+g.operation != c.operation || as != c.as {
				t.Errorf("%s:%s as %s, want %s as %s", g.service, g.operation, as, c.operation, c.as)
			}
			for name, want := range c.input {
				if g.input[name] != want {
					t.Errorf("%s is %v, want %v", name, g.input[name], want)
				}
			}
			if c.operation == "logs:CreateLogStream" {
				if g := w.next(); g.operation != "PutLogEvents" || !strings.Contains(fmt.Sprint(g.input["logEvents"]), `"detail-type":"Ordered"`) {
					t.Errorf("%s %v", g.operation, g.input)
				}
			}
		})
	}
}

func with(t types.Target, input string) types.Target {
	t.Input = &input
	return t
}

// TestRefusals is what the API refuses, and in which words.
func TestRefusals(t *testing.T) {
	const (
		putRule    = "EventBridge API Reference, PutRule, 2026-11"
		putTargets = "EventBridge API Reference, PutTargets, 2026-11"
		recorded   = "localstack/localstack, test_events.snapshot.json, recorded on AWS, 2026-11"
	)
	rule := func(change func(*eventbridge.PutRuleInput)) func(*world) error {
		in := eventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["app"]}`)}
		change(&in)
		return func(w *world) error { _, err := w.PutRule(ctx, &in); return err }
	}
	targets := func(list ...types.Target) func(*world) error {
		return func(w *world) error {
			_, err := w.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: list})
			return err
		}
	}
	var six []types.Target
	for i := range 6 {
		six = append(six, types.Target{Id: aws.String(fmt.Sprint(i)), Arn: aws.String(function)})
	}
	cases := []struct {
		name, source, limit string
		do                  func(*world) error
		code, message       string
	}{
		{name: "neither pattern nor schedule", source: "https://github.com/awsdocs/aws-cloudformation-user-guide/pull/456, 2026-11",
			do: rule(func(in *eventbridge.PutRuleInput) { in.EventPattern = nil }), code: "ValidationException", message: "Parameter(s) EventPattern or ScheduleExpression must be specified."},
		{name: "pattern", source: "cloud-custodian/cloud-custodian#6507", do: rule(func(in *eventbridge.PutRuleInput) {
			in.EventPattern = aws.String(`{"source": ["aws.health"], "detail": {}}`)
		}),
			code: "InvalidEventPatternException", message: "Event pattern is not valid. Reason: Empty objects are not allowed"},
		{name: "schedule", source: "localstack/localstack, test_events_schedule.py, validated on AWS, 2026-11", do: rule(func(in *eventbridge.PutRuleInput) { in.ScheduleExpression = aws.String("rate(1 minutes)") }),
			code: "ValidationException", message: "Parameter ScheduleExpression is not valid."},
		{name: "schedule on a bus of one's own", source: putRule, do: func(w *world) error {
			if _, err := w.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("own")}); err != nil {
				return err
			}
			return rule(func(in *eventbridge.PutRuleInput) {
				in.EventBusName, in.ScheduleExpression = aws.String("own"), aws.String("rate(1 minute)")
			})(w)
		}, code: "ValidationException", message: "ScheduleExpression is supported only on the default event bus."},
		{name: "name", source: putRule, do: rule(func(in *eventbridge.PutRuleInput) { in.Name = aws.String("a b") }), code: "ValidationException", message: "at 'name' failed to satisfy constraint"},
		{name: "state", source: putRule, do: rule(func(in *eventbridge.PutRuleInput) { in.State = "ON" }), code: "ValidationException", message: "Member must satisfy enum value set: [ENABLED, DISABLED"},
		{name: "no such bus", source: putRule, do: rule(func(in *eventbridge.PutRuleInput) { in.EventBusName = aws.String("nobodys") }), code: "ResourceNotFoundException", message: "Event bus nobodys does not exist."},
		{name: "no such rule", source: putTargets, do: targets(target(function)), code: "ResourceNotFoundException", message: "Rule r does not exist on EventBus default."},
		{name: "six targets", source: "EventBridge User Guide, Amazon EventBridge quotas, 2026-11", do: func(w *world) error { w.rule("default", target(function)); return targets(six...)(w) },
			code: "LimitExceededException", message: "The requested resource exceeds the maximum number allowed."},
		{name: "target that is no ARN", source: putTargets, do: func(w *world) error { w.rule("default", target(function)); return targets(target("f"))(w) },
			code: "ValidationException", message: "Parameter f is not valid. Reason: Provided Arn is not in correct format."},
		{name: "machine without a role", source: putTargets, do: func(w *world) error { w.rule("default", target(function)); return targets(target(machine))(w) },
			code: "ValidationException", message: "RoleArn is required for target " + machine + "."},
		{name: "input that is no JSON", source: putTargets, limit: "the message's words are ours", do: func(w *world) error {
			w.rule("default", target(function))
			return targets(with(target(function), "{"))(w)
		}, code: "ValidationException", message: "JSON syntax error in input for target t."},
		{name: "two inputs", source: putTargets, limit: "the message's words are ours", do: func(w *world) error {
			w.rule("default", target(function))
			two := with(target(function), "{}")
			two.InputPath = aws.String("$")
			return targets(two)(w)
		}, code: "ValidationException", message: "Only one of Input, InputPath, or InputTransformer must be provided for target t."},
		{name: "unknown placeholder", source: "EventBridge API Reference, InputTransformer, 2026-11", limit: "the message's words are ours", do: func(w *world) error {
			w.rule("default", target(function))
			one := target(function)
			transform(`"<nobodys>"`)(&one)
			return targets(one)(w)
		}, code: "ValidationException", message: "InputTemplate for target t contains invalid placeholder nobodys."},
		{name: "retries", source: "EventBridge API Reference, RetryPolicy, 2026-11", do: func(w *world) error {
			w.rule("default", target(function))
			one := target(function)
			one.RetryPolicy = &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(186)}
			return targets(one)(w)
		}, code: "ValidationException", message: "Member must have value between 0 and 185"},
		{name: "rule with targets", source: "EventBridge API Reference, DeleteRule, 2026-11", do: func(w *world) error {
			w.rule("default", target(function))
			_, err := w.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: aws.String("r")})
			return err
		}, code: "ValidationException", message: "Rule can't be deleted since it has targets."},
		{name: "default bus", source: "EventBridge API Reference, DeleteEventBus, 2026-11", do: func(w *world) error {
			_, err := w.DeleteEventBus(ctx, &eventbridge.DeleteEventBusInput{Name: aws.String("default")})
			return err
		}, code: "ValidationException", message: "Cannot delete event bus default."},
		{name: "bus that is there", source: "EventBridge API Reference, CreateEventBus, 2026-11", do: func(w *world) error {
			_, err := w.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("default")})
			return err
		}, code: "ResourceAlreadyExistsException", message: "Event bus default already exists."},
		{name: "eleven entries", source: recorded, do: func(w *world) error {
			_, err := w.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: make([]types.PutEventsRequestEntry, 11)})
			return err
		}, code: "ValidationException", message: "at 'entries' failed to satisfy constraint: Member must have length less than or equal to 10"},
		{name: "too large", source: recorded, do: func(w *world) error {
			_, err := w.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{{Detail: aws.String(strings.Repeat("x", 256<<10+1))}}})
			return err
		}, code: "ValidationException", message: "Total size of the entries in the request is over the limit."},
		{name: "event to test", source: "EventBridge API Reference, TestEventPattern, 2026-11", limit: "the message's words are ours", do: func(w *world) error {
			_, err := w.TestEventPattern(ctx, &eventbridge.TestEventPatternInput{EventPattern: aws.String(`{"source":["app"]}`), Event: aws.String(`{"source":"app"}`)})
			return err
		}, code: "ValidationException", message: "Parameter Event is not valid. Reason: id is a required field."},
		{name: "archives and more", source: "EventBridge API Reference, Actions, 2026-11", limit: "no archives and replays, API destinations, connections, endpoints and partner sources",
			do: func(w *world) error {
				_, err := w.ListArchives(ctx, &eventbridge.ListArchivesInput{})
				return err
			}, code: "UnknownOperationException", message: "ListArchives"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			wantCode(t, c.do(newWorld(t, doortest.Store(t), 1)), c.code, c.message)
		})
	}
}

// TestEntries is which entries PutEvents takes.
func TestEntries(t *testing.T) {
	const recorded = "localstack/localstack, test_events.snapshot.json, recorded on AWS, 2026-11"
	cases := []struct {
		name, source  string
		change        func(*types.PutEventsRequestEntry)
		code, message string
		delivered     bool
	}{
		{name: "whole", source: recorded, change: func(*types.PutEventsRequestEntry) {}, delivered: true},
		{name: "no source", source: recorded, change: func(e *types.PutEventsRequestEntry) { e.Source = nil }, code: "InvalidArgument", message: "Parameter Source is not valid. Reason: Source is a required argument."},
		{name: "no type", source: recorded, change: func(e *types.PutEventsRequestEntry) { e.DetailType = nil }, code: "InvalidArgument", message: "Parameter DetailType is not valid. Reason: DetailType is a required argument."},
		{name: "no detail", source: recorded, change: func(e *types.PutEventsRequestEntry) { e.Detail = nil }, code: "InvalidArgument", message: "Parameter Detail is not valid. Reason: Detail is a required argument."},
		{name: "detail that is a list", source: recorded, change: func(e *types.PutEventsRequestEntry) { e.Detail = aws.String("[1]") }, code: "MalformedDetail", message: "Detail is malformed."},
		{name: "detail that is no JSON", source: recorded, change: func(e *types.PutEventsRequestEntry) { e.Detail = aws.String("{") }, code: "MalformedDetail", message: "Detail is malformed."},
		{name: "source of AWS's", source: "EventBridge API Reference, PutEventsResultEntry, 2026-11", change: func(e *types.PutEventsRequestEntry) { e.Source = aws.String("aws.s3") },
			code: "NotAuthorizedForSourceException", message: "Not authorized for the source."},
		{name: "no such bus", source: "localstack/localstack, test_put_events_nonexistent_event_bus, validated on AWS, 2026-11", change: func(e *types.PutEventsRequestEntry) { e.EventBusName = aws.String("nobodys") }},
	}
	w := newWorld(t, doortest.Store(t), 1)
	w.rule("default", target(function))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			e := types.PutEventsRequestEntry{Source: aws.String("app"), DetailType: aws.String("x"), Detail: aws.String("{}")}
			c.change(&e)
			out, err := w.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{e}})
			if err != nil {
				t.Fatal(err)
			}
			got := out.Entries[0]
			if aws.ToString(got.ErrorCode) != c.code || aws.ToString(got.ErrorMessage) != c.message || (out.FailedEntryCount == 1) != (c.code != "") || (got.EventId != nil) != (c.code == "") {
				t.Errorf("%s %s, %d failed", aws.ToString(got.ErrorCode), aws.ToString(got.ErrorMessage), out.FailedEntryCount)
			}
			if c.delivered {
				w.next()
			}
		})
	}
	w.silent()
}
