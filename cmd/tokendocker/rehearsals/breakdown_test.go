package rehearsals

import (
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestTwoAtOnce rehearses one app in two state folders at the same time: the same names, the same account, and yet each
// has its own values, images and containers.
func TestTwoAtOnce(t *testing.T) {
	t.Parallel()
	app, files := one("FROM busybox:1\nARG A\nRUN sleep 5; echo $A > /a\n")
	var runs [2]*rehearsed
	var outcomes [2]outcome
	values := [2]string{"left", "right"}
	for i := range runs {
		runs[i] = newApp(t, app, files)
	}
	var both sync.WaitGroup
	for i, r := range runs {
		both.Go(func() { outcomes[i] = r.rehearse(nil, "--set", "One.T.TopicName="+values[i]) })
	}
	both.Wait()
	for i, r := range runs {
		o := outcomes[i].wantExit(0)
		if got := string(o.file(o.image("One/Web"), "/a")); got != values[i]+"\n" {
			t.Errorf("folder %d holds the image of %q", i, got)
		}
		r.wantNothingLeft()
	}
	if a, b := outcomes[0].image("One/Web"), outcomes[1].image("One/Web"); a.Digest == b.Digest || a.Tag == b.Tag {
		t.Errorf("both folders name the image %+v", a)
	}
	runs[0].rehearse(nil, "--destroy").wantExit(0)
	if o := runs[1].rehearse(nil, "--set", "One.T.TopicName=right").wantExit(0); o.image("One/Web").Built {
		t.Error("deleting one folder's stacks changed the other's")
	}
}

// relay is a way to the docker engine that a test can cut.
type relay struct {
	listener net.Listener
	target   string

	frozen chan struct{} // closed: nothing goes through any more, and nobody hears of it

	mu    sync.Mutex
	open  map[net.Conn]bool
	ended bool
}

// relayDocker listens on a socket of its own for the docker engine's clients.
func relayDocker(t *testing.T) *relay {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}").Output()
	must(t, err)
	dir, err := os.MkdirTemp("", "docker-") // t.TempDir's path may be too long for a socket
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	l, err := new(net.ListenConfig).Listen(t.Context(), "unix", filepath.Join(dir, "docker.sock"))
	must(t, err)
	r := &relay{listener: l, target: strings.TrimPrefix(strings.TrimSpace(string(out)), "unix://"), open: map[net.Conn]bool{}, frozen: make(chan struct{})}
	t.Cleanup(r.cut)
	go r.serve()
	return r
}

func (r *relay) serve() {
	for {
		from, err := r.listener.Accept()
		if err != nil {
			return
		}
		to, err := net.Dial("unix", r.target)
		if err != nil {
			_ = from.Close() // the client sees it
			continue
		}
		if !r.keep(from, to) {
			return
		}
		go r.copy(from, to)
		go r.copy(to, from)
	}
}

// keep remembers connections that cut closes; it closes them at once after that.
func (r *relay) keep(connections ...net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, c := range connections {
		if r.ended {
			_ = c.Close()
		}
		r.open[c] = true
	}
	return !r.ended
}

// copy hands one direction on, and its end.
func (r *relay) copy(from, to net.Conn) {
	_, _ = io.Copy(thaw{to, r.frozen}, from) // a cut connection is the point
	if half, ok := to.(*net.UnixConn); ok {
		_ = half.CloseWrite()
	}
}

// thaw writes until it is frozen; then it stands still.
type thaw struct {
	to     io.Writer
	frozen chan struct{}
}

func (w thaw) Write(b []byte) (int, error) {
	select {
	case <-w.frozen:
		select {} // until the test's process ends
	default:
		return w.to.Write(b)
	}
}

// cut ends every connection; nobody gets through any more.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = true
	_ = r.listener.Close()
	for c := range r.open {
		_ = c.Close()
	}
}

