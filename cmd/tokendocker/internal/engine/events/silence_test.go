package events_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
)

// TestComplaints: what a target does not get is said once for each reason.
// Source: none: AWS counts it in a metric, FailedInvocations.
func TestComplaints(t *testing.T) {
	w := newWorld(t, doortest.Store(t), 1)
	var said lockedText
	w.room.Log = slog.New(slog.NewTextHandler(&said, nil))
	w.rule("default", target("arn:aws:sns:eu-west-1:111122223333:news"))
	for range 3 {
		w.put("app", "default")
	}
	w.silent()
	if got := said.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "rule=r") || !strings.Contains(got, "a rehearsal has no sns to send events to") {
		t.Errorf("%s", got)
	}
}

// lockedText is text that several goroutines write.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// TestNobodyTells is the marked case table of what AWS has events for, and a rehearsal has none.
func TestNobodyTells(t *testing.T) {
	cases := []struct{ name, source, limit, pattern string }{
		{name: "calls of the API", source: "EventBridge User Guide, AWS service events delivered via AWS CloudTrail, 2026-11", limit: "there is no CloudTrail: rules on its events hear nothing",
			pattern: `{"detail-type":["AWS API Call via CloudTrail"]}`},
		{name: "other services", source: "EventBridge User Guide, Events from AWS services, 2026-11", limit: "events come from CodeBuild, Step Functions, ECR, S3 and CloudFormation, of schedules and from PutEvents",
			pattern: `{"source":["aws.ssm"]}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, doortest.Store(t), 1)
			if _, err := w.PutRule(ctx, &eventbridge.PutRuleInput{Name: aws.String("r"), EventPattern: &c.pattern}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.PutTargets(ctx, &eventbridge.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{target(function)}}); err != nil {
				t.Fatal(err)
			}
			w.silent()
		})
	}
}

// TestBusWithRules: what becomes of the rules of a bus that is deleted.
func TestBusWithRules(t *testing.T) {
	cases := []struct{ name, source, limit string }{
		{name: "rules of a bus that goes", source: "EventBridge API Reference, DeleteEventBus, 2026-11", limit: "they go with it; the page does not say what becomes of them on AWS"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, doortest.Store(t), 1)
			if _, err := w.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("own")}); err != nil {
				t.Fatal(err)
			}
			w.rule("own", target(function))
			for range 2 { // with its rules, and made anew without them
				if _, err := w.DeleteEventBus(ctx, &eventbridge.DeleteEventBusInput{Name: aws.String("own")}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.CreateEventBus(ctx, &eventbridge.CreateEventBusInput{Name: aws.String("own")}); err != nil {
				t.Fatal(err)
			}
			if list, err := w.ListRules(ctx, &eventbridge.ListRulesInput{EventBusName: aws.String("own")}); err != nil || len(list.Rules) != 0 {
				t.Errorf("%+v, %v", list, err)
			}
		})
	}
}
