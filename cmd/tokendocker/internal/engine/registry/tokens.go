package registry

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// tokenLife is how long a password works (ECR API Reference, GetAuthorizationToken).
const tokenLife = 12 * time.Hour

// Tokens remembers which session asked for which registry password. It is safe for concurrent use.
type Tokens struct {
	clock *clock.Clock

	mu    sync.Mutex
	known map[[sha256.Size]byte]token
}

type token struct {
	session *session.Session
	expires time.Time
}

// NewTokens returns an empty set.
func NewTokens(c *clock.Clock) *Tokens {
	return &Tokens{clock: c, known: map[[sha256.Size]byte]token{}}
}

// Issue returns a password for user "AWS" that acts as s for twelve simulated hours, but no longer than s itself.
func (t *Tokens) Issue(s *session.Session) (password string, expires time.Time) {
	raw := make([]byte, 96)
	rand.Read(raw) //nolint:errcheck // crypto/rand.Read never fails
	password = base64.StdEncoding.EncodeToString(raw)
	expires = t.clock.Now().Add(tokenLife)
	if !s.Ends.IsZero() && s.Ends.Before(expires) {
		expires = s.Ends
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, old := range t.known {
		if t.clock.Now().After(old.expires.Add(tokenLife)) {
			delete(t.known, key)
		}
	}
	t.known[sha256.Sum256([]byte(password))] = token{session: s, expires: expires}
	return password, expires
}

// find returns the session behind a password, whether the password was ever issued, and whether it has expired.
func (t *Tokens) find(password string) (s *session.Session, known, expired bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	found, known := t.known[sha256.Sum256([]byte(password))]
	return found.session, known, known && t.clock.Now().After(found.expires)
}
