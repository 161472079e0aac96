package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// preparedFile exists once a build container is prepared; launch waits for it.
const preparedFile = "/run/tokendocker-prepared"

// idle is the first process of a build container: it prepares the container, then collects orphans until it is told to
// end.
func idle() error {
	if out, err := exec.Command("/usr/libexec/tokendocker/prepare").CombinedOutput(); err != nil {
		return fmt.Errorf("preparing the container: %w: %s", err, out)
	}
	if err := os.WriteFile(preparedFile, nil, 0o644); err != nil {
		return err
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	children := make(chan os.Signal, 1)
	signal.Notify(children, syscall.SIGCHLD)
	for {
		select {
		case <-stop:
			return nil
		case <-children:
			for {
				var status syscall.WaitStatus
				if pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil); pid <= 0 || err != nil {
					break
				}
			}
		}
	}
}
