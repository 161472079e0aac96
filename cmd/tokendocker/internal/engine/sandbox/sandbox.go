package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Sandbox is the containers of one state folder. Its methods may be called at the same time.
type Sandbox struct {
	config Config
	// turn is held by whoever starts, stops or resets; unlike a mutex, waiting for it ends with a context.
	turn chan struct{}
	// hung ends when the docker engine is given up.
	hung   context.Context
	giveUp context.CancelCauseFunc
	// What follows is guarded by turn.
	started bool
	gateway string // the gateway's address
	builds  map[string]bool
}

// New describes a sandbox; nothing runs until Start or NewContainer.
func New(config Config) (*Sandbox, error) {
	if err := config.complete(); err != nil {
		return nil, err
	}
	s := &Sandbox{config: config, turn: make(chan struct{}, 1), builds: map[string]bool{}}
	s.hung, s.giveUp = context.WithCancelCause(context.Background())
	return s, nil
}

func (s *Sandbox) lock(ctx context.Context) error {
	select {
	case s.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *Sandbox) unlock() { <-s.turn }

// Start starts gateway and engine, after it removed what a killed run left. It returns once images can be built. A
// sandbox that runs is left as it is.
func (s *Sandbox) Start(ctx context.Context) error {
	ctx, end := s.patient(ctx)
	defer end()
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	return s.start(ctx)
}

func (s *Sandbox) start(ctx context.Context) error {
	if s.started {
		return nil
	}
	begin := time.Now()
	s.config.Log("starting the build sandbox")
	if err := s.run(ctx); err != nil {
		return errors.Join(s.detached(ctx, func(ctx context.Context) error {
			return fmt.Errorf("starting the sandbox: %w%s", err, s.logs(ctx))
		}), s.detached(ctx, func(ctx context.Context) error { return Sweep(ctx, s.config.State) }))
	}
	s.started = true
	s.config.Log(fmt.Sprintf("the build sandbox is ready after %.1f s", time.Since(begin).Seconds()))
	return nil
}

func (s *Sandbox) run(ctx context.Context) error {
	if s.config.Image == "" {
		installed, err := Installed()
		if err != nil {
			return err
		}
		s.config.Image = installed.Image
	}
	if err := Sweep(ctx, s.config.State); err != nil {
		return err
	}
	if err := s.writeFiles(); err != nil {
		return err
	}
	objects, objectCtx := errgroup.WithContext(ctx)
	objects.Go(func() error {
		return s.whole(objectCtx, "network", "create", "--label", s.label(), s.name("net"))
	})
	for _, volume := range []string{"data", "run", "work"} {
		objects.Go(func() error {
			return s.whole(objectCtx, "volume", "create", "--label", s.label(), s.name(volume))
		})
	}
	if err := objects.Wait(); err != nil {
		return err
	}
	if err := s.runGateway(ctx); err != nil {
		return err
	}
	if err := s.runEngine(ctx); err != nil {
		return err
	}
	// The daemon starts without the gateway; builds would then fail at names that do not resolve.
	running, err := docker(ctx, "inspect", "--format", "{{.State.Running}}", s.name("gateway"))
	if err == nil && running != "true" {
		err = errors.New("the gateway has ended")
	}
	return err
}

// writeFiles writes what the containers read from /etc/tokendocker.
func (s *Sandbox) writeFiles() error {
	if err := os.MkdirAll(s.config.Dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(s.config.Dir, "ca.pem"), s.config.CA, 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.config.Dir, "buildkitd.toml"), []byte(s.buildkitConfig()), 0o644)
}

// buildkitConfig is the configuration that buildx gives to every builder that has none of its own (buildx's
// documentation, "Configure BuildKit": buildkitd.default.toml).
func (s *Sandbox) buildkitConfig() string {
	var text strings.Builder
	hosts := s.config.ECRHosts
	if s.config.Mirror {
		fmt.Fprintf(&text, "[registry.\"docker.io\"]\n  mirrors = [%q]\n", MirrorHost)
		hosts = append(hosts[:len(hosts):len(hosts)], MirrorHost)
	}
	for _, host := range hosts {
		fmt.Fprintf(&text, "[registry.%q]\n  ca = [\"/etc/tokendocker/ca.pem\"]\n", host)
	}
	return text.String()
}

