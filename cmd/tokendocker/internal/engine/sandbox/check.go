package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
)

// Check reports whether a sandbox can run on this machine: a docker engine of this very machine that this user may use,
// and the installed image. The error is one sentence with the command that mends it.
func Check(ctx context.Context) error {
	if err := CheckSystem(); err != nil {
		return err
	}
	if _, err := exec.LookPath("docker"); err != nil {
		return errors.New("there is no docker command on this machine; run: scripts/setup")
	}
	if err := checkEngine(ctx); err != nil {
		return err
	}
	installed, err := Installed()
	if err != nil {
		return err
	}
	if _, err := docker(ctx, "image", "inspect", "--format", "{{.Id}}", installed.Image); err != nil {
		return fmt.Errorf("the docker engine has no image %s any more; run: scripts/setup", installed.Image)
	}
	return nil
}

// CheckSystem reports whether this kind of machine can run a sandbox, without asking docker.
func CheckSystem() error {
	if runtime.GOOS != "linux" {
		return fmt.Errorf("rehearsals run on Linux only, and this is %s; use a Linux machine or virtual machine", runtime.GOOS)
	}
	_, err := Installed()
	return err
}

// checkEngine reports whether the docker engine answers, and shares this machine's files and kernel.
func checkEngine(ctx context.Context) error {
	host, err := docker(ctx, "context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
	if err == nil && !strings.HasPrefix(host, "unix://") {
		return fmt.Errorf("the docker engine is at %s, and a rehearsal needs one on this machine; run: docker context use default, and unset DOCKER_HOST", host)
	}
	out, err := docker(ctx, "info", "--format", "{{json .}}")
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var info struct {
		OSType, OperatingSystem string
		ServerErrors            []string
	}
	if jsonErr := json.Unmarshal([]byte(out), &info); jsonErr == nil && len(info.ServerErrors) > 0 {
		err = errors.New(strings.Join(info.ServerErrors, "; "))
	}
	switch {
	case err != nil && strings.Contains(err.Error(), "permission denied"):
		return errors.New("this user may not use the docker engine; run: sudo usermod -aG docker $(id -un), and log in again")
	case err != nil || info.OSType == "":
		return errors.New("no docker engine answers; run: scripts/setup")
	case info.OSType != "linux" || strings.Contains(info.OperatingSystem, "Docker Desktop"):
		return fmt.Errorf("the docker engine is %s, which cannot share sockets with this machine; use a native docker engine on Linux: sudo apt-get install docker.io", info.OperatingSystem)
	}
	return nil
}
