// Package ecrpublic is Amazon ECR Public as far as builds meet it: they log in to public.ecr.aws with a password that
// GetAuthorizationToken gives them, and pull base images from it.
package ecrpublic

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"sync"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// tokenLife is how long a password works (Amazon ECR Public API Reference, "GetAuthorizationToken").
const tokenLife = 12 * time.Hour

// Room is ECR Public's API. It is safe for concurrent use.
type Room struct {
	clock *clock.Clock

	mu        sync.Mutex
	passwords map[string]time.Time // when each ends
}

// New returns the room.
func New(c *clock.Clock) *Room { return &Room{clock: c, passwords: map[string]time.Time{}} }

// Name returns "ecr-public".
func (r *Room) Name() string { return "ecr-public" }

// operations are what the room can do.
var operations = map[string]protocol.Operation[*Room]{"GetAuthorizationToken": protocol.JSON((*Room).getAuthorizationToken)}

// Needs asks for both permissions of GetAuthorizationToken.
// Source: Amazon ECR Public User Guide, "Public registry authentication".
func (r *Room) Needs(_ context.Context, call *protocol.Call) ([]protocol.Need, error) {
	if _, err := protocol.Find(operations, call); err != nil {
		return nil, err
	}
	return []protocol.Need{{Action: "ecr-public:GetAuthorizationToken"},
		{Action: "sts:GetServiceBearerToken", Conditions: map[string][]string{"sts:AWSServiceName": {"ecr-public.amazonaws.com"}}}}, nil
}

// Serve does the call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	do, err := protocol.Find(operations, call)
	if err != nil {
		return nil, err
	}
	return do(ctx, r, call)
}

// getAuthorizationToken gives a password. ECR Public is one service in partition aws, so the credentials of other
// partitions are none to it.
func (r *Room) getAuthorizationToken(_ context.Context, call *protocol.Call, _ struct{}) (any, error) {
	if call.Partition != "aws" {
		return nil, protocol.Errorf("UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	password, ends := r.issue()
	return map[string]any{"authorizationData": map[string]any{
		"authorizationToken": base64.StdEncoding.EncodeToString([]byte("AWS:" + password)),
		"expiresAt":          protocol.Timestamp(ends),
	}}, nil
}

func (r *Room) issue() (password string, ends time.Time) {
	raw := make([]byte, 96)
	rand.Read(raw) //nolint:errcheck // crypto/rand.Read never fails
	password, ends = base64.StdEncoding.EncodeToString(raw), r.clock.Now().Add(tokenLife)
	r.mu.Lock()
	defer r.mu.Unlock()
	for old, end := range r.passwords {
		if r.clock.Now().After(end) {
			delete(r.passwords, old)
		}
	}
	r.passwords[password] = ends
	return password, ends
}

func (r *Room) knows(user, password string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	ends, known := r.passwords[password]
	return known && user == "AWS" && r.clock.Now().Before(ends)
}
