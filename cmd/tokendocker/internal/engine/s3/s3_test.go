package s3_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/s3"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

var (
	ctx = context.Background()
	box = aws.String("box")

	here = &types.CreateBucketConfiguration{LocationConstraint: doortest.Region}
)

type fixture struct {
	*awss3.Client
	front *doortest.Front
	room  *s3.Room
	t     *testing.T
}

func newFixture(t *testing.T, store *state.Store, factor float64) *fixture {
	t.Helper()
	front := doortest.New(t, factor)
	room, err := s3.New(s3.Options{
		Partition: doortest.Partition, Clock: front.Clock, Sessions: front.Sessions, Store: store,
		Caller: front, Endpoint: func() string { return front.URL },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := room.MakeBucket("box", doortest.Account, doortest.Region); err != nil {
		t.Fatal(err)
	}
	front.Register(room)
	return &fixture{awss3.NewFromConfig(front.Config(front.Operator)), front, room, t}
}

func (f *fixture) put(key, body string) {
	f.t.Helper()
	if _, err := f.PutObject(ctx, &awss3.PutObjectInput{Bucket: box, Key: &key, Body: strings.NewReader(body)}); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) get(key string) string {
	f.t.Helper()
	out, err := f.GetObject(ctx, &awss3.GetObjectInput{Bucket: box, Key: &key})
	if err != nil {
		f.t.Fatal(err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	return string(body)
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("got %v, want %s", err, code)
	}
}

// cases are the refusals of this room.
var cases = []struct {
	name, source, limit string
	call                func(f *fixture) error
	want                string
}{
	{name: "no such key", source: "GetObject, 2026-11", want: "NoSuchKey", call: func(f *fixture) error {
		_, err := f.GetObject(ctx, &awss3.GetObjectInput{Bucket: box, Key: aws.String("no")})
		return err
	}},
	{name: "no such key, head", source: "HeadObject, 2026-11", want: "NotFound", call: func(f *fixture) error {
		_, err := f.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: box, Key: aws.String("no")})
		return err
	}},
	{name: "no such bucket", source: "ListObjectsV2, 2026-11", want: "NoSuchBucket", call: func(f *fixture) error {
		_, err := f.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: aws.String("nobox")})
		return err
	}},
	{name: "bucket is yours already", source: "CreateBucket, 2026-11", want: "BucketAlreadyOwnedByYou", call: func(f *fixture) error {
		_, err := f.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: box, CreateBucketConfiguration: here})
		return err
	}},
	{name: "bucket without its region", source: "CreateBucket, LocationConstraint, 2026-11", want: "IllegalLocationConstraintException", call: func(f *fixture) error {
		_, err := f.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("chest")})
		return err
	}},
	{name: "bucket's name", source: "Bucket naming rules, 2026-11", want: "InvalidBucketName", call: func(f *fixture) error {
		_, err := f.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("Box"), CreateBucketConfiguration: here})
		return err
	}},
	{name: "bucket is not empty", source: "DeleteBucket, 2026-11", want: "BucketNotEmpty", call: func(f *fixture) error {
		f.put("k", "v")
		_, err := f.DeleteBucket(ctx, &awss3.DeleteBucketInput{Bucket: box})
		return err
	}},
	{name: "wrong checksum", source: "Checking object integrity, 2026-11", want: "BadDigest", call: func(f *fixture) error {
		_, err := f.PutObject(ctx, &awss3.PutObjectInput{Bucket: box, Key: aws.String("k"), Body: strings.NewReader("v"), ChecksumCRC32: aws.String("AAAAAA==")})
		return err
	}},
	{name: "another region", source: "Error responses, 2026-11", want: "AuthorizationHeaderMalformed", call: func(f *fixture) error {
		_, err := f.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: box}, func(o *awss3.Options) { o.Region = "us-west-2" })
		return err
	}},
	{name: "only if absent", source: "PutObject, conditional writes, 2026-11", want: "PreconditionFailed", call: func(f *fixture) error {
		f.put("k", "v")
		_, err := f.PutObject(ctx, &awss3.PutObjectInput{Bucket: box, Key: aws.String("k"), Body: strings.NewReader("w"), IfNoneMatch: aws.String("*")})
		return err
	}},
	{name: "only if the same", source: "PutObject, conditional writes, 2026-11", want: "PreconditionFailed", call: func(f *fixture) error {
		f.put("k", "v")
		_, err := f.PutObject(ctx, &awss3.PutObjectInput{Bucket: box, Key: aws.String("k"), Body: strings.NewReader("w"), IfMatch: aws.String(`"0"`)})
		return err
	}},
	{name: "a range behind the end", source: "GetObject, Range, 2026-11; List of error codes", want: "InvalidRange", call: func(f *fixture) error {
		f.put("k", "v")
		_, err := f.GetObject(ctx, &awss3.GetObjectInput{Bucket: box, Key: aws.String("k"), Range: aws.String("bytes=9-")})
		return err
	}},
	{name: "another object than expected", source: "GetObject, IfMatch, 2026-11", want: "PreconditionFailed", call: func(f *fixture) error {
		f.put("k", "v")
		_, err := f.GetObject(ctx, &awss3.GetObjectInput{Bucket: box, Key: aws.String("k"), IfMatch: aws.String(`"0"`)})
		return err
	}},
	{name: "no other object than expected", source: "GetObject, IfMatch, 2026-11", want: "", call: func(f *fixture) error {
		f.put("k", "v")
		head, err := f.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: box, Key: aws.String("k")})
		if err != nil {
			return err
		}
		for _, tag := range []string{*head.ETag, strings.Trim(*head.ETag, `"`)} {
			if _, err = f.GetObject(ctx, &awss3.GetObjectInput{Bucket: box, Key: aws.String("k"), IfMatch: &tag}); err != nil {
				return err
			}
		}
		return nil
	}},
	{name: "an object that one has already", source: "GetObject, IfNoneMatch, 2026-11", want: "NotModified", call: func(f *fixture) error {
		f.put("k", "v")
		head, err := f.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: box, Key: aws.String("k")})
		if err != nil {
			return err
		}
		_, err = f.GetObject(ctx, &awss3.GetObjectInput{Bucket: box, Key: aws.String("k"), IfNoneMatch: head.ETag})
		return err
	}},
	{name: "no lifecycle rules", source: "GetBucketLifecycleConfiguration, 2026-11", want: "NoSuchLifecycleConfiguration", call: func(f *fixture) error {
		_, err := f.GetBucketLifecycleConfiguration(ctx, &awss3.GetBucketLifecycleConfigurationInput{Bucket: box})
		return err
	}},
	{name: "a public access block that was taken away", source: "GetPublicAccessBlock, 2026-11", want: "NoSuchPublicAccessBlockConfiguration",
		limit: "configurations of buckets that calls give are kept and told, and nothing is done by them; those of templates are not told", call: func(f *fixture) error {
			if out, err := f.GetPublicAccessBlock(ctx, &awss3.GetPublicAccessBlockInput{Bucket: box}); err != nil || !*out.PublicAccessBlockConfiguration.BlockPublicPolicy {
				return fmt.Errorf("a new bucket has %v, %w", out, err)
			}
			if _, err := f.DeletePublicAccessBlock(ctx, &awss3.DeletePublicAccessBlockInput{Bucket: box}); err != nil {
				return err
			}
			_, err := f.GetPublicAccessBlock(ctx, &awss3.GetPublicAccessBlockInput{Bucket: box})
			return err
		}},
	{name: "malformed policy", source: "PutBucketPolicy, 2026-11", want: "MalformedPolicy", call: func(f *fixture) error {
		_, err := f.PutBucketPolicy(ctx, &awss3.PutBucketPolicyInput{Bucket: box, Policy: aws.String("{}")})
		return err
	}},
	{name: "versions", source: "GetObject, 2026-11", limit: "objects have no versions", want: "NoSuchVersion", call: func(f *fixture) error {
		_, err := f.GetObject(ctx, &awss3.GetObjectInput{Bucket: box, Key: aws.String("k"), VersionId: aws.String("v1")})
		return err
	}},
	{name: "other operations", source: "API Reference, 2026-11", limit: "no replication, and no other operation that nobody here needed", want: "NotImplemented", call: func(f *fixture) error {
		_, err := f.GetBucketReplication(ctx, &awss3.GetBucketReplicationInput{Bucket: box})
		return err
	}},
}

