package ecr_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// in sends a call to another region.
func in(region string) func(*client.Options) { return func(o *client.Options) { o.Region = region } }

// rule sends repositories to regions of the same account.
func rule(filters []string, regions ...string) types.ReplicationRule {
	var r types.ReplicationRule
	for _, region := range regions {
		r.Destinations = append(r.Destinations, types.ReplicationDestination{Region: &region, RegistryId: aws.String("111122223333")})
	}
	for _, f := range filters {
		r.RepositoryFilters = append(r.RepositoryFilters, types.RepositoryFilter{Filter: &f, FilterType: types.RepositoryFilterTypePrefixMatch})
	}
	return r
}

func (w *world) rules(rules ...types.ReplicationRule) error {
	_, err := w.PutReplicationConfiguration(w.t.Context(), &client.PutReplicationConfigurationInput{
		ReplicationConfiguration: &types.ReplicationConfiguration{Rules: append([]types.ReplicationRule{}, rules...)}})
	return err
}

// status returns what became of an image's replicas, "region STATUS code", sorted.
func (w *world) status(repository, tag string) []string {
	w.t.Helper()
	out := ok(w.DescribeImageReplicationStatus(w.t.Context(), &client.DescribeImageReplicationStatusInput{
		RepositoryName: &repository, ImageId: &types.ImageIdentifier{ImageTag: &tag}}))
	var list []string
	for _, s := range out.ReplicationStatuses {
		list = append(list, strings.TrimSpace(aws.ToString(s.Region)+" "+string(s.Status)+" "+aws.ToString(s.FailureCode)))
	}
	slices.Sort(list)
	return list
}

