package ecr_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// TestCachesOfECR: a registry that stands for another one of ECR, in another region or account.
func TestCachesOfECR(t *testing.T) {
	const page = "Amazon ECR User Guide, Setting up permissions for cross-account ECR to ECR PTC, 2026-11"
	const refused = "UnableToGetUpstreamImageException: The authentication to the upstream registry failed."
	take := `["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer","ecr:BatchImportUpstreamImage","ecr:GetImageCopyStatus"]`
	cases := []struct {
		name, source, limit string
		account, region     string // of the cache
		role                string // of its rule
		lent                string // actions that the image's repository gives the cache's account
		tag                 string
		want                string // of the error; empty: none
	}{
		{name: "another region", source: page, account: "111122223333", region: "us-west-2", tag: "one"},
		{name: "another account", source: page, account: "444455556666", region: "eu-west-1", role: "taker", lent: take, tag: "one"},
		{name: "another account and region", source: page, account: "444455556666", region: "us-west-2", role: "taker", lent: take, tag: "one"},
		{name: "no such image", source: page, account: "444455556666", region: "eu-west-1", role: "taker", lent: take, tag: "two", want: "ImageNotFoundException: "},
		{name: "repository lends nothing", source: page, account: "444455556666", region: "eu-west-1", role: "taker", tag: "one", want: refused},
		{name: "repository lends too little", source: page, account: "444455556666", region: "eu-west-1", role: "taker", lent: `["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"]`, tag: "one", want: refused},
		{name: "role that does not trust", source: page, account: "444455556666", region: "eu-west-1", role: "other", lent: take, tag: "one", want: refused},
		{name: "no role", source: page, account: "444455556666", region: "eu-west-1", lent: take, tag: "one", want: refused},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.room.Caller = policies{}
			w.room.Assume = func(_ context.Context, role, service string) (*session.Session, func(), error) {
				if role != "arn:aws:iam::444455556666:role/taker" || service != "pullthroughcache.ecr.amazonaws.com" {
					return nil, nil, protocol.Errorf("AccessDeniedException", "no trust")
				}
				return &session.Session{Account: "444455556666", ARN: "arn:aws:sts::444455556666:assumed-role/taker/engine"}, func() {}, nil
			}
			w.create(&client.CreateRepositoryInput{RepositoryName: aws.String("team/app")})
			digest := ok(w.put("team/app", "one", "one"))
			if c.lent != "" {
				ok(w.SetRepositoryPolicy(t.Context(), &client.SetRepositoryPolicyInput{RepositoryName: aws.String("team/app"), PolicyText: aws.String(fmt.Sprintf(
					`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":%s}]}`, json.RawMessage(c.lent)))}))
			}
			properties := map[string]any{"EcrRepositoryPrefix": "theirs", "UpstreamRegistryUrl": "111122223333.dkr.ecr.eu-west-1.amazonaws.com", "UpstreamRepositoryPrefix": "team"}
			if c.role != "" {
				properties["CustomRoleArn"] = "arn:aws:iam::444455556666:role/" + c.role
			}
			_, err := w.room.Resources()["AWS::ECR::PullThroughCacheRule"].Create(t.Context(),
				resource.Request{Stack: resource.Stack{Account: c.account, Region: c.region, Partition: "aws"}, Properties: properties})
			if err != nil {
				t.Fatal(err)
			}
			arn := "arn:aws:ecr:" + c.region + ":" + c.account + ":repository/theirs/app"
			puller := &session.Session{Account: c.account, ARN: "arn:aws:iam::" + c.account + ":root"}
			err = w.room.Import(t.Context(), puller, arn, c.tag)
			if (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("got %v, want %q (%s)", err, c.want, c.source)
			}
			if got, there := w.room.Resolve(arn, c.tag); there != (c.want == "") || there && got != digest {
				t.Errorf("the cache has %q, want %q", got, digest)
			}
		})
	}
}
