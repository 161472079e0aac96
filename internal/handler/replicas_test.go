package handler_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/handler"
	"github.com/tokendocker/tokendocker/internal/handler/replication"
)

type replicas struct{ *world }

func (w replicas) Rules(context.Context) (string, []replication.Rule, error) {
	return "111122223333", w.rules, w.call("DescribeRegistry")
}

func (w replicas) SetRules(_ context.Context, rules []replication.Rule) error {
	if err := w.call("PutReplicationConfiguration"); err != nil {
		return err
	}
	w.rules = rules
	return nil
}

func (w replicas) Status(context.Context, string, string) (map[string]handler.Replica, error) {
	if err := w.call("DescribeImageReplicationStatus"); err != nil || w.world.replicas == nil {
		return nil, err
	}
	return w.world.replicas(), nil
}

func (w replicas) Policy(_ context.Context, region, _ string) (string, error) {
	return w.policies[region], w.call("GetRepositoryPolicy")
}

func (w replicas) SetPolicy(_ context.Context, region, _, policy string) error {
	if err := w.call("SetRepositoryPolicy"); err != nil {
		return err
	}
	w.policies[region] = policy
	return nil
}

type lease struct{ *world }

func (w lease) Take(_ context.Context, holder string, _, _ time.Time) (bool, error) {
	if err := w.call("PutParameter"); err != nil {
		return false, err
	}
	if w.holder != "" && w.holder != holder {
		return false, nil
	}
	w.holder = holder
	return true, nil
}

func (w lease) Release(context.Context) error {
	w.holder = ""
	return w.call("DeleteParameter")
}

type parameters struct{ *world }

func (w parameters) Put(_ context.Context, region, name, value string) error {
	if err := w.call("PutParameter"); err != nil {
		return err
	}
	w.stored[region+name] = value
	return nil
}

func (w parameters) Delete(_ context.Context, region string, names []string) error {
	if err := w.call("DeleteParameters"); err != nil {
		return err
	}
	for _, name := range names {
		delete(w.stored, region+name)
	}
	return nil
}

// replicated is a request with replicas in two regions, used by Lambda functions.
func replicated() contract.Request {
	r := buildRequest(25)
	r.Replicas, r.LambdaPull, r.ServiceSeconds, r.QueryInterval = []string{"eu-central-1", "us-west-2"}, "true", "3600", "30"
	return r
}

// all gives every replica one status.
func all(status, code string) func() map[string]handler.Replica {
	return func() map[string]handler.Replica {
		return map[string]handler.Replica{"eu-central-1": {Status: "COMPLETE"}, "us-west-2": {Status: status, Code: code}}
	}
}

// rule sends the builder's repository to both regions.
var rule = replication.Rule{
	Destinations: []replication.Destination{{Region: "eu-central-1", Account: "111122223333"}, {Region: "us-west-2", Account: "111122223333"}},
	Filters:      []string{"shop"},
}

