package iam

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

var _ protocol.Service = (*Room)(nil)

// operation is one operation of the API.
type operation struct {
	serve func(*Room, context.Context, url.Values) (any, error)
	about string // what the permission is on
}

// What permissions are on.
const (
	onRole     = "role"
	onPolicy   = "policy"
	onProvider = "oidc-provider"
	onNothing  = ""
)

// operations are the part of the API that there is: roles, managed policies and identity providers.
// Source: IAM API Reference, the page of each action; Service Authorization Reference, AWS Identity and Access
// Management.
var operations = map[string]operation{
	"CreateRole":               {(*Room).createRole, onRole},
	"GetRole":                  {(*Room).getRole, onRole},
	"DeleteRole":               {(*Room).deleteRole, onRole},
	"ListRoles":                {(*Room).listRoles, onRole},
	"UpdateRole":               {(*Room).updateRole, onRole},
	"UpdateAssumeRolePolicy":   {(*Room).updateTrust, onRole},
	"TagRole":                  {(*Room).tagRole, onRole},
	"UntagRole":                {(*Room).untagRole, onRole},
	"ListRoleTags":             {(*Room).listRoleTags, onRole},
	"PutRolePolicy":            {(*Room).putRolePolicy, onRole},
	"GetRolePolicy":            {(*Room).getRolePolicy, onRole},
	"DeleteRolePolicy":         {(*Room).deleteRolePolicy, onRole},
	"ListRolePolicies":         {(*Room).listRolePolicies, onRole},
	"AttachRolePolicy":         {(*Room).attachRolePolicy, onRole},
	"DetachRolePolicy":         {(*Room).detachRolePolicy, onRole},
	"ListAttachedRolePolicies": {(*Room).listAttachedRolePolicies, onRole},
	"CreatePolicy":             {(*Room).createPolicy, onPolicy},
	"GetPolicy":                {(*Room).getPolicy, onPolicy},
	"GetPolicyVersion":         {(*Room).getPolicyVersion, onPolicy},
	"DeletePolicy":             {(*Room).deletePolicy, onPolicy},
	"ListPolicies":             {(*Room).listPolicies, onNothing},
	"ListPolicyVersions":       {(*Room).listPolicyVersions, onPolicy},

	"PutRolePermissionsBoundary":    {(*Room).putBoundary, onRole},
	"DeleteRolePermissionsBoundary": {(*Room).deleteBoundary, onRole},
	"ListInstanceProfilesForRole":   {(*Room).listInstanceProfiles, onRole},
	"ListAccountAliases":            {(*Room).listAccountAliases, onNothing},

	"CreateOpenIDConnectProvider":             {(*Room).createProvider, onProvider},
	"GetOpenIDConnectProvider":                {(*Room).getProvider, onProvider},
	"DeleteOpenIDConnectProvider":             {(*Room).deleteProvider, onProvider},
	"ListOpenIDConnectProviders":              {(*Room).listProviders, onNothing},
	"UpdateOpenIDConnectProviderThumbprint":   {(*Room).updateThumbprints, onProvider},
	"AddClientIDToOpenIDConnectProvider":      {(*Room).addClient, onProvider},
	"RemoveClientIDFromOpenIDConnectProvider": {(*Room).removeClient, onProvider},
}

// Name returns "iam".
func (r *Room) Name() string { return "iam" }

