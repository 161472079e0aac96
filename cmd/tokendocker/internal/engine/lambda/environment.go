package lambda

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

const (
	// initLimit is the real time that a process may take until it asks for its first event. AWS gives ten seconds and
	// then starts anew; this machine may be busy with builds.
	initLimit = 30 * time.Second
	// workFloor is the least real time that an invocation gets however fast the clock runs, since the function's own
	// work runs at its usual speed. A shorter time-out is the function's own.
	workFloor = 2 * time.Second
	// idleLimit is the simulated time after which an unused environment ends. AWS names no number.
	idleLimit = 10 * time.Minute
	// killDelay is when the switch KillInvocations strikes, in real time after the event was taken.
	killDelay = 20 * time.Millisecond
)

// environment is one process of a function, with its Runtime API, its log stream and its role's session.
type environment struct {
	room    *Room
	fn      Function
	session *session.Session
	dir     string
	api     *runtimeAPI
	cmd     *exec.Cmd
	logs    *logStream
	exited  chan struct{} // closed when the process is gone
	started time.Time
	used    bool // whether it has taken an event
	spent   bool // whether it must not be used again
	retire  *time.Timer
}

// newEnvironment assumes the function's role and starts its process.
func (r *Room) newEnvironment(ctx context.Context, f Function, cause session.Cause) (*environment, error) {
	s, err := r.Roles.AssumeAsService(ctx, f.Role, servicePrincipal, f.Name, cause)
	if err != nil {
		return nil, errRole
	}
	if !s.Ends.IsZero() { // no invocation outlives its environment's credentials
		s.Ends = later(s.Ends, r.Clock.Now().Add(2*r.longest(f)))
	}
	parent := filepath.Join(r.dir, "environments")
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return nil, fmt.Errorf("make a Lambda environment: %w", err)
	}
	dir, err := os.MkdirTemp(parent, "")
	if err != nil {
		return nil, fmt.Errorf("make a Lambda environment: %w", err)
	}
	e := &environment{room: r, fn: f, session: s, dir: dir, exited: make(chan struct{}), started: time.Now()}
	e.logs = newLogStream(r, f, s)
	if e.api, err = serveRuntime(r.limit(f)); err == nil {
		err = e.spawn()
	}
	if err != nil {
		e.close()
		return nil, err
	}
	return e, nil
}

// limit is the real time that an invocation of f may take.
func (r *Room) limit(f Function) time.Duration {
	return max(r.Clock.Real(f.timeout()), min(workFloor, f.timeout()))
}

