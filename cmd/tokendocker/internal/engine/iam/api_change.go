package iam

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
)

// updateRole changes a role's description and longest session.
// Source: IAM API Reference, UpdateRole.
func (r *Room) updateRole(_ context.Context, form url.Values) (any, error) {
	longest, err := sessionDuration(json.Number(form.Get("MaxSessionDuration")))
	if err != nil {
		return nil, err
	}
	return struct{}{}, r.change(form.Get("RoleName"), func(now *rights) error { // the SDKs look for an empty result
		if form.Has("Description") {
			now.Description = form.Get("Description")
		}
		if longest > 0 {
			now.Longest = longest
		}
		return nil
	})
}

func (r *Room) updateTrust(_ context.Context, form url.Values) (any, error) {
	text, err := document([]byte(form.Get("PolicyDocument")), policy.Trust)
	if err != nil {
		return nil, err
	}
	return nil, r.change(form.Get("RoleName"), func(now *rights) error { now.Trust = text; return nil })
}

func (r *Room) putBoundary(_ context.Context, form url.Values) (any, error) {
	arn := form.Get("PermissionsBoundary")
	if err := r.boundary(arn); err != nil {
		return nil, err
	}
	return nil, r.change(form.Get("RoleName"), func(now *rights) error { now.Boundary = arn; return nil })
}

func (r *Room) deleteBoundary(_ context.Context, form url.Values) (any, error) {
	return nil, r.change(form.Get("RoleName"), func(now *rights) error { now.Boundary = ""; return nil })
}

func (r *Room) tagRole(_ context.Context, form url.Values) (any, error) {
	return nil, r.change(form.Get("RoleName"), func(now *rights) error {
		if now.Tags == nil {
			now.Tags = map[string]string{}
		}
		for i := 1; form.Has(fmt.Sprintf("Tags.member.%d.Key", i)); i++ {
			now.Tags[form.Get(fmt.Sprintf("Tags.member.%d.Key", i))] = form.Get(fmt.Sprintf("Tags.member.%d.Value", i))
		}
		return nil
	})
}

func (r *Room) untagRole(_ context.Context, form url.Values) (any, error) {
	return nil, r.change(form.Get("RoleName"), func(now *rights) error {
		for _, key := range list(form, "TagKeys") {
			delete(now.Tags, key)
		}
		return nil
	})
}

func (r *Room) listRoleTags(_ context.Context, form url.Values) (any, error) {
	have, err := r.roleOf(form)
	return struct {
		IsTruncated bool
		Tags        []tagOutput `xml:"Tags>member"`
	}{Tags: tagOutputs(have.current().Tags)}, err
}

// listPolicies lists the account's own policies, and those of AWS that the room knows.
// Source: IAM API Reference, ListPolicies.
func (r *Room) listPolicies(_ context.Context, form url.Values) (any, error) {
	var arns []string
	scope := form.Get("Scope")
	if scope != "AWS" {
		for arn := range r.managed.All() {
			arns = append(arns, arn)
		}
	}
	if scope != "Local" {
		for name := range awsPolicies {
			arns = append(arns, "arn:"+r.Partition+":iam::aws:policy/"+name)
		}
	}
	slices.Sort(arns)
	var out struct {
		IsTruncated bool
		Policies    []policyOutput `xml:"Policies>member"`
	}
	for _, arn := range arns {
		one, err := r.describePolicy(url.Values{"PolicyArn": {arn}})
		if err != nil {
			return nil, err
		}
		if strings.HasPrefix(one.Path, form.Get("PathPrefix")) && (form.Get("OnlyAttached") != "true" || one.AttachmentCount > 0) {
			out.Policies = append(out.Policies, one)
		}
	}
	return out, nil
}

func (r *Room) listPolicyVersions(_ context.Context, form url.Values) (any, error) {
	have, _, err := r.managedOf(form)
	type entry struct {
		VersionId        string //nolint:revive // AWS's spelling
		IsDefaultVersion bool
		CreateDate       string
	}
	return struct {
		IsTruncated bool
		Versions    []entry `xml:"Versions>member"`
	}{Versions: []entry{{onlyVersion, true, stamp(have.Created)}}}, err
}

// listInstanceProfiles answers that a role is in none: instance profiles have identifiers only.
func (r *Room) listInstanceProfiles(_ context.Context, form url.Values) (any, error) {
	_, err := r.roleOf(form)
	return struct {
		IsTruncated      bool
		InstanceProfiles struct{}
	}{}, err
}

func (r *Room) listAccountAliases(context.Context, url.Values) (any, error) {
	return struct {
		IsTruncated    bool
		AccountAliases struct{}
	}{}, nil
}

func (r *Room) listProviders(context.Context, url.Values) (any, error) {
	type entry struct{ Arn string }
	var out struct {
		Providers []entry `xml:"OpenIDConnectProviderList>member"`
	}
	for arn := range r.providers.All() {
		out.Providers = append(out.Providers, entry{arn})
	}
	return out, nil
}
