// Package lambda runs functions as AWS Lambda does: deployed from a zip, invoked synchronously or through a queue
// that tries again, one invocation at a time in an environment that speaks the Runtime API, with the credentials of
// the function's own role. Functions of the provided.* runtimes run as plain processes of this machine, those of the
// nodejs* and python3.* runtimes on this machine's Node.js and Python; functions from a container image are checked as
// consumers of that image and not run.
package lambda

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// Roles gives the sessions of roles that a service may assume.
type Roles interface {
	AssumeAsService(ctx context.Context, roleARN, servicePrincipal, sessionName string, cause session.Cause) (*session.Session, error)
}

// Code reads the objects that hold functions' code.
type Code interface {
	Code(bucket, key string) ([]byte, error)
}

// Images checks that a function can pull its container image, and pins it.
type Images interface {
	// ForFunction returns the digest, "sha256:...", of the image that a function of this ARN would run, or the error that
	// Lambda would answer.
	ForFunction(ctx context.Context, functionARN, imageURI string) (digest string, err error)
}

// Options are what the room needs. All are required but Builds, Qemu, Node, Python, SDK and Images.
type Options struct {
	Store    *state.Store
	Clock    *clock.Clock
	Switches *switches.Switches
	Caller   protocol.Caller
	Roles    Roles
	Code     Code
	Images   Images
	Endpoint string            // the door's address, AWS_ENDPOINT_URL of every function
	Builds   map[string]string // sha256 of a function's zip in hex -> program for this machine's processor to run instead
	Qemu     string            // path of qemu-user for the other processor; empty means looked for in PATH
	Node     string            // path of node; empty means looked for in PATH
	Python   string            // path of python3; empty means looked for in PATH
	SDK      string            // folder whose node_modules holds the AWS SDK that Node.js runtimes bring; empty for none
	Log      *slog.Logger
}

// Room is Lambda. It is safe for concurrent use.
type Room struct {
	Options
	dir       string
	functions state.Table[Function]
	aliases   state.Table[alias]
	layers    state.Table[layer]
	grants    state.Table[permission]
	retries   state.Table[invokeConfig]
	pythons   sync.Map // path of the interpreter by runtime

	ctx  context.Context //nolint:containedctx // the room's own life, which invocations outlive their callers in
	stop context.CancelCauseFunc
	work sync.WaitGroup

	mu      sync.Mutex
	idle    map[string][]*environment // by function key, most recently used last
	running map[string]int            // environments at work or starting, by function key
	taken   map[string]int            // invocations so far, by function key
}

var errClosed = errors.New("the rehearsal is over")

// New opens the room on a store. What an earlier, killed engine left in the folder of environments is removed.
func New(o Options) (*Room, error) {
	r := &Room{Options: o, idle: map[string][]*environment{}, running: map[string]int{}, taken: map[string]int{}}
	var err error
	if r.dir, err = o.Store.Dir("lambda"); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(filepath.Join(r.dir, "environments")); err != nil {
		return nil, fmt.Errorf("clear the folder of Lambda environments: %w", err)
	}
	if err := errors.Join(r.installNode(), r.installPython()); err != nil {
		return nil, err
	}
	r.functions, err = state.NewTable[Function](o.Store, "lambda-functions")
	if err != nil {
		return nil, err
	}
	if r.aliases, err = state.NewTable[alias](o.Store, "lambda-aliases"); err != nil {
		return nil, err
	}
	if r.layers, err = state.NewTable[layer](o.Store, "lambda-layers"); err != nil {
		return nil, err
	}
	if r.grants, err = state.NewTable[permission](o.Store, "lambda-permissions"); err != nil {
		return nil, err
	}
	if r.retries, err = state.NewTable[invokeConfig](o.Store, "lambda-invoke-configs"); err != nil {
		return nil, err
	}
	r.ctx, r.stop = context.WithCancelCause(context.Background())
	return r, nil
}

// Close kills every environment and waits until nothing of the room runs.
func (r *Room) Close() error {
	r.mu.Lock() // so that start adds no work to a group that is being waited for
	r.stop(errClosed)
	r.mu.Unlock()
	r.work.Wait()
	r.mu.Lock()
	var all []*environment
	for _, list := range r.idle {
		all = append(all, list...)
	}
	clear(r.idle)
	r.mu.Unlock()
	for _, e := range all {
		e.close()
	}
	return nil
}

// start runs f as work that Close waits for. It reports false when the room is closed.
func (r *Room) start(f func()) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return false
	}
	r.work.Go(f)
	return true
}

// reference is a function as callers name it.
type reference struct {
	region, account, name, qualifier string
}

// parseReference reads a function's name, partial ARN ("123456789012:function:name") or ARN, each with an optional
// qualifier. Source: AWS Lambda API Reference, "Invoke", FunctionName.
func parseReference(text string) reference {
	parts := strings.Split(text, ":")
	var ref reference
	switch {
	case len(parts) >= 7 && parts[0] == "arn":
		ref = reference{region: parts[3], account: parts[4], name: parts[6]}
		parts = parts[7:]
	case len(parts) >= 3 && parts[1] == "function":
		ref = reference{account: parts[0], name: parts[2]}
		parts = parts[3:]
	default:
		ref = reference{name: parts[0]}
		parts = parts[1:]
	}
	if len(parts) == 1 {
		ref.qualifier = parts[0]
	}
	return ref
}

// find returns the function that a caller in region names, with the version that its qualifier means.
func (r *Room) find(call *protocol.Call, ref reference) (Function, error) {
	if ref.region != "" && ref.region != call.Region {
		return Function{}, &protocol.Error{Code: "ResourceNotFoundException", Status: 404, Message: fmt.Sprintf(
			"Functions from '%s' are not reachable in this region ('%s')", ref.region, call.Region)}
	}
	version := ref.qualifier
	if version != "" && version != latest {
		if a, found, err := r.aliases.Get(aliasKey(call.Region, ref.name, version)); err != nil {
			return Function{}, err
		} else if found {
			version = a.Version
		}
	}
	f, found, err := r.functions.Get(functionKey(call.Region, ref.name, version))
	if err != nil {
		return f, err
	}
	if !found {
		return f, errNoFunction(referenceARN(call, ref))
	}
	return f, nil
}

// referenceARN is the ARN that permissions are asked for: with the qualifier where the caller gave one.
func referenceARN(call *protocol.Call, ref reference) string {
	arn := fmt.Sprintf("arn:%s:lambda:%s:%s:function:%s", call.Partition, call.Region, call.Account, ref.name)
	if ref.qualifier != "" {
		arn += ":" + ref.qualifier
	}
	return arn
}
