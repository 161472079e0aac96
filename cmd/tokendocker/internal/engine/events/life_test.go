package events_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// TestRulesByAPI goes through a rule's life as a client sees it.
func TestRulesByAPI(t *testing.T) {
	w := newWorld(t, doortest.Store(t), 1)
	name, pattern := aws.String("r"), aws.String(`{"source":["app"]}`)
	made, err := w.PutRule(ctx, &eventbridge.PutRuleInput{Name: name, EventPattern: pattern, Description: aws.String("d"), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
	if err != nil || *made.RuleArn != "arn:aws:events:eu-west-1:111122223333:rule/r" {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, err := w.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: name, Targets: []types.Target{target(function)}}); err != nil {
		t.Fatal(err)
	}
	got, err := w.DescribeRule(ctx, &eventbridge.DescribeRuleInput{Name: name})
	if err != nil || *got.EventPattern != *pattern || got.State != types.RuleStateEnabled || *got.Description != "d" || *got.EventBusName != "default" || *got.CreatedBy != doortest.Account {
		t.Errorf("%+v, %v", got, err)
	}
	list, err := w.ListRules(ctx, &eventbridge.ListRulesInput{NamePrefix: name})
	if err != nil || len(list.Rules) != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	names, err := w.ListRuleNamesByTarget(ctx, &eventbridge.ListRuleNamesByTargetInput{TargetArn: aws.String(function)})
	if err != nil || len(names.RuleNames) != 1 {
		t.Errorf("%+v, %v", names, err)
	}
	tags, err := w.ListTagsForResource(ctx, &eventbridge.ListTagsForResourceInput{ResourceARN: made.RuleArn})
	if err != nil || len(tags.Tags) != 1 || *tags.Tags[0].Value != "v" {
		t.Errorf("%+v, %v", tags, err)
	}
	for _, enabled := range []bool{false, true} {
		if enabled {
			_, err = w.EnableRule(ctx, &eventbridge.EnableRuleInput{Name: name})
		} else {
			_, err = w.DisableRule(ctx, &eventbridge.DisableRuleInput{Name: name})
		}
		if err != nil {
			t.Fatal(err)
		}
		w.put("app", "default")
		if enabled {
			w.next()
		}
		w.silent()
	}
	w.put("other", "default")
	w.silent()
	if _, err := w.RemoveTargets(ctx, &eventbridge.RemoveTargetsInput{Rule: name, Ids: []string{"t"}}); err != nil {
		t.Fatal(err)
	}
	targets, err := w.ListTargetsByRule(ctx, &eventbridge.ListTargetsByRuleInput{Rule: name})
	if err != nil || len(targets.Targets) != 0 {
		t.Errorf("%+v, %v", targets, err)
	}
	for range 2 { // a rule that is gone can be deleted
		if _, err := w.DeleteRule(ctx, &eventbridge.DeleteRuleInput{Name: name}); err != nil {
			t.Error(err)
		}
	}
}

// TestRetries: what may pass is tried again, what will not is dropped.
func TestRetries(t *testing.T) {
	busy := &protocol.Error{Code: "TooManyRequestsException", Status: 429, Message: "Rate Exceeded."}
	broken := &protocol.Error{Code: "ServiceException", Status: 500, Message: "Sorry."}
	denied := protocol.Errorf("AccessDeniedException", "no")
	gone := &protocol.Error{Code: "ResourceNotFoundException", Status: 404, Message: "gone"}
	cases := []struct {
		name, source string
		failures     []error
		policy       *types.RetryPolicy
		delivered    bool
	}{
		{name: "throttled", source: "EventBridge User Guide, How EventBridge retries delivering events, 2026-11", failures: []error{busy, busy, busy}, delivered: true},
		{name: "service's fault", source: "AWS re:Post, How do I set up EventBridge retries and DLQ for failed invocations, 2026-11", failures: []error{broken}, delivered: true},
		{name: "not allowed", source: "EventBridge User Guide, Using dead-letter queues to process undelivered events, 2026-11", failures: []error{denied}},
		{name: "not there", source: "EventBridge User Guide, Using dead-letter queues to process undelivered events, 2026-11", failures: []error{gone}},
		{name: "no more tries", source: "EventBridge API Reference, RetryPolicy, 2026-11", failures: []error{busy, busy}, policy: &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(1)}},
		{name: "too old", source: "EventBridge API Reference, RetryPolicy, 2026-11", failures: []error{busy, busy, busy, busy, busy, busy, busy, busy}, policy: &types.RetryPolicy{MaximumEventAgeInSeconds: aws.Int32(60)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, doortest.Store(t), 1000)
			one := target(function)
			one.RetryPolicy = c.policy
			w.rule("default", one)
			w.failures = c.failures
			w.put("app", "default")
			if c.delivered {
				w.next()
			}
			w.silent()
		})
	}
}

