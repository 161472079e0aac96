package iam

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// AssumeAsService gives a service, "lambda.amazonaws.com", a session of a role that trusts it. The session does not
// end; services renew theirs. It fails with AccessDeniedException if the role does not exist, does not trust the
// service, or does not do so yet. Callers put it in their service's own words.
func (r *Room) AssumeAsService(_ context.Context, roleARN, service, name string, cause session.Cause) (*session.Session, error) {
	refused := protocol.Errorf("AccessDeniedException", "%s is not authorized to perform: sts:AssumeRole on %s", service, roleARN)
	refused.Hint = fmt.Sprintf("let the trust policy of %s allow sts:AssumeRole to the service %s", roleARN, service)
	role, rights, found, err := r.effectiveRole(roleARN)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, refused
	}
	trust, err := policy.Parse([]byte(rights.Trust), policy.Trust)
	if err != nil {
		return nil, fmt.Errorf("trust policy of %s: %w", roleARN, err)
	}
	d := policy.Decide(nil, trust, true, &policy.Request{
		Action: "sts:AssumeRole", Resource: roleARN, Account: r.Account, Caller: policy.Caller{Service: service},
		Context: map[string][]string{"aws:SourceAccount": {r.Account}, "sts:RoleSessionName": {name}},
	})
	if !d.Allowed {
		return nil, refused
	}
	return r.open(role, name, time.Time{}, cause), nil
}

// Assumption is a request for a role's credentials.
type Assumption struct {
	RoleARN    string
	Name       string // of the session
	Duration   time.Duration
	ExternalID string
}

// Assume gives a caller a session of a role that trusts it.
// Source: AWS STS API Reference, AssumeRole.
func (r *Room) Assume(ctx context.Context, as *session.Session, region string, a Assumption) (*session.Session, error) {
	role, rights, found, err := r.effectiveRole(a.RoleARN)
	if err != nil {
		return nil, err
	}
	need := protocol.Need{
		Action: "sts:AssumeRole", Resources: []string{a.RoleARN}, ResourcePolicyOnly: true,
		Conditions: map[string][]string{"sts:RoleSessionName": {a.Name}},
	}
	if a.ExternalID != "" {
		need.Conditions["sts:ExternalId"] = []string{a.ExternalID}
	}
	if found {
		need.ResourcePolicy = rights.Trust
		err = r.Authorize(ctx, as, region, need)
	}
	if !found || err != nil {
		return nil, &protocol.Error{Code: "AccessDenied", Status: http.StatusForbidden, Message: fmt.Sprintf(
			"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", as.ARN, a.RoleARN)}
	}
	// Clients compare the end with their own clock, so it is on the real one.
	return r.open(role, a.Name, time.Now().Add(a.Duration), as.Cause()), nil
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
