package lambda

import (
	"os/exec"
	"runtime"
	"syscall"
)

// isolate puts the process into a group of its own and lets the kernel kill it when the engine dies.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// killGroup kills the process and all that it started.
func killGroup(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
}

// stopGroup halts the process and all that it started; they can still be killed.
func stopGroup(cmd *exec.Cmd) {
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGSTOP)
}

// hostArchitecture is this machine's processor in Lambda's words.
func hostArchitecture() string {
	if runtime.GOARCH == "arm64" {
		return "arm64"
	}
	return "x86_64"
}

// machineName is an architecture in the kernel's words, which qemu uses.
func machineName(architecture string) string {
	if architecture == "arm64" {
		return "aarch64"
	}
	return architecture
}
