package s3

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// request is one call, brought into form.
type request struct {
	call   *protocol.Call
	http   *http.Request
	query  url.Values
	bucket string
	key    string
}

// operation is one of S3's operations: how to tell it, which action it needs, and what it does.
type operation struct {
	name   string
	method string
	object bool
	query  string // parameter that must be there; empty: none of those that name an operation
	header string // header that must be there
	action string
	serve  func(*Room, *request) (http.Handler, error)
}

// operations in the order in which they are tried.
// Source: Amazon S3 API Reference, Actions; Service Authorization Reference, Amazon S3.
var operations = slices.Concat(settingOperations(), []operation{
	{"CopyObject", http.MethodPut, true, "", "X-Amz-Copy-Source", "s3:PutObject", (*Room).copyObject},
	{"UploadPartCopy", http.MethodPut, true, "uploadId", "X-Amz-Copy-Source", "s3:PutObject", (*Room).copyPart},
	{"UploadPart", http.MethodPut, true, "uploadId", "", "s3:PutObject", (*Room).uploadPart},
	{"PutObject", http.MethodPut, true, "", "", "s3:PutObject", (*Room).putObject},
	{"GetObject", http.MethodGet, true, "", "", "s3:GetObject", (*Room).getObject},
	{"HeadObject", http.MethodHead, true, "", "", "s3:GetObject", (*Room).getObject},
	{"DeleteObject", http.MethodDelete, true, "", "", "s3:DeleteObject", (*Room).deleteObject},
	{"CreateMultipartUpload", http.MethodPost, true, "uploads", "", "s3:PutObject", (*Room).createUpload},
	{"CompleteMultipartUpload", http.MethodPost, true, "uploadId", "", "s3:PutObject", (*Room).completeUpload},
	{"ListParts", http.MethodGet, true, "uploadId", "", "s3:ListMultipartUploadParts", (*Room).listParts},
	{"ListMultipartUploads", http.MethodGet, false, "uploads", "", "s3:ListBucketMultipartUploads", (*Room).listUploads},
	{"AbortMultipartUpload", http.MethodDelete, true, "uploadId", "", "s3:AbortMultipartUpload", (*Room).abortUpload},
	{"GetObjectTagging", http.MethodGet, true, "tagging", "", "s3:GetObjectTagging", (*Room).getObjectTags},
	{"PutObjectTagging", http.MethodPut, true, "tagging", "", "s3:PutObjectTagging", (*Room).putObjectTags},
	{"DeleteObjectTagging", http.MethodDelete, true, "tagging", "", "s3:DeleteObjectTagging", (*Room).deleteObjectTags},
	{"ListObjectsV2", http.MethodGet, false, "list-type", "", "s3:ListBucket", (*Room).listObjects},
	{"ListObjects", http.MethodGet, false, "", "", "s3:ListBucket", (*Room).listObjects},
	{"DeleteObjects", http.MethodPost, false, "delete", "", "s3:DeleteObject", (*Room).deleteObjects},
	{"HeadBucket", http.MethodHead, false, "", "", "s3:ListBucket", (*Room).headBucket},
	{"CreateBucket", http.MethodPut, false, "", "", "s3:CreateBucket", (*Room).createBucket},
	{"DeleteBucket", http.MethodDelete, false, "", "", "s3:DeleteBucket", (*Room).deleteBucket},
	{"GetBucketLocation", http.MethodGet, false, "location", "", "s3:GetBucketLocation", (*Room).getLocation},
	{"GetBucketVersioning", http.MethodGet, false, "versioning", "", "s3:GetBucketVersioning", (*Room).getVersioning},
	{"GetBucketPolicy", http.MethodGet, false, "policy", "", "s3:GetBucketPolicy", (*Room).getPolicy},
	{"PutBucketPolicy", http.MethodPut, false, "policy", "", "s3:PutBucketPolicy", (*Room).putPolicy},
	{"ListObjectVersions", http.MethodGet, false, "versions", "", "s3:ListBucketVersions", (*Room).listVersions},
	{"GetBucketTagging", http.MethodGet, false, "tagging", "", "s3:GetBucketTagging", (*Room).getTags},
	{"PutBucketTagging", http.MethodPut, false, "tagging", "", "s3:PutBucketTagging", (*Room).putTags},
	{"DeleteBucketTagging", http.MethodDelete, false, "tagging", "", "s3:PutBucketTagging", (*Room).deleteTags},
	{"DeleteBucketPolicy", http.MethodDelete, false, "policy", "", "s3:DeleteBucketPolicy", (*Room).deletePolicy},
	{"GetBucketAcl", http.MethodGet, false, "acl", "", "s3:GetBucketAcl", (*Room).getACL},
})

// subresources are the parameters that make a request another operation.
var subresources = []string{
	"acl", "accelerate", "analytics", "attributes", "cors", "delete", "encryption", "intelligent-tiering", "inventory",
	"legal-hold", "lifecycle", "list-type", "location", "logging", "metrics", "notification", "object-lock", "ownershipControls",
	"policy", "policyStatus", "publicAccessBlock", "replication", "requestPayment", "restore", "retention", "select",
	"tagging", "torrent", "uploadId", "uploads", "versioning", "versions", "website",
}

func (o operation) is(r *request) bool {
	if o.method != r.http.Method || o.object != (r.key != "") || r.bucket == "" {
		return false
	}
	if o.header != "" && r.http.Header.Get(o.header) == "" || o.query != "" && !r.query.Has(o.query) {
		return false
	}
	for _, s := range subresources {
		if r.query.Has(s) && s != o.query {
			return false
		}
	}
	return true
}

