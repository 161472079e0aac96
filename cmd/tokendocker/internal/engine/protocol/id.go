package protocol

import (
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"strings"
)

// NewID returns a random UUID, which is what AWS's identifiers of requests and the like are.
func NewID() string {
	var b [16]byte
	rand.Read(b[:]) //nolint:errcheck // crypto/rand.Read never fails
	return uuid(b)
}

// StableID returns an identifier of the same form that the same words always give.
func StableID(words ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(words, "\n")))
	return uuid([16]byte(sum[:16]))
}

// uuid writes bytes as a UUID of version 4 (RFC 9562).
func uuid(b [16]byte) string {
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
