package ecrpublic

import (
	"encoding/json"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
)

// Host is the registry's host name.
const Host = "public.ecr.aws"

// library is where ECR Public keeps Docker Hub's official images (Amazon ECR Public Gallery, "Docker Official Images").
const library = "/v2/docker/library/"

// Front serves the registry at Host.
type Front struct {
	room     *Room
	mirror   http.Handler // Docker Hub's images, below /v2/library/, on machines that cannot reach the registry; or nil
	upstream http.Handler // the real registry
}

// NewFront returns the handler of Host. With a mirror, images below docker/library come from it and there are no
// others; without one, what is pulled comes from upstream, the real registry's address.
func NewFront(room *Room, mirror http.Handler, upstream *url.URL) *Front {
	return &Front{room: room, mirror: mirror, upstream: &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
		p.SetURL(upstream)
		p.Out.Host = upstream.Host
	}}}
}

// ServeHTTP answers a request of docker's: a token where the password is one of ours or missing, then pulls.
// Source: distribution, "Token Authentication Specification", and the answers of public.ecr.aws.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.TrimSuffix(r.URL.Path, "/") == "/token":
		f.token(w, r)
	case r.Header.Get("Authorization") == "":
		w.Header().Set("WWW-Authenticate", `Bearer realm="https://`+Host+`/token/",service="`+Host+`",scope="aws"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "Not Authorized")
	case f.mirror == nil:
		f.upstream.ServeHTTP(w, r)
	case r.URL.Path == "/v2/":
		w.Header().Set("Docker-Distribution-Api-Version", "registry/2.0")
		w.WriteHeader(http.StatusOK)
	case strings.HasPrefix(r.URL.Path, library):
		inner := r.Clone(r.Context())
		inner.URL.Path, inner.URL.RawPath = "/v2/library/"+strings.TrimPrefix(r.URL.Path, library), ""
		inner.Header.Del("Authorization")
		f.mirror.ServeHTTP(w, inner)
	default:
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "The repository is not in the mirror of this machine, which holds official images of Docker Hub only.")
	}
}

// token gives a bearer token to whoever has no password or a good one. Where pulls go to the real registry, so do
// requests for tokens, without our password.
func (f *Front) token(w http.ResponseWriter, r *http.Request) {
	if user, password, ok := r.BasicAuth(); ok && !f.room.knows(user, password) {
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "Not Authorized")
		return
	}
	if f.mirror == nil {
		r.Header.Del("Authorization")
		f.upstream.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]string{"token": "anonymous"}) //nolint:errcheck // the client has gone away
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]string{"code": code, "message": message}}}) //nolint:errcheck // the client has gone away
}
