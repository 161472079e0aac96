package ecr_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ecr"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

const (
	hubSecret = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:ecr-pullthroughcache/hub-a1B2c3"
	hubURL    = "registry-1.docker.io"
	quayURL   = "quay.io"
)

// cached is a world whose Secrets Manager has hubSecret and whose upstream registries have every image.
func cached(t *testing.T, value string) *world {
	t.Helper()
	w := newWorld(t)
	w.room.Secret = func(region, arn string) (string, error) {
		if region != "eu-west-1" || arn != hubSecret {
			return "", protocol.Errorf("ResourceNotFoundException", "no such secret")
		}
		return value, nil
	}
	w.room.Upstream = func(ctx context.Context, from ecr.UpstreamImage, arn string) ([]string, error) {
		w.imported = append(w.imported, from)
		digest, err := w.store.PutManifest(ctx, arn, "application/vnd.oci.image.index.v1+json",
			[]byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}`))
		return []string{digest}, err
	}
	return w
}

func (w *world) cache(prefix, url, secret string) error {
	_, err := w.CreatePullThroughCacheRule(w.t.Context(), &client.CreatePullThroughCacheRuleInput{
		EcrRepositoryPrefix: &prefix, UpstreamRegistryUrl: &url, CredentialArn: text(secret)})
	return err
}

// TestCacheRules is the marked case table of what CreatePullThroughCacheRule takes.
func TestCacheRules(t *testing.T) {
	const page = "ECR API Reference, CreatePullThroughCacheRule, 2026-11"
	cases := []struct {
		name, source, limit string
		prefix, url, secret string
		want                string
	}{
		{name: "Quay", source: page, prefix: "quay", url: quayURL},
		{name: "Docker Hub", source: page, prefix: "docker-hub", url: hubURL, secret: hubSecret},
		{name: "everything", source: page, prefix: "ROOT", url: "public.ecr.aws"},
		{name: "levels", source: page, prefix: "team/quay", url: quayURL},
		{name: "upper case", source: page, prefix: "Quay", url: quayURL, want: "InvalidParameterException: Invalid parameter at 'ecrRepositoryPrefix'"},
		{name: "31 characters", source: page, prefix: strings.Repeat("q", 31), url: quayURL, want: "InvalidParameterException: Invalid parameter at 'ecrRepositoryPrefix'"},
		{name: "the prefix is taken", source: page, prefix: "taken", url: quayURL, want: "PullThroughCacheRuleAlreadyExistsException: "},
		{name: "other registry", source: page, prefix: "mine", url: "registry.example.com", want: "UnsupportedUpstreamRegistryException: The specified upstream registry isn't supported."},
		{name: "Docker Hub without a secret", source: page, limit: "the message's words are ours", prefix: "hub", url: hubURL, want: "InvalidParameterException: Invalid parameter at 'credentialArn' failed to satisfy constraint: 'must be given for registry-1.docker.io"},
		{name: "secret of another name", source: page, prefix: "hub", url: hubURL, secret: strings.Replace(hubSecret, "ecr-pullthroughcache/", "", 1), want: "InvalidParameterException: Invalid parameter at 'credentialArn'"},
		{name: "secret that is not there", source: page, prefix: "hub", url: hubURL, secret: hubSecret[:len(hubSecret)-1], want: "SecretNotFoundException: "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := cached(t, "{}")
			if err := w.cache("taken", quayURL, ""); err != nil {
				t.Fatal(err)
			}
			if got := code(w.cache(c.prefix, c.url, c.secret)); got != c.want && (c.want == "" || !strings.HasPrefix(got, c.want)) {
				t.Errorf("got %q, want %q (%s)", got, c.want, c.source)
			}
		})
	}
}

func TestCacheRulesAreListed(t *testing.T) {
	ctx, w := t.Context(), cached(t, "{}")
	for _, prefix := range []string{"quay", "other"} {
		if err := w.cache(prefix, quayURL, ""); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.rules(rule(nil, "us-west-2")); err != nil { // another setting of the same registry
		t.Fatal(err)
	}
	all := ok(w.DescribePullThroughCacheRules(ctx, &client.DescribePullThroughCacheRulesInput{})).PullThroughCacheRules
	if len(all) != 2 || *all[0].EcrRepositoryPrefix != "quay" || all[0].UpstreamRegistry != types.UpstreamRegistryQuay || all[0].CreatedAt.IsZero() || *all[0].RegistryId != "111122223333" {
		t.Errorf("%+v", all)
	}
	if gone := ok(w.DeletePullThroughCacheRule(ctx, &client.DeletePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String("quay")})); *gone.EcrRepositoryPrefix != "quay" {
		t.Errorf("%+v", gone)
	}
	for range 2 {
		_, err := w.DeletePullThroughCacheRule(ctx, &client.DeletePullThroughCacheRuleInput{EcrRepositoryPrefix: aws.String("quay")})
		if got := code(err); !strings.HasPrefix(got, "PullThroughCacheRuleNotFoundException: ") {
			t.Error(got)
		}
	}
	_, err := w.DescribePullThroughCacheRules(ctx, &client.DescribePullThroughCacheRulesInput{EcrRepositoryPrefixes: []string{"quay"}})
	if got := code(err); !strings.HasPrefix(got, "PullThroughCacheRuleNotFoundException: ") {
		t.Error(got)
	}
}

// TestWhoMayImport is the marked case table of the rights to a first pull.
func TestWhoMayImport(t *testing.T) {
	const (
		page     = "Amazon ECR User Guide, IAM permissions required to sync an upstream registry, 2026-11"
		registry = "Amazon ECR User Guide, Private registry permissions, 2026-11"
		puller   = `"Principal":{"AWS":"arn:aws:iam::111122223333:role/Puller"}`
		hub      = `"Resource":"arn:aws:ecr:eu-west-1:111122223333:repository/hub/*"`
		silent   = `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`
		both     = `{"Effect":"Allow","Action":["ecr:CreateRepository","ecr:BatchImportUpstreamImage"],` + hub + `}`
		noRepo   = "RepositoryNotFoundException: The repository with name 'hub/library/a' does not exist in the registry with id '111122223333'"
		noImage  = "ImageNotFoundException: Requested image not found"
	)
	allow := func(actions string) string {
		return `{"Effect":"Allow",` + puller + `,"Action":` + actions + `,` + hub + `}`
	}
	cases := []struct {
		name, source, limit string
		identity            string // the puller's own policy
		registry            string // the registry's policy
		repository          string // the policy of the repository, which is there then
		want, hint          string
	}{
		{name: "own policy", source: page, identity: both},
		{name: "registry's policy", source: page, identity: silent, registry: allow(`["ecr:CreateRepository","ecr:BatchImportUpstreamImage"]`)},
		{name: "half and half", source: page, identity: `{"Effect":"Allow","Action":"ecr:CreateRepository",` + hub + `}`, registry: allow(`"ecr:BatchImportUpstreamImage"`)},
		{name: "nobody", source: page, identity: silent, want: noRepo, hint: "ecr:CreateRepository on resource: arn:aws:ecr:eu-west-1:111122223333:repository/hub/library/a"},
		{name: "not to create", source: page, identity: `{"Effect":"Allow","Action":"ecr:BatchImportUpstreamImage",` + hub + `}`, want: noRepo, hint: "ecr:CreateRepository"},
		{name: "not to import", source: page, identity: `{"Effect":"Allow","Action":"ecr:CreateRepository",` + hub + `}`, want: noImage, hint: "ecr:BatchImportUpstreamImage"},
		{name: "another prefix", source: page, identity: strings.Replace(both, "/hub/", "/quay/", 1), want: noRepo, hint: "ecr:CreateRepository"},
		{name: "repository's policy", source: page, identity: silent, repository: `{"Effect":"Allow",` + puller + `,"Action":"ecr:BatchImportUpstreamImage"}`},
		{name: "policies of both", source: registry, identity: silent, registry: allow(`"ecr:BatchImportUpstreamImage"`), repository: `{"Effect":"Allow",` + puller + `,"Action":"ecr:BatchGetImage"}`},
		{name: "the registry denies", source: registry, identity: both, registry: `{"Effect":"Deny","Principal":"*","Action":"ecr:BatchImportUpstreamImage",` + hub + `}`, want: noImage, hint: "ecr:BatchImportUpstreamImage"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			ctx, w, front := t.Context(), cached(t, `{"username":"me","accessToken":"x"}`), doortest.New(t, 1)
			w.room.Caller = front.Door
			if err := w.cache("hub", hubURL, hubSecret); err != nil {
				t.Fatal(err)
			}
			document := func(statement string) *string {
				return aws.String(fmt.Sprintf(`{"Version":"2012-10-17","Statement":%s}`, statement))
			}
			if c.registry != "" {
				ok(w.PutRegistryPolicy(ctx, &client.PutRegistryPolicyInput{PolicyText: document(c.registry)}))
			}
			if c.repository != "" {
				w.create(&client.CreateRepositoryInput{RepositoryName: aws.String("hub/library/a")})
				ok(w.SetRepositoryPolicy(ctx, &client.SetRepositoryPolicyInput{RepositoryName: aws.String("hub/library/a"), PolicyText: document(c.repository)}))
			}
			const arn = "arn:aws:ecr:eu-west-1:111122223333:repository/hub/library/a"
			err := w.room.Import(ctx, front.Role("Puller", *document(c.identity)), arn, "1")
			got, hint := "", ""
			if e := (*protocol.Error)(nil); errors.As(err, &e) {
				got, hint = e.Error(), e.Hint
			} else if err != nil {
				t.Fatal(err)
			}
			if got != c.want || !strings.Contains(hint, c.hint) {
				t.Errorf("got %q with hint %q, want %q (%s)", got, hint, c.want, c.source)
			}
			if _, there := w.room.Resolve(arn, "1"); there != (c.want == "") || there != (len(w.imported) == 1) {
				t.Errorf("the image is there: %v; imported %+v", there, w.imported)
			}
		})
	}
}

// TestUpstream: what a repository stands for, and with whose password it is asked for.
// Source: ECR API Reference, CreatePullThroughCacheRule, "upstreamRepositoryPrefix" (read 2026-11-21).
func TestUpstream(t *testing.T) {
	w, front := cached(t, `{"username":"me","accessToken":"x"}`), doortest.New(t, 1)
	w.room.Caller = front.Door
	for _, in := range []client.CreatePullThroughCacheRuleInput{
		{EcrRepositoryPrefix: aws.String("hub"), UpstreamRegistryUrl: aws.String(hubURL), CredentialArn: aws.String(hubSecret)},
		{EcrRepositoryPrefix: aws.String("hub/official"), UpstreamRegistryUrl: aws.String(hubURL), CredentialArn: aws.String(hubSecret), UpstreamRepositoryPrefix: aws.String("library")},
		{EcrRepositoryPrefix: aws.String("ROOT"), UpstreamRegistryUrl: aws.String(quayURL)},
	} {
		ok(w.CreatePullThroughCacheRule(t.Context(), &in))
	}
	for name, want := range map[string]ecr.UpstreamImage{
		"hub/library/a":  {Host: hubURL, Repository: "library/a", Reference: "1", Username: "me", Password: "x"},
		"hub/official/a": {Host: hubURL, Repository: "library/a", Reference: "1", Username: "me", Password: "x"},
		"team/a":         {Host: quayURL, Repository: "team/a", Reference: "1"},
	} {
		w.imported = nil
		if err := w.room.Import(t.Context(), front.Operator, "arn:aws:ecr:eu-west-1:111122223333:repository/"+name, "1"); err != nil || len(w.imported) != 1 || w.imported[0] != want {
			t.Errorf("%s stands for %+v, %v", name, w.imported, err)
		}
	}
	bad := cached(t, "no JSON")
	bad.room.Caller = front.Door
	if err := bad.cache("hub", hubURL, hubSecret); err != nil {
		t.Fatal(err)
	}
	if err := bad.room.Import(t.Context(), front.Operator, "arn:aws:ecr:eu-west-1:111122223333:repository/hub/library/a", "1"); err == nil || !strings.Contains(err.Error(), "authentication to the upstream registry failed") {
		t.Errorf("a secret without a password: %v", err)
	}
}
