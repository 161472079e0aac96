package codebuild

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// Container is where one build runs; *sandbox.Container is one.
type Container interface {
	// Exec runs a program to its end. An error says that it could not; an exit code is none. When the context ends,
	// everything in the container is killed.
	Exec(ctx context.Context, spec sandbox.ExecSpec) (exitCode int, err error)
	// CopyIn unpacks a tar archive into a folder.
	CopyIn(ctx context.Context, archive io.Reader, dir string) error
	// Buildx lists the image builds that ran; it works after the container was killed too.
	Buildx(ctx context.Context) ([]sandbox.Run, error)
	// Remove ends and removes the container.
	Remove(ctx context.Context) error
}

// Roles gives out sessions of IAM roles.
type Roles interface {
	// AssumeAsService assumes a role as a service principal, or fails as sts:AssumeRole does.
	AssumeAsService(ctx context.Context, roleARN, service, sessionName string, cause session.Cause) (*session.Session, error)
}

// Objects reads and writes S3 without a permission check, which is CodeBuild's to make as the build's role.
type Objects interface {
	// Open returns an object's content; version may be empty. It fails with a protocol.Error such as NoSuchKey.
	Open(ctx context.Context, bucket, key, version string) (io.ReadCloser, error)
	// List returns the keys of a bucket that begin with prefix.
	List(ctx context.Context, bucket, prefix string) ([]string, error)
	// Put stores an object, of a media type if one is given. It fails with a protocol.Error such as NoSuchBucket.
	Put(bucket, key, mediaType string, body io.Reader) error
}

// Options are what a Room needs; all but Home, Publish and Log are required.
type Options struct {
	State    *state.Store
	Clock    *clock.Clock
	Switches *switches.Switches
	Caller   protocol.Caller
	Roles    Roles
	Objects  Objects
	Network  Network
	// NewContainer starts a build container.
	NewContainer func(ctx context.Context, spec sandbox.ContainerSpec) (Container, error)
	// Home is CodeBuild's folder in a container. Default: /codebuild.
	Home string
	// Publish hears of builds' states and phases. Default: nobody.
	Publish func(protocol.Event)
	// Log hears of what goes wrong in the room itself. Default: nobody.
	Log *slog.Logger
}

// Room is AWS CodeBuild of one account, in all regions. It is safe for concurrent use.
type Room struct {
	Options
	projects state.Table[project]
	builds   state.Table[build]
	queue    *queue

	mu      sync.Mutex
	closed  bool
	live    map[string]*life  // builds that have not ended, by id
	members map[string]member // builds in a network, by the access key of their role's session
	lenders map[string]*life  // builds that have not ended, by the path of their credentials
	starts  sync.Mutex        // one StartBuild at a time, so that a token starts one build
	ended   []func(buildID, status string)
}

// Causes with which a build's context ends.
var (
	errStopped = errors.New("the build was stopped")
	errClosed  = errors.New("the rehearsal ended")
)

// New returns the room over what the state holds. Builds that ran when an engine died become FAULT.
func New(o Options) (*Room, error) {
	o.Home = cmp.Or(o.Home, "/codebuild")
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	r := &Room{Options: o, queue: newQueue(), live: map[string]*life{}, members: map[string]member{}, lenders: map[string]*life{}}
	var err error
	if r.projects, err = state.NewTable[project](o.State, "codebuild.projects"); err != nil {
		return nil, err
	}
	if r.builds, err = state.NewTable[build](o.State, "codebuild.builds"); err != nil {
		return nil, err
	}
	for id, b := range r.builds.All() {
		if b.Status != statusInProgress {
			continue
		}
		b.fault(o.Clock.Now(), "The rehearsal that ran this build ended without it.")
		if b.Interface != "" {
			if err := o.Network.Detach(b.Place.Region, b.Interface); err != nil {
				return nil, err
			}
		}
		if err := r.builds.Put(id, b); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// OnEnded makes f hear of every build that ends, with its id and status, after its record is final. Events that the
// switch LoseBuildEvents loses are not told. Call it before the first build.
func (r *Room) OnEnded(f func(buildID, status string)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ended = append(r.ended, f)
}

// Close stops all builds, waits for their end, and lets no further one start.
func (r *Room) Close() error {
	r.mu.Lock()
	r.closed = true
	lives := make([]*life, 0, len(r.live))
	for _, l := range r.live {
		lives = append(lives, l)
	}
	r.mu.Unlock()
	for _, l := range lives {
		l.cancel(errClosed)
	}
	for _, l := range lives {
		<-l.done
	}
	return nil
}

// Record is what a report wants to know of a build.
type Record struct {
	ID      string
	Project string
	Status  string // as BatchGetBuilds tells it
	Cause   session.Cause
	// Buildx is how long docker buildx ran in the build, in real time; Images is how often.
	Buildx time.Duration
	Images int
}

// Settle waits for the end of the running builds that are meant, as long as ctx allows. A build may tell its custom
// resource's end to CloudFormation itself, in one of its last commands.
func (r *Room) Settle(ctx context.Context, meant func(session.Cause) bool) {
	r.mu.Lock()
	var last []*life
	for _, l := range r.live {
		if meant(l.cause) {
			last = append(last, l)
		}
	}
	r.mu.Unlock()
	for _, l := range last {
		select {
		case <-l.done:
		case <-ctx.Done():
			return
		}
	}
}

// Records returns all builds, in the order of their start.
func (r *Room) Records() []Record {
	var out []Record
	for _, b := range r.all(func(build) bool { return true }) {
		out = append(out, Record{ID: b.ID, Project: b.Project, Status: b.Status, Cause: b.Cause,
			Buildx: time.Duration(b.BuildxSeconds * float64(time.Second)), Images: b.BuildxRuns})
	}
	return out
}

// launch makes a build known as running and runs it.
func (r *Room) launch(l *life) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return errClosed
	}
	r.live[l.build.ID] = l
	go l.run()
	return nil
}

// finished forgets a running build and tells of its end.
func (r *Room) finished(l *life) {
	r.mu.Lock()
	delete(r.live, l.build.ID)
	ended := r.ended
	r.mu.Unlock()
	close(l.done)
	if r.Switches.LoseBuildEvents {
		return
	}
	for _, f := range ended {
		f(l.build.ID, l.build.Status)
	}
}

// find returns the running build with this id, nil when none.
func (r *Room) find(id string) *life {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.live[id]
}

// running counts the builds of a project that have not ended.
func (r *Room) running(projectARN string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, l := range r.live {
		if l.projectARN == projectARN {
			n++
		}
	}
	return n
}
