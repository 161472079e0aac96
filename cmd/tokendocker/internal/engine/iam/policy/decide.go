package policy

import (
	"regexp"
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
	grantRole          // the session's role is named: what limits the role limits the grant
	grantSession       // the session itself, or everybody
)

// finding is what one policy says of a request.
type finding struct {
	allows []Match
	grant  grant // how far the furthest of the statements that allow names the caller
	denies bool
}

// evaluate reads a policy, which may be nil. Policies without principals apply to whom they are attached to.
func (p *Policy) evaluate(r *Request) (f finding) {
	if p == nil {
		return f
	}
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
		if !s.Allow {
			f.denies = true
			continue
		}
		f.allows, f.grant = append(f.allows, matches...), max(f.grant, g)
	}
	return f
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
		return grantSession
	}
	if s.NotPrincipal {
		if s.spares(c) {
			return grantNone
		}
		return grantSession
	}
	best := grantNone
	for _, p := range s.Principals {
		best = max(best, p.grants(c))
	}
	return best
}

// spares says whether a NotPrincipal element is not about the caller. It must name all that the caller is: the session,
// its role and its account.
// Source: IAM User Guide, "AWS JSON policy elements: NotPrincipal".
func (s *Statement) spares(c *Caller) bool {
	named := map[grant]bool{}
	for _, p := range s.Principals {
		named[p.grants(c)] = true
	}
	all := slices.ContainsFunc(s.Principals, func(p Principal) bool { return p.Value == "*" })
	if c.Service != "" {
		return all || named[grantSession]
	}
	return all || named[grantSession] && named[grantAccount] && (named[grantRole] || c.RoleARN == "")
}

func (p Principal) grants(c *Caller) grant {
	switch {
	case p.Type == "*":
		return grantSession
	case p.Type == "Service":
		if c.Service != "" && regionless(p.Value) == c.Service {
			return grantSession
		}
	case p.Type != "AWS" || c.Service != "":
	case p.Value == "*", p.Value == c.ARN:
		return grantSession
	case c.RoleARN != "" && p.Value == c.RoleARN:
		return grantRole
	case p.Value == c.Account, strings.HasPrefix(p.Value, "arn:") && strings.HasSuffix(p.Value, ":iam::"+c.Account+":root"):
		return grantAccount
	}
	return grantNone
}

var region = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)

// regionless takes the region out of a service's name, "states.eu-west-1.amazonaws.com".
// Source: IAM User Guide, "AWS JSON policy elements: Principal", service principals.
func regionless(service string) string {
	labels := strings.Split(service, ".")
	if len(labels) > 3 && region.MatchString(labels[1]) {
		labels = slices.Delete(labels, 1, 2)
	}
	return strings.Join(labels, ".")
}

// Policies are all that bear on a request.
type Policies struct {
	Identity []*Policy // of the caller's role
	Resource *Policy   // of the resource; nil: it has none
	// ResourceOnly says that identity policies alone are not enough, as for roles and KMS keys: the resource's policy
	// must name the caller or the caller's account.
	ResourceOnly bool
	Boundary     *Policy   // permissions boundary of the caller's role; nil: it has none
	Session      []*Policy // session policies; none: the session has all its role's rights
}

// Decision is the outcome for one request.
type Decision struct {
	Allowed bool
	// Denied is true if a statement denies; else a request that is not allowed only lacks a statement.
	Denied bool
	// By is the kind of the policy that denies or that lacks the statement: Identity, Resource, Boundary or Session.
	By Kind
	// Denier is the index of the identity policy that denies, if one does.
	Denier int
	// Uses are the statements that allow, by the index of their identity policy.
	Uses map[int][]Match
}

// Decide combines the policies. A statement that denies wins, wherever it stands. In one account the caller's identity
// policies or the resource's policy are enough; over accounts both must allow. The permissions boundary and the session
// policies must allow too, except what the resource gives to the session itself.
// Source: IAM User Guide, "Policy evaluation for requests within a single account" and "Cross-account policy
// evaluation logic".
func (p Policies) Decide(r *Request) Decision {
	d := Decision{Uses: map[int][]Match{}}
	denies := false
	for i, one := range p.Identity {
		f := one.evaluate(r)
		if f.denies && !denies {
			denies, d.Denier = true, i
		}
		if len(f.allows) > 0 {
			d.Uses[i] = f.allows
		}
	}
	resource, boundary, session := p.Resource.evaluate(r), p.Boundary.evaluate(r), evaluateAll(p.Session, r)
	switch {
	case denies:
		d.Denied, d.By = true, Identity
	case resource.denies:
		d.Denied, d.By = true, Resource
	case boundary.denies:
		d.Denied, d.By = true, Boundary
	case session.denies:
		d.Denied, d.By = true, Session
	default:
		d.Allowed, d.By = p.combine(r, len(d.Uses) > 0, resource.grant, boundary.grant, session.grant)
	}
	return d
}

func evaluateAll(policies []*Policy, r *Request) (all finding) {
	for _, p := range policies {
		f := p.evaluate(r)
		all.denies, all.grant = all.denies || f.denies, max(all.grant, f.grant)
	}
	return all
}

// combine decides a request that nobody denies, by what each kind of policy grants.
func (p Policies) combine(r *Request, identity bool, resource, boundary, session grant) (allowed bool, lacking Kind) {
	foreign := r.Caller.Service == "" && r.Account != "" && r.Account != r.Caller.Account
	switch {
	case r.Caller.Service != "":
		return resource >= grantRole, Resource
	case (foreign || p.ResourceOnly) && resource == grantNone:
		return false, Resource
	case !foreign && resource == grantSession:
		return true, Identity
	case !identity && (foreign || resource < grantRole):
		return false, Identity
	case p.Boundary != nil && boundary == grantNone:
		return false, Boundary
	case len(p.Session) > 0 && session == grantNone:
		return false, Session
	}
	return true, Identity
}
