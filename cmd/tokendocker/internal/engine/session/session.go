// Package session says who makes an AWS call and why: every access key names a session, and a session knows its
// role and its cause.
package session

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"strings"
	"sync"
	"time"
)

// Cause is the chain that a call goes back to. It is inherited: a custom resource request invokes a function,
// which starts an execution, which starts a build, which pushes an image. Empty fields are unknown.
type Cause struct {
	Request    Request // custom resource request of CloudFormation
	Invocation string  // Lambda request id
	Execution  string  // ARN of the state machine's execution
	Build      string  // id of the CodeBuild build
}

// Request names one custom resource request.
type Request struct {
	StackID   string
	LogicalID string
	ID        string // RequestId
}

// Session is a set of temporary credentials.
type Session struct {
	AccessKeyID string
	SecretKey   string
	Token       string // empty for the operator's long-lived key
	Account     string
	ARN         string    // as GetCallerIdentity shows it, arn:aws:sts::123456789012:assumed-role/Name/session
	UserID      string    // as GetCallerIdentity shows it
	RoleARN     string    // the role behind the session; empty for the operator, who may do anything
	Service     string    // an AWS service that acts for itself, "lambda.amazonaws.com"; it has no rights of its own
	SourceARN   string    // of what such a service acts for, a rule or a bucket; empty: not known
	Expires     time.Time // on the real clock, as signature dates are; zero means never
	Ends        time.Time // on the engine's clock; zero means never
	Simulated   bool      // signs with the engine's clock instead of the real one

	Policies       []string          // session policies that the role was assumed with: JSON text, or ARNs of managed ones
	Tags           map[string]string // session tags
	Transitive     []string          // of those, the keys that the next role in a chain keeps
	SourceIdentity string            // that the role was assumed with; empty: none

	mu    sync.Mutex
	cause Cause
}

// Cause returns why the session acts now.
func (s *Session) Cause() Cause {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cause
}

// SetCause says why the session acts from now on. A function's environment keeps one session over many
// invocations, one at a time, so its cause changes.
func (s *Session) SetCause(c Cause) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cause = c
}

// Ended reports whether the session's credentials work no more at a time of the engine's clock.
func (s *Session) Ended(now time.Time) bool { return !s.Ends.IsZero() && now.After(s.Ends) }

// Operator reports whether the session is the operator's own, the person (or CloudFormation for them) who may do
// anything.
func (s *Session) Operator() bool { return s.RoleARN == "" && s.Service == "" }

// String names the session without its secrets.
func (s *Session) String() string { return s.ARN }

// Sessions is the set of sessions that the door knows. It is safe for concurrent use.
type Sessions struct {
	mu    sync.RWMutex
	byKey map[string]*Session
}

// NewSessions returns an empty set.
func NewSessions() *Sessions { return &Sessions{byKey: map[string]*Session{}} }

// Add gives s fresh credentials where it has none, and makes it known.
func (all *Sessions) Add(s *Session) *Session {
	if s.AccessKeyID == "" {
		s.AccessKeyID = "ASIA" + base32.StdEncoding.EncodeToString(random(10))
		s.SecretKey = base64.StdEncoding.EncodeToString(random(30))
		s.Token = strings.TrimRight(base64.StdEncoding.EncodeToString(random(120)), "=")
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	all.byKey[s.AccessKeyID] = s
	return s
}

// Find returns the session of an access key id, and whether there is one.
func (all *Sessions) Find(accessKeyID string) (*Session, bool) {
	all.mu.RLock()
	defer all.mu.RUnlock()
	s, ok := all.byKey[accessKeyID]
	return s, ok
}

// Remove forgets a session; its calls are refused from now on.
func (all *Sessions) Remove(accessKeyID string) {
	all.mu.Lock()
	defer all.mu.Unlock()
	delete(all.byKey, accessKeyID)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) //nolint:errcheck // crypto/rand.Read never fails
	return b
}