// longest is the simulated time that an invocation of f may take.
func (r *Room) longest(f Function) time.Duration {
	pace := float64(time.Hour) / float64(r.Clock.Real(time.Hour))
	return time.Duration(float64(r.limit(f)) * pace)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// launchError is a process that cannot be started, in the words of the function's answer.
type launchError struct{ kind, message string }

func (e *launchError) Error() string { return e.kind + ": " + e.message }

// program returns the command line that runs the function on this machine.
func (e *environment) program() ([]string, error) {
	if native, ok := e.room.Builds[e.fn.CodeSHA256]; ok {
		return []string{native}, nil
	}
	if e.fn.isNode() {
		return e.nodeProgram()
	}
	if e.fn.isPython() {
		return e.pythonProgram()
	}
	bootstrap := e.bootstrap()
	head := make([]byte, 2)
	file, err := os.Open(bootstrap)
	if err != nil {
		return nil, &launchError{"Runtime.InvalidEntrypoint", "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"}
	}
	_, _ = file.Read(head)
	_ = file.Close()
	if e.fn.Architecture == hostArchitecture() || string(head) == "#!" {
		return []string{bootstrap}, nil
	}
	emulator, name := e.room.Qemu, "qemu-"+machineName(e.fn.Architecture)+"-static"
	if emulator == "" {
		if emulator, err = exec.LookPath(name); err != nil {
			return nil, &launchError{"Runtime.InvalidEntrypoint", fmt.Sprintf(
				"function %s is built for %s and this machine is %s: install %s (Debian: apt-get install qemu-user-static)",
				e.fn.Name, e.fn.Architecture, hostArchitecture(), name)}
		}
	}
	return []string{emulator, bootstrap}, nil
}

// bootstrap is the program of a provided.* runtime: the function's own, or the last layer's that has one.
func (e *environment) bootstrap() string {
	own := filepath.Join(e.room.codeDir(e.fn.CodeSHA256), "bootstrap")
	for _, dir := range append([]string{filepath.Dir(own)}, e.layerDirs()...) {
		if program := filepath.Join(dir, "bootstrap"); isFile(program) {
			return program
		}
	}
	return own
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// spawn starts the process in a group of its own; it dies with the engine.
func (e *environment) spawn() error {
	argv, err := e.program()
	if err != nil {
		return err
	}
	output, input, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("make a pipe for the function's output: %w", err)
	}
	argv, settle := e.enter(argv)
	e.cmd = exec.Command(argv[0], argv[1:]...) //nolint:gosec,noctx // running the deployed function is what Lambda does
	e.cmd.Dir = e.room.codeDir(e.fn.CodeSHA256)
	e.cmd.Env = e.variables()
	e.cmd.Stdout, e.cmd.Stderr = input, input
	isolate(e.cmd)
	settle(e.cmd)
	err = e.cmd.Start()
	_ = input.Close()
	if err != nil {
		_ = output.Close()
		e.cmd = nil
		var path *os.PathError
		if errors.As(err, &path) {
			return &launchError{"Runtime.InvalidEntrypoint", "fork/exec /var/task/bootstrap: " + path.Err.Error()}
		}
		return fmt.Errorf("start function %s: %w", e.fn.Name, err)
	}
	e.logs.read(output)
	go func() {
		_ = e.cmd.Wait()
		killGroup(e.cmd) // what the function has started and left
		close(e.exited)
	}()
	return nil
}

// variables is the whole environment of the process; nothing of the engine's own is in it.
// Source: AWS Lambda Developer Guide, "Defined runtime environment variables". AWS_EXECUTION_ENV is not set for
// provided.* runtimes. HOME and TMPDIR are ours: a folder of the environment stands for its private /tmp, and the
// SDKs must not read this machine's own ~/.aws.
func (e *environment) variables() []string {
	vars := map[string]string{
		"LANG": "en_US.UTF-8", "TZ": ":UTC", "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
		"HOME": e.dir, "TMPDIR": e.dir,
		"npm_config_fetch_retries": "0", // functions of the CDK's ask npm for the newest SDK, and go on without it: at once where npm has no network
	}
	for k, v := range e.fn.Environment {
		vars[k] = v
	}
	for k, v := range map[string]string{
		"AWS_LAMBDA_RUNTIME_API": e.api.address, "AWS_ENDPOINT_URL": e.room.Endpoint,
		"AWS_REGION": e.fn.Region, "AWS_DEFAULT_REGION": e.fn.Region,
		"AWS_ACCESS_KEY_ID": e.session.AccessKeyID, "AWS_SECRET_ACCESS_KEY": e.session.SecretKey,
		"AWS_SESSION_TOKEN":        e.session.Token,
		"AWS_LAMBDA_FUNCTION_NAME": e.fn.Name, "AWS_LAMBDA_FUNCTION_VERSION": e.fn.Version,
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(e.fn.MemoryMB),
		"AWS_LAMBDA_INITIALIZATION_TYPE":  "on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME":       e.logs.group, "AWS_LAMBDA_LOG_STREAM_NAME": e.logs.name,
		"LAMBDA_TASK_ROOT":   e.room.codeDir(e.fn.CodeSHA256),
		"LAMBDA_RUNTIME_DIR": e.room.codeDir(e.fn.CodeSHA256), "_HANDLER": e.fn.Handler,
	} {
		vars[k] = v
	}
	if e.fn.isNode() {
		maps.Copy(vars, e.nodeVariables())
	}
	if e.fn.isPython() {
		maps.Copy(vars, e.pythonVariables())
	}
	if len(e.fn.Layers) > 0 {
		vars["PATH"] = e.layerPaths(vars["PATH"], "bin")
		vars["LD_LIBRARY_PATH"] = e.layerPaths(vars["LD_LIBRARY_PATH"], "lib")
	}
	list := make([]string, 0, len(vars))
	for k, v := range vars {
		list = append(list, k+"="+v)
	}
	return list
}

// close kills the process and its children, writes out the log, and removes the environment's folder.
func (e *environment) close() {
	if e.retire != nil {
		e.retire.Stop()
	}
	if e.cmd != nil {
		e.end()
	}
	if e.api != nil {
		e.api.close()
	}
	e.logs.close()
	if err := os.RemoveAll(e.dir); err != nil {
		e.room.Log.Warn("remove a Lambda environment's folder", "error", err)
	}
}

// end kills the process group and waits for it.
func (e *environment) end() {
	select {
	case <-e.exited: // its number may be another process's by now
		return
	default:
	}
	killGroup(e.cmd)
	<-e.exited
}

// memory is the most that the process has used, in MB; 0 when it is not known.
func (e *environment) memory() int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", e.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err == nil {
				return kb / 1024
			}
		}
	}
	return 0
}
