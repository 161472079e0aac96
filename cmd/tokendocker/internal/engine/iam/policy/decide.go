package policy

import (
	"slices"
	"strings"
)

// Request is one permission that somebody asks for.
type Request struct {
	Action   string
	Resource string // ARN, or "*"
	Account  string // of the resource
	Caller   Caller
	Context  map[string][]string // condition keys, in any case, with their values
}

// Caller is who asks. A service that acts for itself has only a Service.
type Caller struct {
	ARN     string // of the session or user
	RoleARN string // of the session's role
	Account string
	Service string // "lambda.amazonaws.com"
}

func (r *Request) values(key string) []string {
	if v, ok := r.Context[key]; ok {
		return v
	}
	for k, v := range r.Context {
		if strings.EqualFold(k, key) {
			return v
		}
	}
	return nil
}

// Match says that a statement applies to a request, and by which of its entries.
type Match struct {
	Statement int // index
	Action    string
	Resource  string
}

// grant is how far a statement's principals name the caller.
type grant int

const (
	grantNone    grant = iota
	grantAccount       // the account is named: its own identity policies decide
	grantDirect
)

// Evaluate returns the statements that allow and those that deny r. Policies without principals apply to whom they
// are attached to.
func (p *Policy) Evaluate(r *Request) (allow, deny []Match) {
	allow, _, deny = p.evaluate(r)
	return allow, deny
}

func (p *Policy) evaluate(r *Request) (direct, delegated, deny []Match) {
	for i := range p.Statements {
		s := &p.Statements[i]
		g := s.grants(&r.Caller)
		if g == grantNone {
			continue
		}
		matches := p.entries(i, r)
		if len(matches) == 0 || !p.conditionsHold(s, r) {
			continue
		}
		switch {
		case !s.Allow:
			deny = append(deny, matches...)
		case g == grantDirect:
			direct = append(direct, matches...)
		default:
			delegated = append(delegated, matches...)
		}
	}
	return direct, delegated, deny
}

// entries returns every pair of entries of statement i that covers the request's action and resource.
func (p *Policy) entries(i int, r *Request) (out []Match) {
	s := &p.Statements[i]
	resources := covering(s.Resources, s.NotResource, func(text string) bool {
		return matchARN(text, r.Resource, r, p.variables())
	})
	if len(s.Resources) == 0 {
		resources = []string{""}
	}
	actions := covering(s.Actions, s.NotAction, func(text string) bool { return matchAction(text, r.Action) })
	for _, a := range actions {
		for _, res := range resources {
			out = append(out, Match{i, a, res})
		}
	}
	return out
}

// covering returns the entries that match; of a negated element all of them if none does.
func covering(entries []string, negated bool, match func(string) bool) []string {
	var out []string
	for _, e := range entries {
		if match(e) {
			out = append(out, e)
		}
	}
	if !negated {
		return out
	}
	if len(out) > 0 {
		return nil
	}
	return entries
}

func (p *Policy) variables() bool { return p.Version == "2012-10-17" }

func (p *Policy) conditionsHold(s *Statement, r *Request) bool {
	for _, c := range s.Conditions {
		if !c.holds(r, p.variables()) {
			return false
		}
	}
	return true
}

// grants says how far the statement's principals name the caller.
func (s *Statement) grants(c *Caller) grant {
	if s.Principals == nil {
		return grantDirect
	}
	best := grantNone
	for _, p := range s.Principals {
		best = max(best, p.grants(c))
	}
	if !s.NotPrincipal {
		return best
	}
	if best == grantNone {
		return grantDirect
	}
	return grantNone
}

func (p Principal) grants(c *Caller) grant {
	switch {
	case p.Type == "*":
		return grantDirect
	case p.Type == "Service":
		if c.Service != "" && p.Value == c.Service {
			return grantDirect
		}
	case p.Type != "AWS" || c.Service != "":
	case p.Value == "*", p.Value == c.ARN, c.RoleARN != "" && p.Value == c.RoleARN:
		return grantDirect
	case p.Value == c.Account, strings.HasPrefix(p.Value, "arn:") && strings.HasSuffix(p.Value, ":iam::"+c.Account+":root"):
		return grantAccount
	}
	return grantNone
}

// Decision is the outcome for one request.
type Decision struct {
	Allowed bool
	// Denied is true if a statement denies; else a request that is not allowed only lacks a statement.
	Denied bool
	// ByResource is true if the statement that denies, or that is missing, is the resource policy's.
	ByResource bool
	// Uses are the statements that allow, by the index of their identity policy.
	Uses map[int][]Match
}

// Decide combines the caller's identity policies with the resource's own policy, which may be nil. In one account
// either is enough, unless resourceOnly says that the resource must name the caller or the caller's account; over
// accounts both must allow.
// Source: IAM User Guide, "Policy evaluation for requests within a single account" and "Cross-account policy
// evaluation logic".
func Decide(identity []*Policy, resource *Policy, resourceOnly bool, r *Request) Decision {
	d := Decision{Uses: map[int][]Match{}}
	for i, p := range identity {
		allow, deny := p.Evaluate(r)
		if len(deny) > 0 {
			d.Denied = true
		}
		if len(allow) > 0 {
			d.Uses[i] = allow
		}
	}
	var direct, delegated, deny []Match
	if resource != nil {
		direct, delegated, deny = resource.evaluate(r)
	}
	foreign := r.Caller.Service == "" && r.Account != "" && r.Account != r.Caller.Account
	named := len(direct) > 0
	byAccount := named || len(delegated) > 0
	byIdentity := len(d.Uses) > 0
	switch {
	case d.Denied:
	case len(deny) > 0:
		d.Denied, d.ByResource = true, true
	case r.Caller.Service != "":
		d.Allowed, d.ByResource = named, !named
	case foreign:
		d.Allowed, d.ByResource = byAccount && byIdentity, !byAccount
	case resourceOnly:
		d.Allowed, d.ByResource = named || byAccount && byIdentity, !byAccount
	default:
		d.Allowed = named || byIdentity
	}
	return d
}

// Covers reports whether a statement of the policy allows the action on the resource, whatever its conditions say.
func (p *Policy) Covers(action, resource string) bool {
	r := &Request{Action: action, Resource: resource}
	return slices.ContainsFunc(p.Statements, func(s Statement) bool {
		one := Policy{Version: p.Version, Statements: []Statement{s}}
		return s.Allow && len(one.entries(0, r)) > 0
	})
}
