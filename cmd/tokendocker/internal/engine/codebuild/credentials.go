package codebuild

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// CredentialsHost is the address where programs in a build's container get the credentials of its role.
// Source: AWS SDKs and Tools Reference Guide, "Container credential provider".
const CredentialsHost = "169.254.170.2"

// credentialsPath begins the paths there. What follows is known to the build alone.
const credentialsPath = "/v2/credentials/"

// lentLife is what the endpoint says of credentials that do not end: clients ask again in time.
const lentLife = time.Hour

// lent are the credentials that a build's programs get. They are renewed for as long as the build runs: who asks gets
// some that last, and who keeps those of an hour ago has none (prowler-cloud/prowler#1259).
type lent struct {
	path string

	mu      sync.Mutex
	session *session.Session
}

// lend makes a session the first one that the build's programs get. They do not run yet.
func (l *life) lend(s *session.Session) {
	l.lent.path, l.lent.session = credentialsPath+protocol.NewID(), s
	l.room.mu.Lock()
	defer l.room.mu.Unlock()
	l.room.lenders[l.lent.path] = l
}

// takeBack ends the lending: whoever asks from now on gets nothing.
func (l *life) takeBack() {
	l.room.mu.Lock()
	defer l.room.mu.Unlock()
	delete(l.room.lenders, l.lent.path)
}

// borrow returns credentials of which at least half the life is left.
func (l *life) borrow(ctx context.Context) (*session.Session, error) {
	l.lent.mu.Lock()
	defer l.lent.mu.Unlock()
	s := l.lent.session
	if s.Ends.IsZero() || s.Ends.Sub(l.room.Clock.Now()) > l.room.Switches.CredentialsLife/2 {
		return s, nil
	}
	renewed, err := l.assume(ctx)
	if err != nil {
		return nil, err
	}
	l.room.inherit(s, renewed)
	l.lent.session = renewed
	return renewed, nil
}

// ServeCredentials answers a program in a build that asks for its role's credentials. It reports false, and answers
// nothing, where the path is that of no build of this room.
func (r *Room) ServeCredentials(w http.ResponseWriter, req *http.Request) bool {
	r.mu.Lock()
	of, found := r.lenders[req.URL.Path]
	r.mu.Unlock()
	if !found {
		return false
	}
	s, err := of.borrow(req.Context())
	if err != nil {
		http.Error(w, "no credentials", http.StatusInternalServerError)
		return true
	}
	expires := time.Now().Add(lentLife) // clients compare it with their own clock, which is the real one
	if !s.Ends.IsZero() {
		expires = time.Now().Add(r.Clock.Real(s.Ends.Sub(r.Clock.Now())))
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{ // a client that has gone away
		"RoleArn": s.RoleARN, "AccessKeyId": s.AccessKeyID, "SecretAccessKey": s.SecretKey, "Token": s.Token,
		"Expiration": expires.UTC().Format(time.RFC3339),
	})
	return true
}
