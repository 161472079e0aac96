package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/opencontainers/go-digest"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// maxManifest is the most that ECR takes as an image manifest (Amazon ECR service quotas: 4,194,304 bytes).
const maxManifest = 4 << 20

// Catalog is ECR's knowledge of repositories. Repositories are named by ARN.
type Catalog interface {
	// Exists reports whether there is such a repository.
	Exists(arn string) bool
	// Resolve returns the digest that a tag or digest stands for, and whether there is such an image.
	Resolve(arn, reference string) (digest string, found bool)
	// ResourcePolicy returns the repository's own policy, nil when it has none.
	ResourcePolicy(arn string) []byte
	// Tags returns the repository's tags in order.
	Tags(arn string) []string
	// Import brings in the image that a reference stands for, if the repository is of a pull-through cache and does not
	// have it yet. It fails with a protocol.Error.
	Import(ctx context.Context, as *session.Session, arn, reference string) error
	// Push keeps a manifest, under a tag if one is given, and returns its digest. It fails with a protocol.Error.
	Push(ctx context.Context, as *session.Session, arn, tag, mediaType string, body []byte) (digest string, err error)
	// Drop removes an image by digest, or only a tag. It reports whether there was one.
	Drop(ctx context.Context, arn, reference string) (bool, error)
}

// Front serves the distribution protocol under ECR's host names.
type Front struct {
	store   *Store
	tokens  *Tokens
	catalog Catalog
	caller  protocol.Caller

	// Reachable reports whether a caller's network leads to the registry. Nil means that all do.
	Reachable func(as *session.Session) bool
}

// NewFront returns the handler for all registries of store.
func NewFront(store *Store, tokens *Tokens, catalog Catalog, caller protocol.Caller) *Front {
	return &Front{store: store, tokens: tokens, catalog: catalog, caller: caller}
}

// ServeHTTP answers one request to a host that ParseHost knows; others get 404.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, ok := ParseHost(r.Host)
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
	as, ok := f.authenticate(w, r, h)
	if !ok {
		return
	}
	if f.Reachable != nil && !f.Reachable(as) {
		panic(http.ErrAbortHandler) // net/http's way to end a connection without an answer
	}
	rt := parseRoute(r.URL.Path)
	if rt.kind == kindPing {
		w.WriteHeader(http.StatusOK)
		return
	}
	actions := rt.actions(r)
	if len(actions) == 0 {
		refuse(w, http.StatusMethodNotAllowed, "UNSUPPORTED", "The operation is unsupported.")
		return
	}
	arn := h.ARN(rt.name)
	for _, action := range actions {
		need := protocol.Need{Action: action, Resources: []string{arn}, ResourcePolicy: string(f.catalog.ResourcePolicy(arn))}
		if err := f.caller.Allow(r.Context(), as, h.Region, need); err != nil {
			refuse(w, http.StatusForbidden, "DENIED", message(err))
			return
		}
	}
	if rt.kind == kindManifest && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		if err := f.catalog.Import(r.Context(), as, arn, rt.reference); err != nil {
			refuseError(w, err)
			return
		}
	}
	if !f.catalog.Exists(arn) {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", fmt.Sprintf(
			"The repository with name '%s' does not exist in the registry with id '%s'", rt.name, h.Account))
		return
	}
	f.serve(w, r, request{host: h, route: rt, arn: arn, as: as})
}

// request is one request that may be served.
type request struct {
	host  Host
	route route
	arn   string
	as    *session.Session
}

func (f *Front) serve(w http.ResponseWriter, r *http.Request, q request) {
	switch q.route.kind {
	case kindManifest:
		f.serveManifest(w, r, q)
	case kindTags:
		writeJSON(w, http.StatusOK, map[string]any{"name": q.route.name, "tags": f.catalog.Tags(q.arn)})
	default:
		query := r.URL.Query() // ECR does not mount layers of other repositories: the client uploads instead
		query.Del("mount")
		query.Del("from")
		r.URL.RawQuery = query.Encode()
		if err := f.store.serveBlobs(w, r, q.host); err != nil {
			refuse(w, http.StatusInternalServerError, "UNKNOWN", err.Error())
		}
	}
}

