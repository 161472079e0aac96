package sandbox_test

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
)

// hostile is what an argument may hold: any bytes but NUL.
var hostile = []string{
	"", " ", "--", "-", "-D", "--config", "a b", `"`, `'`, "`id`", "$(id)", "${HOME}", "$HOME", "%{x}", "%s", "\\", "\\n",
	"line\nline", "cr\r\nlf", "\ttab", "#", "=", "a=b", "*", "?", "~", "!x", "&", ";", "|", ">f", "e\u0301", "\u212b",
	"🐳", "\xff\xfe", "\x01\x7f", strings.Repeat("x", 100_000),
}

func TestExecKeepsBytes(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	var want, env []string
	for i, value := range hostile {
		name := "V" + string(rune('A'+i/26)) + string(rune('A'+i%26))
		if len(value) < 20_000 {
			env = append(env, name+"="+value)
		}
		want = append(want, value)
	}
	var out bytes.Buffer
	code, err := c.Exec(t.Context(), sandbox.ExecSpec{
		Argv:   append([]string{"bash", "-c", `printf '%s\0' "$@"; cat /proc/self/environ`, "bash"}, hostile...),
		Env:    env,
		Stdout: &out,
	})
	if err != nil || code != 0 {
		t.Fatalf("exit code %d, %v", code, err)
	}
	got := strings.Split(out.String(), "\x00")
	if diff := cmp.Diff(want, got[:len(want)]); diff != "" {
		t.Errorf("arguments (-want +got):\n%s", diff)
	}
	for _, e := range env {
		if !slices.Contains(got[len(want):], e) {
			t.Errorf("the environment lacks %q", e)
		}
	}
}

func TestExecExitCodes(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	cases := []struct {
		name string
		spec sandbox.ExecSpec
		code int
		out  string
	}{
		{"success in a folder", sandbox.ExecSpec{Argv: []string{"pwd"}, Dir: "/codebuild"}, 0, "/codebuild\n"},
		{"exit code", sandbox.ExecSpec{Argv: []string{"bash", "-c", "exit 3"}}, 3, ""},
		{"docker's own code", sandbox.ExecSpec{Argv: []string{"bash", "-c", "exit 125"}}, 125, ""},
		{"a signal", sandbox.ExecSpec{Argv: []string{"bash", "-c", "kill -9 $$"}}, 137, ""},
		{"no such program", sandbox.ExecSpec{Argv: []string{"nonesuch"}}, 127, "executable file not found"},
		{"no such path", sandbox.ExecSpec{Argv: []string{"/nonesuch"}}, 127, "no such file"},
		{"not executable", sandbox.ExecSpec{Argv: []string{"/etc/passwd"}}, 126, "permission denied"},
		{"no such folder", sandbox.ExecSpec{Argv: []string{"true"}, Dir: "/nonesuch"}, 1, "no such file"},
		{"no program", sandbox.ExecSpec{}, 1, "there is no program"},
		{"input", sandbox.ExecSpec{Argv: []string{"cat"}, Stdin: strings.NewReader("a\x00b")}, 0, "a\x00b"},
		{"no input", sandbox.ExecSpec{Argv: []string{"cat"}}, 0, ""},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var out bytes.Buffer
			tc.spec.Stdout, tc.spec.Stderr = &out, &out
			code, err := c.Exec(t.Context(), tc.spec)
			if err != nil || code != tc.code || !strings.Contains(out.String(), tc.out) {
				t.Errorf("got exit code %d, %q, %v; want %d, %q", code, out.String(), err, tc.code, tc.out)
			}
		})
	}
}

