// Package sigv4 checks AWS Signature Version 4, in headers and in presigned URLs. It computes the signature again
// from exactly the headers that the client names, since clients differ in which they sign.
//
// Source: AWS Identity and Access Management User Guide, "Create a signed AWS API request".
package sigv4

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The values of X-Amz-Content-Sha256 that are no hash.
const (
	UnsignedPayload = "UNSIGNED-PAYLOAD"
	UnsignedTrailer = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
	SignedStream    = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
	SignedTrailer   = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"

	algorithm  = "AWS4-HMAC-SHA256"
	dateLayout = "20060102T150405Z"
)

// Errors of Parse.
var (
	ErrMissing    = errors.New("request is not signed")
	ErrIncomplete = errors.New("signature is incomplete")
)

// Signature is what a request says about its own signature.
type Signature struct {
	AccessKeyID string
	Date        time.Time
	Region      string
	Service     string
	Token       string        // session token
	Presigned   bool          // in the URL, not in headers
	Expires     time.Duration // of a presigned URL, from Date
	Payload     string        // hash of the body, or one of the constants; empty if the request does not say

	day, dateText string // as written
	headers       []string
	signature     string
}

// Parse reads the signature of r. It fails with ErrMissing or with an error that wraps ErrIncomplete.
func Parse(r *http.Request) (*Signature, error) {
	if auth := r.Header.Get("Authorization"); strings.HasPrefix(auth, algorithm+" ") {
		return parseHeader(r, strings.TrimPrefix(auth, algorithm+" "))
	}
	if q := r.URL.Query(); q.Get("X-Amz-Signature") != "" || q.Get("X-Amz-Algorithm") != "" {
		return parseQuery(q)
	}
	return nil, ErrMissing
}

func parseHeader(r *http.Request, text string) (*Signature, error) {
	fields := map[string]string{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		fields[name] = value
	}
	s := &Signature{
		Token:     r.Header.Get("X-Amz-Security-Token"),
		Payload:   r.Header.Get("X-Amz-Content-Sha256"),
		signature: fields["Signature"],
		headers:   strings.Split(fields["SignedHeaders"], ";"),
	}
	return s, s.scope(fields["Credential"], r.Header.Get("X-Amz-Date"))
}

func parseQuery(q url.Values) (*Signature, error) {
	s := &Signature{
		Presigned: true,
		Token:     q.Get("X-Amz-Security-Token"),
		Payload:   UnsignedPayload,
		signature: q.Get("X-Amz-Signature"),
		headers:   strings.Split(q.Get("X-Amz-SignedHeaders"), ";"),
	}
	var seconds int
	if _, err := fmt.Sscanf(q.Get("X-Amz-Expires"), "%d", &seconds); err != nil || seconds < 1 || seconds > 604800 {
		return nil, fmt.Errorf("%w: X-Amz-Expires must be between 1 and 604800 seconds", ErrIncomplete)
	}
	s.Expires = time.Duration(seconds) * time.Second
	return s, s.scope(q.Get("X-Amz-Credential"), q.Get("X-Amz-Date"))
}

func (s *Signature) scope(credential, date string) (err error) {
	parts := strings.Split(credential, "/")
	if len(parts) != 5 || parts[4] != "aws4_request" {
		return fmt.Errorf("%w: the credential must be KEY/DATE/REGION/SERVICE/aws4_request", ErrIncomplete)
	}
	s.AccessKeyID, s.day, s.Region, s.Service = parts[0], parts[1], parts[2], parts[3]
	if s.Date, err = time.Parse(dateLayout, date); err != nil || !strings.HasPrefix(date, s.day) {
		return fmt.Errorf("%w: X-Amz-Date is missing or is not the credential's day", ErrIncomplete)
	}
	s.dateText = date
	if s.signature == "" || !slices.Contains(s.headers, "host") {
		return fmt.Errorf("%w: signature or signed host is missing", ErrIncomplete)
	}
	return nil
}

// Verify reports whether secret made the signature of r. payload is the hash of the body for requests that do not
// name it; a hash that they do name is trusted here, and must be compared with the body by whoever reads that.
func (s *Signature) Verify(r *http.Request, secret, payload string) bool {
	if s.Payload != "" {
		payload = s.Payload
	}
	canonical := strings.Join([]string{
		r.Method, s.canonicalPath(r.URL), s.canonicalQuery(r.URL), s.canonicalHeaders(r), strings.Join(s.headers, ";"), payload,
	}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithm, s.dateText, s.scopeText(), hex.EncodeToString(sum[:])}, "\n")
	want := hex.EncodeToString(mac(s.key(secret), text))
	return subtle.ConstantTimeCompare([]byte(want), []byte(s.signature)) == 1
}

func (s *Signature) scopeText() string {
	return s.day + "/" + s.Region + "/" + s.Service + "/aws4_request"
}

func (s *Signature) key(secret string) []byte {
	key := mac([]byte("AWS4"+secret), s.day)
	return mac(mac(mac(key, s.Region), s.Service), "aws4_request")
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// canonicalPath is the path encoded once for S3 and twice for every other service.
func (s *Signature) canonicalPath(u *url.URL) string {
	path := u.EscapedPath()
	if path == "" {
		return "/"
	}
	if s.Service == "s3" {
		return encode(u.Path, true)
	}
	return encode(path, true)
}

func (s *Signature) canonicalQuery(u *url.URL) string {
	var pairs [][2]string
	for part := range strings.SplitSeq(u.RawQuery, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, value = decode(name), decode(value)
		if part == "" || s.Presigned && name == "X-Amz-Signature" {
			continue
		}
		pairs = append(pairs, [2]string{encode(name, false), encode(value, false)})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int {
		return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1]))
	})
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0] + "=" + p[1])
	}
	return b.String()
}

func (s *Signature) canonicalHeaders(r *http.Request) string {
	var b strings.Builder
	for _, name := range s.headers {
		var values []string
		switch name {
		case "host":
			values = []string{r.Host}
		case "content-length": // net/http takes it out of the headers
			values = []string{fmt.Sprint(r.ContentLength)}
		case "transfer-encoding":
			values = r.TransferEncoding
		default:
			values = slices.Clone(r.Header.Values(name))
		}
		for i, v := range values {
			values[i] = strings.Join(strings.Fields(v), " ")
		}
		b.WriteString(name + ":" + strings.Join(values, ",") + "\n")
	}
	return b.String()
}

func decode(s string) string {
	if out, err := url.QueryUnescape(s); err == nil {
		return out
	}
	return s
}

// encode is AWS's UriEncode: everything but unreserved characters.
func encode(s string, keepSlash bool) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0, c == '/' && keepSlash:
			b.WriteByte(c)
		default:
			b.Write([]byte{'%', hexDigits[c>>4], hexDigits[c&15]})
		}
	}
	return b.String()
}