// await waits until an image's replicas have a state.
func (w *world) await(repository, tag string, want ...string) {
	w.t.Helper()
	for range 400 {
		if slices.Equal(w.status(repository, tag), want) {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	w.t.Fatalf("replicas are %v, want %v", w.status(repository, tag), want)
}

// Source: Amazon ECR User Guide, "Private image replication", "Considerations" (read 2026-11-21).
func TestReplication(t *testing.T) {
	w := newWorld(t)
	w.switches.ReplicationDelay = 200 * time.Millisecond
	w.create(&client.CreateRepositoryInput{RepositoryName: aws.String("app"), ImageTagMutability: types.ImageTagMutabilityImmutable})
	w.create(&client.CreateRepositoryInput{RepositoryName: aws.String("other")})
	ok(w.put("app", "early", "early"))
	if err := w.rules(rule([]string{"ap"}, "us-west-2", "eu-central-1")); err != nil {
		t.Fatal(err)
	}
	out := ok(w.DescribeRegistry(t.Context(), &client.DescribeRegistryInput{}))
	if *out.RegistryId != "111122223333" || len(out.ReplicationConfiguration.Rules) != 1 || len(out.ReplicationConfiguration.Rules[0].Destinations) != 2 {
		t.Errorf("registry %+v", out)
	}

	digest := ok(w.put("app", "one", "one"))
	ok(w.put("other", "one", "one"))
	if got := w.status("app", "one"); !slices.Equal(got, []string{"eu-central-1 IN_PROGRESS", "us-west-2 IN_PROGRESS"}) {
		t.Errorf("right after the push: %v", got)
	}
	w.await("app", "one", "eu-central-1 COMPLETE", "us-west-2 COMPLETE")
	if got := w.status("app", "early"); len(got) > 0 {
		t.Errorf("what was there before the rule is replicated: %v", got)
	}
	if got := w.status("other", "one"); len(got) > 0 {
		t.Errorf("a repository that no filter fits is replicated: %v", got)
	}

	there := ok(w.DescribeRepositories(t.Context(), &client.DescribeRepositoriesInput{RepositoryNames: []string{"app"}}, in("us-west-2"))).Repositories[0]
	if there.ImageTagMutability != types.ImageTagMutabilityMutable || *there.RepositoryUri != "111122223333.dkr.ecr.us-west-2.amazonaws.com/app" {
		t.Errorf("the replica's repository has settings of the source: %+v", there)
	}
	images := ok(w.DescribeImages(t.Context(), &client.DescribeImagesInput{RepositoryName: aws.String("app")}, in("us-west-2"))).ImageDetails
	if len(images) != 1 || *images[0].ImageDigest != digest || !slices.Equal(images[0].ImageTags, []string{"one"}) {
		t.Errorf("replicas %+v", images)
	}

	ok(w.BatchDeleteImage(t.Context(), &client.BatchDeleteImageInput{RepositoryName: aws.String("app"), ImageIds: []types.ImageIdentifier{{ImageTag: aws.String("one")}}}))
	if n := len(ok(w.DescribeImages(t.Context(), &client.DescribeImagesInput{RepositoryName: aws.String("app")}, in("us-west-2"))).ImageDetails); n != 1 {
		t.Errorf("%d replicas after a deletion, which is not replicated", n)
	}
	if err := w.rules(); err != nil {
		t.Errorf("no rules are a configuration too: %v", err)
	}
}

func TestReplicationFails(t *testing.T) {
	w := newWorld(t)
	w.switches.ReplicationDelay, w.switches.FailReplication = time.Millisecond, "us-west-2"
	w.create(&client.CreateRepositoryInput{RepositoryName: aws.String("app")})
	if err := w.rules(rule(nil, "us-west-2", "eu-central-1")); err != nil {
		t.Fatal(err)
	}
	ok(w.put("app", "one", "one"))
	w.await("app", "one", "eu-central-1 COMPLETE", "us-west-2 FAILED ReplicationFailed")
}

func TestReplicationRules(t *testing.T) {
	w := newWorld(t)
	many := func(n int, text string) []string {
		var list []string
		for i := range n {
			list = append(list, fmt.Sprint(text, i))
		}
		return list
	}
	var eleven []types.ReplicationRule
	for range 11 {
		eleven = append(eleven, rule(nil, "us-west-2"))
	}
	for name, c := range map[string]struct {
		rules []types.ReplicationRule
		want  string
	}{
		"rules":        {eleven, "length less than or equal to 10"},
		"filters":      {[]types.ReplicationRule{rule(many(101, "app-"), "us-west-2")}, "length less than or equal to 100"},
		"destinations": {[]types.ReplicationRule{rule(nil, many(26, "us-west-")...)}, "at most 25 unique destinations"},
		"itself":       {[]types.ReplicationRule{rule(nil, "eu-west-1")}, "cannot be a destination"},
		"region":       {[]types.ReplicationRule{rule(nil, "../../../tmp-1")}, "Invalid region '../../../tmp-1'"},
		"partition":    {[]types.ReplicationRule{rule(nil, "cn-north-1")}, "Invalid region 'cn-north-1'"},
		"filter":       {[]types.ReplicationRule{rule([]string{"a"}, "us-west-2")}, "2 to 256 characters"},
	} {
		if got := code(w.rules(c.rules...)); !strings.HasPrefix(got, "InvalidParameterException: ") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}

	// Source: Amazon ECR User Guide, "Amazon ECR service-linked role for replication" (read 2026-11-21).
	link := func() bool {
		if err := w.rules(rule(nil, "us-west-2")); err != nil {
			t.Fatal(err)
		}
		return len(w.needs) == 2 && w.needs[1].Action == "iam:CreateServiceLinkedRole" && w.needs[1].Conditions["iam:AWSServiceName"][0] == "replication.ecr.amazonaws.com"
	}
	if !link() || link() {
		t.Error("ECR's role is made once, by the first caller")
	}
}

// policies decides by what the resource's policy says of the caller's account, whose own policies allow everything.
type policies struct{}

func (policies) Call(context.Context, *session.Session, string, string, string, any, any) error {
	return errors.New("no calls")
}

func (policies) Allow(_ context.Context, as *session.Session, _ string, need protocol.Need) error {
	all := policy.Policies{Identity: []*policy.Policy{{Statements: []policy.Statement{{Allow: true, Actions: []string{"*"}, Resources: []string{"*"}}}}}}
	var err error
	if need.ResourcePolicy != "" {
		all.Resource, err = policy.Parse([]byte(need.ResourcePolicy), policy.Registry)
	}
	d := all.Decide(&policy.Request{Action: need.Action, Resource: need.Resources[0], Account: protocol.OwnerOf(need.Resources[0]),
		Caller: policy.Caller{Account: as.Account, ARN: as.ARN}})
	if err == nil && !d.Allowed {
		err = protocol.Errorf("AccessDeniedException", "%s may not", as.ARN)
	}
	return err
}

// TestReplicationToAnotherAccount: the other account's registry must let this one in, and let it make the repository where
// there is none.
// Source: Amazon ECR User Guide, "Private registry permissions", cross-account replication (read 2026-11-21).
func TestReplicationToAnotherAccount(t *testing.T) {
	const abroad, all = "444455556666", `["ecr:CreateRepository","ecr:ReplicateImage"]`
	for name, c := range map[string]struct {
		actions, account string // of the other registry's policy
		exists           bool
		want             string
	}{
		"let in":                     {all, "111122223333", false, "eu-west-1 COMPLETE"},
		"somebody else is let in":    {all, "777788889999", false, "eu-west-1 FAILED InternalError"},
		"may make no repository":     {`"ecr:ReplicateImage"`, "111122223333", false, "eu-west-1 FAILED InternalError"},
		"need not make the one":      {`"ecr:ReplicateImage"`, "111122223333", true, "eu-west-1 COMPLETE"},
		"may make a repository only": {`"ecr:CreateRepository"`, "111122223333", true, "eu-west-1 FAILED InternalError"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.switches.ReplicationDelay = time.Millisecond
			w.room.Caller = policies{}
			w.room.Deployer = func(account string) *session.Session {
				return &session.Session{Account: account, ARN: "arn:aws:iam::" + account + ":root"}
			}
			other := resource.Stack{Account: abroad, Region: "eu-west-1", Partition: "aws"}
			have := func(kind string, properties map[string]any) {
				t.Helper()
				_, err := w.room.Resources()[kind].Create(t.Context(), resource.Request{Stack: other, LogicalID: "X", Properties: properties})
				if err != nil {
					t.Fatal(err)
				}
			}
			have("AWS::ECR::RegistryPolicy", map[string]any{"PolicyText": map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
				"Effect": "Allow", "Principal": map[string]any{"AWS": "arn:aws:iam::" + c.account + ":root"},
				"Action": json.RawMessage(c.actions), "Resource": "arn:aws:ecr:eu-west-1:" + abroad + ":repository/*"}}}})
			if c.exists {
				have("AWS::ECR::Repository", map[string]any{"RepositoryName": "app"})
			}
			w.create(&client.CreateRepositoryInput{RepositoryName: aws.String("app")})
			if err := w.rules(types.ReplicationRule{Destinations: []types.ReplicationDestination{{Region: aws.String("eu-west-1"), RegistryId: aws.String(abroad)}}}); err != nil {
				t.Fatal(err)
			}
			ok(w.put("app", "one", "one"))
			w.await("app", "one", c.want)
		})
	}
}