// TestRoleThatCannotBeAssumed: the event is dropped.
// Source: EventBridge User Guide, "Using identity-based policies", roles of targets, 2026-11.
func TestRoleThatCannotBeAssumed(t *testing.T) {
	w := newWorld(t, doortest.Store(t), 1)
	w.refuse = true
	w.rule("default", sent(machine))
	w.put("app", "default")
	w.silent()
}

// TestSchedule: a rule's time comes by the clock, also to the engine that is opened next.
func TestSchedule(t *testing.T) {
	cases := []struct {
		name, source, limit, expression string
	}{
		{name: "rate", source: "EventBridge User Guide, Creating a rule that runs on a schedule, 2026-11", expression: "rate(1 minute)"},
		{name: "cron", source: "EventBridge User Guide, Creating a rule that runs on a schedule, 2026-11", expression: "cron(* * * * ? *)"},
		{name: "fast clock", source: "EventBridge User Guide, Creating a rule that runs on a schedule, 2026-11", expression: "rate(1 minute)",
			limit: "where time runs faster, a schedule's times that come within a second of real time after one that was kept are skipped"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := doortest.Store(t)
			w := newWorld(t, store, 600) // a minute takes a tenth of a second
			name := aws.String("r")
			if _, err := w.PutRule(ctx, &eventbridge.PutRuleInput{Name: name, ScheduleExpression: &c.expression}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: name, Targets: []types.Target{target(function)}}); err != nil {
				t.Fatal(err)
			}
			event, _ := json.Marshal(w.next().input["Payload"])
			want := `{"version":"0","id":"%s","detail-type":"Scheduled Event","source":"aws.events","account":"111122223333","time":"%s",` +
				`"region":"eu-west-1","resources":["arn:aws:events:eu-west-1:111122223333:rule/r"],"detail":{}}`
			if !like(want, string(event)) {
				t.Errorf("%s", event)
			}
			if c.limit != "" {
				w.silent() // ten minutes
			}
			w.next()
			if err := w.room.Close(); err != nil {
				t.Error(err)
			}
			w.room = w.open(doortest.Account, store)
			w.next()
		})
	}
}

// TestDisabledSchedule never comes.
func TestDisabledSchedule(t *testing.T) {
	w := newWorld(t, doortest.Store(t), 6000)
	name := aws.String("r")
	if _, err := w.PutRule(ctx, &eventbridge.PutRuleInput{Name: name, ScheduleExpression: aws.String("rate(1 minute)"), State: types.RuleStateDisabled}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: name, Targets: []types.Target{target(function)}}); err != nil {
		t.Fatal(err)
	}
	w.silent()
}

