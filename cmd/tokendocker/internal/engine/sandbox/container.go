package sandbox

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"sync/atomic"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/proc"
)

// ErrGone says that a build container does not run any more: it was killed, removed, or the sandbox was stopped.
var ErrGone = errors.New("the build container is gone")

// A ContainerSpec describes a build container.
type ContainerSpec struct {
	// Name tells the container from others of the sandbox: 1 to 64 of a-z, 0-9 and hyphens.
	Name string
	// Docker gives the container the build daemon's socket, as CodeBuild does in privileged mode only.
	Docker bool
}

// A Container is where one build runs. It lives until Remove.
type Container struct {
	sandbox *Sandbox
	key     string
	name    string
	ended   atomic.Bool // Kill or Remove was called
}

var containerName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,63}$`)

// NewContainer starts a build container, and the sandbox where it does not run yet. Its file system is the sandbox
// image's; /codebuild is a folder that it shares with the daemon, so that "docker run -v" of a path there works.
func (s *Sandbox) NewContainer(ctx context.Context, spec ContainerSpec) (*Container, error) {
	if !containerName.MatchString(spec.Name) {
		return nil, fmt.Errorf("the build container's name %q is not 1 to 64 of a-z, 0-9 and hyphens", spec.Name)
	}
	ctx, end := s.patient(ctx)
	defer end()
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	err := s.start(ctx)
	c := &Container{sandbox: s, key: spec.Name, name: s.name("build-" + spec.Name)}
	if err == nil && s.builds[spec.Name] {
		err = fmt.Errorf("there is a build container %q already", spec.Name)
	}
	if err == nil {
		s.builds[spec.Name] = true
	}
	s.unlock()
	if err != nil {
		return nil, err
	}
	if err := c.run(ctx, spec); err != nil {
		return nil, errors.Join(fmt.Errorf("starting a build container: %w", err), s.detached(ctx, c.Remove))
	}
	return c, nil
}

func (c *Container) run(ctx context.Context, spec ContainerSpec) error {
	s := c.sandbox
	args := []string{"run", "--detach", "--name", c.name, "--hostname", "build", "--label", s.label(),
		"--network", s.name("net"), "--dns", s.gateway,
		"--cap-add", "NET_ADMIN", "--security-opt", "label=disable",
		"--env", "AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt",
		"--env", "NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt",
		mount("type=bind", "source="+s.config.Dir, "target=/etc/tokendocker", "readonly"),
		mount("type=volume", "source="+s.name("work"), "target=/codebuild")}
	if spec.Docker {
		args = append(args, mount("type=volume", "source="+s.name("run"), "target=/run/tokendocker"))
	}
	if s.config.Loopback != 0 {
		args = append(args, "--sysctl", "net.ipv4.conf.all.route_localnet=1")
	}
	_, err := docker(ctx, append(append(args, s.config.Image), s.idle()...)...)
	return err
}

// credentialsHost is where a build finds its credentials: of the link-local addresses only this one leads anywhere.
const credentialsHost = "169.254.170.2"

// idle is the build container's first program: the image's own, after the address of credentials leads to the gateway,
// and so do connections to the engine's port on the loopback interface.
func (s *Sandbox) idle() []string {
	forward := "iptables --wait --table nat --append OUTPUT --destination %s --protocol tcp --dport %d --jump DNAT --to-destination %s:80\n"
	script := fmt.Sprintf("ip route add %s via %s\n"+forward, credentialsHost, s.gateway, credentialsHost, 80, s.gateway) +
		fmt.Sprintf("iptables --wait --append OUTPUT --destination %s --jump REJECT\n", credentialsHost) // its other ports
	if s.config.Loopback != 0 {
		script += fmt.Sprintf(forward, "127.0.0.1", s.config.Loopback, s.gateway) +
			fmt.Sprintf("iptables --wait --table nat --append POSTROUTING --source 127.0.0.1 --destination %s --jump MASQUERADE\n", s.gateway)
	}
	return []string{"/bin/sh", "-ec", script + "exec /usr/libexec/tokendocker/guest idle\n"}
}

// An ExecSpec is a program to run in a build container. Arguments and environment are bytes without NUL; they reach the
// program unchanged and stand in no command line of this machine.
type ExecSpec struct {
	// Argv is the program, by name or path, and its arguments.
	Argv []string
	// Env is added to the container's environment, each entry "NAME=value".
	Env []string
	// Dir is the working directory. Default: the container's, "/".
	Dir string
	// Stdin is the program's input. Nil: empty.
	Stdin io.Reader
	// Stdout and Stderr receive what it prints; both may be the same writer.
	Stdout, Stderr io.Writer
}

// Exec runs a program to its end and returns its exit code: 127 if there is no such program, 126 if it cannot be run.
// The error is nil whatever the code is, ErrGone if the container ended before the program did, and the context's error
// if that ended: then the container is killed, since a program in it cannot be reached otherwise.
func (c *Container) Exec(ctx context.Context, spec ExecSpec) (exitCode int, err error) {
	ctx, end := c.sandbox.patient(ctx)
	defer end()
	header, err := order(spec)
	if err != nil {
		return -1, err
	}
	stdin := io.Reader(bytes.NewReader(header))
	if spec.Stdin != nil {
		stdin = io.MultiReader(stdin, spec.Stdin)
	}
	command := proc.Command{
		Name:   "docker exec",
		Argv:   []string{"docker", "exec", "--interactive", c.name, "/usr/libexec/tokendocker/guest", "launch"},
		Stdin:  stdin,
		Stdout: spec.Stdout,
		Stderr: spec.Stderr,
		Grace:  100 * time.Millisecond,
	}
	err = proc.Run(ctx, command)
	if err == nil {
		return 0, nil
	}
	if ctx.Err() != nil {
		return -1, errors.Join(context.Cause(ctx), c.sandbox.detached(ctx, c.Kill))
	}
	failed, ok := errors.AsType[*proc.Error](err)
	if !ok || failed.ExitCode < 0 {
		return -1, err
	}
	if gone, goneErr := c.gone(ctx, failed.ExitCode); gone || goneErr != nil {
		return -1, errors.Join(ErrGone, goneErr)
	}
	return failed.ExitCode, nil
}

// gone reports whether the container has ended, after a program in it ended with exitCode. The daemon may say that a
// program was killed before it says that its whole container was.
func (c *Container) gone(ctx context.Context, exitCode int) (bool, error) {
	const killed = 128 + 9
	for try := 0; ; try++ {
		running, err := c.running(ctx)
		if c.ended.Load() || err != nil || !running {
			return true, err
		}
		if exitCode != killed || try == 20 {
			return false, nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// order is what the image's launch program reads before the program's own input (images/tools/guest/launch.go).
func order(spec ExecSpec) ([]byte, error) {
	var message struct {
		Argv [][]byte `json:"argv"`
		Env  [][]byte `json:"env"`
		Dir  string   `json:"dir"`
	}
	for _, a := range spec.Argv {
		message.Argv = append(message.Argv, []byte(a))
	}
	for _, e := range spec.Env {
		message.Env = append(message.Env, []byte(e))
	}
	message.Dir = spec.Dir
	text, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(text))), text...), nil
}

// running reports whether the container runs; one that does not exist does not run.
func (c *Container) running(ctx context.Context) (bool, error) {
	out, err := docker(ctx, "container", "ls", "--filter", "name=^/"+c.name+"$", "--filter", "status=running", "--format", "{{.Names}}")
	return out == c.name, err
}

// CopyIn unpacks a tar archive into dir of the container, which is made when missing. The files belong to root.
func (c *Container) CopyIn(ctx context.Context, archive io.Reader, dir string) error {
	var output bytes.Buffer
	code, err := c.Exec(ctx, ExecSpec{
		Argv:   []string{"bash", "-c", `mkdir -p -- "$1" && exec tar --extract --no-same-owner --directory "$1"`, "bash", dir},
		Stdin:  archive,
		Stdout: &output,
		Stderr: &output,
	})
	if err == nil && code != 0 {
		err = fmt.Errorf("exit code %d: %s", code, bytes.TrimSpace(output.Bytes()))
	}
	if err != nil {
		return fmt.Errorf("copying into %s of the build container: %w", dir, err)
	}
	return nil
}

// CopyOut writes a file or folder of the container to w as a tar archive whose names begin with path's last element. It
// works after Kill too.
func (c *Container) CopyOut(ctx context.Context, path string, w io.Writer) error {
	ctx, end := c.sandbox.patient(ctx)
	defer end()
	err := proc.Run(ctx, proc.Command{Name: "docker cp", Argv: []string{"docker", "cp", c.name + ":" + path, "-"}, Stdout: w})
	if err != nil {
		return fmt.Errorf("copying %s out of the build container: %w", path, err)
	}
	return nil
}

// Kill ends everything in the container at once. Its files can still be read. A container that is gone is no error.
func (c *Container) Kill(ctx context.Context) error {
	ctx, end := c.sandbox.patient(ctx)
	defer end()
	c.ended.Store(true)
	_, err := docker(ctx, "kill", c.name)
	if err == nil {
		return nil
	}
	if running, runErr := c.running(ctx); runErr == nil && !running {
		return nil
	}
	return err
}

// Remove ends and removes the container. To remove it twice is no error.
func (c *Container) Remove(ctx context.Context) error {
	ctx, end := c.sandbox.patient(ctx)
	defer end()
	c.ended.Store(true)
	if _, err := docker(ctx, "rm", "--force", "--volumes", c.name); err != nil {
		if left, listErr := docker(ctx, "container", "ls", "--all", "--quiet", "--filter", "name=^/"+c.name+"$"); listErr != nil || left != "" {
			return fmt.Errorf("removing a build container: %w", err)
		}
	}
	if err := c.sandbox.lock(ctx); err != nil {
		return err
	}
	defer c.sandbox.unlock()
	delete(c.sandbox.builds, c.key)
	return nil
}

// A Run is one image build that a docker command made in a container.
type Run struct {
	// Command is "build" or "bake".
	Command string
	// Start and End are when the docker command started and ended, by this machine's clock. End is the zero time for
	// one that runs, or that was killed together with its container.
	Start, End time.Time
	// ExitCode is the command's, 128 + the signal's number if one ended it, and -1 without an End.
	ExitCode int
}

// buildLog is where the image's docker wrapper keeps its records (images/tools/guest/docker.go).
const buildLog = "/var/lib/tokendocker/builds.jsonl"

// Buildx lists the image builds of this container in the order of their start. It works after Kill too.
func (c *Container) Buildx(ctx context.Context) ([]Run, error) {
	var archive bytes.Buffer
	if err := c.CopyOut(ctx, buildLog, &archive); err != nil {
		return nil, err
	}
	r := tar.NewReader(&archive)
	if _, err := r.Next(); err != nil {
		return nil, fmt.Errorf("reading the record of builds: %w", err)
	}
	return readRuns(r)
}

func readRuns(r io.Reader) ([]Run, error) {
	var runs []Run
	open := map[int]int{} // the wrapper's process id -> index of its run
	for decoder := json.NewDecoder(r); ; {
		var record struct {
			ID          int    `json:"id"`
			Event       string `json:"event"`
			Command     string `json:"command"`
			Nanoseconds int64  `json:"ns"`
			ExitCode    int    `json:"exit_code"`
		}
		if err := decoder.Decode(&record); errors.Is(err, io.EOF) {
			return runs, nil
		} else if err != nil {
			return nil, fmt.Errorf("reading the record of builds: %w", err)
		}
		at := time.Unix(0, record.Nanoseconds)
		if record.Event == "start" {
			open[record.ID] = len(runs)
			runs = append(runs, Run{Command: record.Command, Start: at, ExitCode: -1})
		} else if i, ok := open[record.ID]; ok {
			runs[i].End, runs[i].ExitCode = at, record.ExitCode
		}
	}
}
