package iam

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

func (r *Room) createRole(ctx context.Context, form url.Values) (any, error) {
	properties := map[string]any{}
	for _, one := range []string{"AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "Path", "PermissionsBoundary"} {
		if value := form.Get(one); value != "" {
			properties[one] = value
		}
	}
	if tags := tagsOf(form); len(tags) > 0 {
		properties["Tags"] = tags
	}
	props, err := decode[roleProperties](properties)
	if err != nil {
		return nil, err
	}
	if err := (roleProvider{r}).make(form.Get("RoleName"), rand.Text(), props); err != nil {
		return nil, err
	}
	return r.getRole(ctx, form)
}

// tagsOf reads the tags of a call as CloudFormation writes them.
func tagsOf(form url.Values) []any {
	var tags []any
	for i := 1; form.Has(fmt.Sprintf("Tags.member.%d.Key", i)); i++ {
		prefix := fmt.Sprintf("Tags.member.%d.", i)
		tags = append(tags, map[string]any{"Key": form.Get(prefix + "Key"), "Value": form.Get(prefix + "Value")})
	}
	return tags
}

func (r *Room) getRole(_ context.Context, form url.Values) (any, error) {
	have, err := r.roleOf(form)
	if err != nil {
		return nil, err
	}
	return struct{ Role roleOutput }{have.output()}, nil
}

func (r *Room) deleteRole(ctx context.Context, form url.Values) (any, error) {
	have, err := r.roleOf(form)
	if err != nil {
		return nil, err
	}
	return nil, roleProvider{r}.Delete(ctx, resource.Request{PhysicalID: have.Name})
}

func (r *Room) listRoles(_ context.Context, form url.Values) (any, error) {
	var out struct {
		IsTruncated bool
		Roles       []roleOutput `xml:"Roles>member"`
	}
	for _, have := range r.roles.All() {
		if strings.HasPrefix(have.Path, form.Get("PathPrefix")) {
			out.Roles = append(out.Roles, have.output())
		}
	}
	return out, nil
}

func (r *Room) putRolePolicy(_ context.Context, form url.Values) (any, error) {
	if !policyName.MatchString(form.Get("PolicyName")) {
		return nil, protocol.Errorf("ValidationError", "The specified value for policyName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-")
	}
	text, err := document([]byte(form.Get("PolicyDocument")), policy.Identity)
	if err != nil {
		return nil, err
	}
	return nil, r.change(form.Get("RoleName"), func(now *rights) error {
		now.Inline[form.Get("PolicyName")] = text
		return nil
	})
}

// inline returns a role's inline policy.
func (r *Room) inline(form url.Values) (string, error) {
	have, err := r.roleOf(form)
	if err != nil {
		return "", err
	}
	text, found := have.current().Inline[form.Get("PolicyName")]
	if !found {
		return "", &protocol.Error{Code: "NoSuchEntity", Status: http.StatusNotFound,
			Message: fmt.Sprintf("The role policy with name %s cannot be found.", form.Get("PolicyName"))}
	}
	return text, nil
}

func (r *Room) getRolePolicy(_ context.Context, form url.Values) (any, error) {
	text, err := r.inline(form)
	return struct{ RoleName, PolicyName, PolicyDocument string }{form.Get("RoleName"), form.Get("PolicyName"), encoded(text)}, err
}

func (r *Room) deleteRolePolicy(_ context.Context, form url.Values) (any, error) {
	if _, err := r.inline(form); err != nil {
		return nil, err
	}
	return nil, r.change(form.Get("RoleName"), func(now *rights) error {
		delete(now.Inline, form.Get("PolicyName"))
		return nil
	})
}

func (r *Room) listRolePolicies(_ context.Context, form url.Values) (any, error) {
	have, err := r.roleOf(form)
	var out struct {
		IsTruncated bool
		PolicyNames []string `xml:"PolicyNames>member"`
	}
	for name := range have.current().Inline {
		out.PolicyNames = append(out.PolicyNames, name)
	}
	slices.Sort(out.PolicyNames)
	return out, err
}

func (r *Room) attachRolePolicy(_ context.Context, form url.Values) (any, error) {
	arn := form.Get("PolicyArn")
	if err := r.attachable(arn); err != nil {
		return nil, err
	}
	return nil, r.change(form.Get("RoleName"), func(now *rights) error { now.attach(arn); return nil })
}

func (r *Room) detachRolePolicy(_ context.Context, form url.Values) (any, error) {
	have, err := r.roleOf(form)
	if err != nil {
		return nil, err
	}
	arn := form.Get("PolicyArn")
	if !slices.Contains(have.current().Managed, arn) {
		return nil, &protocol.Error{Code: "NoSuchEntity", Status: http.StatusNotFound, Message: fmt.Sprintf("Policy %s was not found.", arn)}
	}
	return nil, r.change(have.Name, func(now *rights) error { now.detach(arn); return nil })
}

func (r *Room) listAttachedRolePolicies(_ context.Context, form url.Values) (any, error) {
	have, err := r.roleOf(form)
	type attached struct{ PolicyName, PolicyArn string }
	var out struct {
		IsTruncated      bool
		AttachedPolicies []attached `xml:"AttachedPolicies>member"`
	}
	for _, arn := range have.current().Managed {
		out.AttachedPolicies = append(out.AttachedPolicies, attached{arn[strings.LastIndexByte(arn, '/')+1:], arn})
	}
	return out, err
}
