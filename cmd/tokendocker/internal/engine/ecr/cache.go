package ecr

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// cacheRule is a pull-through cache rule in the API's own spelling: repositories below its prefix stand for those of an
// upstream registry.
type cacheRule struct {
	Prefix         string             `json:"ecrRepositoryPrefix"`
	URL            string             `json:"upstreamRegistryUrl"`
	Registry       string             `json:"upstreamRegistry"`
	UpstreamPrefix string             `json:"upstreamRepositoryPrefix,omitempty"`
	Credential     string             `json:"credentialArn,omitempty"`
	Role           string             `json:"customRoleArn,omitempty"`
	RegistryID     string             `json:"registryId"`
	Created        protocol.Timestamp `json:"createdAt"`
}

// Source: ECR API Reference, CreatePullThroughCacheRule.
var (
	prefixPattern     = regexp.MustCompile(`^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*/?|ROOT)$`)
	credentialPattern = regexp.MustCompile(`^arn:aws(-\w+)*:secretsmanager:[a-zA-Z0-9-:]+:secret:ecr-pullthroughcache/[a-zA-Z0-9/_+=.@-]+$`)
)

const (
	minCachePrefix = 2  // ECR API Reference, CreatePullThroughCacheRule
	maxCachePrefix = 30 // the same
	maxCacheRules  = 50 // Amazon ECR User Guide, "Amazon ECR service quotas": pull through cache rules per registry

	hub        = "docker-hub"
	privateECR = "ecr"
)

// upstream is a registry that rules may name.
type upstream struct {
	name  string
	url   *regexp.Regexp
	login bool // its users need a password, which stands in a secret
}

// upstreams are the registries that rules may name.
// Source: Amazon ECR User Guide, "Sync an upstream registry with an Amazon ECR private registry".
var upstreams = []upstream{
	{"ecr-public", regexp.MustCompile(`^public\.ecr\.aws$`), false},
	{"k8s", regexp.MustCompile(`^registry\.k8s\.io$`), false},
	{"quay", regexp.MustCompile(`^quay\.io$`), false},
	{hub, regexp.MustCompile(`^registry-1\.docker\.io$`), true},
	{"github-container-registry", regexp.MustCompile(`^ghcr\.io$`), true},
	{"gitlab-container-registry", regexp.MustCompile(`^registry\.gitlab\.com$`), true},
	{"azure-container-registry", regexp.MustCompile(`^[a-zA-Z0-9]+\.azurecr\.(io|us|cn)$`), true},
	{"chainguard", regexp.MustCompile(`^cgr\.dev$`), true},
	{privateECR, regexp.MustCompile(`^[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$`), false},
}

// check completes a rule, and refuses what CreatePullThroughCacheRule refuses.
// Source: ECR API Reference, CreatePullThroughCacheRule; Amazon ECR User Guide, "Storing your upstream repository
// credentials in an AWS Secrets Manager secret".
func (r *Room) check(at place, c *cacheRule) error {
	if len(c.Prefix) < minCachePrefix || len(c.Prefix) > maxCachePrefix || !prefixPattern.MatchString(c.Prefix) {
		return errParameter("ecrRepositoryPrefix", "must have 2 to 30 characters and satisfy regular expression '"+prefixPattern.String()+"'")
	}
	i := slices.IndexFunc(upstreams, func(u upstream) bool { return u.url.MatchString(c.URL) && (c.Registry == "" || c.Registry == u.name) })
	if i < 0 {
		return protocol.Errorf("UnsupportedUpstreamRegistryException", "The specified upstream registry isn't supported.")
	}
	c.Registry, c.RegistryID, c.Created = upstreams[i].name, at.account, protocol.Timestamp(r.Clock.Now())
	if !upstreams[i].login {
		return nil
	}
	if !credentialPattern.MatchString(c.Credential) {
		return errParameter("credentialArn", "must be given for "+c.URL+" and satisfy regular expression '"+credentialPattern.String()+"'")
	}
	if _, err := r.Secret(at.region, c.Credential); err != nil {
		return protocol.Errorf("SecretNotFoundException", "The ARN of the secret specified in the pull through cache rule was not found. "+
			"Update the pull through cache rule with a valid secret ARN and try again.")
	}
	return nil
}

func (r *Room) createPullThroughCacheRule(_ context.Context, call *protocol.Call, in cacheRule) (any, error) {
	return r.addCache(where(call, in.RegistryID), in)
}