func (s *Sandbox) runGateway(ctx context.Context) error {
	err := s.whole(ctx, "run", "--detach", "--name", s.name("gateway"), "--label", s.label(), "--network", s.name("net"),
		"--security-opt", "label=disable",
		mount("type=bind", "source="+s.config.Sockets, "target=/door"),
		s.config.Image, "/usr/libexec/tokendocker/guest", "gateway")
	if err != nil {
		return err
	}
	s.gateway, err = docker(ctx, "inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", s.name("gateway"))
	return err
}

// runEngine starts the docker daemon for builds. Its container is not privileged: it has no CAP_SYS_RESOURCE (which this
// machine's root may lack as well), and the host's devices stay closed.
func (s *Sandbox) runEngine(ctx context.Context) error {
	args := []string{"run", "--detach", "--name", s.name("engine"), "--hostname", "engine", "--label", s.label(),
		"--network", s.name("net"), "--dns", s.gateway,
		"--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE",
		"--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
		"--security-opt", "systempaths=unconfined", "--security-opt", "label=disable",
		"--cgroupns", "private",
		mount("type=volume", "source="+s.name("data"), "target=/var/lib/docker"),
		mount("type=volume", "source="+s.name("run"), "target=/run/tokendocker"),
		mount("type=volume", "source="+s.name("work"), "target=/codebuild"),
		mount("type=bind", "source="+s.config.Dir, "target=/etc/tokendocker", "readonly"),
		s.config.Image, "/usr/libexec/tokendocker/engine",
		"--dns", s.gateway}
	if s.config.Mirror {
		args = append(args, "--registry-mirror", "https://"+MirrorHost)
	}
	if err := s.whole(ctx, args...); err != nil {
		return err
	}
	_, err := docker(ctx, append([]string{"exec", s.name("engine"), "/usr/libexec/tokendocker/load-buildkit"}, s.config.BuildKitImages...)...)
	return err
}

// Reset removes what builds left in the daemon (containers, builders with their cache, images, networks, volumes) and
// in the work folder, so that the next one starts as on a new machine; BuildKit's image stays. While a build container
// exists it does nothing: whoever removes the last one calls it again.
func (s *Sandbox) Reset(ctx context.Context) error {
	ctx, end := s.patient(ctx)
	defer end()
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if !s.started || len(s.builds) > 0 {
		return nil
	}
	_, err := docker(ctx, append([]string{"exec", s.name("engine"), "/usr/libexec/tokendocker/reset"}, s.config.BuildKitImages...)...)
	if err != nil {
		return fmt.Errorf("cleaning the build daemon: %w", err)
	}
	return nil
}

// Stop removes every container, network and volume of the sandbox, build containers too. It can be started again.
func (s *Sandbox) Stop(ctx context.Context) error {
	ctx, end := s.patient(ctx)
	defer end()
	if err := s.lock(ctx); err != nil {
		return err
	}
	defer s.unlock()
	if err := Sweep(ctx, s.config.State); err != nil {
		return fmt.Errorf("stopping the sandbox: %w", err)
	}
	s.started = false
	clear(s.builds)
	return nil
}

// name is the name of one docker object of this sandbox.
func (s *Sandbox) name(part string) string { return "tokendocker-" + s.config.State + "-" + part }

func (s *Sandbox) label() string { return label + "=" + s.config.State }

// logs returns the last lines of gateway and engine, for an error.
func (s *Sandbox) logs(ctx context.Context) string {
	var text strings.Builder
	for _, part := range []string{"gateway", "engine"} {
		out, err := dockerCombined(ctx, "logs", "--tail", "5", s.name(part))
		if err == nil && out != "" {
			fmt.Fprintf(&text, "\n%s: %s", part, out)
		}
	}
	return text.String()
}