func parse(call *protocol.Call) (*request, operation, error) {
	if call.HTTP == nil {
		return nil, operation{}, protocol.Errorf("NotImplemented", "S3 is called over HTTP only")
	}
	r := &request{call: call, http: call.HTTP, query: call.HTTP.URL.Query()}
	r.bucket, r.key = locate(call.HTTP)
	if r.bucket == "" && r.http.Method == http.MethodGet {
		return r, operation{name: "ListBuckets", action: "s3:ListAllMyBuckets", serve: (*Room).listBuckets}, nil
	}
	for _, o := range operations {
		if o.is(r) {
			return r, o, nil
		}
	}
	return nil, operation{}, &protocol.Error{Code: "NotImplemented", Status: http.StatusNotImplemented,
		Message: fmt.Sprintf("tokendocker has no S3 operation for %s with these parameters", call.HTTP.Method)}
}

// locate reads bucket and key from the host name ("bucket.s3.region.amazonaws.com") or the path.
func locate(r *http.Request) (bucket, key string) {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if i := strings.Index(host, ".s3."); i > 0 && strings.Contains(host, "amazonaws.com") {
		return host[:i], path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}

// Needs says which permission the request needs, on the object or on the bucket, with the bucket's policy.
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	req, op, err := parse(call)
	if err != nil {
		return nil, err
	}
	call.Operation = op.name
	if op.name == "ListBuckets" {
		return []protocol.Need{{Action: op.action}}, nil
	}
	b, found, err := r.buckets.Get(req.bucket)
	if err != nil {
		return nil, err
	}
	if found && b.Region != call.Region {
		return nil, &protocol.Error{Code: "AuthorizationHeaderMalformed", Fields: map[string]any{"Region": b.Region}, Message: fmt.Sprintf(
			"The authorization header is malformed; the region '%s' is wrong; expecting '%s'", call.Region, b.Region)}
	}
	action := op.action
	if action == "s3:GetObject" && req.query.Get("versionId") != "" {
		action = "s3:GetObjectVersion"
	}
	if op.name == "CreateBucket" {
		b = bucket{} // somebody's of that name says nothing about who may make one
	}
	need := protocol.Need{Action: action, Resources: []string{r.arn(req.bucket)}, ResourcePolicy: b.Policy, Owner: b.Owner, Conditions: map[string][]string{}}
	for _, name := range []string{"prefix", "delimiter", "max-keys"} {
		if req.query.Has(name) {
			need.Conditions["s3:"+name] = []string{req.query.Get(name)}
		}
	}
	if req.key != "" {
		need.Resources = []string{r.arn(req.bucket + "/" + req.key)}
	}
	switch op.name {
	case "DeleteObjects":
		if need.Resources, err = r.deleted(req); err != nil {
			return nil, err
		}
	case "CopyObject", "UploadPartCopy":
		source, key, err := copySource(req)
		if err != nil {
			return nil, err
		}
		from, _, err := r.buckets.Get(source)
		return []protocol.Need{need, {Action: "s3:GetObject", Resources: []string{r.arn(source + "/" + key)}, ResourcePolicy: from.Policy, Owner: from.Owner}}, err
	}
	return []protocol.Need{need}, nil
}

func (r *Room) arn(path string) string { return "arn:" + r.Partition + ":s3:::" + path }

// deleted names the objects of a DeleteObjects call, whose body it leaves as it was.
func (r *Room) deleted(req *request) ([]string, error) {
	body, err := io.ReadAll(io.LimitReader(req.http.Body, 2<<20))
	if err != nil {
		return nil, err
	}
	req.http.Body = io.NopCloser(bytes.NewReader(body))
	var in deleteInput
	if err := xml.Unmarshal(body, &in); err != nil || len(in.Objects) == 0 || len(in.Objects) > 1000 {
		return nil, malformedXML()
	}
	var arns []string
	for _, o := range in.Objects {
		arns = append(arns, r.arn(req.bucket+"/"+o.Key))
	}
	return arns, nil
}

func malformedXML() error {
	return protocol.Errorf("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}

// Serve does one call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	req, op, err := parse(call)
	if err != nil {
		return nil, err
	}
	if op.name != "ListBuckets" && op.name != "CreateBucket" {
		if _, err := r.bucket(req.bucket); err != nil {
			return nil, err
		}
	}
	h, err := op.serve(r, req)
	if err == nil {
		return h, nil
	}
	return nil, r.hide(ctx, req, err)
}

// hide turns "no such key" into a denial for those who may not list the bucket.
// Source: Amazon S3 API Reference, GetObject, Permissions.
func (r *Room) hide(ctx context.Context, req *request, err error) error {
	e, ok := err.(*protocol.Error) //nolint:errorlint // our own, never wrapped
	if !ok || e.Code != "NoSuchKey" {
		return err
	}
	b, tableErr := r.bucket(req.bucket)
	if tableErr != nil {
		return tableErr
	}
	need := protocol.Need{Action: "s3:ListBucket", Resources: []string{r.arn(req.bucket)}, ResourcePolicy: b.Policy, Owner: b.Owner}
	if denied := r.Caller.Allow(ctx, req.call.Session, req.call.Region, need); denied != nil {
		return denied
	}
	return err
}

// answer is an http.Handler of a status and an XML body, if there is one.
func answer(status int, body any) (http.Handler, error) {
	if body == nil {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }), nil
	}
	text, err := xml.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("write answer: %w", err)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, xml.Header) // a client that went away has no use for an error
		_, _ = w.Write(text)
	}), nil
}