func TestExecIsNotSeenFromOutside(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	const secret = "a-very-secret-value"
	done := make(chan error)
	go func() {
		_, err := c.Exec(t.Context(), sandbox.ExecSpec{
			Argv: []string{"bash", "-c", "touch /started; until [ -e /stop ]; do sleep 0.05; done", secret}, Env: []string{"SECRET=" + secret},
		})
		done <- err
	}()
	mustBash(t, c, "until [ -e /started ]; do sleep 0.05; done")
	inspect, err := exec.Command("bash", "-c", `docker ps -aq --filter label=dev.tokendocker.state=`+shared.state+` | xargs docker inspect`).Output()
	if err != nil || bytes.Contains(inspect, []byte(secret)) {
		t.Errorf("docker inspect shows the secret, or failed: %v", err)
	}
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	clients := 0
	for _, f := range files {
		command, _ := os.ReadFile(f) // the process may have ended
		if !bytes.HasPrefix(command, []byte("docker\x00")) {
			continue
		}
		clients++
		if bytes.Contains(command, []byte(secret)) {
			t.Errorf("a command line of this machine shows the secret: %q", command)
		}
	}
	if clients == 0 {
		t.Error("found no docker command that could show the secret")
	}
	mustBash(t, c, "touch /stop")
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestExecEndsWithItsContext(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("time is over"))
	defer cancel()
	start := time.Now()
	_, err := c.Exec(ctx, sandbox.ExecSpec{Argv: []string{"bash", "-c", "trap '' INT TERM; echo here > /file; sleep 1000"}})
	if err == nil || err.Error() != "time is over" || time.Since(start) > 10*time.Second {
		t.Fatalf("got %v after %v", err, time.Since(start))
	}
	if _, err := c.Exec(t.Context(), sandbox.ExecSpec{Argv: []string{"true"}}); !errors.Is(err, sandbox.ErrGone) {
		t.Errorf("a program ran in the killed container: %v", err)
	}
	var archive bytes.Buffer
	if err := c.CopyOut(t.Context(), "/file", &archive); err != nil {
		t.Fatal(err)
	}
	if got := readTar(t, &archive); got["file"] != "here\n" {
		t.Errorf("got %q from the killed container", got)
	}
	if err := c.Kill(t.Context()); err != nil {
		t.Errorf("killing twice: %v", err)
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	var archive bytes.Buffer
	w := tar.NewWriter(&archive)
	for name, text := range map[string]string{"a": "one", "dir/-b c": "two\n"} {
		if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: int64(len(text)), Uid: 4711}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.CopyIn(t.Context(), &archive, "/codebuild/output/src 1"); err != nil {
		t.Fatal(err)
	}
	if got := mustBash(t, c, `stat -c '%u %a %n' /codebuild/output/src\ 1/a`); got != "0 755 /codebuild/output/src 1/a\n" {
		t.Errorf("got %q", got)
	}
	var out bytes.Buffer
	if err := c.CopyOut(t.Context(), "/codebuild/output/src 1", &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"src 1/a": "one", "src 1/dir/-b c": "two\n"}, readTar(t, &out)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := c.CopyIn(t.Context(), strings.NewReader("no tar archive at all"), "/x"); err == nil {
		t.Error("CopyIn took what is no tar archive")
	}
	if err := c.CopyOut(t.Context(), "/nonesuch", io.Discard); err == nil {
		t.Error("CopyOut gave a file that does not exist")
	}
}

func readTar(t *testing.T, r io.Reader) map[string]string {
	t.Helper()
	files := map[string]string{}
	for archive := tar.NewReader(r); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg {
			text, err := io.ReadAll(archive)
			if err != nil {
				t.Fatal(err)
			}
			files[h.Name] = string(text)
		}
	}
}