// Needs returns the operation's own action on the role or policy that the call names.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	op, known := operations[call.Operation]
	if !known {
		return nil, protocol.Errorf("InvalidAction", "tokendocker has no iam:%s", call.Operation)
	}
	need := protocol.Need{Action: "iam:" + call.Operation, Conditions: map[string][]string{}}
	name, path, policyARN := call.Form.Get("RoleName"), call.Form.Get("Path"), call.Form.Get("PolicyArn")
	if path == "" {
		path = "/"
	}
	switch {
	case op.about == onNothing:
	case op.about == onProvider && call.Form.Has("Url"):
		need.Resources = []string{r.oidcARN(call.Form.Get("Url"))}
	case op.about == onProvider:
		need.Resources = []string{call.Form.Get("OpenIDConnectProviderArn")}
	case op.about == onPolicy && policyARN != "":
		need.Resources = []string{policyARN}
	case op.about == onPolicy:
		need.Resources = []string{r.arn("policy", path, call.Form.Get("PolicyName"))}
	case name == "": // ListRoles, which is about none
	default:
		need.Resources = []string{r.arn("role", path, name)}
		if have, found, err := r.roles.Get(name); err == nil && found {
			need.Resources = []string{have.ARN}
		}
	}
	if policyARN != "" && op.about == onRole {
		need.Conditions["iam:PolicyARN"] = []string{policyARN}
	}
	if boundary := call.Form.Get("PermissionsBoundary"); boundary != "" {
		need.Conditions["iam:PermissionsBoundary"] = []string{boundary}
	}
	return []protocol.Need{need}, nil
}

// Serve does one call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	op, known := operations[call.Operation]
	if !known {
		return nil, protocol.Errorf("InvalidAction", "tokendocker has no iam:%s", call.Operation)
	}
	return op.serve(r, ctx, call.Form)
}

type tagOutput struct{ Key, Value string }

type roleOutput struct {
	Path                     string
	RoleName                 string
	RoleId                   string //nolint:revive // AWS's spelling
	Arn                      string
	CreateDate               string
	AssumeRolePolicyDocument string
	Description              string `xml:",omitempty"`
	MaxSessionDuration       int
	PermissionsBoundary      *boundaryOutput
	Tags                     []tagOutput `xml:"Tags>member"`
}

type boundaryOutput struct {
	PermissionsBoundaryType string
	PermissionsBoundaryArn  string
}

func (r role) output() roleOutput {
	now := r.current()
	out := roleOutput{Path: r.Path, RoleName: r.Name, RoleId: r.ID, Arn: r.ARN, CreateDate: stamp(r.Created),
		AssumeRolePolicyDocument: encoded(now.Trust), Description: now.Description, MaxSessionDuration: int(max(now.Longest, time.Hour).Seconds())}
	if now.Boundary != "" {
		out.PermissionsBoundary = &boundaryOutput{"Policy", now.Boundary}
	}
	out.Tags = tagOutputs(now.Tags)
	return out
}

func tagOutputs(tags map[string]string) []tagOutput {
	var out []tagOutput
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, tagOutput{key, tags[key]})
	}
	return out
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// encoded is a document as IAM answers it: in URL encoding.
// Source: IAM API Reference, GetRole.
func encoded(document string) string {
	return strings.ReplaceAll(url.QueryEscape(document), "+", "%20")
}

// roleOf returns the role that a call names.
func (r *Room) roleOf(form url.Values) (role, error) {
	have, found, err := r.roles.Get(form.Get("RoleName"))
	if err == nil && !found {
		err = noSuchRole(form.Get("RoleName"))
	}
	return have, err
}

// firstManaged is when the first managed policies of AWS came. Source: IAM User Guide, "Document history for IAM".
var firstManaged = time.Date(2015, 2, 11, 0, 0, 0, 0, time.UTC)

// managedOf returns the policy that a call names, and its document, which is empty for one of AWS's that is not known.
func (r *Room) managedOf(form url.Values) (managedPolicy, string, error) {
	arn := form.Get("PolicyArn")
	if awsManaged(arn) {
		name := arn[strings.LastIndexByte(arn, '/')+1:]
		return managedPolicy{ARN: arn, Name: name, ID: "ANPA" + strings.ToUpper(name), Created: firstManaged}, awsPolicies[awsPolicyName(arn)], nil
	}
	have, found, err := r.managed.Get(arn)
	if err == nil && !found {
		err = &protocol.Error{Code: "NoSuchEntity", Status: http.StatusNotFound, Message: fmt.Sprintf("Policy %s was not found.", arn)}
	}
	if err != nil || len(have.History) == 0 {
		return have, "", err
	}
	return have, have.History[len(have.History)-1].Value, nil
}
