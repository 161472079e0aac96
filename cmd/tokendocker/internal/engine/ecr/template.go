package ecr

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// For whom ECR makes a repository by itself (ECR API Reference, CreateRepositoryCreationTemplate, "appliedFor").
const (
	forReplication = "REPLICATION"
	forCache       = "PULL_THROUGH_CACHE"
	forPush        = "CREATE_ON_PUSH"
)

// rootPrefix is the prefix of what has no other.
const rootPrefix = "ROOT"

// creationTemplate is what repositories below a prefix get that ECR makes by itself, in the API's own spelling.
type creationTemplate struct {
	Prefix      string             `json:"prefix"`
	Description string             `json:"description,omitempty"`
	Encryption  *encryption        `json:"encryptionConfiguration,omitempty"`
	Tags        []tag              `json:"resourceTags,omitempty"`
	Mutability  string             `json:"imageTagMutability,omitempty"`
	Exclusions  []exclusion        `json:"imageTagMutabilityExclusionFilters,omitempty"`
	Policy      string             `json:"repositoryPolicy,omitempty"`
	Lifecycle   string             `json:"lifecyclePolicy,omitempty"`
	AppliedFor  []string           `json:"appliedFor"`
	Role        string             `json:"customRoleArn,omitempty"`
	Created     protocol.Timestamp `json:"createdAt"`
	Updated     protocol.Timestamp `json:"updatedAt"`
}

// check refuses what CreateRepositoryCreationTemplate refuses.
// Source: ECR API Reference, CreateRepositoryCreationTemplate; Amazon ECR User Guide, "IAM permissions for repository
// creation templates".
func (t creationTemplate) check() error {
	if t.Prefix == "" || len(t.Prefix) > maxNameLength || !prefixPattern.MatchString(t.Prefix) {
		return errParameter("prefix", "must have 1 to 256 characters and satisfy regular expression '"+prefixPattern.String()+"'")
	}
	if len(t.AppliedFor) == 0 {
		return errParameter("appliedFor", "must not be empty")
	}
	for _, purpose := range t.AppliedFor {
		if !slices.Contains([]string{forReplication, forCache, forPush}, purpose) {
			return errParameter("appliedFor", "must satisfy enum value set: [REPLICATION, PULL_THROUGH_CACHE, CREATE_ON_PUSH]")
		}
	}
	if t.Role == "" && (len(t.Tags) > 0 || t.Encryption != nil && t.Encryption.EncryptionType != "AES256") {
		return errParameter("customRoleArn", "must not be null when the template has resource tags or encryption with KMS")
	}
	if t.Lifecycle != "" {
		if err := checkLifecycle(t.Lifecycle); err != nil {
			return err
		}
	}
	if t.Mutability == "" {
		t.Mutability = mutable
	}
	return checkMutability(t.Mutability, t.Exclusions)
}

// fits reports whether the template is for a repository that is made for a purpose.
func (t creationTemplate) fits(name, purpose string) bool {
	return slices.Contains(t.AppliedFor, purpose) && below(name, t.Prefix)
}

// below reports whether a repository's name is below a prefix.
func below(name, prefix string) bool {
	return prefix == rootPrefix || strings.HasPrefix(name, strings.TrimSuffix(prefix, "/")+"/")
}

// closer reports whether a prefix says more about a name than another.
func closer(prefix, other string) bool {
	return other == rootPrefix || prefix != rootPrefix && len(prefix) > len(other)
}

// templateFor returns the template of a repository that is made for a purpose, if there is one: the one with the longest
// prefix.
// Source: Amazon ECR User Guide, "Repository creation templates".
func (r *Room) templateFor(at place, name, purpose string) (found creationTemplate, err error) {
	reg, _, err := r.registries.Get(at.key())
	for _, t := range reg.Templates {
		if t.fits(name, purpose) && (found.Prefix == "" || closer(t.Prefix, found.Prefix)) {
			found = t
		}
	}
	return found, err
}

// createFor makes a repository by ECR's own doing.
func (r *Room) createFor(at place, name, purpose string) error {
	t, err := r.templateFor(at, name, purpose)
	if err != nil {
		return err
	}
	in := createInput{Tags: t.Tags, ImageTagMutability: t.Mutability, ImageTagMutabilityExclusionFilters: t.Exclusions, EncryptionConfiguration: t.Encryption}
	in.RepositoryName = name
	made, err := r.create(at, in)
	if err != nil {
		return err
	}
	_, err = r.change(made.ARN, func(repo *repository) error {
		repo.Policy, repo.Lifecycle = t.Policy, t.Lifecycle
		return nil
	})
	return err
}

func (r *Room) createRepositoryCreationTemplate(_ context.Context, call *protocol.Call, in creationTemplate) (any, error) {
	at := where(call, "")
	made, err := r.addTemplate(at, in)
	return map[string]any{"registryId": at.account, "repositoryCreationTemplate": made}, err
}

func (r *Room) addTemplate(at place, t creationTemplate) (creationTemplate, error) {
	if err := t.check(); err != nil {
		return t, err
	}
	t.Created = protocol.Timestamp(r.Clock.Now())
	t.Updated = t.Created
	return t, r.changeRegistry(at, func(reg *registry) error {
		if slices.ContainsFunc(reg.Templates, func(other creationTemplate) bool { return other.Prefix == t.Prefix }) {
			return protocol.Errorf("TemplateAlreadyExistsException", "The repository creation template already exists. Specify a unique prefix and try again.")
		}
		reg.Templates = append(slices.Clone(reg.Templates), t)
		return nil
	})
}