// authenticate returns the session of the request's password, or answers as ECR does without a good one.
// Source: Amazon ECR User Guide, "Private registry authentication" and "Troubleshooting errors with Docker commands".
func (f *Front) authenticate(w http.ResponseWriter, r *http.Request, h Host) (*session.Session, bool) {
	user, password, ok := r.BasicAuth()
	as, known, expired := f.tokens.find(password)
	if !ok || user != "AWS" || !known {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Basic realm="https://%s/",service="ecr.amazonaws.com"`, h))
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, "Not Authorized\n") //nolint:errcheck // the client has gone away
		return nil, false
	}
	if expired {
		refuse(w, http.StatusForbidden, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
		return nil, false
	}
	return as, true
}

func (f *Front) serveManifest(w http.ResponseWriter, r *http.Request, q request) {
	switch r.Method {
	case http.MethodPut:
		f.putManifest(w, r, q)
	case http.MethodDelete:
		found, err := f.catalog.Drop(r.Context(), q.arn, q.route.reference)
		switch {
		case err != nil:
			refuseError(w, err)
		case !found:
			refuseUnknown(w)
		default:
			w.WriteHeader(http.StatusAccepted)
		}
	default:
		f.getManifest(w, r, q)
	}
}

func (f *Front) getManifest(w http.ResponseWriter, r *http.Request, q request) {
	dgst, found := f.catalog.Resolve(q.arn, q.route.reference)
	if !found {
		refuseUnknown(w)
		return
	}
	mediaType, body, err := f.store.Manifest(r.Context(), q.arn, dgst)
	if err != nil {
		refuseUnknown(w)
		return
	}
	w.Header().Set("Content-Type", mediaType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.Header().Set("Docker-Content-Digest", dgst)
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		w.Write(body) //nolint:errcheck // the client has gone away
	}
}

func (f *Front) putManifest(w http.ResponseWriter, r *http.Request, q request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxManifest))
	if err != nil {
		refuse(w, http.StatusBadRequest, "MANIFEST_INVALID", "Image manifest is too large or could not be read")
		return
	}
	tag := q.route.reference
	if strings.Contains(tag, ":") {
		want := tag
		tag = ""
		if got := contentDigest(want, body); got != want {
			refuse(w, http.StatusBadRequest, "DIGEST_INVALID", fmt.Sprintf("Image manifest has digest %s, not %s", got, want))
			return
		}
	}
	dgst, err := f.catalog.Push(r.Context(), q.as, q.arn, tag, r.Header.Get("Content-Type"), body)
	if err != nil {
		refuseError(w, err)
		return
	}
	w.Header().Set("Location", "/v2/"+q.route.name+"/manifests/"+dgst)
	w.Header().Set("Docker-Content-Digest", dgst)
	w.WriteHeader(http.StatusCreated)
}

// contentDigest returns the digest of body by the algorithm of the digest want.
func contentDigest(want string, body []byte) string {
	algorithm := digest.Digest(want).Algorithm()
	if digest.Digest(want).Validate() != nil || !algorithm.Available() {
		return digest.FromBytes(body).String()
	}
	return algorithm.FromBytes(body).String()
}

// message returns an AWS error's text without its code.
func message(err error) string {
	var e *protocol.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}

func refuseUnknown(w http.ResponseWriter) {
	refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "Requested image not found")
}

// refuseError answers with an error of ECR's API, in the distribution protocol's words.
func refuseError(w http.ResponseWriter, err error) {
	code, status := "UNKNOWN", http.StatusInternalServerError
	var e *protocol.Error
	if errors.As(err, &e) {
		status = http.StatusBadRequest
		switch e.Code {
		case "ImageTagAlreadyExistsException":
			code = "TAG_INVALID"
		case "LayersNotFoundException", "ReferencedImagesNotFoundException":
			code, status = "MANIFEST_BLOB_UNKNOWN", http.StatusNotFound
		case "RepositoryNotFoundException":
			code, status = "NAME_UNKNOWN", http.StatusNotFound
		case "ImageNotFoundException":
			code, status = "MANIFEST_UNKNOWN", http.StatusNotFound
		case "UnableToGetUpstreamImageException":
			code, status = "DENIED", http.StatusForbidden
		default:
			code = "MANIFEST_INVALID"
		}
	}
	refuse(w, status, code, message(err))
}

// refuse writes an error of the distribution protocol; clients print its code in words before the message.
func refuse(w http.ResponseWriter, status int, code, text string) {
	writeJSON(w, status, map[string]any{"errors": []map[string]string{{"code": code, "message": text}}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) //nolint:errcheck // the client has gone away
}