// TestDockerVanishes takes the docker engine away in the middle of a build. The command says so and ends; the next one,
// with the engine back, removes what was left running and deploys.
func TestDockerVanishes(t *testing.T) {
	t.Parallel()
	t.Run("gone", func(t *testing.T) { dockerVanishes(t, (*relay).cut, time.Minute) })
	t.Run("hangs", func(t *testing.T) { dockerVanishes(t, func(r *relay) { close(r.frozen) }, 70*time.Second) })
}

func dockerVanishes(t *testing.T, vanish func(*relay), within time.Duration) {
	t.Helper()
	t.Parallel() // to notice that it hangs takes time
	app, files := one(slowBuild)
	r := newApp(t, app, files)
	way := relayDocker(t)
	run := &running{r: r, started: time.Now()}
	run.cmd = r.command(settings{"DOCKER_HOST=unix://" + way.listener.Addr().String()}, "rehearse", r.app, "--state", r.state, "--json")
	run.cmd.Stdout, run.cmd.Stderr = &run.stdout, &run.stderr
	must(t, run.cmd.Start())
	for range 300 {
		if r.building() != "" {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(time.Second) // into the RUN step
	gone := time.Now()
	vanish(way)
	o := run.wait().wantExit(5)
	if took := time.Since(gone); took > within {
		t.Errorf("the command needed %s to end", took)
	}
	if !strings.Contains(o.stderr, "docker engine does not answer any more") || !strings.Contains(o.summary.Error, "docker engine") {
		t.Errorf("it said\n%s\nand in the summary %q", o.stderr, o.summary.Error)
	}
	r.recovers()
}

// TestFullDisk rehearses on disks that are full before the stack is deployed, and in the middle of it. The command says
// so and ends.
func TestFullDisk(t *testing.T) {
	for _, c := range []struct{ name, size, dockerfile string }{
		{"at the start", "1m", "FROM busybox:1\nARG A\nRUN true\n"},
		{"when the image comes", "48m", "FROM busybox:1\nARG A\nRUN head -c 80000000 /dev/urandom > /large\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			app, files := one(c.dockerfile)
			r := newApp(t, app, files)
			r.smallDisk(r.state, c.size)
			o := r.rehearse(nil).wantExit(5)
			if !strings.Contains(o.stderr, "the disk of the state folder "+r.state+" is full") {
				t.Errorf("it said\n%s", o.stderr)
			}
			r.wantNothingLeft()
			r.moreDisk()
			r.recovers()
		})
	}
}

// TestFullTemporaryFolder has no room for the files that the CDK and the command put into the temporary folder.
func TestFullTemporaryFolder(t *testing.T) {
	app, files := one("FROM busybox:1\nARG A\nRUN true\n")
	r := newApp(t, app, files)
	temporary := filepath.Join(t.TempDir(), "tmp")
	r.smallDisk(temporary, "1m")
	o := r.rehearse(settings{"TMPDIR=" + temporary}).wantExit(5)
	if !strings.Contains(o.stderr, "a disk of this machine is full") || !strings.Contains(o.stderr, "TMPDIR") {
		t.Errorf("it said\n%s", o.stderr)
	}
	r.wantNothingLeft()
}

// smallDisk makes a folder a disk of its own.
func (r *rehearsed) smallDisk(dir, size string) {
	r.t.Helper()
	must(r.t, os.MkdirAll(dir, 0o700))
	out, err := exec.CommandContext(r.t.Context(), "mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput()
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) && os.Geteuid() != 0 {
		r.t.Skipf("only root can make a small disk: %s", out)
	}
	if err != nil {
		r.t.Fatalf("mount: %v: %s", err, out)
	}
	r.t.Cleanup(func() { _ = exec.Command("umount", "--lazy", dir).Run() })
}

// moreDisk gives the disk of the state folder room.
func (r *rehearsed) moreDisk() {
	r.t.Helper()
	must(r.t, exec.CommandContext(r.t.Context(), "mount", "-o", "remount,size=1g", r.state).Run())
}
