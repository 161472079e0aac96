package codebuild_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// lent asks the endpoint as a program in a build does, and returns the key and when it expires.
func (w *world) lent(t *testing.T, path string) (key string, expires time.Time, found bool) {
	t.Helper()
	answer := httptest.NewRecorder()
	if !w.room.ServeCredentials(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://169.254.170.2"+path, nil)) {
		return "", time.Time{}, false
	}
	var out struct {
		AccessKeyID     string `json:"AccessKeyId"`
		SecretAccessKey string
		Token           string
		Expiration      time.Time
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &out); err != nil || out.SecretAccessKey == "" || out.Token == "" {
		t.Fatalf("%v: %s", err, answer.Body)
	}
	return out.AccessKeyID, out.Expiration, true
}

// TestCredentials: the endpoint's credentials are renewed when half of their life is over, keep their place in the
// build's network, and are those of a build that runs.
func TestCredentials(t *testing.T) {
	const life = 40 * time.Minute
	w := newWorld(t, 600) // which is four seconds
	w.switches.CredentialsLife, w.cloud.life = life, life
	w.cloud.now = w.clock.Now
	w.project(map[string]any{"VpcConfig": map[string]any{"VpcId": "v", "Subnets": []any{"s"}, "SecurityGroupIds": []any{"g"}}})
	id := w.start(map[string]any{"timeoutInMinutesOverride": 480, "buildspecOverride": "version: 0.2\nphases: {build: {commands: ['echo path $AWS_CONTAINER_CREDENTIALS_RELATIVE_URI', sleep 3]}}\n"})
	path := ""
	for end := time.Now().Add(10 * time.Second); path == "" && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for line := range strings.Lines(w.cloud.log(id)) {
			if after, ok := strings.CutPrefix(line, "path "); ok {
				path = strings.TrimSpace(after)
			}
		}
	}
	first, expires, found := w.lent(t, path)
	if again, _, _ := w.lent(t, path); !found || again != first {
		t.Fatalf("credentials %q, then %q", first, again)
	}
	if left := time.Until(expires); left > w.clock.Real(life) || left < w.clock.Real(life/2)-time.Second {
		t.Errorf("clients think that %s are left", left)
	}
	time.Sleep(w.clock.Real(life/2) + 100*time.Millisecond)
	var all sync.WaitGroup
	for range 8 { // at once, one of which renews
		all.Go(func() { w.lent(t, path) })
	}
	all.Wait()
	second, _, _ := w.lent(t, path)
	if second == first || second == "" {
		t.Errorf("credentials %q are not renewed", second)
	}
	w.cloud.unreachable = []string{"s3"}
	for _, key := range []string{first, second} {
		if w.room.Reaches(w.cloud.sessions[key], "s3") {
			t.Errorf("%s is not in the network", key)
		}
	}
	if _, _, found := w.lent(t, "/v2/credentials/guess"); found {
		t.Error("any path gives credentials")
	}
	w.end(id)
	if _, _, found := w.lent(t, path); found {
		t.Error("the build has ended, its credentials go on")
	}
}
