package iam

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// AssumeAsService gives a service, "lambda.amazonaws.com", a session of a role that trusts it. The session does not
// end, unless the switch CredentialsLife says so; services renew theirs. It fails with AccessDeniedException if the role does not exist, does not trust the
// service, or does not do so yet. Callers put it in their service's own words.
func (r *Room) AssumeAsService(_ context.Context, roleARN, service, name string, cause session.Cause) (*session.Session, error) {
	refused := protocol.Errorf("AccessDeniedException", "%s is not authorized to perform: sts:AssumeRole on %s", service, roleARN)
	refused.Hint = fmt.Sprintf("let the trust policy of %s allow sts:AssumeRole to the service %s", roleARN, service)
	role, rights, found, err := r.effectiveRole(roleARN)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, r.refuse(roleARN, "sts:AssumeRole", roleARN, refused)
	}
	trust, err := policy.Parse([]byte(rights.Trust), policy.Trust)
	if err != nil {
		return nil, fmt.Errorf("trust policy of %s: %w", roleARN, err)
	}
	d := policy.Policies{Resource: sourceless(trust), ResourceOnly: true}.Decide(&policy.Request{
		Action: "sts:AssumeRole", Resource: roleARN, Account: r.Account, Caller: policy.Caller{Service: service},
		Context: map[string][]string{"aws:SourceAccount": {r.Account}, "sts:RoleSessionName": {name}},
	})
	if !d.Allowed {
		return nil, r.refuse(roleARN, "sts:AssumeRole", roleARN, refused)
	}
	s := r.open(role, name, time.Time{}, cause)
	if life := r.Switches.CredentialsLife; life > 0 {
		s.Ends = r.Clock.Now().Add(life)
	}
	return s, nil
}

// sourceless takes the conditions on aws:SourceArn out of what a trust policy allows: which of its resources a service
// acts for is not known here.
func sourceless(trust *policy.Policy) *policy.Policy {
	out := &policy.Policy{Version: trust.Version}
	for _, s := range trust.Statements {
		if s.Allow {
			s.Conditions = slices.DeleteFunc(slices.Clone(s.Conditions), func(c policy.Condition) bool { return strings.EqualFold(c.Key, "aws:SourceArn") })
		}
		out.Statements = append(out.Statements, s)
	}
	return out
}

// Assumption is a request for a role's credentials. Empty fields but RoleARN, Name and Duration are left out of it.
type Assumption struct {
	RoleARN        string
	Name           string // of the session
	Duration       time.Duration
	ExternalID     string
	Policy         string   // session policy, JSON text
	PolicyARNs     []string // managed policies that are session policies
	Tags           map[string]string
	Transitive     []string // keys of tags that the next role in a chain keeps
	SourceIdentity string
}

// Source: AWS STS API Reference, AssumeRole.
const (
	maxSessionPolicy   = 2048 // characters
	maxSessionPolicies = 10
	maxChained         = time.Hour // of a session that another one assumed
)

// Assume gives a caller a session of a role that trusts it.
// Source: AWS STS API Reference, AssumeRole.
func (r *Room) Assume(ctx context.Context, as *session.Session, region string, a Assumption) (*session.Session, error) {
	role, rights, found, err := r.effectiveRole(a.RoleARN)
	if err != nil {
		return nil, err
	}
	tags, transitive := a.tags(as)
	for _, need := range a.needs(rights.Trust) {
		if !found || r.authorizeAny(ctx, as, region, need) != nil {
			return nil, &protocol.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: fmt.Sprintf(
				"User: %s is not authorized to perform: %s on resource: %s", as.ARN, need.Action, a.RoleARN)}
		}
	}
	policies, err := r.check(as, rights, a)
	if err != nil {
		return nil, err
	}
	// Clients compare the end with their own clock, so it is on the real one.
	s := r.open(role, a.Name, time.Now().Add(a.Duration), as.Cause())
	s.Policies, s.Tags, s.Transitive, s.SourceIdentity = policies, tags, transitive, a.SourceIdentity
	if s.SourceIdentity == "" {
		s.SourceIdentity = as.SourceIdentity
	}
	return s, nil
}

