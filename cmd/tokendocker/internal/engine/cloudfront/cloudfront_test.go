package cloudfront_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudfront"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// call makes a call, and returns what it needs, its status and its answer, or "!" and its error.
func call(t *testing.T, room *cloudfront.Room, method, path, body string) (need string, status int, answer string) {
	t.Helper()
	request := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	c := &protocol.Call{Service: "cloudfront", HTTP: request}
	needs, err := room.Needs(t.Context(), c)
	if err != nil {
		return "", 0, "!" + err.Error()
	}
	need = needs[0].Action + " " + needs[0].Resources[0]
	out, err := room.Serve(t.Context(), c)
	if err != nil {
		return need, 0, "!" + err.Error()
	}
	w := httptest.NewRecorder()
	out.(http.Handler).ServeHTTP(w, request)
	return need, w.Code, w.Body.String()
}

const paths = `<InvalidationBatch xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Paths><Quantity>2</Quantity><Items><Path>/*</Path><Path>/a%20b</Path></Items></Paths><CallerReference>one</CallerReference></InvalidationBatch>`

// The case table of invalidations.
func TestInvalidations(t *testing.T) {
	const (
		page = "Amazon CloudFront API Reference, CreateInvalidation, 2026-11"
		all  = "/2020-05-31/distribution/E1/invalidation"
	)
	cases := []struct {
		name, source, limit string
		method, path, body  string
		status              int
		want                string // a regular expression
	}{
		{name: "create", source: page, method: "POST", path: all, body: paths, status: 201,
			want: `<Invalidation xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><Id>I[A-Z0-9]+</Id><Status>InProgress</Status><CreateTime>\d{4}-.+Z</CreateTime><InvalidationBatch><Paths><Quantity>2</Quantity><Items><Path>/\*</Path><Path>/a%20b</Path></Items></Paths><CallerReference>one</CallerReference></InvalidationBatch></Invalidation>`},
		{name: "another batch of the same reference", source: page, method: "POST", path: all, body: strings.Replace(paths, "a%20b", "c", 1), want: `!InvalidationBatchAlreadyExists: .+`},
		{name: "quantity", source: page, method: "POST", path: all, body: strings.Replace(paths, ">2<", ">3<", 1), want: `!InconsistentQuantities: .+`},
		{name: "no reference", source: page, method: "POST", path: all, body: strings.Replace(paths, ">one<", "><", 1), want: `!InvalidArgument: .+`},
		{name: "path without a slash", source: page, method: "POST", path: all, body: strings.Replace(paths, "/a%20b", "b", 1), want: `!InvalidArgument: .+`},
		{name: "no XML", source: page, method: "POST", path: all, body: "{}", want: `!MalformedXML: .+`},
		{name: "distribution that nobody made", source: page, limit: "every distribution is there, and nothing is cached: an invalidation is done when it is first asked for",
			method: "POST", path: strings.Replace(all, "E1", "E2", 1), body: paths, status: 201, want: `.+InProgress.+`},
		{name: "gone", source: "Amazon CloudFront API Reference, GetInvalidation, 2026-11", method: "GET", path: all + "/I1", want: `!NoSuchInvalidation: .+`},
		{name: "other operation", source: "Amazon CloudFront API Reference, Actions, 2026-11", limit: "invalidations are made and read; distributions and what belongs to them are simulated",
			method: "GET", path: "/2020-05-31/distribution/E1", want: `!UnknownOperationException: tokendocker has of CloudFront CreateInvalidation and GetInvalidation only.+`},
	}
	room := cloudfront.New("123456789012", "aws", clock.New(1))
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, status, got := call(t, room, c.method, c.path, c.body)
			if status != c.status || !regexp.MustCompile(`^(?s:`+c.want+`)$`).MatchString(got) {
				t.Errorf("%d %s, want %d %s", status, got, c.status, c.want)
			}
		})
	}
}

// TestInvalidationIsCompleted: the same reference gives the same invalidation, which is completed when it is asked for.
// Source: Amazon CloudFront API Reference, "InvalidationBatch", "GetInvalidation", 2026-11.
func TestInvalidationIsCompleted(t *testing.T) {
	room := cloudfront.New("123456789012", "aws", clock.New(1))
	id := regexp.MustCompile(`<Id>(.+?)</Id>`)
	need, _, first := call(t, room, "POST", "/2020-05-31/distribution/E1/invalidation", paths)
	if want := "cloudfront:CreateInvalidation arn:aws:cloudfront::123456789012:distribution/E1"; need != want {
		t.Errorf("needs %s, want %s", need, want)
	}
	_, _, again := call(t, room, "POST", "/2020-05-31/distribution/E1/invalidation", paths)
	if first != again {
		t.Errorf("the same reference gave %s, then %s", first, again)
	}
	need, status, got := call(t, room, "GET", "/2020-05-31/distribution/E1/invalidation/"+id.FindStringSubmatch(first)[1], "")
	if status != 200 || !strings.Contains(got, "<Status>Completed</Status>") {
		t.Errorf("%d %s", status, got)
	}
	if want := "cloudfront:GetInvalidation arn:aws:cloudfront::123456789012:distribution/E1"; need != want {
		t.Errorf("needs %s, want %s", need, want)
	}
}
