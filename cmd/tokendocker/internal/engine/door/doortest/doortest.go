// Package doortest puts rooms behind a real door on a real port, so that their tests can call them with the AWS SDK.
package doortest

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/catalog"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/state"
)

// Where the rooms of a test are; nothing may be fixed to AWS's usual examples.
const (
	Account   = "111122223333"
	Partition = "aws"
	Region    = "eu-west-1"
)

// Front is a door with a port.
type Front struct {
	*door.Door
	URL      string
	Clock    *clock.Clock
	Sessions *session.Sessions
	Operator *session.Session // may do anything

	t testing.TB

	// Denied, if set, refuses what it returns an error for.
	Denied func(as *session.Session, need protocol.Need) error
}

// New opens a door without services; it closes with the test. The clock runs factor times as fast.
func New(t testing.TB, factor float64) *Front {
	t.Helper()
	f := &Front{t: t, Clock: clock.New(factor), Sessions: session.NewSessions()}
	f.Door = door.New(door.Options{
		Account: Account, Partition: Partition, Region: Region, Clock: f.Clock, Sessions: f.Sessions,
		Authorizer: f, Log: slog.New(slog.DiscardHandler),
	})
	server := httptest.NewServer(f.Door)
	t.Cleanup(server.Close)
	f.URL = server.URL
	f.Operator = f.Sessions.Add(&session.Session{Account: Account, ARN: "arn:aws:iam::" + Account + ":user/operator", UserID: "AIDAOPERATOR"})
	return f
}

// Authorize allows what Denied does not refuse. A need that AWS's own table does not know fails the test.
func (f *Front) Authorize(_ context.Context, as *session.Session, _ string, need protocol.Need) error {
	resources := need.Resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	if err := catalog.Check(need.Action, resources); err != nil {
		f.t.Errorf("permission that does not exist: %v", err)
	}
	if f.Denied == nil {
		return nil
	}
	return f.Denied(as, need)
}

// Config returns a client's configuration with a session's credentials, without retries.
func (f *Front) Config(as *session.Session) aws.Config {
	return aws.Config{
		Region: Region, BaseEndpoint: &f.URL, RetryMaxAttempts: 1,
		// As in a configuration that was loaded from the environment.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
		Credentials:                credentials.NewStaticCredentialsProvider(as.AccessKeyID, as.SecretKey, as.Token),
	}
}

// Store opens a state folder that is removed with the test.
func Store(t testing.TB) *state.Store {
	t.Helper()
	store, err := state.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}
