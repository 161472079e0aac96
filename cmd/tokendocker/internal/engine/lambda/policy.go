package lambda

import (
	"encoding/json"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// permission is a statement of the resource-based policy of a function, or of one of its versions and aliases.
type permission struct {
	FunctionARN, Action, Principal string

	SourceARN, SourceAccount, Organization string `json:",omitempty"` // conditions
}

// newPermission reads a statement from a template. FunctionARN has the qualifier that FunctionName has.
func newPermission(f Function, q resource.Request) permission {
	arn := f.ARN
	if ref := parseReference(text(q.Properties, "FunctionName")); ref.qualifier != "" {
		arn += ":" + ref.qualifier
	}
	return permission{FunctionARN: arn, Action: text(q.Properties, "Action"), Principal: text(q.Properties, "Principal"),
		SourceARN: text(q.Properties, "SourceArn"), SourceAccount: text(q.Properties, "SourceAccount"), Organization: text(q.Properties, "PrincipalOrgID")}
}

// statement is the permission as it stands in the policy.
// Source: AWS Lambda Developer Guide, "Viewing resource-based IAM policies in Lambda".
func (p permission) statement(id string) map[string]any {
	principal := any(map[string]string{"AWS": p.Principal})
	switch {
	case p.Principal == "*":
		principal = p.Principal
	case strings.Contains(p.Principal, ".") && !strings.HasPrefix(p.Principal, "arn:"):
		principal = map[string]string{"Service": p.Principal}
	}
	out := map[string]any{"Sid": id, "Effect": "Allow", "Principal": principal, "Action": p.Action, "Resource": p.FunctionARN}
	conditions := map[string]map[string]string{}
	if p.SourceARN != "" {
		conditions["ArnLike"] = map[string]string{"AWS:SourceArn": p.SourceARN}
	}
	equal := map[string]string{}
	for key, value := range map[string]string{"AWS:SourceAccount": p.SourceAccount, "aws:PrincipalOrgID": p.Organization} {
		if value != "" {
			equal[key] = value
		}
	}
	if len(equal) > 0 {
		conditions["StringEquals"] = equal
	}
	if len(conditions) > 0 {
		out["Condition"] = conditions
	}
	return out
}

// policy is the resource-based policy of what an ARN names, JSON text, empty if it has none. Statements of a function
// say nothing about its versions and aliases, nor theirs about it.
// Source: AWS Lambda Developer Guide, "Lambda function aliases in resource-based policies".
func (r *Room) policy(arn string) (string, error) {
	var statements []any
	for id, p := range r.grants.All() {
		if p.FunctionARN == arn {
			statements = append(statements, p.statement(id))
		}
	}
	if len(statements) == 0 {
		return "", nil
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Id": "default", "Statement": statements})
	return string(text), err
}

// need is the permission for a call about a function.
func (r *Room) need(call *protocol.Call, ref reference, action string) (protocol.Need, error) {
	arn := referenceARN(call, ref)
	policy, err := r.policy(arn)
	return protocol.Need{Action: action, Resources: []string{arn}, ResourcePolicy: policy}, err
}
