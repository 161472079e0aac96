// Package doortest puts rooms behind a real door on a real port, so that their tests can call them with the AWS SDK.
package doortest

import (
	"context"
	"log/slog"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/clock"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/catalog"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
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

	t     testing.TB
	roles map[string]*policy.Policy // by session's access key

	// Denied, if set, refuses what it returns an error for.
	Denied func(as *session.Session, need protocol.Need) error
}

// New opens a door without services; it closes with the test. The clock runs factor times as fast.
func New(t testing.TB, factor float64) *Front {
	t.Helper()
	f := &Front{t: t, Clock: clock.New(factor), Sessions: session.NewSessions(), roles: map[string]*policy.Policy{}}
	f.Door = door.New(door.Options{
		Partition: Partition, Region: Region, Clock: f.Clock, Sessions: f.Sessions,
		Authorizer: f, Log: slog.New(slog.DiscardHandler),
	})
	server := httptest.NewServer(f.Door)
	t.Cleanup(server.Close)
	f.URL = server.URL
	f.Operator = f.Sessions.Add(&session.Session{Account: Account, ARN: "arn:aws:iam::" + Account + ":user/operator", UserID: "AIDAOPERATOR"})
	return f
}

// Role opens a session of a role that has one identity policy. Its calls are decided by that policy and by the
// resources' own.
func (f *Front) Role(name, document string) *session.Session {
	f.t.Helper()
	p, err := policy.Parse([]byte(document), policy.Identity)
	if err != nil {
		f.t.Fatal(err)
	}
	s := f.Sessions.Add(&session.Session{Account: Account, RoleARN: "arn:aws:iam::" + Account + ":role/" + name, UserID: "AROA:" + name,
		ARN: "arn:aws:sts::" + Account + ":assumed-role/" + name + "/test"})
	f.roles[s.AccessKeyID] = p
	return s
}

// decide is IAM's decision about a session of Role.
func (f *Front) decide(as *session.Session, resources []string, need protocol.Need) error {
	var own *policy.Policy
	if need.ResourcePolicy != "" {
		var err error
		if own, err = policy.Parse([]byte(need.ResourcePolicy), policy.Registry); err != nil {
			return err
		}
	}
	keys := map[string][]string{"aws:PrincipalArn": {as.RoleARN}, "aws:PrincipalAccount": {as.Account}}
	maps.Copy(keys, need.Conditions)
	for _, arn := range resources {
		all := policy.Policies{Identity: []*policy.Policy{f.roles[as.AccessKeyID]}, Resource: own, ResourceOnly: need.ResourcePolicyOnly}
		d := all.Decide(&policy.Request{Action: need.Action,
			Resource: arn, Account: Account, Context: keys, Caller: policy.Caller{ARN: as.ARN, RoleARN: as.RoleARN, Account: as.Account}})
		if !d.Allowed {
			return protocol.Errorf("AccessDeniedException", "User: %s is not authorized to perform: %s on resource: %s", as.ARN, need.Action, arn)
		}
	}
	return nil
}

// Authorize decides for sessions of Role, and allows the others what Denied does not refuse. A need that AWS's own table
// does not know fails the test; a resource that is a mere name, for something that there is not, is no such need.
func (f *Front) Authorize(_ context.Context, as *session.Session, _ string, need protocol.Need) error {
	resources := need.Resources
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	if named := resources[0] != "*" && !strings.HasPrefix(resources[0], "arn:"); !named {
		if err := catalog.Check(need.Action, resources, slices.Collect(maps.Keys(need.Conditions))); err != nil {
			f.t.Errorf("permission that does not exist: %v", err)
		}
	}
	if f.Denied != nil {
		if err := f.Denied(as, need); err != nil {
			return err
		}
	}
	if f.roles[as.AccessKeyID] != nil {
		return f.decide(as, resources, need)
	}
	return nil
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
