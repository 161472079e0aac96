package lambda

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// opt is where Lambda unpacks a function's layers.
const opt = "/opt"

// withOpt gives the function's process a mount namespace of its own, in which its layers stand below /opt, over what this
// machine has there, where its interpreter may be. Where that is not allowed, the process starts without; its layers are
// still found by the paths of each runtime.
func (e *environment) withOpt(argv []string) ([]string, func(*exec.Cmd)) {
	dirs := e.layerDirs()
	if len(dirs) == 0 || !canMount() {
		return argv, func(*exec.Cmd) {}
	}
	return append([]string{"sh", "-c", mountOpt + ` 2>/dev/null; shift; exec "$@"`, "sh", strings.Join(dirs, ":")}, argv...), inSpaces
}

// mountOpt mounts the folders of its first argument over /opt, the first of them on top.
const mountOpt = `mount -t overlay overlay -o "lowerdir=$1:` + opt + `" ` + opt

// inSpaces starts the command as root of a user namespace, whose mounts nobody else sees.
func inSpaces(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
}

// canMount reports whether this machine lets a process mount something over /opt for itself alone.
func canMount() bool {
	try := exec.Command("sh", "-c", mountOpt, "sh", os.TempDir()) //nolint:noctx // it ends at once
	inSpaces(try)
	return try.Run() == nil
}
