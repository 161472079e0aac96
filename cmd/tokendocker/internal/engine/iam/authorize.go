package iam

import (
	"cmp"
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

// acting are the policies of a session that act now.
type acting struct {
	policy.Policies
	names    []string // of the identity policies, ARNs of managed ones
	boundary string   // ARN
	tags     map[string]string
	unknown  []string // ARNs of AWS managed policies among them that we do not know
}

// Authorize decides need for a session, resource by resource. A refusal is worded as AWS words it.
// Source: IAM User Guide, "Troubleshoot access denied error messages".
func (r *Room) Authorize(_ context.Context, as *session.Session, region string, need protocol.Need) error {
	resources := need.Resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	policies, err := r.policiesOf(as)
	if err != nil {
		return err
	}
	policies.ResourceOnly = need.ResourcePolicyOnly
	if need.ResourcePolicy != "" {
		if policies.Resource, err = policy.Parse([]byte(need.ResourcePolicy), policy.Registry); err != nil {
			return fmt.Errorf("resource policy of %s: %w", resources[0], err)
		}
	}
	for _, arn := range resources {
		d := policies.Decide(&policy.Request{
			Action: need.Action, Resource: arn, Account: r.accountOf(arn, need), Caller: callerOf(as),
			Context: r.context(as, region, arn, need, policies.tags),
		})
		r.record(as, need.Action, arn, d, policies)
		if !d.Allowed {
			return r.refuse(as.RoleARN, need.Action, arn, denied(as, need.Action, arn, d, policies))
		}
	}
	return nil
}

// policiesOf returns the policies of a session that act now. A role that is gone has none.
func (r *Room) policiesOf(as *session.Session) (acting, error) {
	switch {
	case as.Operator():
		return acting{Policies: policy.Policies{Identity: []*policy.Policy{anything}}, names: []string{"operator"}}, nil
	case as.RoleARN == "":
		return acting{}, nil
	}
	role, found, err := r.role(as.RoleARN)
	if err != nil || !found {
		return acting{}, err
	}
	rights, ok := effective(role.History, r.Clock.Now(), r.Switches.PolicyDelay)
	if !ok {
		return acting{}, nil
	}
	out, err := r.identity(rights)
	if err != nil {
		return out, fmt.Errorf("role %s: %w", role.Name, err)
	}
	out.tags, out.boundary = rights.Tags, rights.Boundary
	if rights.Boundary != "" {
		if out.Boundary, err = r.managedPolicy(rights.Boundary, policy.Boundary); err != nil {
			return out, fmt.Errorf("role %s: %w", role.Name, err)
		}
	}
	out.Session, err = r.sessionPolicies(as.Policies)
	return out, err
}

// sessionPolicies reads the policies that a role was assumed with. One that is gone allows nothing.
func (r *Room) sessionPolicies(given []string) ([]*policy.Policy, error) {
	var out []*policy.Policy
	for _, text := range given {
		var p *policy.Policy
		var err error
		if strings.HasPrefix(text, "arn:") {
			if p, err = r.managedPolicy(text, policy.Session); p == nil {
				p = &policy.Policy{}
			}
		} else {
			p, err = policy.Parse([]byte(text), policy.Session)
		}
		if err != nil {
			return nil, fmt.Errorf("session policy: %w", err)
		}
		out = append(out, p)
	}
	return out, nil
}

func callerOf(as *session.Session) policy.Caller {
	return policy.Caller{ARN: as.ARN, RoleARN: as.RoleARN, Account: as.Account, Service: as.Service}
}

// accountOf is the account in an ARN; a resource whose ARN has none belongs to the need's owner, or to ours.
func (r *Room) accountOf(arn string, need protocol.Need) string {
	return cmp.Or(protocol.OwnerOf(arn), need.Owner, r.Account)
}

// context gives the global condition keys, and those of the need.
// Source: IAM User Guide, "AWS global condition context keys". Calls count as made over TLS, as they are on AWS.
func (r *Room) context(as *session.Session, region, arn string, need protocol.Need, tags map[string]string) map[string][]string {
	now := r.Clock.Now().UTC()
	keys := map[string][]string{
		"aws:CurrentTime":           {now.Format(time.RFC3339)},
		"aws:EpochTime":             {strconv.FormatInt(now.Unix(), 10)},
		"aws:SecureTransport":       {"true"},
		"aws:RequestedRegion":       {region},
		"aws:ResourceAccount":       {r.accountOf(arn, need)},
		"aws:PrincipalIsAWSService": {strconv.FormatBool(as.Service != "")},
		"aws:ViaAWSService":         {"false"},
	}
	if as.Service != "" {
		keys["aws:PrincipalServiceName"] = []string{as.Service}
		if as.SourceARN != "" {
			keys["aws:SourceArn"], keys["aws:SourceAccount"] = []string{as.SourceARN}, []string{as.Account}
		}
	} else {
		keys["aws:PrincipalAccount"] = []string{as.Account}
		keys["aws:PrincipalArn"] = []string{as.ARN}
		keys["aws:userid"] = []string{as.UserID}
		keys["aws:PrincipalType"] = []string{"User"}
		keys["aws:SourceIp"] = []string{"127.0.0.1"}
		if as.RoleARN != "" {
			keys["aws:PrincipalArn"] = []string{as.RoleARN}
			keys["aws:PrincipalType"] = []string{"AssumedRole"}
			keys["aws:MultiFactorAuthPresent"] = []string{"false"}
		}
		if as.SourceIdentity != "" {
			keys["aws:SourceIdentity"] = []string{as.SourceIdentity}
		}
		for _, tagged := range []map[string]string{tags, as.Tags} { // the session's take precedence
			for key, value := range tagged {
				keys["aws:PrincipalTag/"+key] = []string{value}
			}
		}
	}
	maps.Copy(keys, need.Conditions)
	return keys
}

// kinds are how AWS's messages name the policies, with an article and without.
var kinds = map[policy.Kind][2]string{
	policy.Identity: {"an identity-based policy", "identity-based policy"},
	policy.Resource: {"a resource-based policy", "resource-based policy"},
	policy.Boundary: {"a permissions boundary", "permissions boundary"},
	policy.Session:  {"a session policy", "session policy"},
}

// denied is AWS's message, with the statement that is missing as a hint for the report.
func denied(as *session.Session, action, arn string, d policy.Decision, by acting) *protocol.Error {
	reason := fmt.Sprintf("because no %s allows the %s action", kinds[d.By][1], action)
	if d.Denied {
		reason = "with an explicit deny in " + kinds[d.By][0] + by.denier(d)
	}
	name := as.ARN
	if as.Service != "" {
		name = as.Service
	}
	e := protocol.Errorf("AccessDeniedException", "%s %s", whatIsDenied(name, action, arn), reason)
	switch {
	case d.Denied:
	case d.By == policy.Resource:
		e.Hint = fmt.Sprintf("let the policy of %s allow %s to %s", arn, action, name)
	case d.By == policy.Boundary:
		e.Hint = fmt.Sprintf("let the permissions boundary of role %s allow %s on %s", as.RoleARN, action, arn)
	case d.By == policy.Session:
		e.Hint = fmt.Sprintf("let the policy that %s is assumed with allow %s on %s", as.RoleARN, action, arn)
	default:
		e.Hint = fmt.Sprintf("add to role %s: %s", as.RoleARN, Statement(action, arn))
		if len(by.unknown) > 0 {
			e.Hint += fmt.Sprintf("; tokendocker does not know what %s allows", strings.Join(by.unknown, ", "))
		}
	}
	return e
}

// denier names the managed policy that denies.
// Source: AWS What's New, "AWS introduces additional policy details to access denied error messages", 2026-01.
func (a acting) denier(d policy.Decision) string {
	switch {
	case d.By == policy.Identity && strings.HasPrefix(a.names[d.Denier], "arn:"):
		return ": " + a.names[d.Denier]
	case d.By == policy.Boundary:
		return ": " + a.boundary
	}
	return ""
}

// whatIsDenied is the beginning of the message, which two services write in their own way.
// Sources: Amazon S3 User Guide, "Troubleshoot access denied (403 Forbidden) errors in Amazon S3"; Amazon EC2 API
// Reference, "Error codes", UnauthorizedOperation.
func whatIsDenied(name, action, arn string) string {
	text := fmt.Sprintf("User: %s is not authorized to perform: %s", name, action)
	switch service, _, _ := strings.Cut(action, ":"); {
	case service == "s3":
		return fmt.Sprintf("%s on resource: \"%s\"", text, arn)
	case service == "ec2" && arn == "*":
		return "You are not authorized to perform this operation. " + text
	case service == "ec2":
		text = "You are not authorized to perform this operation. " + text
	}
	return text + " on resource: " + arn
}

// Statement returns the JSON text of a policy statement that allows one action on one resource.
func Statement(action, arn string) string {
	text, _ := json.Marshal(struct{ Effect, Action, Resource string }{"Allow", action, arn}) // text always marshals
	return string(text)
}
