package buildspec_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/internal/buildspec"
	"github.com/tokendocker/tokendocker/internal/contract"
)

const (
	repository = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app"
	tag        = "0af1"
)

// request is a valid request with nothing in it that a test does not add.
func request(edit func(*contract.Request)) contract.Request {
	r := contract.Request{
		Version: contract.Version, Source: contract.Source{Bucket: "b", Key: "k", Hash: "h"},
		Repository: contract.Repository{Name: "app", URI: repository}, Project: "p", LogGroup: "g",
		BuildMinutes: "30", ServiceSeconds: "2280",
	}
	if edit != nil {
		edit(&r)
	}
	return r
}

func text(s string) contract.Text { return contract.Text{contract.Literal(s)} }

// spec is a build specification as CodeBuild reads it.
type spec struct {
	Version string
	Env     struct {
		Shell          string
		SecretsManager map[string]string `json:"secrets-manager"`
		ParameterStore map[string]string `json:"parameter-store"`
	}
	Phases map[string]struct{ Commands []string }
}

func write(t testing.TB, r contract.Request) spec {
	t.Helper()
	recipe, err := buildspec.Write(buildspec.Build{Request: r, Tag: tag})
	if err != nil {
		t.Fatal(err)
	}
	var s spec
	if err := json.Unmarshal([]byte(recipe), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// fake stands for docker, aws and timeout: it stores its arguments, NUL-ended, and behaves as FAKE_ variables say.
const fake = `#!/bin/bash
me=${0##*/}
printf '%s\0' "$me" "$@" >"$(mktemp "$FAKE_RECORD/call.XXXXXX")"
case "$me $1 $2" in
"aws ecr get-login-password") [ "${AWS_MAX_ATTEMPTS:-3}" = 5 ] || exit 4; printf 'pass\nword'; exit "${FAKE_AWS:-0}" ;;
"docker login --username="*) cat >"$FAKE_RECORD/private"; echo 'login said this'; exit "${FAKE_PRIVATE:-0}" ;;
"docker login "*) cat >"$FAKE_RECORD/password"; echo 'login said this'; exit "${FAKE_LOGIN:-0}" ;;
"docker buildx create") exit "${FAKE_CREATE:-0}" ;;
"docker buildx inspect") [ -z "${FAKE_HANG:-}" ] || exec sleep 60; exit "${FAKE_INSPECT:-0}" ;;
"docker buildx build")
  for a in "$@"; do case $a in *=/*) [ ! -f "${a#*=}" ] || { cat "${a#*=}"; stat -c %a "${a#*=}"; } >>"$FAKE_RECORD/keys" ;; esac; done
  echo '#1 [internal] load build definition'; exit "${FAKE_BUILD:-0}" ;;
"timeout "*) shift 2; [ "$1" = 90 ] || exit 3; shift; exec /usr/bin/timeout "${FAKE_TIMEOUT:-90}" "$@" ;;
esac
`

// machine is a build container whose docker, aws and timeout are fakes.
type machine struct {
	t      testing.TB
	record string   // folder of the calls
	env    []string // NAME=VALUE, beside the usual ones
}

func newMachine(t testing.TB, env ...string) *machine {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"bin", "record", "src"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"docker", "aws", "timeout"} {
		if err := os.WriteFile(filepath.Join(dir, "bin", name), []byte(fake), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	packed := filepath.Join(dir, "src", buildspec.Archive)
	if out, err := exec.Command("tar", "-cf", packed, "-C", filepath.Join(dir, "bin"), "aws").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return &machine{t: t, record: filepath.Join(dir, "record"), env: append([]string{
		"PATH=" + filepath.Join(dir, "bin") + ":/usr/bin:/bin", "HOME=" + dir, "AWS_REGION=us-east-1", "TMPDIR=" + dir,
		"CODEBUILD_SRC_DIR=" + filepath.Join(dir, "src"), "FAKE_RECORD=" + filepath.Join(dir, "record"), "LANG=C.UTF-8",
	}, env...)}
}

// run runs the commands of one phase in one bash, as CodeBuild does it with version 0.2 of the specification
// ("Build specification reference", version): each command in turn until one fails.
func (m *machine) run(commands ...string) (log string, code int) {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), "/bin/bash", append([]string{"-c", `for c in "$@"; do eval "$c" || exit; done`, "build"}, commands...)...)
	cmd.Env = m.env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		m.t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// calls gives the arguments of every call of the program whose first arguments are prefix.
func (m *machine) calls(prefix ...string) [][]string {
	m.t.Helper()
	files, err := filepath.Glob(filepath.Join(m.record, "call.*"))
	if err != nil {
		m.t.Fatal(err)
	}
	var found [][]string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			m.t.Fatal(err)
		}
		call := strings.Split(strings.TrimSuffix(string(data), "\x00"), "\x00")
		if len(call) >= len(prefix) && slices.Equal(call[:len(prefix)], prefix) {
			found = append(found, call)
		}
	}
	return found
}

// build gives the arguments of the one call of docker buildx build.
func (m *machine) build() []string {
	m.t.Helper()
	calls := m.calls("docker", "buildx", "build")
	if len(calls) != 1 {
		m.t.Fatalf("docker buildx build was called %d times", len(calls))
	}
	return calls[0][3:]
}

// arguments gives what stands behind each --build-arg.
func arguments(call []string) []string {
	var list []string
	for i, word := range call {
		if word == "--build-arg" {
			list = append(list, call[i+1])
		}
	}
	return list
}

// lines says whether each of want stands alone on a line of log, in this order.
func lines(log string, want ...string) bool {
	for line := range strings.SplitSeq(log, "\n") {
		if len(want) > 0 && line == want[0] {
			want = want[1:]
		}
	}
	return len(want) == 0
}

// read is a file of the record.
func (m *machine) read(name string) string {
	data, err := os.ReadFile(filepath.Join(m.record, name))
	if err != nil {
		m.t.Fatal(err)
	}
	return string(bytes.TrimSpace(data))
}