func TestReplicas(t *testing.T) {
	for _, c := range []struct {
		name   string
		given  func(w *world)
		status contract.Status
		reason string
		check  func(t *testing.T, w *world)
	}{
		{
			name: "built, then complete after a while",
			given: func(w *world) {
				pushes(w, accepted)
				w.world().replicas = func() map[string]handler.Replica {
					if w.now.Sub(sent) < 10*time.Minute {
						return all("IN_PROGRESS", "")()
					}
					return all("COMPLETE", "")()
				}
			},
			status: contract.Success,
			check: func(t *testing.T, w *world) {
				if i, j := slices.Index(w.calls, "PutReplicationConfiguration"), slices.Index(w.calls, "BatchGetImage"); i < 0 || slices.Contains(w.calls[:i], "build") || j < 0 {
					t.Errorf("no rule before the build: %v", w.calls)
				}
				if diff := cmp.Diff([]replication.Rule{rule}, w.rules); diff != "" {
					t.Errorf("rules (-want +got):\n%s", diff)
				}
				if took := w.now.Sub(sent); took < 10*time.Minute || took > 11*time.Minute {
					t.Errorf("answered after %s", took)
				}
				for _, region := range []string{"eu-central-1", "us-west-2"} {
					if p := w.policies[region]; !strings.Contains(p, "arn:aws:lambda:"+region+":111122223333:function:*") {
						t.Errorf("policy in %s: %s", region, p)
					}
				}
				if w.holder != "" {
					t.Error("the lease is not released")
				}
			},
		},
		{
			name: "image there, replicas too",
			given: func(w *world) {
				w.image, w.rules, w.world().replicas = accepted, []replication.Rule{rule}, all("COMPLETE", "")
			},
			status: contract.Success,
			check: func(t *testing.T, w *world) {
				if w.input != nil || w.called("PutReplicationConfiguration") > 0 {
					t.Errorf("calls %v", w.calls)
				}
			},
		},
		{
			name:   "image there but the rule is gone",
			given:  func(w *world) { w.image, w.world().replicas = accepted, all("COMPLETE", "") },
			status: contract.Success,
			check: func(t *testing.T, w *world) {
				if len(w.rules) != 1 || len(w.moves) == 0 {
					t.Errorf("rules %v", w.rules)
				}
			},
		},
		{
			name: "image there, a replica on its way: no build",
			given: func(w *world) {
				w.image, w.rules = accepted, []replication.Rule{rule}
				w.world().replicas = func() map[string]handler.Replica {
					if w.now.Sub(sent) < 5*time.Minute {
						return all("IN_PROGRESS", "")()
					}
					return all("COMPLETE", "")()
				}
				w.onBuild = func(int) outcome { panic("built") }
			},
			status: contract.Success,
		},
		{
			name: "a replica fails",
			given: func(w *world) {
				pushes(w, accepted)
				w.world().replicas = all("FAILED", "ACCESS_DENIED")
			},
			status: contract.Failed, reason: "ECR could not replicate the image of shop: us-west-2 ACCESS_DENIED.",
			check: func(t *testing.T, w *world) {
				if w.image != nil {
					t.Error("the image stays, and a retry could not build it")
				}
			},
		},
		{
			name: "pushed before the rule: built again",
			given: func(w *world) {
				w.image = accepted
				w.onBuild = func(int) outcome {
					w.image, w.world().replicas = accepted, all("COMPLETE", "")
					return outcome{took: time.Minute, id: buildN(1)}
				}
			},
			status: contract.Success,
			check: func(t *testing.T, w *world) {
				if w.called("BatchDeleteImage") != 1 {
					t.Errorf("calls %v", w.calls)
				}
			},
		},
		{
			name: "never complete",
			given: func(w *world) {
				pushes(w, accepted)
				w.world().replicas = all("IN_PROGRESS", "")
			},
			status: contract.Failed, reason: "its replicas in us-west-2 were not complete when CloudFormation's time for them was over",
			check: func(t *testing.T, w *world) {
				if w.image == nil || w.now.Sub(sent) > time.Hour-time.Minute {
					t.Errorf("image %v, answered after %s", w.image, w.now.Sub(sent))
				}
			},
		},
		{
			name:   "another holds the lease for ever",
			given:  func(w *world) { w.holder = "another" },
			status: contract.Failed, reason: "The registry's replication rules could not be extended by shop",
			check: func(t *testing.T, w *world) {
				if w.holder != "another" || len(w.rules) > 0 {
					t.Errorf("lease %q, rules %v", w.holder, w.rules)
				}
			},
		},
		{
			name: "no room for a rule",
			given: func(w *world) {
				for range replication.MaxRules {
					w.rules = append(w.rules, replication.Rule{Destinations: rule.Destinations[:1], Filters: []string{"theirs"}})
				}
			},
			status: contract.Failed, reason: "has 10 rules already and ECR takes 10",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			c.given(w)
			w.deploy("Create", replicated())
			if a := w.answer(); a.Status != c.status || !strings.Contains(a.Reason, c.reason) {
				t.Errorf("answer %+v", a)
			}
			if c.check != nil {
				c.check(t, w)
			}
		})
	}
}

// world lets a case reach the field that a port's method hides.
func (w *world) world() *world { return w }

// TestPullPolicy: statements of others keep their text, and ours is there once.
func TestPullPolicy(t *testing.T) {
	const theirs = `{"Sid":"Team","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"ecr:BatchGetImage"}`
	w := newWorld(t)
	w.image, w.rules, w.replicas = accepted, []replication.Rule{rule}, all("COMPLETE", "")
	w.policies["us-west-2"] = `{"Version":"2012-10-17","Statement":[` + theirs + `,{"Sid":"LambdaECRImageRetrievalPolicy","Effect":"Allow"}]}`
	w.deploy("Create", replicated())
	got := w.policies["us-west-2"]
	if !strings.Contains(got, theirs) || strings.Count(got, "LambdaECRImageRetrievalPolicy") != 1 || !strings.Contains(got, "us-west-2:111122223333:function:*") {
		t.Errorf("policy %s", got)
	}
	set := w.called("SetRepositoryPolicy")
	w.deploy("Update", replicated())
	if w.called("SetRepositoryPolicy") != set {
		t.Error("a policy that is there is set again")
	}
}

