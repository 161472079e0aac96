package iam

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// anything is what the operator may do.
var anything = &policy.Policy{Version: "2012-10-17", Statements: []policy.Statement{{
	Allow: true, Actions: []string{"*"}, Resources: []string{"*"},
}}}

// Authorize decides need for a session, resource by resource. A refusal is worded as AWS words it.
// Source: IAM User Guide, "Troubleshoot access denied error messages".
func (r *Room) Authorize(_ context.Context, as *session.Session, region string, need protocol.Need) error {
	resources := need.Resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	var own *policy.Policy
	if need.ResourcePolicy != "" {
		var err error
		if own, err = policy.Parse([]byte(need.ResourcePolicy), policy.Registry); err != nil {
			return fmt.Errorf("resource policy of %s: %w", resources[0], err)
		}
	}
	policies, names, err := r.policiesOf(as)
	if err != nil {
		return err
	}
	for _, arn := range resources {
		d := policy.Decide(policies, own, need.ResourcePolicyOnly, &policy.Request{
			Action: need.Action, Resource: arn, Account: r.accountOf(arn), Caller: callerOf(as),
			Context: r.context(as, region, arn, need),
		})
		r.record(as, need.Action, arn, d, policies, names)
		if !d.Allowed {
			return denied(as, need.Action, arn, d)
		}
	}
	return nil
}

// policiesOf returns the identity policies of a session that act now. A role that is gone has none.
func (r *Room) policiesOf(as *session.Session) ([]*policy.Policy, []string, error) {
	switch {
	case as.Operator():
		return []*policy.Policy{anything}, []string{"operator"}, nil
	case as.RoleARN == "":
		return nil, nil, nil
	}
	role, found, err := r.role(as.RoleARN)
	if err != nil || !found {
		return nil, nil, err
	}
	rights, ok := effective(role.History, r.Clock.Now(), r.Switches.PolicyDelay)
	if !ok {
		return nil, nil, nil
	}
	return r.identity(rights)
}

func callerOf(as *session.Session) policy.Caller {
	return policy.Caller{ARN: as.ARN, RoleARN: as.RoleARN, Account: as.Account, Service: as.Service}
}

// accountOf is the account in an ARN; a resource whose ARN has none belongs to ours.
func (r *Room) accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 && parts[4] != "" {
		return parts[4]
	}
	return r.Account
}

// context gives the global condition keys, and those of the need.
// Source: IAM User Guide, "AWS global condition context keys". Calls count as made over TLS, as they are on AWS.
func (r *Room) context(as *session.Session, region, arn string, need protocol.Need) map[string][]string {
	now := r.Clock.Now().UTC()
	keys := map[string][]string{
		"aws:CurrentTime":           {now.Format(time.RFC3339)},
		"aws:EpochTime":             {strconv.FormatInt(now.Unix(), 10)},
		"aws:SecureTransport":       {"true"},
		"aws:RequestedRegion":       {region},
		"aws:ResourceAccount":       {r.accountOf(arn)},
		"aws:PrincipalIsAWSService": {strconv.FormatBool(as.Service != "")},
		"aws:ViaAWSService":         {"false"},
	}
	if as.Service != "" {
		keys["aws:PrincipalServiceName"] = []string{as.Service}
	} else {
		keys["aws:PrincipalAccount"] = []string{as.Account}
		keys["aws:PrincipalArn"] = []string{as.ARN}
		keys["aws:userid"] = []string{as.UserID}
		keys["aws:PrincipalType"] = []string{"User"}
		keys["aws:SourceIp"] = []string{"127.0.0.1"}
		if as.RoleARN != "" {
			keys["aws:PrincipalArn"] = []string{as.RoleARN}
			keys["aws:PrincipalType"] = []string{"AssumedRole"}
		}
	}
	maps.Copy(keys, need.Conditions)
	return keys
}

// denied is AWS's message, with the statement that is missing as a hint for the report.
func denied(as *session.Session, action, arn string, d policy.Decision) *protocol.Error {
	side := "an identity-based"
	none := "no identity-based"
	if d.ByResource {
		side, none = "a resource-based", "no resource-based"
	}
	reason := fmt.Sprintf("because %s policy allows the %s action", none, action)
	if d.Denied {
		reason = fmt.Sprintf("with an explicit deny in %s policy", side)
	}
	name := as.ARN
	if as.Service != "" {
		name = as.Service
	}
	e := protocol.Errorf("AccessDeniedException", "User: %s is not authorized to perform: %s on resource: %s %s", name, action, arn, reason)
	switch {
	case d.Denied:
	case d.ByResource:
		e.Hint = fmt.Sprintf("let the policy of %s allow %s to %s", arn, action, name)
	default:
		e.Hint = fmt.Sprintf("add to role %s: %s", as.RoleARN, Statement(action, arn))
	}
	return e
}

// Statement returns the JSON text of a policy statement that allows one action on one resource.
func Statement(action, arn string) string {
	text, _ := json.Marshal(struct{ Effect, Action, Resource string }{"Allow", action, arn}) // text always marshals
	return string(text)
}
