package lambda

import (
	"encoding/json"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// TestResourcePolicy: which services a function's policy lets invoke it, and for which of their resources.
func TestResourcePolicy(t *testing.T) {
	const (
		page = "Lambda Developer Guide, Granting Lambda function access to AWS services, 2026-11"
		arn  = "arn:aws:lambda:eu-west-1:111122223333:function:f"
		rule = "arn:aws:events:eu-west-1:111122223333:rule/r"
	)
	invoke := map[string]any{"FunctionName": arn, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com", "SourceArn": rule}
	with := func(changes map[string]any) map[string]any {
		out := map[string]any{}
		for _, m := range []map[string]any{invoke, changes} {
			for k, v := range m {
				out[k] = v
			}
		}
		return out
	}
	cases := []struct {
		name, source string
		permission   map[string]any // nil: none
		function     string         // as the caller names it; empty: by its ARN
		want         bool
	}{
		{name: "none", source: page},
		{name: "for the rule", source: page, permission: invoke, want: true},
		{name: "for rules of that form", source: page, permission: with(map[string]any{"SourceArn": "arn:aws:events:*:111122223333:rule/*"}), want: true},
		{name: "for another rule", source: page, permission: with(map[string]any{"SourceArn": rule + "2"})},
		{name: "for any", source: page, permission: with(map[string]any{"SourceArn": nil}), want: true},
		{name: "for the account", source: page, permission: with(map[string]any{"SourceAccount": "111122223333"}), want: true},
		{name: "for another account", source: page, permission: with(map[string]any{"SourceAccount": "444455556666"})},
		{name: "another service", source: page, permission: with(map[string]any{"Principal": "s3.amazonaws.com"})},
		{name: "another action", source: page, permission: with(map[string]any{"Action": "lambda:GetFunction"})},
		{name: "function by its name", source: "Template Reference, AWS::Lambda::Permission, 2026-11", permission: with(map[string]any{"FunctionName": "f"}), want: true},
		{name: "of an alias, for the function", source: "Lambda Developer Guide, Lambda function aliases in resource-based policies, 2026-11", permission: with(map[string]any{"FunctionName": arn + ":live"})},
		{name: "of the function, for an alias", source: "Lambda Developer Guide, Lambda function aliases in resource-based policies, 2026-11", permission: invoke, function: arn + ":live"},
		{name: "of an alias, for it", source: "Lambda Developer Guide, Lambda function aliases in resource-based policies, 2026-11", permission: with(map[string]any{"FunctionName": arn + ":live"}), function: arn + ":live", want: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1, switches.Switches{})
			w.create(t, nil)
			if c.permission != nil {
				q := resource.Request{Stack: stack, Type: "AWS::Lambda::Permission", LogicalID: "May", Properties: c.permission}
				if _, err := w.room.Resources()[q.Type].Create(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			if c.function == "" {
				c.function = arn
			}
			body, err := json.Marshal(InvokeInput{FunctionName: c.function, InvocationType: "Event"})
			if err != nil {
				t.Fatal(err)
			}
			needs, err := w.room.Needs(t.Context(), &protocol.Call{Service: "lambda", Operation: "Invoke", Partition: "aws", Region: "eu-west-1",
				Account: "111122223333", Session: &session.Session{Service: "events.amazonaws.com"}, Body: body})
			if err != nil || len(needs) != 1 {
				t.Fatalf("%+v, %v", needs, err)
			}
			own := &policy.Policy{}
			if needs[0].ResourcePolicy != "" {
				if own, err = policy.Parse([]byte(needs[0].ResourcePolicy), policy.Registry); err != nil {
					t.Fatal(err)
				}
			}
			d := policy.Policies{Resource: own}.Decide(&policy.Request{Action: needs[0].Action, Resource: needs[0].Resources[0], Account: "111122223333",
				Caller: policy.Caller{Service: "events.amazonaws.com"}, Context: map[string][]string{"aws:SourceArn": {rule}, "aws:SourceAccount": {"111122223333"}}})
			if d.Allowed != c.want {
				t.Errorf("%v, want %v: %s", d.Allowed, c.want, needs[0].ResourcePolicy)
			}
		})
	}
}
