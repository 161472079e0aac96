package ecr

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/partition"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// Content keeps manifests and layers. Repositories are named by ARN.
type Content interface {
	// Manifest returns the manifest with this digest.
	Manifest(ctx context.Context, arn, digest string) (mediaType string, body []byte, err error)
	// PutManifest keeps a manifest and returns its digest.
	PutManifest(ctx context.Context, arn, mediaType string, body []byte) (digest string, err error)
	// DeleteManifest removes a manifest; one that is not there is no error.
	DeleteManifest(ctx context.Context, arn, digest string) error
	// BlobSize returns the size of a layer or configuration in bytes; an error when the repository has none such.
	BlobSize(ctx context.Context, arn, digest string) (int64, error)
	// Copy brings a manifest and the layers that it names to another repository, perhaps of another registry. The
	// manifests of an index must be there already.
	Copy(ctx context.Context, from, to, digest string) error
	// DeleteRepository removes whatever belongs to the repository alone.
	DeleteRepository(ctx context.Context, arn string) error
}

// Tokens gives out registry passwords.
type Tokens interface {
	// Issue returns a password with which user "AWS" acts as s, and until when.
	Issue(s *session.Session) (password string, expires time.Time)
}

// Options are what a Room needs; the first four and Missing are required.
type Options struct {
	State   *state.Store
	Clock   *clock.Clock
	Content Content
	Tokens  Tokens
	// Keys decides about repositories' keys of KMS, and Deployer is for whom CloudFormation makes an account's
	// repositories. Both are required where repositories have keys.
	Keys     protocol.Keys
	Deployer func(account string) *session.Session
	// Caller, Secret and Upstream serve repositories of a pull-through cache, and are required where there are rules for
	// them: Caller decides whether a pull may import an image, Secret gives a secret's value by its ARN, and Upstream
	// copies an image and all that it names into the repository with an ARN and returns the digests, the image's own
	// last. Upstream fails with ImageNotFoundException or UnableToGetUpstreamImageException.
	Caller   protocol.Caller
	Secret   func(region, arn string) (string, error)
	Upstream func(ctx context.Context, from UpstreamImage, arn string) (digests []string, err error)
	// Assume gives ECR, as a service principal, the session of a role until done is called. It is required where rules name
	// registries of other accounts.
	Assume func(ctx context.Context, roleARN, service string) (as *session.Session, done func(), err error)
	// Missing reads the digests of content that a manifest lacks from an error of Content.PutManifest, nil when the
	// error says something else.
	Missing func(error) []string
	// Seen hears of every image that somebody pushed, or found by its tag or digest.
	Seen func(cause session.Cause, repositoryURI, tag, digest string, pushed bool)
	// Publish hears of images that are pushed, deleted and replicated. Nil: nobody does.
	Publish  func(protocol.Event)
	Switches *switches.Switches // nil means a good day
	Log      *slog.Logger       // hears of replicas and imports that fail; nil: nobody does
}

// Room is Amazon ECR, in all accounts and regions. It is safe for concurrent use.
type Room struct {
	Options
	repositories state.Table[repository]
	registries   state.Table[registry]
	importing    sync.Mutex

	ctx  context.Context // ends with the room: of replicas on their way
	stop context.CancelFunc
	work sync.WaitGroup
}

// New returns the room over what the state holds.
func New(o Options) (*Room, error) {
	if o.Switches == nil {
		o.Switches = &switches.Switches{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	table, err := state.NewTable[repository](o.State, "ecr.repositories")
	if err != nil {
		return nil, err
	}
	registries, err := state.NewTable[registry](o.State, "ecr.registries")
	if err != nil {
		return nil, err
	}
	r := &Room{Options: o, repositories: table, registries: registries}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.resume()
	return r, nil
}

// Close ends what goes on in the background. The next room on the same state goes on with it.
func (r *Room) Close() error {
	r.stop()
	r.work.Wait()
	return nil
}

// errAbsent says inside a change that the repository is not there.
var errAbsent = errors.New("no such repository")

// find returns the repository with this ARN, or RepositoryNotFoundException.
func (r *Room) find(arn string) (repository, error) {
	repo, found, err := r.repositories.Get(arn)
	if err != nil {
		return repo, err
	}
	if !found {
		account, name := splitARN(arn)
		return repo, errNoRepository(name, account)
	}
	return repo, nil
}

// change changes one repository in one step, or fails with RepositoryNotFoundException.
func (r *Room) change(arn string, change func(*repository) error) (repository, error) {
	var after repository
	err := r.repositories.Update(arn, func(repo repository, found bool) (repository, error) {
		if !found {
			return repo, errAbsent
		}
		err := change(&repo)
		after = repo
		return repo, err
	})
	if errors.Is(err, errAbsent) {
		account, name := splitARN(arn)
		return after, errNoRepository(name, account)
	}
	return after, err
}

// deployer is for whom CloudFormation makes repositories in a place; nil where nobody asks.
func (r *Room) deployer(at place) *session.Session {
	if r.Deployer == nil {
		return nil
	}
	return r.Deployer(at.account)
}

func (r *Room) seen(s *session.Session, repo repository, tag, digest string, pushed bool) {
	if r.Seen != nil && s != nil {
		r.Seen(s.Cause(), repo.URI, tag, digest, pushed)
	}
}

// place is an account and region of a partition.
type place struct{ partition, region, account string }

func (p place) arn(name string) string {
	return "arn:" + p.partition + ":ecr:" + p.region + ":" + p.account + ":repository/" + name
}

func (p place) host() string {
	return fmt.Sprintf("%s.dkr.ecr.%s.%s", p.account, p.region, partition.Suffix(p.partition))
}

// placeOf returns where a repository's ARN says that it is.
func placeOf(arn string) place {
	parts := append(strings.SplitN(arn, ":", 6), "", "", "", "", "", "")
	return place{partition: parts[1], region: parts[3], account: parts[4]}
}

// placeOfStack returns where a stack's resources are.
func placeOfStack(s resource.Stack) place {
	return place{partition: s.Partition, region: s.Region, account: s.Account}
}

func splitARN(arn string) (account, name string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return "", arn
	}
	return parts[4], strings.TrimPrefix(parts[5], "repository/")
}
