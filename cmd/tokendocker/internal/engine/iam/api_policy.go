package iam

import (
	"context"
	"crypto/rand"
	"net/url"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

type policyOutput struct {
	PolicyName       string
	PolicyId         string //nolint:revive // AWS's spelling
	Arn              string
	Path             string
	DefaultVersionId string //nolint:revive // AWS's spelling
	AttachmentCount  int
	IsAttachable     bool
	CreateDate       string
	UpdateDate       string
}

// onlyVersion is the version that every policy here has: a change replaces it.
const onlyVersion = "v1"

func (r *Room) createPolicy(ctx context.Context, form url.Values) (any, error) {
	properties := map[string]any{"ManagedPolicyName": form.Get("PolicyName"), "PolicyDocument": form.Get("PolicyDocument")}
	if path := form.Get("Path"); path != "" {
		properties["Path"] = path
	}
	made, err := managedProvider{r}.Create(ctx, resource.Request{Properties: properties, Token: rand.Text()})
	if err != nil {
		return nil, err
	}
	return r.getPolicy(ctx, url.Values{"PolicyArn": {made.PhysicalID}})
}

func (r *Room) getPolicy(_ context.Context, form url.Values) (any, error) {
	out, err := r.describePolicy(form)
	return struct{ Policy policyOutput }{out}, err
}

// describePolicy returns what is told of the policy that a call names.
func (r *Room) describePolicy(form url.Values) (policyOutput, error) {
	have, _, err := r.managedOf(form)
	if err != nil {
		return policyOutput{}, err
	}
	_, path, _ := strings.Cut(have.ARN, ":policy/")
	out := policyOutput{PolicyName: have.Name, PolicyId: have.ID, Arn: have.ARN, DefaultVersionId: onlyVersion, IsAttachable: true,
		Path: "/" + strings.TrimSuffix(path, have.Name), CreateDate: stamp(have.Created), UpdateDate: stamp(have.Created)}
	for _, one := range r.roles.All() {
		if slices.Contains(one.current().Managed, have.ARN) {
			out.AttachmentCount++
		}
	}
	return out, nil
}

func (r *Room) getPolicyVersion(_ context.Context, form url.Values) (any, error) {
	have, text, err := r.managedOf(form)
	var out struct {
		PolicyVersion struct {
			Document         string
			VersionId        string //nolint:revive // AWS's spelling
			IsDefaultVersion bool
			CreateDate       string
		}
	}
	v := &out.PolicyVersion
	v.Document, v.VersionId, v.IsDefaultVersion, v.CreateDate = encoded(text), onlyVersion, true, stamp(have.Created)
	return out, err
}

func (r *Room) deletePolicy(ctx context.Context, form url.Values) (any, error) {
	have, _, err := r.managedOf(form)
	if err != nil {
		return nil, err
	}
	return nil, managedProvider{r}.Delete(ctx, resource.Request{PhysicalID: have.ARN})
}
