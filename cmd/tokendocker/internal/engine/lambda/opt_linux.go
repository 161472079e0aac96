package lambda

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// enter gives the process of a function with layers a mount namespace of its own, in which the layers stand below /opt,
// over what this machine has there, the function's code in /var/task, and the interpreter in /var/lang/bin, where programs
// in layers look for it. Where that is not allowed the process starts without; its layers are still found by the paths
// of each runtime.
// Source: AWS Lambda Developer Guide, "Packaging your layer content" and "Defined runtime environment variables".
func (e *environment) enter(argv []string) ([]string, func(*exec.Cmd)) {
	dirs := e.layerDirs()
	if len(dirs) == 0 || !canMount() {
		return argv, func(*exec.Cmd) {}
	}
	launch := []string{"sh", "-c", again + "again " + mountOpt + " 2>/dev/null\n" + mountVar + `exec "$@"`, "sh",
		strings.Join(dirs, ":"), filepath.Join(e.dir, "var"), e.room.codeDir(e.fn.CodeSHA256)}
	return append(launch, argv...), inSpaces
}

const (
	// again tries a command some times: mounts that docker takes away meanwhile are in the way of copying a tree of mounts.
	again = `again() {
	for try in 1 2 3 4 5; do "$@" && return; sleep 0.1; done
	return 1
}
`

	// mountOpt mounts the folders of its first argument over /opt, the first of them on top.
	mountOpt = `mount -t overlay overlay -o "lowerdir=$1:/opt" /opt`

	// mountVar puts a /var together in the folder of its second argument, of this machine's and of what Lambda has in it,
	// and shifts its arguments away. The program comes after them.
	mountVar = `var=$2 task=$3
shift 3
{
	mkdir "$var" && mount -t tmpfs tmpfs "$var"
	for entry in /var/*; do
		here=$var/${entry##*/}
		if [ -L "$entry" ]; then cp -P "$entry" "$here"
		elif [ -d "$entry" ]; then mkdir "$here" && again mount --rbind "$entry" "$here"
		fi
	done
	mkdir -p "$var/lang/bin" "$var/task"
	for name in node python python3; do ln -s "$(command -v "$1")" "$var/lang/bin/$name"; done
	again mount --rbind "$task" "$var/task"
	again mount --rbind "$var" /var
} 2>/dev/null
`
)

// inSpaces starts the command as root of a user namespace, whose mounts nobody else sees.
func inSpaces(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS
	cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
	cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
}

// canMount reports whether this machine lets a process mount something over /opt for itself alone. It is tried once, with
// patience: a busy machine may refuse what it allows a moment later.
var canMount = sync.OnceValue(func() bool {
	layer, err := os.MkdirTemp("", "layer-")
	if err != nil {
		return false
	}
	defer os.Remove(layer)                                                //nolint:errcheck // an empty folder
	try := exec.Command("sh", "-c", again+"again "+mountOpt, "sh", layer) //nolint:noctx // it ends at once
	inSpaces(try)
	return try.Run() == nil
})