func TestRefusals(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			switch err := c.call(newFixture(t, doortest.Store(t), 1)); {
			case c.want != "":
				wantCode(t, err, c.want)
			case err != nil:
				t.Error(err)
			}
		})
	}
}

func TestKeysComeBack(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1)
	for _, key := range []string{"plain", "a b+c|d:e/é%20?x=1&y", "deep/er/é/~-_.", "double//slash"} {
		f.put(key, "body of "+key)
		if got := f.get(key); got != "body of "+key {
			t.Errorf("%q: got %q", key, got)
		}
	}
	f.put("plain", "new")
	if got := f.get("plain"); got != "new" {
		t.Errorf("after replacement: %q", got)
	}
}

// TestChunkedUpload sends what the SDK sends over TLS: an unsigned body in chunks, with its checksum as a trailer.
func TestChunkedUpload(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1)
	server := httptest.NewTLSServer(f.front)
	defer server.Close()
	config := f.front.Config(f.front.Operator)
	config.BaseEndpoint, config.HTTPClient = &server.URL, server.Client()
	body := strings.Repeat("0123456789abcdef", 20_000)
	client := awss3.NewFromConfig(config)
	_, err := client.PutObject(ctx, &awss3.PutObjectInput{Bucket: box, Key: aws.String("k"), Body: strings.NewReader(body), ContentType: aws.String("text/x"), Metadata: map[string]string{"who": "me"}})
	if err != nil {
		t.Fatal(err)
	}
	out, err := client.GetObject(ctx, &awss3.GetObjectInput{Bucket: box, Key: aws.String("k"), ChecksumMode: types.ChecksumModeEnabled})
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(out.Body)
	if err != nil || string(got) != body {
		t.Errorf("%d bytes came back (%v)", len(got), err)
	}
	if aws.ToString(out.ContentType) != "text/x" || out.Metadata["who"] != "me" || aws.ToString(out.ChecksumCRC32) == "" || aws.ToString(out.ContentEncoding) != "" {
		t.Errorf("type %s, metadata %v, checksum %s, encoding %q", aws.ToString(out.ContentType), out.Metadata, aws.ToString(out.ChecksumCRC32), aws.ToString(out.ContentEncoding))
	}
}

