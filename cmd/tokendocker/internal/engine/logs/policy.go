package logs

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// resourcePolicy says which services may write into the account's groups, in a region.
type resourcePolicy struct {
	Region, Name, Document string
	Changed                time.Time
}

// Source: CloudWatch Logs API Reference, PutResourcePolicy.
const (
	maxPolicies = 10
	maxPolicy   = 5120 // characters
)

func policyKey(region, name string) string { return region + "\n" + name }

// policyFor is all of a region's policies as one, for a call of a service; others' calls they do not decide.
func (r *Room) policyFor(call *protocol.Call) (string, error) {
	if call.Session == nil || call.Session.Service == "" {
		return "", nil
	}
	var statements []json.RawMessage
	for _, p := range r.policies.All() {
		if p.Region != call.Region {
			continue
		}
		one, err := statementsOf(p.Document)
		if err != nil {
			return "", fmt.Errorf("resource policy %s: %w", p.Name, err)
		}
		statements = append(statements, one...)
	}
	if len(statements) == 0 {
		return "", nil
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	return string(text), err
}

// statementsOf returns a policy's statements, which may be a single one.
func statementsOf(document string) (list []json.RawMessage, err error) {
	var p struct{ Statement json.RawMessage }
	if err := json.Unmarshal([]byte(document), &p); err != nil {
		return nil, err
	}
	if json.Unmarshal(p.Statement, &list) != nil {
		list = []json.RawMessage{p.Statement}
	}
	return list, nil
}

type policyInput struct {
	Name     string `json:"policyName"`
	Document string `json:"policyDocument"`
}

// putPolicy makes a policy or changes it.
func (r *Room) putPolicy(_ context.Context, call *protocol.Call, in policyInput) (any, error) {
	p, err := r.setPolicy(call.Region, in)
	return map[string]any{"resourcePolicy": p.describe()}, err
}

func (r *Room) setPolicy(region string, in policyInput) (resourcePolicy, error) {
	p := resourcePolicy{Region: region, Name: in.Name, Document: in.Document, Changed: r.Clock.Now()}
	if in.Name == "" || in.Document == "" || len(in.Document) > maxPolicy {
		return p, invalid("A resource policy has a name, and a document of at most %d characters.", maxPolicy)
	}
	if _, err := policy.Parse([]byte(in.Document), policy.Resource); err != nil {
		return p, invalid("Invalid policy document: %v", err)
	}
	others := 0
	for key, other := range r.policies.All() {
		if other.Region == region && key != policyKey(region, in.Name) {
			others++
		}
	}
	if others >= maxPolicies {
		return p, protocol.Errorf("LimitExceededException", "Resource limit exceeded.")
	}
	return p, r.policies.Put(policyKey(region, in.Name), p)
}

func (r *Room) deletePolicy(_ context.Context, call *protocol.Call, in policyInput) (any, error) {
	_, found, err := r.policies.Get(policyKey(call.Region, in.Name))
	if err == nil && !found {
		err = protocol.Errorf("ResourceNotFoundException", "Policy with name [%s] does not exist.", in.Name)
	}
	if err != nil {
		return nil, err
	}
	return nil, r.policies.Delete(policyKey(call.Region, in.Name))
}

func (r *Room) describePolicies(_ context.Context, call *protocol.Call, _ struct{}) (any, error) {
	list := []any{}
	for _, p := range r.policies.All() {
		if p.Region == call.Region {
			list = append(list, p.describe())
		}
	}
	return map[string]any{"resourcePolicies": list}, nil
}

func (p resourcePolicy) describe() map[string]any {
	return map[string]any{"policyName": p.Name, "policyDocument": p.Document, "lastUpdatedTime": p.Changed.UnixMilli()}
}

// policyProvider is AWS::Logs::ResourcePolicy.
// Source: AWS CloudFormation Template Reference, AWS::Logs::ResourcePolicy.
type policyProvider struct{ room *Room }

// Immutable names the property whose change makes another policy.
func (policyProvider) Immutable() []string { return []string{"PolicyName"} }

// Create makes the policy.
func (p policyProvider) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	in := policyInput{}
	in.Name, _ = r.Properties["PolicyName"].(string)
	switch document := r.Properties["PolicyDocument"].(type) {
	case string:
		in.Document = document
	default:
		text, err := json.Marshal(document)
		if err != nil {
			return resource.Result{}, fmt.Errorf("PolicyDocument: %w", err)
		}
		in.Document = strings.TrimSpace(string(text))
	}
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if _, err := p.room.setPolicy(r.Stack.Region, in); err != nil {
		return resource.Result{}, err
	}
	return resource.Result{PhysicalID: in.Name}, nil
}

// Update changes the document.
func (p policyProvider) Update(ctx context.Context, r resource.Request) (resource.Result, error) {
	return p.Create(ctx, r)
}

// Delete removes the policy; one that is gone already is no error.
func (p policyProvider) Delete(_ context.Context, r resource.Request) error {
	return p.room.policies.Delete(policyKey(r.Stack.Region, r.PhysicalID))
}