func (r *Room) addCache(at place, c cacheRule) (cacheRule, error) {
	if err := r.check(at, &c); err != nil {
		return c, err
	}
	return c, r.changeRegistry(at, func(reg *registry) error {
		if slices.ContainsFunc(reg.Caches, func(other cacheRule) bool { return other.Prefix == c.Prefix }) {
			return protocol.Errorf("PullThroughCacheRuleAlreadyExistsException", "A pull through cache rule with these settings already exists for the private registry.")
		}
		if len(reg.Caches) == maxCacheRules {
			return protocol.Errorf("LimitExceededException", "The registry has %d pull through cache rules, the most that there may be.", maxCacheRules)
		}
		reg.Caches = append(slices.Clone(reg.Caches), c)
		return nil
	})
}

func (r *Room) describePullThroughCacheRules(_ context.Context, call *protocol.Call, in struct {
	target
	Prefixes   []string `json:"ecrRepositoryPrefixes"`
	NextToken  string   `json:"nextToken"`
	MaxResults int      `json:"maxResults"`
}) (any, error) {
	reg, _, err := r.registries.Get(where(call, in.RegistryID).key())
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(slices.Clone(reg.Caches), func(c cacheRule) bool {
		return len(in.Prefixes) > 0 && !slices.Contains(in.Prefixes, c.Prefix)
	})
	if len(found) < len(in.Prefixes) {
		return nil, errNoCache()
	}
	part, next, err := page(found, in.NextToken, in.MaxResults, describeByPage)
	return paged(map[string]any{"pullThroughCacheRules": notNil(part)}, next), err
}

func (r *Room) deletePullThroughCacheRule(_ context.Context, call *protocol.Call, in cacheRule) (any, error) {
	return r.removeCache(where(call, in.RegistryID), in.Prefix)
}

// removeCache removes a rule; what was imported by it stays.
func (r *Room) removeCache(at place, prefix string) (gone cacheRule, err error) {
	err = r.changeRegistry(at, func(reg *registry) error {
		i := slices.IndexFunc(reg.Caches, func(c cacheRule) bool { return c.Prefix == prefix })
		if i < 0 {
			return errNoCache()
		}
		gone = reg.Caches[i]
		reg.Caches = slices.Delete(slices.Clone(reg.Caches), i, i+1)
		return nil
	})
	return gone, err
}

func errNoCache() error {
	return protocol.Errorf("PullThroughCacheRuleNotFoundException", "The pull through cache rule was not found. Specify a valid pull through cache rule and try again.")
}

// upstream returns the upstream repository that a repository stands for.
func (c cacheRule) upstream(name string) string {
	if c.Prefix != rootPrefix {
		name = strings.TrimPrefix(name, strings.TrimSuffix(c.Prefix, "/")+"/")
	}
	if c.UpstreamPrefix != "" && c.UpstreamPrefix != rootPrefix {
		name = strings.TrimSuffix(c.UpstreamPrefix, "/") + "/" + name
	}
	return name
}

// cacheProvider is AWS::ECR::PullThroughCacheRule.
// Source: AWS CloudFormation Template Reference, AWS::ECR::PullThroughCacheRule.
type cacheProvider struct{ room *Room }

// Immutable returns all properties: a rule is never changed.
func (cacheProvider) Immutable() []string {
	return []string{"CredentialArn", "CustomRoleArn", "EcrRepositoryPrefix", "UpstreamRegistry", "UpstreamRegistryUrl", "UpstreamRepositoryPrefix"}
}

// Create makes the rule.
func (p cacheProvider) Create(_ context.Context, req resource.Request) (resource.Result, error) {
	props := req.Properties
	made, err := p.room.addCache(placeOfStack(req.Stack), cacheRule{
		Prefix: resource.Text(props["EcrRepositoryPrefix"]), URL: resource.Text(props["UpstreamRegistryUrl"]), Registry: resource.Text(props["UpstreamRegistry"]),
		UpstreamPrefix: resource.Text(props["UpstreamRepositoryPrefix"]), Credential: resource.Text(props["CredentialArn"]), Role: resource.Text(props["CustomRoleArn"]),
	})
	if err != nil {
		return resource.Result{}, err
	}
	return resource.Result{PhysicalID: made.Prefix}, nil
}

// Update has nothing to change.
func (p cacheProvider) Update(_ context.Context, req resource.Request) (resource.Result, error) {
	return resource.Result{PhysicalID: req.PhysicalID}, nil
}

// Delete removes the rule; one that is gone already is no error.
func (p cacheProvider) Delete(_ context.Context, req resource.Request) error {
	_, err := p.room.removeCache(placeOfStack(req.Stack), req.PhysicalID)
	return ignore(err, "PullThroughCacheRuleNotFoundException")
}

// ignore makes an error with a code none.
func ignore(err error, code string) error {
	if protocol.HasCode(err, code) {
		return nil
	}
	return err
}
