package sigv4_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/sigv4"
)

var credentials = aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret", SessionToken: "token"}

var paths = []string{"/", "/a%20b%7Cc%3Ad/%C3%A9", "/?b=2&a=1&a-b=3", "/x?flag&empty=&v=%2F%20~", "/a//b/../c"}

// TestAgreesWithSDK signs with the AWS SDK's own signer, and checks that only the right secret verifies.
func TestAgreesWithSDK(t *testing.T) {
	body := []byte("body")
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	for _, service := range []string{"codebuild", "s3"} {
		signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = service == "s3" })
		for _, path := range paths {
			t.Run(service+path, func(t *testing.T) {
				req, err := http.NewRequest(http.MethodPost, "http://host.example:8080"+path, bytes.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("X-Amz-Target", "  Code  Build.X ")
				if err := signer.SignHTTP(context.Background(), credentials, req, hash, service, "eu-west-1", time.Now()); err != nil {
					t.Fatal(err)
				}
				check(t, received(req), hash)

				presigned, _, err := signer.PresignHTTP(context.Background(), credentials, withExpiry(req.URL), "UNSIGNED-PAYLOAD", service, "eu-west-1", time.Now())
				if err != nil {
					t.Fatal(err)
				}
				req, err = http.NewRequest(http.MethodPut, presigned, nil)
				if err != nil {
					t.Fatal(err)
				}
				check(t, received(req), "")
			})
		}
	}
}

func withExpiry(u *url.URL) *http.Request {
	v := *u
	v.RawQuery = strings.TrimPrefix(v.RawQuery+"&X-Amz-Expires=60", "&")
	return &http.Request{Method: http.MethodPut, URL: &v, Host: v.Host, Header: http.Header{}}
}

// received is the request as a server sees it.
func received(r *http.Request) *http.Request {
	s := httptest.NewRequest(r.Method, r.URL.RequestURI(), nil)
	s.Host, s.Header, s.ContentLength = r.Host, r.Header, r.ContentLength
	if s.Host == "" {
		s.Host = r.URL.Host
	}
	return s
}

func check(t *testing.T, r *http.Request, hash string) {
	t.Helper()
	sig, err := sigv4.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	if !sig.Verify(r, "secret", hash) {
		t.Error("the right secret does not verify")
	}
	if sig.Verify(r, "other", hash) {
		t.Error("another secret verifies")
	}
	r.Method = http.MethodDelete
	if sig.Verify(r, "secret", hash) {
		t.Error("another method verifies")
	}
}

func TestParseRefuses(t *testing.T) {
	const good = "AWS4-HMAC-SHA256 Credential=A/20261121/r/s/aws4_request, SignedHeaders=host, Signature=00"
	cases := []struct {
		name, auth, date string
		want             error
	}{
		{"good", good, "20261121T000000Z", nil},
		{"none", "", "", sigv4.ErrMissing},
		{"other scheme", "Basic abc", "", sigv4.ErrMissing},
		{"no date", good, "", sigv4.ErrIncomplete},
		{"another day", good, "20261122T000000Z", sigv4.ErrIncomplete},
		{"host not signed", strings.Replace(good, "=host", "=date", 1), "20261121T000000Z", sigv4.ErrIncomplete},
		{"short scope", strings.Replace(good, "/s/", "/", 1), "20261121T000000Z", sigv4.ErrIncomplete},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.Header.Set("Authorization", c.auth)
			r.Header.Set("X-Amz-Date", c.date)
			if _, err := sigv4.Parse(r); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=A/20261121/r/s/aws4_request, SignedHeaders=host, Signature=00", "X-Amz-Signature=1&X-Amz-Expires=1")
	f.Fuzz(func(t *testing.T, auth, query string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.RawQuery = query
		r.Header["Authorization"] = []string{auth}
		sig, err := sigv4.Parse(r)
		if err == nil && sig.Verify(r, "secret", "") {
			t.Error("a made-up signature verifies")
		}
	})
}
