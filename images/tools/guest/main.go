// Command guest is the one program of ours inside the sandbox image. Its name, or its first argument, says what it is:
//
//	docker          records every image build around the real docker command (docker.go)
//	runc            asks the real runc only for the capabilities that this machine has (runc.go)
//	buildkit-runc   the same, under the name by which BuildKit looks for it
//	guest gateway   the network's DNS and relay to the engine (gateway.go, dns.go)
//	guest idle      the first process of a container that is used through exec (idle.go)
//	guest launch    starts a program with exact arguments and environment (launch.go)
package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	name, args := filepath.Base(os.Args[0]), os.Args[1:]
	if name == "guest" && len(args) > 0 {
		name, args = args[0], args[1:]
	}
	if err := run(name, args); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}

func run(name string, args []string) error {
	switch name {
	case "docker":
		return docker(args)
	case "runc", "buildkit-runc":
		return runc(args)
	case "gateway":
		return gateway()
	case "idle":
		return idle()
	case "launch":
		return launch(os.Stdin)
	}
	return fmt.Errorf("unknown name; want docker, runc, buildkit-runc, gateway, idle or launch")
}