// TestWrapperIsTransparent puts a program of its own in the real docker's place and looks at what reaches it.
func TestWrapperIsTransparent(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	mustBash(t, c, `cat > /usr/libexec/tokendocker/docker <<'EOT'
#!/bin/bash
case $MODE in
argv) printf '%s\0' "$@" ;;
stdin) cat; cat "$2" ;;
exit) exit 42 ;;
die) kill -KILL $$ ;;
term) trap 'exit 43' TERM; trap 'exit 44' USR1; echo ready > /ready; while :; do sleep 0.05; done ;;
esac
EOT
chmod +x /usr/libexec/tokendocker/docker`)
	for _, first := range []string{"build", "ps"} { // recorded, and not
		t.Run(first, func(t *testing.T) {
			var out bytes.Buffer
			argv := append([]string{"docker", first}, hostile...)
			code, err := c.Exec(t.Context(), sandbox.ExecSpec{Argv: argv, Env: []string{"MODE=argv"}, Stdout: &out})
			if err != nil || code != 0 {
				t.Fatal(code, err)
			}
			if diff := cmp.Diff(argv[1:], strings.Split(strings.TrimSuffix(out.String(), "\x00"), "\x00")); diff != "" {
				t.Errorf("arguments (-want +got):\n%s", diff)
			}
			if got := mustBash(t, c, "printf 'in\\0put' | MODE=stdin docker "+first+" <(echo substitution)"); got != "in\x00putsubstitution\n" {
				t.Errorf("input and an inherited file gave %q", got)
			}
			for mode, want := range map[string]int{"exit": 42, "die": 137} {
				if code, out := bash(t, c, "MODE="+mode+" docker "+first); code != want {
					t.Errorf("%s: exit code %d, want %d: %s", mode, code, want, out)
				}
			}
			for sig, want := range map[string]int{"TERM": 43, "USR1": 44} {
				code, out := bash(t, c, "rm -f /ready; MODE=term docker "+first+" & until [ -e /ready ]; do sleep 0.02; done; kill -"+sig+" $!; wait $!")
				if code != want {
					t.Errorf("%s: exit code %d, want %d: %s", sig, code, want, out)
				}
			}
		})
	}
	runs, err := c.Buildx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var codes []int
	for _, r := range runs {
		codes = append(codes, r.ExitCode)
	}
	slices.Sort(codes)
	if diff := cmp.Diff([]int{0, 0, 42, 43, 44, 137}, codes); diff != "" {
		t.Errorf("recorded exit codes (-want +got):\n%s", diff)
	}
}

func TestRecordOfBuilds(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	mustBash(t, c, `mkdir -p /codebuild/r; cd /codebuild/r
printf 'FROM scratch\nCOPY Dockerfile /\n' > Dockerfile
printf 'FROM scratch\nCOPY missing /\n' > Bad
printf '{"target":{"default":{"context":"."}}}' > docker-bake.json
docker buildx build .
! docker build -f Bad .
docker buildx bake
docker image ls`)
	runs, err := c.Buildx(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range runs {
		ended := "failed"
		if r.ExitCode == 0 {
			ended = "ok"
		}
		if !r.End.After(r.Start) {
			t.Errorf("%+v did not take any time", r)
		}
		got = append(got, r.Command+" "+ended)
	}
	if diff := cmp.Diff([]string{"build ok", "build failed", "bake ok"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestKilledBuildHasNoEnd(t *testing.T) {
	t.Parallel()
	c := newBuild(t)
	done := make(chan error, 1)
	go func() {
		_, err := c.Exec(context.WithoutCancel(t.Context()), sandbox.ExecSpec{Argv: []string{"bash", "-c", `mkdir -p /codebuild/k; cd /codebuild/k
printf 'FROM busybox\nRUN sleep 1000\n' > Dockerfile; docker buildx build .`}})
		done <- err
	}()
	for range 100 {
		if runs, err := c.Buildx(t.Context()); err == nil && len(runs) == 1 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	if err := c.Kill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; !errors.Is(err, sandbox.ErrGone) {
		t.Errorf("Exec in a killed container: %v", err)
	}
	runs, err := c.Buildx(t.Context())
	if err != nil || len(runs) != 1 || !runs[0].End.IsZero() || runs[0].ExitCode != -1 {
		t.Errorf("got %+v, %v", runs, err)
	}
}

func TestContainerWithoutDocker(t *testing.T) {
	t.Parallel()
	c, err := shared.NewContainer(t.Context(), sandbox.ContainerSpec{Name: "plain"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Remove(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	if code, out := bash(t, c, "docker ps"); code == 0 || !strings.Contains(out, "Cannot connect to the Docker daemon") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if _, err := shared.NewContainer(t.Context(), sandbox.ContainerSpec{Name: "plain"}); err == nil {
		t.Error("a second container of the same name")
	}
	if _, err := shared.NewContainer(t.Context(), sandbox.ContainerSpec{Name: "Not A Name"}); err == nil {
		t.Error("a container of an illegal name")
	}
}
