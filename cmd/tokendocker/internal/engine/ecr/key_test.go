package ecr_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	client "github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// gate decides about keys by action, and notes what it was asked.
type gate struct {
	refuse string
	code   string
	asked  []string
}

func (g *gate) Allow(_ context.Context, as *session.Session, region string, u protocol.KeyUse) error {
	g.asked = append(g.asked, as.ARN+" "+u.Action+" "+region+" "+u.Via)
	if u.Action == g.refuse {
		return protocol.Errorf(g.code, "key %s is not for you", u.Key)
	}
	return nil
}

// TestKeys is the marked case table of repositories with a key of their own.
func TestKeys(t *testing.T) {
	const page = "Amazon ECR User Guide, Encryption at rest, 2026-11"
	cases := []struct {
		name, source, limit string
		encryption          *types.EncryptionConfiguration
		refuse, code        string
		asked               []string // actions
		want                string
	}{
		{name: "key of one's own", source: page, encryption: &types.EncryptionConfiguration{EncryptionType: types.EncryptionTypeKms, KmsKey: aws.String("k")},
			asked: []string{"kms:DescribeKey", "kms:CreateGrant"}},
		{name: "AWS-managed key", source: page, encryption: &types.EncryptionConfiguration{EncryptionType: types.EncryptionTypeKms}},
		{name: "no key", source: page, encryption: &types.EncryptionConfiguration{EncryptionType: types.EncryptionTypeAes256}},
		{name: "no grant", source: page, encryption: &types.EncryptionConfiguration{EncryptionType: types.EncryptionTypeKms, KmsKey: aws.String("k")},
			refuse: "kms:CreateGrant", code: "AccessDeniedException", asked: []string{"kms:DescribeKey", "kms:CreateGrant"}, want: "KmsException: key k is not for you"},
		{name: "no such key", source: page, limit: "the message's words are KMS's", encryption: &types.EncryptionConfiguration{EncryptionType: types.EncryptionTypeKms, KmsKey: aws.String("k")},
			refuse: "kms:DescribeKey", code: "NotFoundException", asked: []string{"kms:DescribeKey"}, want: "KmsException: key k is not for you"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			g := &gate{refuse: c.refuse, code: c.code}
			w.room.Keys, w.room.Deployer = g, func(string) *session.Session { return &session.Session{ARN: "deployer"} }
			_, err := w.CreateRepository(t.Context(), &client.CreateRepositoryInput{RepositoryName: aws.String("app"), EncryptionConfiguration: c.encryption})
			if got := code(err); got != c.want {
				t.Errorf("got %q, want %q (%s)", got, c.want, c.source)
			}
			properties := map[string]any{"RepositoryName": "other", "EncryptionConfiguration": map[string]any{
				"EncryptionType": string(c.encryption.EncryptionType), "KmsKey": aws.ToString(c.encryption.KmsKey)}}
			if _, err := w.room.Resources()["AWS::ECR::Repository"].Create(t.Context(), request("", properties, nil)); (err != nil) != (c.want != "") {
				t.Errorf("CloudFormation: %v (%s)", err, c.source)
			}
			var want []string
			for _, as := range []string{"arn:aws:iam::111122223333:root", "deployer"} {
				for _, action := range c.asked {
					want = append(want, as+" "+action+" eu-west-1 ecr.eu-west-1.amazonaws.com")
				}
			}
			if !slices.Equal(g.asked, want) {
				t.Errorf("asked\n%s\nwant\n%s", strings.Join(g.asked, "\n"), strings.Join(want, "\n"))
			}
			// A push asks for nothing: ECR has its grants.
			if c.want == "" {
				ok(w.put("app", "v1", "a"))
				if len(g.asked) != len(want) {
					t.Errorf("a push asks %v", g.asked[len(want):])
				}
			}
		})
	}
}