func TestList(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1)
	for _, key := range []string{"a/1", "a/2", "b", "c/1", "c/d/2", "e f"} {
		f.put(key, "")
	}
	var got []string
	pages := awss3.NewListObjectsV2Paginator(f.Client, &awss3.ListObjectsV2Input{Bucket: box, Delimiter: aws.String("/"), MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range page.CommonPrefixes {
			got = append(got, *p.Prefix)
		}
		for _, o := range page.Contents {
			got = append(got, *o.Key)
		}
	}
	if diff := cmp.Diff([]string{"a/", "b", "c/", "e f"}, got); diff != "" {
		t.Error(diff)
	}
	keys, err := f.room.List(ctx, "box", "c/")
	if diff := cmp.Diff([]string{"c/1", "c/d/2"}, keys); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

func TestMultipartAndCopy(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1)
	key := aws.String("big")
	up, err := f.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: box, Key: key})
	if err != nil {
		t.Fatal(err)
	}
	want := append(bytes.Repeat([]byte("x"), 5<<20), "end"...)
	var parts []types.CompletedPart
	for i, part := range [][]byte{want[:5<<20], want[5<<20:]} {
		out, err := f.UploadPart(ctx, &awss3.UploadPartInput{Bucket: box, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(part)})
		if err != nil {
			t.Fatal(err)
		}
		parts = append(parts, types.CompletedPart{ETag: out.ETag, PartNumber: aws.Int32(int32(i + 1))})
	}
	done, err := f.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: box, Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	if err != nil || !strings.HasSuffix(*done.ETag, `-2"`) {
		t.Fatal(done, err)
	}
	if _, err := f.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: box, Key: aws.String("copy"), CopySource: aws.String("box/big")}); err != nil {
		t.Fatal(err)
	}
	if got := f.get("copy"); got != string(want) {
		t.Errorf("%d bytes came back", len(got))
	}
	_, err = f.AbortMultipartUpload(ctx, &awss3.AbortMultipartUploadInput{Bucket: box, Key: key, UploadId: up.UploadId})
	wantCode(t, err, "NoSuchUpload")
}

func TestNeeds(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1)
	f.put("k", "v")
	var got []string
	f.front.Denied = func(_ *session.Session, need protocol.Need) error {
		got = append(got, need.Action+" "+strings.Join(need.Resources, " "))
		return nil
	}
	f.get("k")
	if _, err := f.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: box}); err != nil {
		t.Fatal(err)
	}
	_, err := f.DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: box, Delete: &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("k")}, {Key: aws.String("l")}}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"s3:GetObject arn:aws:s3:::box/k", "s3:ListBucket arn:aws:s3:::box", "s3:DeleteObject arn:aws:s3:::box/k arn:aws:s3:::box/l"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestMissingKeyIsHidden: who may not list a bucket does not learn that a key is missing.
