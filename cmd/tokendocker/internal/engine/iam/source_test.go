package iam_test

import (
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// TestSource: a service may do for one of its resources what the policy of the thing that it calls says.
// Source: IAM User Guide, "AWS global condition context keys", aws:SourceArn and aws:SourceAccount, 2026-11.
func TestSource(t *testing.T) {
	const rule = "arn:aws-us-gov:events:us-gov-west-1:111122223333:rule/r"
	cases := []struct {
		name, conditions string
		want             bool
	}{
		{"the resource", `{"ArnLike":{"AWS:SourceArn":"` + rule + `"}}`, true},
		{"another resource", `{"ArnLike":{"AWS:SourceArn":"` + rule + `2"}}`, false},
		{"the account", `{"StringEquals":{"aws:SourceAccount":"111122223333"}}`, true},
		{"another account", `{"StringEquals":{"aws:SourceAccount":"444455556666"}}`, false},
	}
	f := newFixture(t, nil, 1)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			as := &session.Session{Account: "111122223333", ARN: "events.amazonaws.com", Service: "events.amazonaws.com", SourceARN: rule}
			err := f.Authorize(t.Context(), as, "us-gov-west-1", protocol.Need{Action: "lambda:InvokeFunction",
				Resources: []string{"arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:f"}, ResourcePolicy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
					"Principal":{"Service":"events.amazonaws.com"},"Action":"lambda:InvokeFunction","Condition":` + c.conditions + `}]}`})
			if (err == nil) != c.want {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}