// TestBusToBus sends an event over two buses, and not on to a third; to another account only where its bus lets it.
// Source: EventBridge User Guide, "Sending and receiving events between event buses in the same account and Region", 2026-11.
func TestBusToBus(t *testing.T) {
	w := newWorld(t, doortest.Store(t), 1)
	for _, bus := range []string{"second", "third"} {
		if _, err := w.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: &bus}); err != nil {
			t.Fatal(err)
		}
	}
	arn := func(account, bus string) string { return "arn:aws:events:eu-west-1:" + account + ":event-bus/" + bus }
	far := eventbridge.NewFromConfig(w.front.Config(w.front.Sessions.Add(&session.Session{Account: other, ARN: "arn:aws:iam::" + other + ":root"})))
	w.rule("default", sent(arn(doortest.Account, "second")), types.Target{Id: aws.String("far"), Arn: aws.String(arn(other, "default"))})
	w.rule("second", target(function), types.Target{Id: aws.String("third"), Arn: aws.String(arn(doortest.Account, "third"))})
	w.rule("third", target(machineOf("third")))
	if _, err := far.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"account":["111122223333"]}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := far.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{target(machineOf("far"))}}); err != nil {
		t.Fatal(err)
	}
	w.front.Denied = func(as *session.Session, need protocol.Need) error {
		if as.Account != other && need.Owner == other && !strings.Contains(need.ResourcePolicy, `"AWS":"arn:aws:iam::111122223333:root"`) {
			return protocol.Errorf("AccessDeniedException", "no")
		}
		return nil
	}
	w.put("app", "default")
	if g := w.next(); g.input["FunctionName"] != function {
		t.Errorf("%v", g.input)
	}
	w.silent()
	if _, err := far.PutPermission(ctx, &eventbridge.PutPermissionInput{Action: aws.String("events:PutEvents"), Principal: aws.String(doortest.Account), StatementId: aws.String("s")}); err != nil {
		t.Fatal(err)
	}
	w.put("app", "default")
	functions := map[any]bool{w.next().input["FunctionName"]: true, w.next().input["FunctionName"]: true}
	if !functions[function] || !functions[machineOf("far")] {
		t.Errorf("%v", functions)
	}
	w.silent()
}

func machineOf(name string) string {
	return "arn:aws:lambda:eu-west-1:111122223333:function:" + name
}

