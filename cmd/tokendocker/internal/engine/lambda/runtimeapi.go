package lambda

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxSync is the size of a synchronous invocation's payload and of any answer, in bytes; maxAsync that of an event
// (AWS Lambda Developer Guide, "Lambda quotas").
const (
	maxSync  = 6 << 20
	maxAsync = 1 << 20
)

// invocation is one delivery of an event to an environment.
type invocation struct {
	id       string
	arn      string // as the caller named the function
	payload  []byte
	trace    string
	deadline time.Time // real time, set when the runtime takes the event

	taken  chan struct{} // closed when the runtime has taken the event
	answer chan answer   // receives the runtime's first answer
}

// answer is what the runtime said: a result, or an error of the function.
type answer struct {
	body   []byte
	failed bool
}

// runtimeAPI is the server that one environment's process talks to.
// Source: AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
type runtimeAPI struct {
	server  *http.Server
	address string
	limit   time.Duration // real time that an invocation may take
	work    chan *invocation
	failed  chan answer // receives an error of the function's initialization

	mu      sync.Mutex
	current *invocation
}

const runtimePrefix = "/2018-06-01/runtime/"

// serveRuntime starts a Runtime API on a free port of the loopback interface.
func serveRuntime(limit time.Duration) (*runtimeAPI, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // loopback answers at once
	if err != nil {
		return nil, fmt.Errorf("listen for the Lambda Runtime API: %w", err)
	}
	api := &runtimeAPI{address: listener.Addr().String(), limit: limit,
		work: make(chan *invocation), failed: make(chan answer, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+runtimePrefix+"invocation/next", api.next)
	mux.HandleFunc("POST "+runtimePrefix+"invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		api.answer(w, r, false)
	})
	mux.HandleFunc("POST "+runtimePrefix+"invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		api.answer(w, r, true)
	})
	mux.HandleFunc("POST "+runtimePrefix+"init/error", api.initError)
	api.server = &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	go api.server.Serve(listener) //nolint:errcheck // it always ends with ErrServerClosed, by close
	return api, nil
}

func (a *runtimeAPI) close() { _ = a.server.Close() }

// next hands the waiting runtime its next event.
func (a *runtimeAPI) next(w http.ResponseWriter, r *http.Request) {
	var inv *invocation
	select {
	case inv = <-a.work:
	case <-r.Context().Done():
		return
	}
	inv.deadline = time.Now().Add(a.limit)
	a.mu.Lock()
	a.current = inv
	a.mu.Unlock()
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(inv.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", inv.arn)
	h.Set("Lambda-Runtime-Trace-Id", inv.trace)
	close(inv.taken)
	w.Write(inv.payload) //nolint:errcheck // a runtime that is gone is noticed by its exit
}

func (a *runtimeAPI) answer(w http.ResponseWriter, r *http.Request, failed bool) {
	a.mu.Lock()
	inv := a.current
	a.mu.Unlock()
	if inv == nil || inv.id != r.PathValue("id") {
		runtimeError(w, http.StatusBadRequest, "InvalidRequestID", "Invalid request ID")
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxSync+1))
	if err != nil {
		runtimeError(w, http.StatusBadRequest, "InvalidRequest", "the body could not be read")
		return
	}
	if len(body) > maxSync {
		body, failed = tooLarge(), true
		runtimeError(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "Exceeded maximum allowed payload size")
	} else {
		accepted(w)
	}
	a.mu.Lock()
	if a.current == inv {
		a.current = nil
	}
	a.mu.Unlock()
	select {
	case inv.answer <- answer{body: body, failed: failed}:
	default: // a second answer to one request
	}
}

func (a *runtimeAPI) initError(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxSync))
	if err != nil || !json.Valid(body) {
		body = functionError("Runtime.Unknown", strings.ToValidUTF8(string(body), "?"))
	}
	accepted(w)
	select {
	case a.failed <- answer{body: body, failed: true}:
	default:
	}
}

func accepted(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	io.WriteString(w, `{"status":"OK"}`) //nolint:errcheck // see next
}

func runtimeError(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(functionError(kind, message)) //nolint:errcheck // see next
}

// functionError is the payload of a function that failed: {"errorType": ..., "errorMessage": ...}.
func functionError(kind, message string) []byte {
	b, err := json.Marshal(struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}{kind, message})
	if err != nil {
		return []byte("{}")
	}
	return b
}

func tooLarge() []byte {
	return functionError("Function.ResponseSizeTooLarge",
		fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxSync))
}
