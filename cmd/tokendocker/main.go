// Command tokendocker deploys CDK apps on this machine, without an AWS account: `tokendocker rehearse APP`.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/cli"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(cli.Main(context.Background(), signals, os.Args[1:], os.Stdout, os.Stderr))
}