func (r *Room) describeRepositoryCreationTemplates(_ context.Context, call *protocol.Call, in struct {
	Prefixes   []string `json:"prefixes"`
	NextToken  string   `json:"nextToken"`
	MaxResults int      `json:"maxResults"`
}) (any, error) {
	at := where(call, "")
	reg, _, err := r.registries.Get(at.key())
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(slices.Clone(reg.Templates), func(t creationTemplate) bool {
		return len(in.Prefixes) > 0 && !slices.Contains(in.Prefixes, t.Prefix)
	})
	if len(found) < len(in.Prefixes) {
		return nil, errNoTemplate()
	}
	part, next, err := page(found, in.NextToken, in.MaxResults, describeByPage)
	return paged(map[string]any{"registryId": at.account, "repositoryCreationTemplates": notNil(part)}, next), err
}

func (r *Room) deleteRepositoryCreationTemplate(_ context.Context, call *protocol.Call, in struct {
	Prefix string `json:"prefix"`
}) (any, error) {
	at := where(call, "")
	gone, err := r.removeTemplate(at, in.Prefix)
	return map[string]any{"registryId": at.account, "repositoryCreationTemplate": gone}, err
}

func (r *Room) removeTemplate(at place, prefix string) (gone creationTemplate, err error) {
	err = r.changeRegistry(at, func(reg *registry) error {
		i := slices.IndexFunc(reg.Templates, func(t creationTemplate) bool { return t.Prefix == prefix })
		if i < 0 {
			return errNoTemplate()
		}
		gone = reg.Templates[i]
		reg.Templates = slices.Delete(slices.Clone(reg.Templates), i, i+1)
		return nil
	})
	return gone, err
}

func errNoTemplate() error {
	return protocol.Errorf("TemplateNotFoundException", "The specified repository creation template can't be found. Verify the registry ID and prefix and try again.")
}

// templateProvider is AWS::ECR::RepositoryCreationTemplate.
// Source: AWS CloudFormation Template Reference, AWS::ECR::RepositoryCreationTemplate.
type templateProvider struct{ room *Room }

// Immutable returns the properties whose change makes another template.
func (templateProvider) Immutable() []string { return []string{"Prefix"} }

// Create makes the template.
func (p templateProvider) Create(_ context.Context, req resource.Request) (resource.Result, error) {
	t, err := readTemplate(req)
	if err == nil {
		t, err = p.room.addTemplate(placeOfStack(req.Stack), t)
	}
	return templateResult(t, err)
}

// Update changes the template; repositories that it made stay as they are.
func (p templateProvider) Update(_ context.Context, req resource.Request) (resource.Result, error) {
	t, err := readTemplate(req)
	if err == nil {
		err = t.check()
	}
	if err != nil {
		return resource.Result{}, err
	}
	err = p.room.changeRegistry(placeOfStack(req.Stack), func(reg *registry) error {
		i := slices.IndexFunc(reg.Templates, func(other creationTemplate) bool { return other.Prefix == t.Prefix })
		if i < 0 {
			return errNoTemplate()
		}
		t.Created, t.Updated = reg.Templates[i].Created, protocol.Timestamp(p.room.Clock.Now())
		reg.Templates = slices.Clone(reg.Templates)
		reg.Templates[i] = t
		return nil
	})
	return templateResult(t, err)
}

// Delete removes the template; one that is gone already is no error.
func (p templateProvider) Delete(_ context.Context, req resource.Request) error {
	_, err := p.room.removeTemplate(placeOfStack(req.Stack), req.PhysicalID)
	return ignore(err, "TemplateNotFoundException")
}

func templateResult(t creationTemplate, err error) (resource.Result, error) {
	if err != nil {
		return resource.Result{}, err
	}
	stamp := func(at protocol.Timestamp) string { return time.Time(at).UTC().Format(time.RFC3339) }
	return resource.Result{PhysicalID: t.Prefix, Attributes: map[string]any{"CreatedAt": stamp(t.Created), "UpdatedAt": stamp(t.Updated)}}, nil
}

func readTemplate(req resource.Request) (creationTemplate, error) {
	props := req.Properties
	repository := resource.Request{LogicalID: req.LogicalID, Properties: map[string]any{
		"ImageTagMutability": props["ImageTagMutability"], "EncryptionConfiguration": props["EncryptionConfiguration"],
		"ImageTagMutabilityExclusionFilters": props["ImageTagMutabilityExclusionFilters"], "Tags": props["ResourceTags"],
		"RepositoryPolicyText": props["RepositoryPolicy"],
	}}
	settings, err := read(repository)
	t := creationTemplate{Prefix: resource.Text(props["Prefix"]), Description: resource.Text(props["Description"]), Role: resource.Text(props["CustomRoleArn"]),
		Lifecycle: resource.Text(props["LifecyclePolicy"]), Policy: settings.policy, Tags: settings.create.Tags,
		Mutability: settings.create.ImageTagMutability, Exclusions: settings.create.ImageTagMutabilityExclusionFilters,
		Encryption: settings.create.EncryptionConfiguration}
	purposes, _ := props["AppliedFor"].([]any)
	for _, purpose := range purposes {
		t.AppliedFor = append(t.AppliedFor, resource.Text(purpose))
	}
	return t, err
}