func TestMissingKeyIsHidden(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1)
	f.front.Denied = func(_ *session.Session, need protocol.Need) error {
		if need.Action == "s3:ListBucket" {
			return protocol.Errorf("AccessDeniedException", "no")
		}
		return nil
	}
	_, err := f.GetObject(ctx, &awss3.GetObjectInput{Bucket: box, Key: aws.String("no")})
	wantCode(t, err, "AccessDenied")
}

// TestReceive answers as a custom resource does, while the simulated clock is days ahead of the real one.
func TestReceive(t *testing.T) {
	const factor = 100_000 // the two hours of a URL are 72 ms
	f := newFixture(t, doortest.Store(t), factor)
	time.Sleep(time.Second) // more than a day
	f.front.Clock.Now()
	address, _, done, err := f.room.Receive(ctx, doortest.Region, "arn:aws:cloudformation:r:1:stack/S/guid|Res|req-1")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	if !strings.Contains(address, "/cloudformation-custom-resource-response-euwest1/arn%3Aaws%3Acloudformation") {
		t.Errorf("address %s", address)
	}
	date := f.front.Clock.Now().UTC().Format("20060102")
	if real := time.Now().UTC().Format("20060102"); date == real || strings.Contains(address, "X-Amz-Date="+real) {
		t.Errorf("the date in %s is the real one", address)
	}
	if status := request(t, http.MethodPut, address+"0", "x"); status != http.StatusForbidden {
		t.Errorf("a wrong signature got %d", status)
	}
	if status := request(t, http.MethodPut, strings.Replace(address, "req-1", "req-2", 1), "x"); status != http.StatusForbidden {
		t.Errorf("another key got %d", status)
	}
	if status := request(t, http.MethodGet, address, ""); status != http.StatusForbidden {
		t.Errorf("another method got %d", status)
	}
	for i := range 2 {
		again, answers, stop, err := f.room.Receive(ctx, doortest.Region, fmt.Sprintf("stack|Res|%d", i))
		if err != nil {
			t.Fatal(err)
		}
		address = again
		if status := request(t, http.MethodPut, address, "answer"); status != http.StatusOK {
			t.Fatalf("the answer got %d", status)
		}
		if got := string(<-answers); got != "answer" {
			t.Errorf("got %q", got)
		}
		stop()
	}
	time.Sleep(2 * time.Hour / factor * 2)
	if status := request(t, http.MethodPut, address, "late"); status != http.StatusForbidden {
		t.Errorf("after two hours: %d", status)
	}
}

func request(t *testing.T, method, address, body string) int {
	t.Helper()
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestPresignedByClients: their dates are real ones.
func TestPresignedByClients(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1000)
	f.put("k|é", "v")
	p, err := awss3.NewPresignClient(f.Client).PresignGetObject(ctx, &awss3.GetObjectInput{Bucket: box, Key: aws.String("k|é")})
	if err != nil {
		t.Fatal(err)
	}
	if status := request(t, http.MethodGet, p.URL, ""); status != http.StatusOK {
		t.Errorf("got %d for %s", status, p.URL)
	}
}

func TestVirtualHosts(t *testing.T) {
	f := newFixture(t, doortest.Store(t), 1)
	f.put("k", "v")
	config := f.front.Config(f.front.Operator)
	config.BaseEndpoint = aws.String("http://s3.eu-west-1.amazonaws.com")
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(f.front.URL) }
	config.HTTPClient = &http.Client{Transport: transport}
	out, err := awss3.NewFromConfig(config).GetObject(ctx, &awss3.GetObjectInput{Bucket: box, Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := io.ReadAll(out.Body); string(body) != "v" {
		t.Errorf("got %q", body)
	}
}

func TestSurvives(t *testing.T) {
	dir := t.TempDir()
	store, err := state.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	newFixture(t, store, 1).put("k", "v")
	half := filepath.Join(dir, "s3", "half-written")
	if err := errors.Join(os.WriteFile(half, nil, 0o600), store.Close()); err != nil {
		t.Fatal(err)
	}
	if store, err = state.Open(dir); err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if got := newFixture(t, store, 1).get("k"); got != "v" {
		t.Errorf("got %q", got)
	}
	if _, err := os.Stat(half); err == nil {
		t.Error("a half-written file is still there")
	}
}