// companionEvent is what CloudFormation sends about a companion resource.
func companionEvent(t *testing.T, kind string, properties, old map[string]any) []byte {
	t.Helper()
	properties["ServiceToken"] = "f"
	return marshal(t, map[string]any{
		"RequestType": kind, "RequestId": "9f3c", "ResponseURL": responseURL, "StackId": stackID, "LogicalResourceId": "Companion",
		"PhysicalResourceId": contract.PhysicalID(stackID, "Companion"), "ResourceProperties": properties, "OldResourceProperties": old,
	})
}

func (w *world) attend(kind string, properties, old map[string]any) {
	w.t.Helper()
	for range 3 {
		if _, err := w.h.Handle(context.Background(), companionEvent(w.t, kind, properties, old)); err == nil {
			break
		}
	}
	if w.input != nil {
		w.t.Error("a companion starts the machine")
	}
}

func TestReplicationResource(t *testing.T) {
	property := func() map[string]any {
		return map[string]any{"Replication": contract.Replication{Repository: "shop", Regions: []string{"us-west-2", "eu-central-1"}}}
	}
	other := replication.Rule{Destinations: rule.Destinations[:1], Filters: []string{"shop", "theirs"}}
	t.Run("made", func(t *testing.T) {
		w := newWorld(t)
		w.attend("Create", property(), nil)
		if w.answer().Status != contract.Success || len(w.rules) > 0 {
			t.Errorf("answer %+v, rules %v", w.answers, w.rules)
		}
	})
	t.Run("deleted", func(t *testing.T) {
		w := newWorld(t)
		w.rules = []replication.Rule{rule, other}
		w.attend("Delete", property(), nil)
		if w.answer().Status != contract.Success || !cmp.Equal(w.rules, []replication.Rule{other}) {
			t.Errorf("answer %+v, rules %v", w.answers, w.rules)
		}
	})
	t.Run("last rule", func(t *testing.T) {
		w := newWorld(t)
		w.rules = []replication.Rule{rule}
		w.attend("Delete", property(), nil)
		if len(w.rules) != 0 || w.rules == nil {
			t.Errorf("rules %v", w.rules)
		}
	})
	t.Run("never fails a deletion", func(t *testing.T) {
		w := newWorld(t)
		w.rules, w.fail = []replication.Rule{rule}, func(call string) error {
			if call == "DescribeRegistry" {
				return denied("ecr:DescribeRegistry")
			}
			return nil
		}
		w.attend("Delete", property(), nil)
		if w.answer().Status != contract.Success {
			t.Errorf("answer %+v", w.answers)
		}
	})
	t.Run("cannot be read", func(t *testing.T) {
		w := newWorld(t)
		w.attend("Create", map[string]any{"Replication": "x"}, nil)
		if a := w.answer(); a.Status != contract.Failed || !strings.Contains(a.Reason, "read the replication") {
			t.Errorf("answer %+v", a)
		}
	})
}

func TestPublicationResource(t *testing.T) {
	property := func(names ...string) map[string]any {
		p := contract.Publication{Region: "eu-west-3"}
		for _, name := range names {
			p.Parameters = append(p.Parameters, contract.Parameter{Name: name, Value: "value of " + name})
		}
		return map[string]any{"Publication": p}
	}
	w := newWorld(t)
	w.attend("Create", property("/a", "/b"), nil)
	if w.answer().Status != contract.Success || w.stored["eu-west-3/a"] != "value of /a" || len(w.stored) != 2 {
		t.Errorf("answer %+v, stored %v", w.answers, w.stored)
	}
	w.attend("Update", property("/b", "/c"), property("/a", "/b"))
	if _, there := w.stored["eu-west-3/a"]; there || len(w.stored) != 2 {
		t.Errorf("stored %v", w.stored)
	}
	w.attend("Delete", property("/b", "/c"), nil)
	if len(w.stored) != 0 {
		t.Errorf("stored %v", w.stored)
	}
	w.answers, w.fail = nil, func(call string) error { return errors.New("refused " + call) }
	w.fail = func(call string) error {
		if call == "PutParameter" {
			return denied("ssm:PutParameter")
		}
		return nil
	}
	w.attend("Create", property("/a"), nil)
	if a := w.answer(); a.Status != contract.Failed || !strings.Contains(a.Reason, "ssm:PutParameter") {
		t.Errorf("answer %+v", a)
	}
}

// TestRetainedLogs: the group is there, with its retention, before the build begins.
func TestRetainedLogs(t *testing.T) {
	w := newWorld(t)
	pushes(w, accepted)
	w.deploy("Create", retained())
	if w.answer().Status != contract.Success || !slices.Equal(w.groups, []string{"/docker-builder/" + project + " 7"}) {
		t.Errorf("answer %+v, groups %v", w.answers, w.groups)
	}
	var state struct{ State json.RawMessage }
	if err := json.Unmarshal(w.input, &state); err != nil || len(state.State) == 0 {
		t.Error("the machine was not started")
	}
}