// TestPermissions: putting events and rules needs the rights that AWS names, and to pass the targets' roles.
func TestPermissions(t *testing.T) {
	w := newWorld(t, doortest.Store(t), 1)
	w.rule("default", target(function))
	as := func(document string) *eventbridge.Client {
		return eventbridge.NewFromConfig(w.front.Config(w.front.Role("Role"+newName(), document)))
	}
	may := as(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"events:PutEvents","Resource":"arn:aws:events:eu-west-1:111122223333:event-bus/default","Condition":{"StringEquals":{"events:source":"app"}}},
		{"Effect":"Allow","Action":"events:PutTargets","Resource":"arn:aws:events:eu-west-1:111122223333:rule/r"}]}`)
	entry := types.PutEventsRequestEntry{Source: aws.String("app"), DetailType: aws.String("x"), Detail: aws.String("{}")}
	if _, err := may.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry}}); err != nil {
		t.Error(err)
	}
	w.next()
	entry.Source = aws.String("other")
	_, err := may.PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{entry}})
	wantCode(t, err, "AccessDeniedException", "events:PutEvents")
	if _, err := may.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{target(function)}}); err != nil {
		t.Error(err)
	}
	_, err = may.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{sent(machine)}})
	wantCode(t, err, "AccessDeniedException", "iam:PassRole")
	_, err = may.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: aws.String(`{"source":["x"]}`)})
	wantCode(t, err, "AccessDeniedException", "events:PutRule on resource: arn:aws:events:eu-west-1:111122223333:rule/r")
}

func newName() string { return time.Now().Format("150405000000000") }

// TestTemplates makes, changes and removes rules and buses as CloudFormation does.
// Source: Template Reference, AWS::Events::Rule, AWS::Events::EventBus and AWS::Events::EventBusPolicy, 2026-11.
func TestTemplates(t *testing.T) {
	w := newWorld(t, doortest.Store(t), 1)
	request := func(kind string, properties map[string]any) resource.Request {
		return resource.Request{Type: kind, LogicalID: "Thing", Properties: properties, Token: "t1",
			Stack: resource.Stack{Name: "Stack", Account: doortest.Account, Region: doortest.Region, Partition: "aws", URLSuffix: "amazonaws.com"}}
	}
	do := func(r resource.Result, err error) resource.Result {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	provider := w.room.Resources()
	bus := do(provider["AWS::Events::EventBus"].Create(ctx, request("AWS::Events::EventBus", map[string]any{"Name": "orders"})))
	if bus.PhysicalID != "orders" || bus.Attributes["Arn"] != "arn:aws:events:eu-west-1:111122223333:event-bus/orders" {
		t.Errorf("%+v", bus)
	}
	policy := request("AWS::Events::EventBusPolicy", map[string]any{"EventBusName": "orders", "StatementId": "far", "Statement": map[string]any{
		"Effect": "Allow", "Principal": map[string]any{"AWS": "arn:aws:iam::444455556666:root"}, "Action": "events:PutEvents", "Resource": bus.Attributes["Arn"]}})
	policy.PhysicalID = do(provider["AWS::Events::EventBusPolicy"].Create(ctx, policy)).PhysicalID
	described, err := w.DescribeEventBus(ctx, &eventbridge.DescribeEventBusInput{Name: aws.String("orders")})
	if err != nil || !strings.Contains(aws.ToString(described.Policy), `"Sid":"far"`) {
		t.Errorf("%+v, %v", described, err)
	}

	rule := request("AWS::Events::Rule", map[string]any{"EventBusName": "orders", "EventPattern": map[string]any{"source": []any{"app"}}, "State": "ENABLED",
		"Targets": []any{map[string]any{"Id": "Target0", "Arn": function, "RetryPolicy": map[string]any{"MaximumRetryAttempts": "2"}}}})
	made := do(provider["AWS::Events::Rule"].Create(ctx, rule))
	again := do(provider["AWS::Events::Rule"].Create(ctx, rule))
	if !strings.HasPrefix(made.PhysicalID, "orders|Stack-Thing-") || again.PhysicalID != made.PhysicalID || made.Attributes["Arn"] != "arn:aws:events:eu-west-1:111122223333:rule/"+strings.Replace(made.PhysicalID, "|", "/", 1) ||
		"orders|"+made.Attributes["RuleName"].(string) != made.PhysicalID {
		t.Errorf("%+v, then %+v", made, again)
	}
	w.put("app", "orders")
	w.next()
	rule.PhysicalID = made.PhysicalID
	rule.Properties["Targets"] = []any{map[string]any{"Id": "Target1", "Arn": machineOf("g")}}
	do(provider["AWS::Events::Rule"].Update(ctx, rule))
	w.put("app", "orders")
	if g := w.next(); g.input["FunctionName"] != machineOf("g") {
		t.Errorf("%v", g.input)
	}
	w.silent()
	named := request("AWS::Events::Rule", map[string]any{"Name": "mine", "ScheduleExpression": "rate(1 hour)"})
	if got := do(provider["AWS::Events::Rule"].Create(ctx, named)); got.PhysicalID != "mine" {
		t.Errorf("%+v", got)
	}
	named.Token = "t2"
	if _, err := provider["AWS::Events::Rule"].Create(ctx, named); err == nil || !strings.Contains(err.Error(), "Rule mine already exists on EventBus default.") {
		t.Errorf("%v", err)
	}
	for _, r := range []resource.Request{rule, policy, {Type: "AWS::Events::Rule", PhysicalID: "mine", Stack: rule.Stack}, {Type: "AWS::Events::EventBus", PhysicalID: "orders", Stack: rule.Stack}} {
		for range 2 {
			if err := provider[r.Type].Delete(ctx, r); err != nil {
				t.Errorf("%s: %v", r.Type, err)
			}
		}
	}
	rules, err := w.ListRules(ctx, &eventbridge.ListRulesInput{})
	buses, err2 := w.ListEventBuses(ctx, &eventbridge.ListEventBusesInput{})
	if err != nil || err2 != nil || len(rules.Rules) != 0 || len(buses.EventBuses) != 1 {
		t.Errorf("%v %v %v", rules, buses, errors.Join(err, err2))
	}
}

// TestTestEventPattern is EventBridge's own test of patterns.
func TestTestEventPattern(t *testing.T) {
	w := newWorld(t, doortest.Store(t), 1)
	event := aws.String(`{"id":"1","account":"1","source":"app","time":"2026-11-21T00:00:00Z","region":"r","resources":[],"detail-type":"x","detail":{"a":1}}`)
	for pattern, want := range map[string]bool{`{"detail":{"a":[{"numeric":["<",2]}]}}`: true, `{"source":["b"]}`: false} {
		out, err := w.TestEventPattern(ctx, &eventbridge.TestEventPatternInput{EventPattern: &pattern, Event: event})
		if err != nil || out.Result != want {
			t.Errorf("%s: %+v, %v", pattern, out, err)
		}
	}
}
