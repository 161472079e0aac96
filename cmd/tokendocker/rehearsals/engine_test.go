package rehearsals

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
)

// served is a running `tokendocker engine`.
type served struct {
	t           testing.TB
	cmd         *exec.Cmd
	environment map[string]string
	stderr      *lines
}

// lines is what a process says, to be read while it says more.
type lines struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startEngine runs `tokendocker engine` on a state folder until the test ends.
func startEngine(t testing.TB, state string, args ...string) *served {
	t.Helper()
	r := &served{t: t, stderr: &lines{}}
	r.cmd = exec.Command(command, append([]string{"engine", "--state", state, "--json"}, args...)...)
	r.cmd.Stderr = r.stderr
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if r.cmd.ProcessState == nil {
			r.stop()
		}
		if t.Failed() {
			t.Logf("the engine said\n%s", r.stderr)
		}
	})
	first, err := bufio.NewReader(stdout).ReadBytes('\n')
	var ready struct {
		Type        string
		Environment map[string]string
	}
	if err != nil || json.Unmarshal(first, &ready) != nil || ready.Type != "ready" {
		t.Fatalf("the engine printed %q (%v) and said\n%s", first, err, r.stderr)
	}
	r.environment = ready.Environment
	return r
}

// stop ends the engine as Ctrl-C does.
func (r *served) stop() {
	r.t.Helper()
	if err := r.cmd.Process.Signal(syscall.SIGINT); err != nil {
		r.t.Error(err)
	}
	if err := r.cmd.Wait(); err != nil {
		r.t.Errorf("the engine ended with %v and said\n%s", err, r.stderr)
	}
}

// config is how an SDK's client gets here.
func (r *served) config() aws.Config {
	return aws.Config{Region: r.environment["AWS_REGION"], BaseEndpoint: aws.String(r.environment["AWS_ENDPOINT_URL"]),
		Credentials: credentials.NewStaticCredentialsProvider(r.environment["AWS_ACCESS_KEY_ID"], r.environment["AWS_SECRET_ACCESS_KEY"], "")}
}

// TestEngineAnswersClients: the environment leads a client in, a later engine on the same folder knows the same key,
// and a client without the key stays outside.
func TestEngineAnswersClients(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	first := startEngine(t, state, "--account", "111122223333", "--region", "eu-central-1")
	who, err := sts.NewFromConfig(first.config()).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if *who.Account != "111122223333" || *who.Arn != "arn:aws:iam::111122223333:root" || first.environment["AWS_REGION"] != "eu-central-1" {
		t.Errorf("the caller is %s in %s", *who.Arn, first.environment["AWS_REGION"])
	}
	first.refuses(t)
	key := first.environment["AWS_SECRET_ACCESS_KEY"]
	first.stop()

	second := startEngine(t, state, "--account", "111122223333")
	if _, err := sts.NewFromConfig(second.config()).GetCallerIdentity(t.Context(), nil); err != nil || second.environment["AWS_SECRET_ACCESS_KEY"] != key {
		t.Errorf("the second engine has another key (%v)", err)
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(second.environment["AWS_ENDPOINT_URL"], "http://"), ":")
	taken := exec.Command(command, "engine", "--state", filepath.Join(t.TempDir(), "other"), "--port", port)
	if said, err := taken.CombinedOutput(); taken.ProcessState.ExitCode() != 5 || !strings.Contains(string(said), "another program listens on the port") {
		t.Errorf("an engine on the same port ended with %v and said %s", err, said)
	}
	busy := exec.Command(command, "engine", "--state", state)
	said, err := busy.CombinedOutput()
	if failed := (*exec.ExitError)(nil); !errors.As(err, &failed) || failed.ExitCode() != 5 || !strings.Contains(string(said), "uses the state folder") {
		t.Errorf("a second engine on the folder ended with %v and said %s", err, said)
	}
}

// refuses tries what must not be let in.
func (r *served) refuses(t *testing.T) {
	wrong := r.config()
	wrong.Credentials = credentials.NewStaticCredentialsProvider(r.environment["AWS_ACCESS_KEY_ID"], "guessed", "")
	unknown := r.config()
	unknown.Credentials = credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "guessed", "")
	for name, c := range map[string]struct {
		config aws.Config
		code   string
	}{
		"wrongly signed": {wrong, "SignatureDoesNotMatch"},
		"unknown key":    {unknown, "InvalidClientTokenId"},
	} {
		_, err := sts.NewFromConfig(c.config, func(o *sts.Options) { o.RetryMaxAttempts = 1 }).GetCallerIdentity(t.Context(), nil)
		if refused := smithy.APIError(nil); !errors.As(err, &refused) || refused.ErrorCode() != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	for name, c := range map[string]struct {
		signed time.Time // zero: not at all
		status int
		words  string
	}{
		"unsigned":             {time.Time{}, http.StatusForbidden, "<Code>MissingAuthenticationToken</Code>"},
		"signed now":           {time.Now(), http.StatusOK, "<GetCallerIdentityResult>"},
		"signed too long ago":  {time.Now().Add(-16 * time.Minute), http.StatusForbidden, "Signature expired"},
		"signed in the future": {time.Now().Add(16 * time.Minute), http.StatusForbidden, "Signature expired"},
	} {
		if status, body := r.ask(t, c.signed); status != c.status || !strings.Contains(body, c.words) {
			t.Errorf("%s: status %d, want %d: %s", name, status, c.status, body)
		}
	}
}

// ask sends GetCallerIdentity, signed at some time.
func (r *served) ask(t *testing.T, signed time.Time) (status int, body string) {
	t.Helper()
	const form = "Action=GetCallerIdentity&Version=2011-06-15"
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.environment["AWS_ENDPOINT_URL"], strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !signed.IsZero() {
		key, sum := aws.Credentials{AccessKeyID: r.environment["AWS_ACCESS_KEY_ID"], SecretAccessKey: r.environment["AWS_SECRET_ACCESS_KEY"]}, sha256.Sum256([]byte(form))
		if err := v4.NewSigner().SignHTTP(t.Context(), key, request, hex.EncodeToString(sum[:]), "sts", r.environment["AWS_REGION"], signed); err != nil {
			t.Fatal(err)
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// BenchmarkEngineStart measures from the start of the process to the answer of GetCallerIdentity, and the memory of the
// idle process.
func BenchmarkEngineStart(b *testing.B) {
	state := filepath.Join(b.TempDir(), "state")
	startEngine(b, state).stop()
	var resident float64
	for b.Loop() {
		r := startEngine(b, state)
		if _, err := sts.NewFromConfig(r.config()).GetCallerIdentity(context.Background(), nil); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		resident = max(resident, megabytes(b, r.cmd.Process.Pid))
		r.stop()
		b.StartTimer()
	}
	b.ReportMetric(resident, "MB-resident")
}

// megabytes is the resident memory of a process.
func megabytes(b testing.TB, pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kilobytes, err := strconv.ParseFloat(strings.Fields(after)[0], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kilobytes / 1024
}
