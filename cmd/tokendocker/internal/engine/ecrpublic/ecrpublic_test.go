package ecrpublic_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ecrpublic"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// password asks for one, as a client of the API does.
func password(t *testing.T, room *ecrpublic.Room) string {
	t.Helper()
	call := &protocol.Call{Service: "ecr-public", Operation: "GetAuthorizationToken", Partition: "aws", Region: "us-east-1"}
	out, err := room.Serve(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := out.(map[string]any)["authorizationData"].(map[string]any)
	token, err := base64.StdEncoding.DecodeString(data["authorizationToken"].(string))
	if err != nil {
		t.Fatal(err)
	}
	_, secret, _ := strings.Cut(string(token), ":")
	return secret
}

// The case table of the registry's answers.
func TestFront(t *testing.T) {
	const answers = "answers of public.ecr.aws, 2026-11"
	room := ecrpublic.New(clock.New(1))
	secret := password(t, room)
	mirror := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "mirror "+r.URL.Path+r.Header.Get("Authorization")) //nolint:errcheck // a test
	})
	real := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "real "+r.URL.Path+" "+r.Header.Get("Authorization")) //nolint:errcheck // a test
	}))
	defer real.Close()
	upstream, err := url.Parse(real.URL)
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		name, source, limit          string
		path, user, password, bearer string
		online                       bool
		status                       int
		body                         string
	}{
		{name: "challenge", source: answers, path: "/v2/", status: 401, body: "Not Authorized"},
		{name: "login", source: "ECR Public User Guide, Public registry authentication, 2026-11", path: "/token/", user: "AWS", password: secret, status: 200, body: `"token"`},
		{name: "anonymous", source: answers, path: "/token/", status: 200, body: `"token"`},
		{name: "wrong password", source: answers, path: "/token/", user: "AWS", password: "guessed", status: 401, body: "Not Authorized"},
		{name: "wrong user", source: answers, path: "/token", user: "me", password: secret, status: 401, body: "Not Authorized"},
		{name: "ping", source: answers, path: "/v2/", bearer: "x", status: 200},
		{name: "official image", source: "ECR Public Gallery, Docker, 2026-11", path: "/v2/docker/library/busybox/manifests/1", bearer: "x", status: 200, body: "mirror /v2/library/busybox/manifests/1"},
		{name: "other image offline", source: answers, limit: "without a network, Docker's official images are all that there is",
			path: "/v2/lambda/nodejs/manifests/22", bearer: "x", status: 404, body: "NAME_UNKNOWN"},
		{name: "online login", source: answers, online: true, path: "/token/", user: "AWS", password: secret, status: 200, body: "real /token/ "},
		{name: "online pull", source: answers, online: true, path: "/v2/lambda/nodejs/manifests/22", bearer: "x", status: 200, body: "real /v2/lambda/nodejs/manifests/22 Bearer x"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			front := ecrpublic.NewFront(room, mirror, upstream)
			if c.online {
				front = ecrpublic.NewFront(room, nil, upstream)
			}
			r := httptest.NewRequest(http.MethodGet, "https://"+ecrpublic.Host+c.path, nil)
			if c.user != "" {
				r.SetBasicAuth(c.user, c.password)
			}
			if c.bearer != "" {
				r.Header.Set("Authorization", "Bearer "+c.bearer)
			}
			w := httptest.NewRecorder()
			front.ServeHTTP(w, r)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.body) {
				t.Errorf("%d %s, want %d %s", w.Code, w.Body, c.status, c.body)
			}
			if challenge := w.Header().Get("WWW-Authenticate"); (c.name == "challenge") != strings.HasPrefix(challenge, "Bearer realm=") {
				t.Errorf("challenge %q", challenge)
			}
		})
	}
}

// What the API asks for and whom it refuses.
func TestGetAuthorizationToken(t *testing.T) {
	room := ecrpublic.New(clock.New(1))
	call := &protocol.Call{Service: "ecr-public", Operation: "GetAuthorizationToken", Partition: "aws-cn", Region: "us-east-1"}
	needs, err := room.Needs(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, n := range needs {
		actions = append(actions, n.Action)
	}
	if !slices.Equal(actions, []string{"ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"}) {
		t.Errorf("needs %v", actions)
	}
	if _, err := room.Serve(t.Context(), call); err == nil || !strings.Contains(err.Error(), "security token") {
		t.Errorf("another partition's credentials: %v", err)
	}
	call.Operation = "PutImage"
	if _, err := room.Needs(t.Context(), call); err == nil || !strings.Contains(err.Error(), "tokendocker has no ecr-public:PutImage") {
		t.Errorf("another operation: %v", err)
	}
}
