package s3_test

import (
	"errors"
	"strings"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

func TestBucketResources(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1)
	providers := f.room.Resources()
	r := resource.Request{Stack: resource.Stack{Name: "App", Region: doortest.Region, URLSuffix: "amazonaws.com"}, LogicalID: "Box", Token: "1"}
	made, err := providers["AWS::S3::Bucket"].Create(ctx, r)
	if err != nil || !strings.HasPrefix(made.PhysicalID, "app-box-") {
		t.Fatal(made, err)
	}
	if want := made.PhysicalID + ".s3.eu-west-1.amazonaws.com"; made.Attributes["RegionalDomainName"] != want {
		t.Errorf("got %v, want %s", made.Attributes["RegionalDomainName"], want)
	}
	p := r
	p.Properties = map[string]any{"Bucket": made.PhysicalID, "PolicyDocument": map[string]any{"Statement": map[string]any{
		"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::" + made.PhysicalID}}}
	attached, err := providers["AWS::S3::BucketPolicy"].Create(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	var seen string
	f.front.Denied = func(_ *session.Session, need protocol.Need) error { seen = need.ResourcePolicy; return nil }
	if _, err := f.HeadBucket(ctx, &awss3.HeadBucketInput{Bucket: &made.PhysicalID}); err != nil || !strings.Contains(seen, `"Deny"`) {
		t.Errorf("the policy that was decided by: %s (%v)", seen, err)
	}
	p.PhysicalID, r.PhysicalID = attached.PhysicalID, made.PhysicalID
	for range 2 {
		if err := errors.Join(providers["AWS::S3::BucketPolicy"].Delete(ctx, p), providers["AWS::S3::Bucket"].Delete(ctx, r)); err != nil {
			t.Error(err)
		}
	}
}
