// Package engine is AWS on one machine: it wires the rooms behind the door, keeps them in one state folder, and
// deploys stacks. Each account has rooms of its own; what AWS's accounts share too, like the names of S3's buckets, is one
// room for all.
//
// The rooms never import each other. They meet over AWS's own calls, which the door decides and hands on, and
// through the small ports that are wired here.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ecr"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/s3"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// Options say which AWS to be.
type Options struct {
	StateDir string
	Account  string            // of stacks that name none
	Accounts []string          // further accounts that stacks go to; those of the state folder's stacks are there anyway
	Region   string            // of stacks that name none
	Regions  []string          // further regions that stacks go to
	Kept     bool              // stand where the state folder's stacks are, if it has any, instead of Account and Region
	Scale    float64           // how many times faster time runs; below 1 counts as 1
	Switches switches.Switches // faults and limits
	Secrets  map[string]string // values of secrets that nobody in the rehearsal makes, by name or ARN, in each account
	Builds   map[string]string // program for this machine's processor by the sha256 of a function's zip
	Clients  bool              // real clients call: the operator's key stays the same, and there is a docker host for them
	Port     int               // on 127.0.0.1; 0: a free one
	Log      *slog.Logger      // what goes on inside
	Progress func(line string) // the sandbox's slow steps
	OnDenial func(iam.Denial)  // told each refused call once, as it happens; may be nil
}

// Engine is one or several AWS accounts whose state is one folder. It is safe for concurrent use.
type Engine struct {
	options  Options
	store    *state.Store
	clock    *clock.Clock
	place    place // of the first account
	stop     context.CancelFunc
	accounts []*account // the first is that of stacks that name none

	sessions *session.Sessions
	door     *door.Door
	listen   *listeners
	sandbox  *sandbox.Sandbox
	docker   *dockerHost // nil unless there are clients

	s3         *s3.Room
	ecr        *ecr.Room
	registries *registry.Store
	mirror     *registry.Mirror
	images     *images
	sweeps     sync.WaitGroup
}

// ErrBusy says that another process uses the state folder.
var ErrBusy = state.ErrBusy

// ErrFormat says that another version of the engine has written the state folder.
var ErrFormat = state.ErrFormat

// Format is the number of the way in which this version writes state folders.
const Format = state.Format

// New starts an engine on a state folder. It listens on 127.0.0.1 and on sockets of its own; no container runs before
// the first build. The caller closes it.
func New(ctx context.Context, o Options) (*Engine, error) {
	store, err := state.Open(o.StateDir)
	if err != nil {
		return nil, err
	}
	at, accounts, err := settle(store, o)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	e := &Engine{options: o, store: store, clock: clock.New(o.Scale), place: at,
		stop: stop, sessions: session.NewSessions()}
	for _, id := range accounts {
		e.accounts = append(e.accounts, &account{engine: e, place: where(id, at.region), store: store.Part(id)})
	}
	if err := e.build(background); err != nil {
		return nil, errors.Join(err, e.Close(ctx))
	}
	return e, nil
}

// build makes the rooms in the order of what they need.
func (e *Engine) build(ctx context.Context) error {
	for _, step := range []func(context.Context) error{
		e.openDoor, e.openShared, e.openSandbox, e.openGallery, e.openAccounts, e.openDockerHost,
	} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// openDoor makes the front: who calls, and whether they may.
func (e *Engine) openDoor(ctx context.Context) error {
	for _, a := range e.accounts {
		if err := a.openIdentity(); err != nil {
			return err
		}
	}
	e.door = door.New(door.Options{Partition: e.place.partition, Region: e.place.region,
		Clock: e.clock, Sessions: e.sessions, Authorizer: e, Reachable: e.reaches, Switches: &e.options.Switches, Log: e.options.Log})
	dir, err := e.store.Dir("authority")
	if err != nil {
		return err
	}
	authority, err := door.OpenAuthority(dir, registry.MirrorHost)
	if err != nil {
		return err
	}
	e.listen, err = listen(ctx, e.store, e.options.Port, e.door, authority)
	return err
}

// openSandbox describes the containers; none runs yet.
func (e *Engine) openSandbox(ctx context.Context) error {
	installed, err := sandbox.Installed()
	if err != nil {
		return err
	}
	if installed.Mirror != "" {
		if e.mirror, err = registry.NewMirror(ctx, installed.Mirror); err != nil {
			return err
		}
		e.door.Host(registry.MirrorHost, e.mirror)
	}
	dir, err := e.store.Dir("sandbox")
	if err != nil {
		return err
	}
	e.sandbox, err = sandbox.New(e.sandboxConfig(SandboxID(e.options.StateDir), dir))
	if err != nil {
		return err
	}
	e.sweep(ctx, e.sandbox)
	return nil
}

// sandboxConfig describes a sandbox of this engine.
func (e *Engine) sandboxConfig(id, dir string) sandbox.Config {
	return sandbox.Config{State: id, Dir: dir, Sockets: e.listen.sockets, CA: e.listen.authority.PEM(),
		ECRHosts: e.registryHosts(), Mirror: e.mirror != nil, Loopback: e.listen.port, Log: e.options.Progress}
}

// sweep removes what a killed engine left of a sandbox, whether or not this one will build. Nobody waits for docker
// here; without docker there is nothing to remove.
func (e *Engine) sweep(ctx context.Context, s *sandbox.Sandbox) {
	e.sweeps.Go(func() {
		if err := s.Sweep(ctx); err != nil {
			e.options.Log.Warn("sweep", "error", err)
		}
	})
}

// registryHosts are ECR's hosts in every account and region that the rehearsal knows of.
func (e *Engine) registryHosts() []string {
	var hosts []string
	for _, a := range e.accounts {
		for _, region := range append([]string{e.place.region}, e.options.Regions...) {
			if host := a.registry(region); !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	return hosts
}

// SandboxID names a state folder's docker objects: the same at every run, another one for every folder.
func SandboxID(dir string) string {
	return "td-" + shortHash(filepath.Clean(dir))
}

// stopped stops containers though the context has ended, and gives up a docker engine that does not answer.
func stopped(ctx context.Context, stop func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	return stop(ctx)
}

// giveUpDocker lets nothing wait any more for a docker engine that hangs.
func (e *Engine) giveUpDocker() {
	if e.sandbox != nil {
		e.sandbox.GiveUp()
	}
	if e.docker != nil {
		e.docker.sandbox.GiveUp()
	}
}

// Close ends everything that runs and leaves the state folder for the next engine. Where the context ended since docker
// hangs (sandbox.ErrHangs is its cause), containers are left to the next engine too.
func (e *Engine) Close(ctx context.Context) error {
	var failed []error
	note := func(what string, err error) {
		if err != nil {
			failed = append(failed, fmt.Errorf("close %s: %w", what, err))
		}
	}
	if errors.Is(context.Cause(ctx), sandbox.ErrHangs) {
		e.giveUpDocker()
	}
	for _, a := range e.accounts {
		a.close(note)
	}
	e.sweeps.Wait()
	if e.sandbox != nil {
		note("sandbox", stopped(ctx, e.sandbox.Stop))
	}
	if e.docker != nil {
		note("docker host", stopped(ctx, e.docker.Close))
	}
	if e.listen != nil {
		note("door", e.listen.Close())
	}
	if e.ecr != nil {
		note("replicas", e.ecr.Close())
	}
	if e.registries != nil {
		note("registry", e.registries.Close())
	}
	if e.mirror != nil {
		note("mirror", e.mirror.Close())
	}
	e.stop()
	note("state", e.store.Close())
	return errors.Join(failed...)
}
