package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

const (
	realDocker = "/usr/libexec/tokendocker/docker"
	buildLog   = "/var/lib/tokendocker/builds.jsonl"

	// ownBuildKit is what the sandbox's daemon calls the BuildKit that it was given.
	ownBuildKit = "moby/buildkit:buildx-stable-1"
)

// A record is one line of the build log. A build writes one when it starts and one when it has ended, so that a
// wrapper that was killed leaves a start without an end.
type record struct {
	// ID is the process id of the wrapper; it joins start and end.
	ID int `json:"id"`
	// Event is "start" or "end".
	Event string `json:"event"`
	// Command is "build" or "bake"; arguments are never recorded, they may hold secrets.
	Command string `json:"command"`
	// Nanoseconds is the wall clock in nanoseconds since 1970.
	Nanoseconds int64 `json:"ns"`
	// ExitCode is that of the real command, 128 + the signal's number if one ended it. Set at the end only.
	ExitCode int `json:"exit_code"`
}

// docker runs the real docker with args. Whatever is no image build replaces this process; a build is run as a child,
// with the same file descriptors and environment, and its start, end and exit code are recorded.
func docker(args []string) error {
	args = withOwnBuildKit(args)
	command := buildCommand(args)
	if command == "" {
		return syscall.Exec(realDocker, append([]string{"docker"}, args...), os.Environ())
	}
	r := record{ID: os.Getpid(), Event: "start", Command: command}
	appendRecord(r)
	state, err := runChild(realDocker, args)
	if err != nil {
		return err
	}
	status := state.Sys().(syscall.WaitStatus)
	r.Event, r.ExitCode = "end", status.ExitStatus()
	if status.Signaled() {
		r.ExitCode = 128 + int(status.Signal())
	}
	appendRecord(r)
	if status.Signaled() {
		dieOf(status.Signal())
	}
	os.Exit(r.ExitCode)
	return nil
}

// buildKit is a reference of BuildKit's own image among the options of a builder's driver.
var buildKit = regexp.MustCompile(`(^|,)image=(?:docker\.io/)?moby/buildkit(?:[:@][^,]*)?(,|$)`)

// withOwnBuildKit puts the sandbox's BuildKit in the place of any release of moby/buildkit: what a rehearsal has of it
// is built from source, and has no digest of Docker Hub's. Other images are left as they are.
func withOwnBuildKit(args []string) []string {
	word, rest := nextWord(args)
	if word != "buildx" {
		return args
	}
	if word, _ = nextWord(rest); word != "create" {
		return args
	}
	own := make([]string, len(args))
	for i, arg := range args {
		value, option := strings.CutPrefix(arg, "--driver-opt=")
		switch {
		case option:
			own[i] = "--driver-opt=" + buildKit.ReplaceAllString(value, "${1}image="+ownBuildKit+"${2}")
		case i > 0 && args[i-1] == "--driver-opt":
			own[i] = buildKit.ReplaceAllString(arg, "${1}image="+ownBuildKit+"${2}")
		default:
			own[i] = arg
		}
	}
	return own
}

// runChild starts path and hands on every signal that this process may catch until the child has ended. Other open
// file descriptors (bash's <(...)) reach the child because nothing marks them close-on-exec.
func runChild(path string, args []string) (*os.ProcessState, error) {
	// The kernel sends Pdeathsig when the *thread* that started the child ends.
	runtime.LockOSThread()
	signals := make(chan os.Signal, 32)
	for n := syscall.Signal(1); n < 65; n++ {
		// SIGURG is the Go scheduler's own, SIGCHLD is about our child; an ignored signal stays ignored.
		if n != syscall.SIGCHLD && n != syscall.SIGURG && !signal.Ignored(n) {
			signal.Notify(signals, n)
		}
	}
	cmd := exec.Command(path, args...)
	cmd.Args[0] = "docker"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		for s := range signals {
			_ = cmd.Process.Signal(s)
		}
	}()
	err := cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	return cmd.ProcessState, nil
}

// dieOf ends this process by the signal that ended its child, as the caller would have seen it.
func dieOf(s syscall.Signal) {
	signal.Reset()
	_ = syscall.Setrlimit(syscall.RLIMIT_CORE, &syscall.Rlimit{})
	_ = syscall.Kill(os.Getpid(), s)
	time.Sleep(time.Second)
	os.Exit(128 + int(s))
}

// appendRecord adds r to the build log. The build goes on if it cannot: a missing record must not fail a build.
func appendRecord(r record) {
	r.Nanoseconds = time.Now().UnixNano()
	line, err := json.Marshal(r)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(buildLog), 0o777)
	}
	var f *os.File
	if err == nil {
		f, err = os.OpenFile(buildLog, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o666)
	}
	if err == nil {
		_, err = f.Write(append(line, '\n'))
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "docker: the build's time could not be recorded: %v\n", err)
	}
}

// buildCommand returns "build" or "bake" if args make the docker command build an image, else "".
func buildCommand(args []string) string {
	word, rest := nextWord(args, "--config", "-c", "--context", "-H", "--host", "-l", "--log-level", "--tlscacert", "--tlscert", "--tlskey")
	switch word {
	case "image", "builder":
		word, _ = nextWord(rest)
		if word != "build" {
			return ""
		}
	case "buildx":
		word, _ = nextWord(rest, "--builder")
	}
	switch word {
	case "build", "b":
		return "build"
	case "bake", "f":
		return "bake"
	}
	return ""
}

// nextWord returns the first argument that is neither a flag nor the value of one of valueFlags, and what follows it.
func nextWord(args []string, valueFlags ...string) (string, []string) {
	for i := 0; i < len(args); i++ {
		if slices.Contains(valueFlags, args[i]) {
			i++
		} else if !strings.HasPrefix(args[i], "-") {
			return args[i], args[i+1:]
		}
	}
	return "", nil
}
