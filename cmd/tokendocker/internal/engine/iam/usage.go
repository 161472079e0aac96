package iam

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// Permission is one decision about a role.
type Permission struct {
	RoleARN  string
	Action   string
	Resource string
	Allowed  bool
}

// Use is one pair of entries of a role's policy: an action on a resource, as the policy writes them.
type Use struct {
	RoleARN  string
	Policy   string // name, or ARN of a managed policy
	Sid      string // "statement 1" where the policy names none
	Action   string
	Resource string
}

func label(p *policy.Policy, statement int) string {
	if sid := p.Statements[statement].Sid; sid != "" {
		return sid
	}
	return fmt.Sprintf("statement %d", statement+1)
}

func (u Use) key() string {
	return strings.Join([]string{u.RoleARN, u.Policy, u.Sid, u.Action, u.Resource}, "\n")
}

func (r *Room) record(as *session.Session, action, arn string, d policy.Decision, policies []*policy.Policy, names []string) {
	if as.RoleARN == "" {
		return
	}
	p := Permission{as.RoleARN, action, arn, d.Allowed}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.seen[p] {
		r.seen[p] = true
		if r.Record != nil {
			r.Record(p)
		}
	}
	if !d.Allowed {
		return
	}
	for i, matches := range d.Uses {
		for _, m := range matches {
			u := Use{as.RoleARN, names[i], label(policies[i], m.Statement), m.Action, m.Resource}
			if key := u.key(); !r.usedKey[key] {
				r.usedKey[key] = r.used.Put(key, u) == nil
			}
		}
	}
}

// Permissions returns every decision about a role in this run, sorted.
func (r *Room) Permissions() []Permission {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Permission
	for p := range r.seen {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b Permission) int {
		return cmp.Or(strings.Compare(a.RoleARN, b.RoleARN), strings.Compare(a.Action, b.Action), strings.Compare(a.Resource, b.Resource))
	})
	return out
}

// Unused returns the entries of the present policies of all roles that no call has ever needed: an action that no
// call used on any of its statement's resources has Resource "", a resource that none used has Action "". AWS's
// managed policies are left out, since nobody can narrow them.
func (r *Room) Unused() ([]Use, error) {
	actions, resources := map[string]bool{}, map[string]bool{}
	for _, u := range r.used.All() {
		actions[Use{u.RoleARN, u.Policy, u.Sid, u.Action, ""}.key()] = true
		resources[Use{u.RoleARN, u.Policy, u.Sid, "", u.Resource}.key()] = true
	}
	var out []Use
	for _, role := range r.roles.All() {
		policies, names, err := r.identity(role.current())
		if err != nil {
			return nil, fmt.Errorf("role %s: %w", role.Name, err)
		}
		for i, p := range policies {
			if awsManaged(names[i]) {
				continue
			}
			for n, s := range p.Statements {
				out = append(out, unusedOf(s, Use{RoleARN: role.ARN, Policy: names[i], Sid: label(p, n)}, actions, resources)...)
			}
		}
	}
	return out, nil
}

func unusedOf(s policy.Statement, u Use, actions, resources map[string]bool) (out []Use) {
	if !s.Allow {
		return nil
	}
	for _, u.Action = range s.Actions {
		if !actions[u.key()] {
			out = append(out, u)
		}
	}
	u.Action = ""
	for _, u.Resource = range s.Resources {
		if !resources[u.key()] {
			out = append(out, u)
		}
	}
	return out
}
