package sandbox_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
)

func newSandbox(t *testing.T, state string) *sandbox.Sandbox {
	t.Helper()
	s, err := sandbox.New(shared.outside.config(t, state, false))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func leftovers(t *testing.T, state string) []string {
	t.Helper()
	left, err := sandbox.Leftovers(context.Background(), state)
	if err != nil {
		t.Fatal(err)
	}
	return left
}

func TestStartAndStop(t *testing.T) {
	t.Parallel()
	state := shared.state + "-life"
	s := newSandbox(t, state)
	if left := leftovers(t, state); len(left) > 0 {
		t.Fatalf("before Start there is %q", left)
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("Stop before Start: %v", err)
	}
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			if err := s.Start(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	callers.Wait()
	c, err := s.NewContainer(t.Context(), sandbox.ContainerSpec{Name: "one", Docker: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Reset(t.Context()); err != nil {
		t.Errorf("Reset during a build: %v", err)
	}
	mustBash(t, c, "docker version")
	if got := len(leftovers(t, state)); got != 7 { // gateway, engine, build; a network; three volumes
		t.Errorf("got %d docker objects with the label: %q", got, leftovers(t, state))
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := leftovers(t, state); len(left) > 0 {
		t.Errorf("after Stop there is %q", left)
	}
	if err := c.Remove(t.Context()); err != nil {
		t.Errorf("removing a container after Stop: %v", err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Errorf("Start after Stop: %v", err)
	}
}

func TestStartThatIsCancelledLeavesNothing(t *testing.T) {
	t.Parallel()
	state := shared.state + "-cancel"
	s := newSandbox(t, state)
	for _, after := range []time.Duration{0, 300 * time.Millisecond, 900 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), after)
		if err := s.Start(ctx); err == nil {
			t.Errorf("Start with %v of time succeeded", after)
		}
		cancel()
		if left := leftovers(t, state); len(left) > 0 {
			t.Errorf("after a Start with %v of time there is %q", after, left)
		}
	}
}

// controlGroups lists the control groups of this machine that belong to a state's build daemon. The daemon's container
// must exist when groups is made, and groups may be called after it has gone.
func controlGroups(t *testing.T, state string) (groups func() []string) {
	t.Helper()
	id, err := exec.Command("docker", "inspect", "--format", "{{.Id}}", "tokendocker-"+state+"-engine").Output()
	if err != nil {
		t.Fatal(err)
	}
	return func() []string {
		out, err := exec.Command("find", "/sys/fs/cgroup", "-name", "*"+strings.TrimSpace(string(id))+"*").Output()
		if err != nil {
			t.Log(err) // another container's group went while find looked
		}
		return strings.Fields(string(out))
	}
}

// TestKilledProcess runs a sandbox in a process of its own and kills that with SIGKILL in the midst of a build. What it
// left is found and swept, and the same state can be used again.
func TestKilledProcess(t *testing.T) {
	t.Parallel()
	state := shared.state + "-kill"
	child := exec.Command(os.Args[0], "-test.run=^TestKilledProcessChild$", "-test.v")
	child.Env = append(os.Environ(), "SANDBOX_TEST_STATE="+state, "SANDBOX_TEST_DIR="+t.TempDir(), "SANDBOX_TEST_MIRROR="+strconv.FormatBool(shared.mirror), "SANDBOX_TEST_SOCKETS="+shared.outside.sockets, "SANDBOX_TEST_CA="+string(shared.outside.ca))
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	child.Stderr = os.Stderr
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan() && lines.Text() != "building"; {
		said = append(said, lines.Text())
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the child ended by itself: %v\n%s", err, strings.Join(said, "\n"))
	}
	if got := len(leftovers(t, state)); got != 7 {
		t.Errorf("the killed process left %q; want 7 objects", leftovers(t, state))
	}
	groups := controlGroups(t, state)
	if len(groups()) == 0 {
		t.Error("found no control group of the daemon that runs")
	}
	if err := newSandbox(t, state).Start(t.Context()); err != nil {
		t.Errorf("Start after a killed run: %v", err)
	}
	if left := groups(); len(left) > 0 {
		t.Errorf("after Start there are still the killed run's control groups %q", left)
	}
	for range 2 {
		if err := sandbox.Sweep(t.Context(), state); err != nil {
			t.Error(err)
		}
	}
	if left := leftovers(t, state); len(left) > 0 {
		t.Errorf("after Sweep there is %q", left)
	}
}

// TestKilledProcessChild is the process that TestKilledProcess kills; by itself it does nothing.
func TestKilledProcessChild(t *testing.T) {
	state := os.Getenv("SANDBOX_TEST_STATE")
	if state == "" {
		return
	}
	s, err := sandbox.New(sandbox.Config{State: state, Dir: os.Getenv("SANDBOX_TEST_DIR"), Mirror: os.Getenv("SANDBOX_TEST_MIRROR") == "true", Sockets: os.Getenv("SANDBOX_TEST_SOCKETS"), CA: []byte(os.Getenv("SANDBOX_TEST_CA"))})
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.NewContainer(t.Context(), sandbox.ContainerSpec{Name: "one", Docker: true})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Exec(t.Context(), sandbox.ExecSpec{Argv: []string{"bash", "-c", "docker run -d busybox sleep 1000 && echo && echo building && sleep 1000"}, Stdout: os.Stdout})
	t.Fatal(err)
}

func TestConfigIsChecked(t *testing.T) {
	good := func() sandbox.Config {
		return sandbox.Config{State: "abc", Dir: "d", Sockets: "s", CA: []byte("pem")}
	}
	if _, err := sandbox.New(good()); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*sandbox.Config){
		"state id":      func(c *sandbox.Config) { c.State = "A/b" },
		"CA":            func(c *sandbox.Config) { c.CA = nil },
		"folder":        func(c *sandbox.Config) { c.Dir = "" },
		"socket folder": func(c *sandbox.Config) { c.Sockets = "" },
	} {
		c := good()
		change(&c)
		if _, err := sandbox.New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestStartNamesWhatIsMissing(t *testing.T) {
	config := shared.outside.config(t, shared.state+"-broken", false)
	config.Sockets += "-nonesuch"
	s, err := sandbox.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), config.Sockets) {
		t.Errorf("got %v", err)
	}
	if left := leftovers(t, config.State); len(left) > 0 {
		t.Errorf("a failed Start left %q", left)
	}
}

func TestCheck(t *testing.T) {
	if err := sandbox.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	installed, err := sandbox.Installed()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	if err := os.Mkdir(home+"/tokendocker", 0o755); err != nil {
		t.Fatal(err)
	}
	file := home + "/tokendocker/sandbox.json"
	cases := []struct {
		name, key, value, file, want string
	}{
		{"no docker command", "PATH", t.TempDir(), "", "no docker command on this machine; run: scripts/setup"},
		{"no engine", "DOCKER_HOST", "unix:///nonesuch.sock", "", "no docker engine answers; run: scripts/setup"},
		{"an engine elsewhere", "DOCKER_HOST", "tcp://192.0.2.1:2375", "", "on this machine"},
		{"not set up", "XDG_CACHE_HOME", home, "", "not set up on this machine; run: scripts/setup"},
		{"a broken record of the set-up", "XDG_CACHE_HOME", home, "{", "sandbox.json: unexpected end"},
		{"the image is gone", "XDG_CACHE_HOME", home, fmt.Sprintf(`{"image":"%s-gone"}`, installed.Image), "run: scripts/setup"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(c.key, c.value)
			_ = os.Remove(file)
			if c.file != "" {
				if err := os.WriteFile(file, []byte(c.file), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if err := sandbox.Check(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
