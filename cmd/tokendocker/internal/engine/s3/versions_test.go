package s3_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
)

// TestEmptyABucket does what CDK's own function does that empties buckets: it reads the bucket's tags, and deletes all
// versions of all objects.
func TestEmptyABucket(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1)
	f.put("a", "1")
	f.put("b/c", "2")
	_, err := f.GetBucketTagging(ctx, &awss3.GetBucketTaggingInput{Bucket: box})
	wantCode(t, err, "NoSuchTagSet")
	tags := &types.Tagging{TagSet: []types.Tag{{Key: aws.String("auto-delete"), Value: aws.String("true")}}}
	if _, err := f.PutBucketTagging(ctx, &awss3.PutBucketTaggingInput{Bucket: box, Tagging: tags}); err != nil {
		t.Fatal(err)
	}
	if got, err := f.GetBucketTagging(ctx, &awss3.GetBucketTaggingInput{Bucket: box}); err != nil || *got.TagSet[0].Key != "auto-delete" || *got.TagSet[0].Value != "true" {
		t.Errorf("the tags are %+v (%v)", got, err)
	}
	listed, err := f.ListObjectVersions(ctx, &awss3.ListObjectVersionsInput{Bucket: box})
	if err != nil || len(listed.Versions) != 2 || *listed.Versions[1].Key != "b/c" || !*listed.Versions[1].IsLatest {
		t.Fatalf("the versions are %+v (%v)", listed, err)
	}
	var objects []types.ObjectIdentifier
	for _, v := range listed.Versions {
		objects = append(objects, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
	}
	for _, step := range []func() error{
		func() error {
			_, err := f.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: box, Delete: &types.Delete{Objects: objects}})
			return err
		},
		func() error {
			_, err := f.DeleteBucketTagging(ctx, &awss3.DeleteBucketTaggingInput{Bucket: box})
			return err
		},
		func() error {
			_, err := f.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: box})
			return err
		},
	} {
		if err := step(); err != nil {
			t.Error(err)
		}
	}
}
