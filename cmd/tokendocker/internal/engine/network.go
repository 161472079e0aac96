package engine

import (
	"context"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ec2"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// openNetwork makes EC2, whose networks builds can run in.
func (e *Engine) openNetwork(context.Context) (err error) {
	e.ec2, err = ec2.New(ec2.Options{Account: e.place.account, Partition: e.place.partition, Suffix: e.place.suffix, Clock: e.clock,
		Store: e.store, Switches: &e.options.Switches})
	if err != nil {
		return err
	}
	e.door.Register(e.ec2)
	return nil
}

// reaches reports whether a caller's network leads to a service, which IAM or a VPC endpoint names.
func (e *Engine) reaches(as *session.Session, service string) bool {
	if service == "ecr" {
		service = "ecr.api"
	}
	return e.codebuild == nil || e.codebuild.Reaches(as, service)
}
