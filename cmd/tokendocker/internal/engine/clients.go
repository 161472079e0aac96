package engine

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// Variable is an environment variable.
type Variable struct{ Name, Value string }

// Environment returns what leads AWS's clients, and the docker command of whoever uses them, to this engine. It holds
// the operator's secret key. It acts in the first
// account. There must be clients in the options.
func (e *Engine) Environment() []Variable {
	return []Variable{
		{"AWS_ENDPOINT_URL", e.listen.address},
		{"AWS_ACCESS_KEY_ID", e.accounts[0].operator.AccessKeyID},
		{"AWS_SECRET_ACCESS_KEY", e.accounts[0].operator.SecretKey},
		{"AWS_REGION", e.place.region},
		{"AWS_DEFAULT_REGION", e.place.region},
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"CDK_DEFAULT_ACCOUNT", e.place.account},
		{"CDK_DEFAULT_REGION", e.place.region},
		{"DOCKER_HOST", "unix://" + e.docker.socket},
	}
}

// operatorKey is the operator's key, as it is kept for clients.
type operatorKey struct{ AccessKeyID, SecretKey string }

// newOperator makes the session of whoever runs the engine. Clients find the same key at every run.
func (a *account) newOperator() (*session.Session, error) {
	e := a.engine
	s := &session.Session{Account: a.account, UserID: a.account, ARN: fmt.Sprintf("arn:%s:iam::%s:root", a.partition, a.account)}
	if !e.options.Clients {
		return e.sessions.Add(s), nil
	}
	table, err := state.NewTable[operatorKey](e.store, "engine.operator")
	if err != nil {
		return nil, err
	}
	key, found, err := table.Get(a.account)
	if err == nil && !found {
		key = newKey()
		err = table.Put(a.account, key)
	}
	s.AccessKeyID, s.SecretKey = key.AccessKeyID, key.SecretKey
	return e.sessions.Add(s), err
}

// newKey makes a long-lived key.
// Source: IAM User Guide, "IAM identifiers", unique identifiers: those of users' keys begin with AKIA.
func newKey() operatorKey {
	var random [40]byte
	rand.Read(random[:]) //nolint:errcheck // crypto/rand.Read never fails
	return operatorKey{AccessKeyID: "AKIA" + base32.StdEncoding.EncodeToString(random[:10]),
		SecretKey: base64.StdEncoding.EncodeToString(random[10:])}
}

// dockerHost is a docker daemon for clients, who build images as on a machine of their own: it is none of those that
// builds run on. It starts with the first connection.
type dockerHost struct {
	socket  string
	remove  func() error
	sandbox *sandbox.Sandbox
	listen  net.Listener
	stop    context.CancelFunc
	serving sync.WaitGroup
}

// openDockerHost listens for docker commands, if there are clients, and ends what an earlier engine left of theirs.
func (e *Engine) openDockerHost(ctx context.Context) error {
	if !e.options.Clients {
		e.sweepClients(ctx)
		return nil
	}
	h := &dockerHost{}
	dir, remove, err := socketDir(e.store, "docker")
	if err != nil {
		return err
	}
	h.remove, h.socket = remove, filepath.Join(dir, "docker.sock")
	files, err := e.store.Dir(dockerHostDir)
	if err == nil {
		h.sandbox, err = sandbox.New(e.sandboxConfig(clientsSandboxID(e.options.StateDir), files))
	}
	if err == nil {
		h.listen, err = listenUnix(ctx, h.socket)
	}
	if err != nil {
		return errors.Join(err, remove())
	}
	e.docker = h
	e.sweep(ctx, h.sandbox)
	ctx, h.stop = context.WithCancel(ctx)
	h.serving.Go(func() { h.serve(ctx, e.options.Progress) })
	for _, a := range e.accounts {
		a.api.Recover()
	}
	return nil
}

// dockerHostDir is the folder of the clients' sandbox in the state folder.
const dockerHostDir = "docker-host"

// sweepClients removes what a killed engine left of its clients' daemon, if the state folder has had one.
func (e *Engine) sweepClients(ctx context.Context) {
	if _, err := os.Stat(filepath.Join(e.options.StateDir, dockerHostDir)); err != nil {
		return
	}
	e.sweeps.Go(func() {
		if err := sandbox.Sweep(ctx, clientsSandboxID(e.options.StateDir)); err != nil {
			e.options.Log.Warn("sweep", "error", err)
		}
	})
}

// clientsSandboxID names the docker objects of the daemon that a state folder's clients use.
func clientsSandboxID(dir string) string { return SandboxID(dir) + "-clients" }

// serve connects docker commands to the daemon, until the host is closed.
func (h *dockerHost) serve(ctx context.Context, say func(string)) {
	for {
		conn, err := h.listen.Accept()
		if err != nil {
			return
		}
		h.serving.Go(func() {
			if err := h.sandbox.Connect(ctx, conn); err != nil && ctx.Err() == nil {
				say(fmt.Sprintf("a docker command was cut off: %v", err))
			}
		})
	}
}

// Close cuts what is connected and removes the daemon.
func (h *dockerHost) Close(ctx context.Context) error {
	err := h.listen.Close()
	h.stop()
	h.serving.Wait()
	return errors.Join(err, h.sandbox.Stop(ctx), h.remove())
}
