package registry

import (
	"net/http"
	"strings"
)

// kind is what a request of the distribution protocol is about.
type kind int

const (
	kindUnknown kind = iota
	kindPing
	kindManifest
	kindBlob
	kindUpload
	kindTags
)

// route is one request of the OCI distribution protocol.
type route struct {
	kind      kind
	name      string // repository
	reference string // tag or digest; the upload's id
}

// parseRoute reads a path of the distribution protocol. Repository names may hold any of the protocol's own words, so
// the last one counts.
// Source: OCI Distribution Specification 1.1, "Endpoints".
func parseRoute(path string) route {
	if path == "/v2" || path == "/v2/" {
		return route{kind: kindPing}
	}
	rest, ok := strings.CutPrefix(path, "/v2/")
	if !ok {
		return route{}
	}
	if name, ok := strings.CutSuffix(rest, "/tags/list"); ok {
		return route{kind: kindTags, name: name}
	}
	for _, part := range []struct {
		word string
		kind kind
	}{{"/blobs/uploads/", kindUpload}, {"/blobs/", kindBlob}, {"/manifests/", kindManifest}} {
		if i := strings.LastIndex(rest, part.word); i > 0 {
			return route{kind: part.kind, name: rest[:i], reference: rest[i+len(part.word):]}
		}
	}
	return route{}
}

// actions returns the IAM actions that a request needs on its repository; none means that ECR does not serve it.
// Source: Amazon ECR User Guide, "Private repository policies" and "Required permissions for pushing an image".
func (rt route) actions(r *http.Request) []string {
	switch rt.kind {
	case kindBlob:
		return map[string][]string{
			http.MethodHead: {"ecr:BatchCheckLayerAvailability"},
			http.MethodGet:  {"ecr:GetDownloadUrlForLayer"},
		}[r.Method]
	case kindUpload:
		if r.Method == http.MethodPost && r.URL.Query().Has("digest") {
			return []string{"ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"}
		}
		if r.Method == http.MethodPut && r.ContentLength != 0 { // the last part comes with the end
			return []string{"ecr:UploadLayerPart", "ecr:CompleteLayerUpload"}
		}
		return map[string][]string{
			http.MethodPost:  {"ecr:InitiateLayerUpload"},
			http.MethodPatch: {"ecr:UploadLayerPart"},
			http.MethodGet:   {"ecr:UploadLayerPart"},
			http.MethodPut:   {"ecr:CompleteLayerUpload"},
		}[r.Method]
	case kindManifest:
		return map[string][]string{
			http.MethodHead:   {"ecr:BatchGetImage"},
			http.MethodGet:    {"ecr:BatchGetImage"},
			http.MethodPut:    {"ecr:PutImage"},
			http.MethodDelete: {"ecr:BatchDeleteImage"},
		}[r.Method]
	case kindTags:
		return map[string][]string{http.MethodGet: {"ecr:ListImages"}}[r.Method]
	}
	return nil
}
