package door

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// Authorizer decides permissions.
type Authorizer interface {
	// Authorize returns nil if the session has every permission that need asks for, else the *protocol.Error that
	// AWS would answer with.
	Authorize(ctx context.Context, as *session.Session, region string, need protocol.Need) error
}

// Options says what a door stands in front of. All fields but Switches and Reachable are required.
type Options struct {
	Partition  string
	Region     string // of calls that name none
	Clock      *clock.Clock
	Sessions   *session.Sessions
	Authorizer Authorizer
	Switches   *switches.Switches // nil means a good day
	// Reachable reports whether a caller's network leads to a service, by its IAM prefix. Nil means that all do.
	Reachable func(as *session.Session, service string) bool
	Log       *slog.Logger
}

// Door is the HTTP front of all services, and the engine's protocol.Caller. It is safe for concurrent use.
type Door struct {
	Options

	mu        sync.RWMutex
	services  map[scope]protocol.Service
	hosts     []hostHandler
	throttled map[string]int // calls that were throttled already, by action
}

// scope is whose service something is: an account's, or without one that of all accounts.
type scope struct{ service, account string }

type hostHandler struct {
	pattern string
	handler http.Handler
}

var _ protocol.Caller = (*Door)(nil)

// New returns a door without any service behind it.
func New(o Options) *Door {
	if o.Switches == nil {
		o.Switches = &switches.Switches{}
	}
	return &Door{Options: o, services: map[scope]protocol.Service{}, throttled: map[string]int{}}
}

// Register puts services behind the door that all accounts have in common. A later one replaces an earlier one of the
// same name.
func (d *Door) Register(services ...protocol.Service) { d.RegisterFor("", services...) }

// RegisterFor puts services behind the door that are one account's own.
func (d *Door) RegisterFor(account string, services ...protocol.Service) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range services {
		d.services[scope{s.Name(), account}] = s
	}
}

// service finds who serves a call: the caller's account, or the one whose resource the call names, which is then the
// account that is called.
func (d *Door) service(call *protocol.Call) (protocol.Service, bool) {
	call.Account = call.Session.Account
	d.mu.RLock()
	defer d.mu.RUnlock()
	if s, ok := d.services[scope{service: call.Service}]; ok {
		return s, true
	}
	s, ok := d.services[scope{call.Service, call.Account}]
	addressed, may := s.(protocol.Addressed)
	if !may {
		return s, ok
	}
	if other, known := d.services[scope{call.Service, addressed.Owner(call)}]; known {
		call.Account = addressed.Owner(call)
		return other, true
	}
	return s, ok
}

// Host hands every request for a matching host to h, unsigned as it is. In the pattern, * stands for one label:
// "*.dkr.ecr.*.amazonaws.com".
func (d *Door) Host(pattern string, h http.Handler) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hosts = append(d.hosts, hostHandler{pattern, h})
}

func (d *Door) hostFor(host string) http.Handler {
	name := strings.ReplaceAll(strings.ToLower(withoutPort(host)), ".", "/")
	d.mu.RLock()
	defer d.mu.RUnlock()
	for _, h := range d.hosts {
		if ok, _ := path.Match(strings.ReplaceAll(h.pattern, ".", "/"), name); ok {
			return h.handler
		}
	}
	return nil
}

func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i > strings.LastIndexByte(host, ']') {
		return host[:i]
	}
	return host
}

// ServeHTTP answers one request.
func (d *Door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h := d.hostFor(r.Host); h != nil {
		h.ServeHTTP(w, r)
		return
	}
	start := time.Now()
	a := newAnswer(w, r)
	call, err := d.admit(a, r)
	if err == nil && d.Reachable != nil && !d.Reachable(call.Session, call.Service) {
		panic(http.ErrAbortHandler) // net/http's way to end a connection without an answer
	}
	var result any
	if err == nil {
		result, err = d.do(r.Context(), call)
		a.operation = call.Operation
	}
	if err != nil {
		a.fail(err)
	} else {
		a.succeed(result, r)
	}
	d.logCall(a, call, err, time.Since(start))
}

// admit turns a request into a call, if its signature holds.
func (d *Door) admit(a *answer, r *http.Request) (*protocol.Call, error) {
	sig, as, err := d.authenticate(a, r)
	if err != nil {
		return nil, err
	}
	call := &protocol.Call{
		Service: sig.Service, Region: sig.Region, Partition: d.Partition,
		Session: as, Endpoint: endpoint(r), Operation: a.operation,
	}
	switch a.kind {
	case kindJSON:
		call.Body, err = readAll(r)
	case kindQuery:
		call.Form, err = readForm(r)
		a.operation = call.Form.Get("Action")
		call.Operation = a.operation
	default:
		call.HTTP = r
	}
	return call, err
}

// do decides a call and lets its service serve it.
func (d *Door) do(ctx context.Context, call *protocol.Call) (any, error) {
	s, ok := d.service(call)
	if !ok {
		return nil, noService(call.Service)
	}
	needs, err := s.Needs(ctx, call)
	if err != nil {
		return nil, err
	}
	if err := d.throttle(call); err != nil {
		return nil, err
	}
	for _, need := range needs {
		need.Owner = cmp.Or(need.Owner, call.Account)
		if err := d.Authorizer.Authorize(ctx, call.Session, call.Region, need); err != nil {
			return nil, err
		}
	}
	return s.Serve(ctx, call)
}

// noService refuses a call of a service that there is not.
func noService(name string) error {
	return protocol.Errorf("UnknownOperationException", "tokendocker has no service %q; a rehearsal knows only the services of docs/limits.md", name)
}

// throttle refuses the first n calls of an action for which the switch is set. The operator is spared, and so are
// the logs of functions and builds: CloudFormation and the services that write them try again by themselves.
func (d *Door) throttle(call *protocol.Call) error {
	action := call.Service + ":" + call.Operation
	limit, named := d.Switches.Throttle[action]
	if !named {
		limit = d.Switches.Throttle["*"]
	}
	if call.Session.Operator() || call.Service == "logs" && call.Endpoint == "" {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.throttled[action] >= limit {
		return nil
	}
	d.throttled[action]++
	switch call.Service {
	case "s3":
		return &protocol.Error{Code: "SlowDown", Message: "Please reduce your request rate.", Status: http.StatusServiceUnavailable}
	case "lambda":
		return &protocol.Error{Code: "TooManyRequestsException", Message: "Rate Exceeded.", Status: http.StatusTooManyRequests}
	}
	return protocol.Errorf("ThrottlingException", "Rate exceeded")
}

func (d *Door) logCall(a *answer, call *protocol.Call, err error, took time.Duration) {
	attrs := []any{"operation", a.operation, "request", a.requestID, "took", took.Round(time.Millisecond)}
	if call != nil {
		attrs = append(attrs, "service", call.Service, "as", call.Session.String())
	}
	var known *protocol.Error
	switch {
	case err == nil:
	case errors.As(err, &known):
		attrs = append(attrs, "error", known.Code)
	default:
		attrs = append(attrs, "error", err.Error())
	}
	d.Log.Debug("aws call", attrs...)
}

func endpoint(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
