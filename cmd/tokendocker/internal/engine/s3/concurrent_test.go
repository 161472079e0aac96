package s3_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// TestOneOfManyIsFirst: of writers that want an object only where there is none, one gets it.
func TestOneOfManyIsFirst(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1)
	var made atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			_, err := f.PutObject(ctx, &awss3.PutObjectInput{Bucket: box, Key: aws.String("lock"), Body: strings.NewReader("mine"), IfNoneMatch: aws.String("*")})
			if err == nil {
				made.Add(1)
			} else {
				wantCode(t, err, "PreconditionFailed")
			}
		})
	}
	all.Wait()
	if made.Load() != 1 {
		t.Errorf("%d writers got the object", made.Load())
	}
}

// TestReadWhileWritten: who reads an object that others replace gets one of its contents whole.
func TestReadWhileWritten(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1)
	f.put("k", "0")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 25 {
				if err := f.room.Put("box", "k", "", strings.NewReader("1")); err != nil {
					t.Error(err)
				}
			}
		})
		all.Go(func() {
			for range 50 {
				if text, err := f.room.Code("box", "k"); err != nil || len(text) != 1 {
					t.Errorf("read %q, %v", text, err)
				}
			}
		})
	}
	all.Wait()
}

// TestUploadEndedTwice: a completion that is repeated while the first is under way fails as one that comes too late, and
// no file of a part is left.
func TestUploadEndedTwice(t *testing.T) {
	dir := t.TempDir()
	store, err := state.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	f := newFixture(t, store, 1)
	key := aws.String("big")
	up, err := f.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: box, Key: key, Tagging: aws.String("a=b")})
	if err != nil {
		t.Fatal(err)
	}
	part, err := f.UploadPart(ctx, &awss3.UploadPartInput{Bucket: box, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: bytes.NewReader(bytes.Repeat([]byte("x"), 1<<20))})
	if err != nil {
		t.Fatal(err)
	}
	parts := &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{ETag: part.ETag, PartNumber: aws.Int32(1)}}}
	var all sync.WaitGroup
	var done atomic.Int32
	for range 4 {
		all.Go(func() {
			_, err := f.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: box, Key: key, UploadId: up.UploadId, MultipartUpload: parts})
			if err == nil {
				done.Add(1)
			} else {
				wantCode(t, err, "NoSuchUpload")
			}
		})
	}
	all.Wait()
	if files, err := os.ReadDir(filepath.Join(dir, "s3")); done.Load() < 1 || err != nil || len(files) != 1 {
		t.Errorf("%d completions, %d files, %v; want one file", done.Load(), len(files), err)
	}
	out, err := f.GetObjectTagging(ctx, &awss3.GetObjectTaggingInput{Bucket: box, Key: key})
	if err != nil || len(out.TagSet) != 1 || *out.TagSet[0].Value != "b" {
		t.Errorf("the tags are %+v, %v", out, err)
	}
}

// TestPartOfAnother makes an object of ranges of another one, as copies of large objects are made.
func TestPartOfAnother(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1)
	f.put("source", strings.Repeat("0123456789", 600_000))
	key := aws.String("copy")
	up, err := f.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: box, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	var parts []types.CompletedPart
	for i, span := range []string{"bytes=0-5242879", "bytes=5242880-5999999"} {
		out, err := f.UploadPartCopy(ctx, &awss3.UploadPartCopyInput{Bucket: box, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(int32(i + 1)),
			CopySource: aws.String("box/source"), CopySourceRange: &span})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{ETag: out.CopyPartResult.ETag, PartNumber: aws.Int32(int32(i + 1))})
	}
	_, err = f.UploadPartCopy(ctx, &awss3.UploadPartCopyInput{Bucket: box, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(3),
		CopySource: aws.String("box/source"), CopySourceRange: aws.String("bytes=0-6000000")})
	wantCode(t, err, "InvalidArgument")
	listed, err := f.ListParts(ctx, &awss3.ListPartsInput{Bucket: box, Key: key, UploadId: up.UploadId})
	if err != nil || len(listed.Parts) != 2 {
		t.Errorf("listed %+v, %v", listed, err)
	}
	_, err = f.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: box, Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	if diff := cmp.Diff(f.get("source"), f.get("copy")); err != nil || diff != "" {
		t.Error(errors.Join(err), len(diff))
	}
}
