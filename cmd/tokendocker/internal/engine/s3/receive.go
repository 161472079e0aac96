package s3

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// answerTime is how long a custom resource's response URL is valid.
const answerTime = 2 * time.Hour

// amazon is who owns the buckets of AWS's own services, and signs URLs into them.
const amazon = "amazon"

// responseBucket is the bucket to which custom resources of a region answer.
// Source: CloudFormation User Guide, "Custom resource request objects".
func responseBucket(region string) string {
	return "cloudformation-custom-resource-response-" + strings.ReplaceAll(region, "-", "")
}

// Receive returns a signed URL, valid for two hours of simulated time, and the bodies that are PUT to it until stop
// is called. name is the object's key. Bodies that arrive while nobody takes them are kept, up to eight.
func (r *Room) Receive(ctx context.Context, region, name string) (string, <-chan []byte, func(), error) {
	bucket := responseBucket(region)
	if err := r.MakeBucket(bucket, amazon, region); err != nil {
		return "", nil, nil, err
	}
	signed, err := r.presign(ctx, http.MethodPut, region, bucket, name, answerTime)
	if err != nil {
		return "", nil, nil, err
	}
	answers := make(chan []byte, 8)
	id := objectKey(bucket, name)
	r.mu.Lock()
	r.watchers[id] = answers
	r.mu.Unlock()
	stop := func() {
		r.mu.Lock()
		delete(r.watchers, id)
		r.mu.Unlock()
		_ = r.remove(bucket, name) // it stays in a bucket that nobody lists
	}
	return signed, answers, stop, nil
}

// presign signs a URL for one object in the name of AWS's own services. Its date is simulated.
func (r *Room) presign(ctx context.Context, method, region, bucket, key string, valid time.Duration) (string, error) {
	u, err := url.Parse(r.Endpoint())
	if err != nil {
		return "", fmt.Errorf("presign: %w", err)
	}
	u.Path = "/" + bucket + "/" + key
	u.RawPath = "/" + bucket + "/" + escapeKey(key)
	u.RawQuery = url.Values{"X-Amz-Expires": {strconv.Itoa(int(valid.Seconds()))}}.Encode()
	req := &http.Request{Method: method, URL: u, Host: u.Host, Header: http.Header{}}
	signed, _, err := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).PresignHTTP(ctx, aws.Credentials{
		AccessKeyID: r.signer.AccessKeyID, SecretAccessKey: r.signer.SecretKey, SessionToken: r.signer.Token,
	}, req, "UNSIGNED-PAYLOAD", "s3", region, r.Clock.Now().UTC())
	if err != nil {
		return "", fmt.Errorf("presign: %w", err)
	}
	return signed, nil
}

// escapeKey encodes all but S3's unreserved characters and slashes.
func escapeKey(key string) string {
	return strings.NewReplacer("+", "%20", "%2F", "/", "%7E", "~").Replace(url.QueryEscape(key))
}

// notify hands an object to whom waits for it.
func (r *Room) notify(o object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	answers, ok := r.watchers[objectKey(o.Bucket, o.Key)]
	if !ok {
		return
	}
	body, err := os.ReadFile(r.path(o.File))
	if err != nil {
		return
	}
	select {
	case answers <- body:
	default: // nobody takes the answers any more
	}
}
