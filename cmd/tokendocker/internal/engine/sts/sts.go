// Package sts is the AWS Security Token Service: who am I, and credentials of another role.
package sts

import (
	"context"
	"net/url"
	"regexp"
	"strconv"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Source: AWS STS API Reference, AssumeRole.
const (
	defaultDuration = time.Hour
	minDuration     = 15 * time.Minute
	maxDuration     = 12 * time.Hour
)

var sessionName = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)

// Assume gives a caller a session of a role that trusts it, or fails as AssumeRole does.
type Assume func(ctx context.Context, as *session.Session, region string, a Assumption) (*session.Session, error)

// Assumption is a request for a role's credentials.
type Assumption struct {
	RoleARN        string
	Name           string // of the session
	Duration       time.Duration
	ExternalID     string   // empty if there is none, as of all that follow
	Policy         string   // session policy, JSON text
	PolicyARNs     []string // managed policies that are session policies
	Tags           map[string]string
	Transitive     []string // keys of tags that the next role in a chain keeps
	SourceIdentity string
}

// Room is STS. It keeps nothing.
type Room struct{ assume Assume }

var _ protocol.Service = (*Room)(nil)

// New returns the room.
func New(assume Assume) *Room { return &Room{assume} }

// Name returns "sts".
func (r *Room) Name() string { return "sts" }

// Needs returns nothing: nobody can be denied GetCallerIdentity, and the role's trust policy decides AssumeRole.
func (r *Room) Needs(context.Context, *protocol.Call) ([]protocol.Need, error) { return nil, nil }

// Serve does one call.
func (r *Room) Serve(ctx context.Context, call *protocol.Call) (any, error) {
	switch call.Operation {
	case "GetCallerIdentity":
		return identity{call.Session.ARN, call.Session.UserID, call.Session.Account}, nil
	case "AssumeRole":
		return r.assumeRole(ctx, call)
	}
	return nil, protocol.Errorf("InvalidAction", "tokendocker has no sts:%s", call.Operation)
}

type identity struct {
	Arn     string
	UserId  string //nolint:revive // AWS's spelling
	Account string
}

type assumed struct {
	Credentials struct {
		AccessKeyId     string //nolint:revive // AWS's spelling
		SecretAccessKey string
		SessionToken    string
		Expiration      string
	}
	AssumedRoleUser struct {
		AssumedRoleId string //nolint:revive // AWS's spelling
		Arn           string
	}
}

func (r *Room) assumeRole(ctx context.Context, call *protocol.Call) (any, error) {
	a, err := parse(call.Form)
	if err != nil {
		return nil, err
	}
	s, err := r.assume(ctx, call.Session, call.Region, a)
	if err != nil {
		return nil, err
	}
	var out assumed
	out.Credentials.AccessKeyId, out.Credentials.SecretAccessKey, out.Credentials.SessionToken = s.AccessKeyID, s.SecretKey, s.Token
	out.Credentials.Expiration = s.Expires.UTC().Format(time.RFC3339)
	out.AssumedRoleUser.AssumedRoleId, out.AssumedRoleUser.Arn = s.UserID, s.ARN
	return out, nil
}

func parse(form url.Values) (Assumption, error) {
	a := Assumption{
		RoleARN: form.Get("RoleArn"), Name: form.Get("RoleSessionName"), ExternalID: form.Get("ExternalId"), Duration: defaultDuration,
		Policy: form.Get("Policy"), SourceIdentity: form.Get("SourceIdentity"), Tags: map[string]string{},
	}
	if !sessionName.MatchString(a.Name) {
		return a, protocol.Errorf("ValidationError", "1 validation error detected: Value '%s' at 'roleSessionName' failed to satisfy "+
			"constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*", a.Name)
	}
	if text := form.Get("DurationSeconds"); text != "" {
		seconds, err := strconv.Atoi(text)
		a.Duration = time.Duration(seconds) * time.Second
		if err != nil || a.Duration < minDuration || a.Duration > maxDuration {
			return a, protocol.Errorf("ValidationError", "DurationSeconds must be between 900 and 43200, not %s", text)
		}
	}
	for n := 1; form.Has(member("PolicyArns", n) + ".arn"); n++ {
		a.PolicyARNs = append(a.PolicyARNs, form.Get(member("PolicyArns", n)+".arn"))
	}
	for n := 1; form.Has(member("Tags", n) + ".Key"); n++ {
		a.Tags[form.Get(member("Tags", n)+".Key")] = form.Get(member("Tags", n) + ".Value")
	}
	for n := 1; form.Has(member("TransitiveTagKeys", n)); n++ {
		a.Transitive = append(a.Transitive, form.Get(member("TransitiveTagKeys", n)))
	}
	return a, nil
}

// member names an entry of a list in the Query protocol.
func member(list string, n int) string { return list + ".member." + strconv.Itoa(n) }
