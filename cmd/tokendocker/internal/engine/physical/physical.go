// Package physical makes up the names that CloudFormation gives to resources whose template names none: stack name,
// logical id and twelve characters that nobody can guess.
package physical

import (
	"crypto/rand"
	"crypto/sha256"
	"math/big"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

const (
	letters       = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	lowerLetters  = "abcdefghijklmnopqrstuvwxyz0123456789"
	suffixLength  = 12
	policyNameLen = 4
)

// The longest generated names, by type (the "name" property on each type's CloudFormation page).
const (
	MaxRole         = 64
	MaxPolicy       = 128
	MaxFunction     = 64
	MaxBucket       = 63
	MaxRepository   = 256
	MaxProject      = 150
	MaxStateMachine = 80
	MaxLogGroup     = 512
	MaxParameter    = 1011
)

// Name returns "Stack-LogicalId-aB3dE6gH9jK2", at most limit characters long: the logical id is cut first, then the
// stack's name. Repeated tries of one stack operation (r.Token) give one name; another operation gives another, so a
// replacement never meets the resource that it replaces.
// Source: AWS CloudFormation User Guide, "Name type".
func Name(r resource.Request, limit int) string {
	return join(limit, suffix(r, letters), r.Stack.Name, r.LogicalID)
}

// Lower is Name in lower case, for buckets and repositories.
func Lower(r resource.Request, limit int) string {
	return join(limit, suffix(r, lowerLetters), strings.ToLower(r.Stack.Name), strings.ToLower(r.LogicalID))
}

// Logical returns "LogicalId-aB3dE6gH9jK2", as state machines are named.
func Logical(r resource.Request, limit int) string {
	return join(limit, suffix(r, letters), r.LogicalID)
}

// Policy returns the physical id of an inline policy, "Stac-Logi-aB3dE6gH9jK2".
func Policy(r resource.Request) string {
	return cut(r.Stack.Name, policyNameLen) + "-" + cut(r.LogicalID, policyNameLen) + "-" + suffix(r, letters)
}

func join(limit int, suffix string, parts ...string) string {
	room := limit - len(suffix) - len(parts)
	total := 0
	for _, p := range parts {
		total += len(p)
	}
	if total > room && len(parts) == 2 {
		stack := cut(parts[0], max(room/2, room-len(parts[1])))
		parts = []string{stack, cut(parts[1], room-len(stack))}
	}
	if len(parts) == 1 {
		parts = []string{cut(parts[0], room)}
	}
	return strings.Join(append(parts, suffix), "-")
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

// suffix is random where the request names no operation, else a function of operation and resource.
func suffix(r resource.Request, alphabet string) string {
	seed := sha256.Sum256([]byte(r.Stack.ID + "\n" + r.LogicalID + "\n" + r.Type + "\n" + r.Token))
	if r.Token == "" {
		rand.Read(seed[:]) //nolint:errcheck // crypto/rand.Read never fails
	}
	n := new(big.Int).SetBytes(seed[:])
	base, digit := big.NewInt(int64(len(alphabet))), new(big.Int)
	out := make([]byte, suffixLength)
	for i := range out {
		n.DivMod(n, base, digit)
		out[i] = alphabet[digit.Int64()]
	}
	return string(out)
}
