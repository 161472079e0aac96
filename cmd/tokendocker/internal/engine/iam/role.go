package iam

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// IAM's quotas, in characters without white space.
// Source: IAM User Guide, "IAM and AWS STS quotas".
const (
	maxInline          = 10240 // all inline policies of a role together
	maxManaged         = 6144
	maxTrust           = 2048
	maxManagedPerRole  = 10
	maxPolicyNameChars = 128
)

// roleName is what roles may be called. Source: IAM API Reference, CreateRole.
var roleName = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)

// policyName is what policies may be called. Source: IAM API Reference, PutRolePolicy.
var policyName = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)

type role struct {
	Name    string
	Path    string
	ID      string
	ARN     string
	Token   string // of the operation that made it
	Created time.Time
	History []version[rights]
}

// rights are what a role may do and who may assume it.
type rights struct {
	Trust       string
	Inline      map[string]string // documents by policy name
	Managed     []string          // ARNs
	Boundary    string            // ARN of the managed policy that is the permissions boundary; empty: none
	Longest     time.Duration     // of a session; 0 is an hour
	Description string            `json:",omitempty"`
	Tags        map[string]string
}

func (r role) current() rights {
	if len(r.History) == 0 {
		return rights{}
	}
	return r.History[len(r.History)-1].Value
}

type managedPolicy struct {
	ARN     string
	Name    string
	ID      string
	Token   string
	Created time.Time
	History []version[string] // documents
}

// change edits a role's rights, within IAM's quotas.
func (r *Room) change(name string, edit func(*rights) error) error {
	return r.roles.Update(name, func(old role, found bool) (role, error) {
		if !found {
			return old, noSuchRole(name)
		}
		now := old.current()
		now.Inline, now.Managed, now.Tags = maps.Clone(now.Inline), slices.Clone(now.Managed), maps.Clone(now.Tags)
		if now.Inline == nil {
			now.Inline = map[string]string{}
		}
		if err := edit(&now); err != nil {
			return old, err
		}
		if err := now.check(name); err != nil {
			return old, err
		}
		old.History = changed(old.History, now, r.Clock.Now(), r.Switches.PolicyDelay)
		return old, nil
	})
}

func (r rights) check(name string) error {
	inline := 0
	for _, document := range r.Inline {
		inline += len(document)
	}
	switch {
	case inline > maxInline:
		return limit("Maximum policy size of %d bytes exceeded for role %s", maxInline, name)
	case len(r.Managed) > maxManagedPerRole:
		return limit("Cannot exceed quota for PoliciesPerRole: %d", maxManagedPerRole)
	case len(r.Trust) > maxTrust:
		return limit("Cannot exceed quota for ACLSizePerRole: %d", maxTrust)
	}
	return nil
}

func (r *rights) attach(arn string) {
	if !slices.Contains(r.Managed, arn) {
		r.Managed = append(r.Managed, arn)
	}
}

func (r *rights) detach(arn string) {
	r.Managed = slices.DeleteFunc(r.Managed, func(have string) bool { return have == arn })
}

// attachable says whether a managed policy may be attached. AWS's own always may: those that we do not know give no
// rights, and are listed by Unknown.
func (r *Room) attachable(arn string) error {
	if awsManaged(arn) {
		r.noteUnknown(arn)
		return nil
	}
	if _, found, err := r.managed.Get(arn); err != nil || found {
		return err
	}
	return &protocol.Error{Code: "NoSuchEntity", Status: http.StatusNotFound,
		Message: fmt.Sprintf("Policy %s does not exist or is not attachable.", arn)}
}

func (r *Room) noteUnknown(arn string) {
	if _, known := awsPolicies[awsPolicyName(arn)]; known || !awsManaged(arn) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.unknown[arn] = true
}

// Unknown returns the ARNs of attached AWS managed policies that are only simulated: they give no rights here.
func (r *Room) Unknown() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.unknown))
}

// identity returns the policies that act for a role now, with their names.
func (r *Room) identity(rights rights) (out acting, err error) {
	for _, name := range slices.Sorted(maps.Keys(rights.Inline)) {
		p, err := policy.Parse([]byte(rights.Inline[name]), policy.Identity)
		if err != nil {
			return out, fmt.Errorf("policy %s: %w", name, err)
		}
		out.Identity, out.names = append(out.Identity, p), append(out.names, name)
	}
	for _, arn := range rights.Managed {
		p, err := r.managedPolicy(arn, policy.Identity)
		if err != nil {
			return out, err
		}
		if p == nil {
			if awsManaged(arn) {
				out.unknown = append(out.unknown, arn)
			}
			continue
		}
		out.Identity, out.names = append(out.Identity, p), append(out.names, arn)
	}
	return out, nil
}

// managedPolicy reads what acts now of a managed policy. It is nil if that is nothing yet, or if it is one of AWS's
// that we do not know.
func (r *Room) managedPolicy(arn string, kind policy.Kind) (*policy.Policy, error) {
	document, ok := awsPolicies[awsPolicyName(arn)]
	document = strings.ReplaceAll(document, "arn:aws:", "arn:"+r.Partition+":")
	if !awsManaged(arn) {
		stored, _, err := r.managed.Get(arn)
		if err != nil {
			return nil, err
		}
		document, ok = effective(stored.History, r.Clock.Now(), r.Switches.PolicyDelay)
	}
	if !ok {
		return nil, nil
	}
	p, err := policy.Parse([]byte(document), kind)
	if err != nil {
		return nil, fmt.Errorf("policy %s: %w", arn, err)
	}
	return p, nil
}

// role finds a role by ARN.
func (r *Room) role(arn string) (role, bool, error) {
	found, ok, err := r.roles.Get(arn[strings.LastIndexByte(arn, '/')+1:])
	return found, ok && found.ARN == arn, err
}

func noSuchRole(name string) error {
	return &protocol.Error{Code: "NoSuchEntity", Status: http.StatusNotFound,
		Message: fmt.Sprintf("The role with name %s cannot be found.", name)}
}

func limit(format string, args ...any) error {
	return &protocol.Error{Code: "LimitExceeded", Message: fmt.Sprintf(format, args...), Status: http.StatusConflict}
}

func conflict(code, format string, args ...any) error {
	return &protocol.Error{Code: code, Message: fmt.Sprintf(format, args...), Status: http.StatusConflict}
}

// uniqueID makes an id as IAM's: a prefix for the kind and 17 letters and digits.
// Source: IAM User Guide, "IAM identifiers", unique identifiers.
func uniqueID(prefix string) string {
	b := make([]byte, 11)
	rand.Read(b) //nolint:errcheck // crypto/rand.Read never fails
	return prefix + base32.StdEncoding.EncodeToString(b)[:17]
}
