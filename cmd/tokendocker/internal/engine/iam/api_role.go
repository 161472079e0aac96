package iam

import (
	"context"
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
	name, path := form.Get("RoleName"), form.Get("Path")
	if path == "" {
		path = "/"
	}
	properties := map[string]any{"AssumeRolePolicyDocument": form.Get("AssumeRolePolicyDocument")}
	for _, one := range []string{"PermissionsBoundary", "MaxSessionDuration"} {
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
	err = r.roles.Update(name, func(old role, found bool) (role, error) {
		if found {
			return old, conflict("EntityAlreadyExists", "Role with name %s already exists.", name)
		}
		return role{Name: name, Path: path, ID: uniqueID("AROA"), ARN: r.arn("role", path, name), Created: r.Clock.Now()}, nil
	})
	if err != nil {
		return nil, err
	}
	if err := (roleProvider{r}).apply(name, props, roleProperties{}); err != nil {
		if undo := r.roles.Delete(name); undo != nil {
			return nil, undo
		}
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