// authorizeAny decides for a caller of whatever account.
func (r *Room) authorizeAny(ctx context.Context, as *session.Session, region string, need protocol.Need) error {
	if as.Account != r.Account && r.Elsewhere != nil {
		return r.Elsewhere(ctx, as, region, need)
	}
	return r.Authorize(ctx, as, region, need)
}

// needs are the permissions that the role's trust policy must give.
// Source: IAM User Guide, "Pass session tags in AWS STS" and "Monitor and control actions taken with assumed roles".
func (a Assumption) needs(trust string) []protocol.Need {
	keys := map[string][]string{"sts:RoleSessionName": {a.Name}}
	if a.ExternalID != "" {
		keys["sts:ExternalId"] = []string{a.ExternalID}
	}
	if a.SourceIdentity != "" {
		keys["sts:SourceIdentity"] = []string{a.SourceIdentity}
	}
	for key, value := range a.Tags {
		keys["aws:RequestTag/"+key] = []string{value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], key)
	}
	if len(a.Transitive) > 0 {
		keys["sts:TransitiveTagKeys"] = a.Transitive
	}
	actions := []string{"sts:AssumeRole"}
	if len(a.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if a.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	var out []protocol.Need
	for _, action := range actions {
		out = append(out, protocol.Need{Action: action, Resources: []string{a.RoleARN}, ResourcePolicy: trust, ResourcePolicyOnly: true, Conditions: keys})
	}
	return out
}

// tags are those of the new session: the caller's transitive ones, and the request's.
func (a Assumption) tags(as *session.Session) (tags map[string]string, transitive []string) {
	tags = maps.Clone(a.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	for _, key := range as.Transitive {
		tags[key] = as.Tags[key]
	}
	return tags, slices.Concat(as.Transitive, a.Transitive)
}

// check checks what a caller who may assume the role asks of the session, and returns its policies.
func (r *Room) check(as *session.Session, rights rights, a Assumption) ([]string, error) {
	longest := max(rights.Longest, time.Hour)
	switch {
	case as.RoleARN != "" && a.Duration > maxChained:
		return nil, protocol.Errorf("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case a.Duration > longest:
		return nil, protocol.Errorf("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	case len(a.Policy) > maxSessionPolicy:
		return nil, protocol.Errorf("ValidationError", "1 validation error detected: Value at 'policy' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", maxSessionPolicy)
	case len(a.PolicyARNs) > maxSessionPolicies:
		return nil, protocol.Errorf("ValidationError", "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", maxSessionPolicies)
	}
	for key := range a.Tags {
		if slices.Contains(as.Transitive, key) {
			return nil, protocol.Errorf("InvalidParameterValue", "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
	}
	policies := slices.Clone(a.PolicyARNs)
	for _, arn := range policies {
		if err := r.attachable(arn); err != nil {
			return nil, err
		}
	}
	if a.Policy == "" {
		return policies, nil
	}
	if _, err := policy.Parse([]byte(a.Policy), policy.Session); err != nil {
		return nil, protocol.Errorf("MalformedPolicyDocument", "%v", err)
	}
	return append(policies, a.Policy), nil
}

func (r *Room) effectiveRole(arn string) (role, rights, bool, error) {
	found, ok, err := r.role(arn)
	if err != nil || !ok {
		return found, rights{}, false, err
	}
	now, ok := effective(found.History, r.Clock.Now(), r.Switches.PolicyDelay)
	return found, now, ok, nil
}

func (r *Room) open(role role, name string, expires time.Time, cause session.Cause) *session.Session {
	s := &session.Session{
		Account: r.Account, RoleARN: role.ARN, UserID: role.ID + ":" + name, Expires: expires,
		ARN: fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", r.Partition, r.Account, role.Name, strings.TrimSpace(name)),
	}
	s.SetCause(cause)
	return r.Sessions.Add(s)
}
