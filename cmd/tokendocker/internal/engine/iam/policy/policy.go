// Package policy reads IAM policy documents and decides requests by them. It is pure: it knows no roles, no clock and
// no services.
//
// Source: IAM User Guide, "IAM JSON policy element reference" and "Policy evaluation logic". The policies of
// organizations and of VPC endpoints are no part of it.
package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Kind says where a policy is attached, which decides the elements that it must have.
type Kind int

// The kinds of policy.
const (
	Identity Kind = iota // of a role: has resources and no principals
	Resource             // of a bucket, repository or key: has principals and resources
	Trust                // of a role, who may assume it: has principals and no resources
	Registry             // of a repository: has principals, its resource is itself
	Boundary             // a role's permissions boundary: like Identity
	Session              // of a session, given when its role was assumed: like Identity
)

// ofCaller says that a policy is about whom it is attached to, and so has no principals.
func (k Kind) ofCaller() bool { return k == Identity || k == Boundary || k == Session }

// Policy is a policy document.
type Policy struct {
	Version    string
	Statements []Statement
}

// Statement is one statement of a policy.
type Statement struct {
	Sid          string
	Allow        bool // else it denies
	Principals   []Principal
	NotPrincipal bool // the statement is about everyone but Principals
	Actions      []string
	NotAction    bool
	Resources    []string // empty: the resource that the policy is attached to
	NotResource  bool
	Conditions   []Condition
}

// Principal is one entry of a Principal element.
type Principal struct {
	Type  string // "AWS", "Service", "Federated", "CanonicalUser"; "*" for everyone
	Value string
}

// Condition is one key of a Condition block. A statement's conditions must all hold.
type Condition struct {
	Operator string
	Key      string
	Values   []string
}

// Parse reads a policy document strictly. Its errors are worded as IAM's, and mean MalformedPolicyDocument.
func Parse(text []byte, kind Kind) (*Policy, error) {
	if err := noDuplicates(text); err != nil {
		return nil, err
	}
	var doc struct {
		Version   string
		ID        string          `json:"Id"`
		Statement json.RawMessage `json:"Statement"`
	}
	if err := strict(text, &doc); err != nil {
		return nil, err
	}
	p := &Policy{Version: doc.Version}
	switch doc.Version {
	case "":
		p.Version = "2008-10-17"
	case "2008-10-17", "2012-10-17":
	default:
		return nil, errors.New("The policy must contain a valid version string") //nolint:staticcheck // IAM's words
	}
	raw, err := oneOrMany(doc.Statement)
	if err != nil || len(raw) == 0 {
		return nil, errors.New("Syntax errors in policy.") //nolint:staticcheck // IAM's words
	}
	for _, text := range raw {
		s, err := parseStatement(text, kind)
		if err != nil {
			return nil, err
		}
		p.Statements = append(p.Statements, s)
	}
	if err := p.checkSids(kind); err != nil {
		return nil, err
	}
	return p, nil
}

var sidForm = regexp.MustCompile(`^[0-9A-Za-z]*$`)

// checkSids checks the statements' names, of which IAM asks more than the services do that have policies of their own.
// Source: IAM User Guide, "IAM JSON policy elements: Sid".
func (p *Policy) checkSids(kind Kind) error {
	if kind == Resource || kind == Registry {
		return nil
	}
	seen := map[string]bool{}
	for _, s := range p.Statements {
		switch {
		case !sidForm.MatchString(s.Sid):
			//nolint:staticcheck // IAM's words
			return errors.New("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*")
		case s.Sid != "" && seen[s.Sid]:
			return errors.New("Statement IDs (SID) in a single policy must be unique.") //nolint:staticcheck // IAM's words
		}
		seen[s.Sid] = true
	}
	return nil
}

type statementText struct {
	Sid          string
	Effect       string
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Action       json.RawMessage
	NotAction    json.RawMessage
	Resource     json.RawMessage
	NotResource  json.RawMessage
	Condition    map[string]map[string]json.RawMessage
}

func parseStatement(text []byte, kind Kind) (s Statement, err error) {
	var raw statementText
	if err := strict(text, &raw); err != nil {
		return s, err
	}
	s.Sid, s.Allow = raw.Sid, raw.Effect == "Allow"
	if raw.Effect != "Allow" && raw.Effect != "Deny" {
		return s, fmt.Errorf("Invalid effect: %s", raw.Effect) //nolint:staticcheck // IAM's words
	}
	if s.Actions, s.NotAction, err = either("Action", raw.Action, raw.NotAction); err != nil {
		return s, err
	}
	if len(s.Actions) == 0 {
		return s, errors.New("Policy statement must contain actions.") //nolint:staticcheck // IAM's words
	}
	if err := s.checkActions(kind); err != nil {
		return s, err
	}
	if s.Resources, s.NotResource, err = either("Resource", raw.Resource, raw.NotResource); err != nil {
		return s, err
	}
	if err := s.checkResources(kind); err != nil {
		return s, err
	}
	if err := s.readPrincipals(raw, kind); err != nil {
		return s, err
	}
	s.Conditions, err = readConditions(raw.Condition)
	return s, err
}

func (s *Statement) checkActions(kind Kind) error {
	for _, a := range s.Actions {
		if vendor, name, ok := strings.Cut(a, ":"); a != "*" && (!ok || vendor == "" || name == "") {
			return errors.New("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.") //nolint:staticcheck // IAM's words
		}
		if kind == Trust && !strings.HasPrefix(strings.ToLower(a), "sts:") {
			return errors.New("AssumeRole policy may only specify STS AssumeRole actions.") //nolint:staticcheck // IAM's words
		}
	}
	return nil
}

func (s *Statement) checkResources(kind Kind) error {
	switch {
	case kind == Trust && len(s.Resources) > 0:
		return errors.New("Has prohibited field Resource") //nolint:staticcheck // IAM's words
	case (kind.ofCaller() || kind == Resource) && len(s.Resources) == 0:
		return errors.New("Policy statement must contain resources.") //nolint:staticcheck // IAM's words
	}
	for _, r := range s.Resources {
		if r != "*" && (!strings.HasPrefix(r, "arn:") || len(splitARN(r)) < 6) {
			return fmt.Errorf("Resource %s must be in ARN format or \"*\".", r) //nolint:staticcheck // IAM's words
		}
	}
	return nil
}

func (s *Statement) readPrincipals(raw statementText, kind Kind) error {
	text := raw.Principal
	if raw.NotPrincipal != nil {
		s.NotPrincipal, text = true, raw.NotPrincipal
	}
	switch {
	case raw.Principal != nil && raw.NotPrincipal != nil:
		return errors.New("Syntax errors in policy.") //nolint:staticcheck // IAM's words
	case kind.ofCaller() && text != nil:
		return errors.New("Policy document should not specify a principal.") //nolint:staticcheck // IAM's words
	case kind.ofCaller():
		return nil
	case text == nil:
		return errors.New("Missing required field Principal") //nolint:staticcheck // IAM's words
	}
	var everyone string
	if json.Unmarshal(text, &everyone) == nil {
		if everyone != "*" {
			return fmt.Errorf("Invalid principal in policy: %q", everyone) //nolint:staticcheck // IAM's words
		}
		s.Principals = []Principal{{Type: "*", Value: "*"}}
		return nil
	}
	var byType map[string]json.RawMessage
	if err := json.Unmarshal(text, &byType); err != nil || len(byType) == 0 {
		return errors.New("Invalid principal in policy") //nolint:staticcheck // IAM's words
	}
	for _, kind := range slices.Sorted(maps.Keys(byType)) {
		values, err := stringsOf(byType[kind])
		if err != nil || !slices.Contains([]string{"AWS", "Service", "Federated", "CanonicalUser"}, kind) {
			return fmt.Errorf("Invalid principal in policy: %q", kind) //nolint:staticcheck // IAM's words
		}
		for _, v := range values {
			if kind == "AWS" && v != "*" && strings.ContainsAny(v, "*?") {
				return fmt.Errorf("Invalid principal in policy: %q:%q", kind, v) //nolint:staticcheck // IAM's words
			}
			s.Principals = append(s.Principals, Principal{kind, v})
		}
	}
	return nil
}

func readConditions(blocks map[string]map[string]json.RawMessage) ([]Condition, error) {
	var out []Condition
	for _, operator := range slices.Sorted(maps.Keys(blocks)) {
		if !knownOperator(operator) {
			return nil, fmt.Errorf("Invalid Condition type : %s", operator) //nolint:staticcheck // IAM's words
		}
		for _, key := range slices.Sorted(maps.Keys(blocks[operator])) {
			values, err := stringsOf(blocks[operator][key])
			if err != nil {
				return nil, fmt.Errorf("Syntax errors in policy: condition %s: %w", key, err)
			}
			out = append(out, Condition{operator, key, values})
		}
	}
	return out, nil
}

// either reads an element and its negation, only one of which a statement may have.
func either(name string, positive, negative json.RawMessage) (values []string, negated bool, err error) {
	text := positive
	if negative != nil {
		if positive != nil {
			return nil, false, errors.New("Syntax errors in policy.") //nolint:staticcheck // IAM's words
		}
		text, negated = negative, true
	}
	if text == nil {
		return nil, false, nil
	}
	if values, err = stringsOf(text); err != nil {
		return nil, false, fmt.Errorf("Syntax errors in policy: %s: %w", name, err)
	}
	return values, negated, nil
}

// stringsOf reads a scalar or a list of scalars; IAM takes numbers and booleans as their text.
func stringsOf(text json.RawMessage) ([]string, error) {
	raw, err := oneOrMany(text)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(raw))
	for _, one := range raw {
		var value any
		d := json.NewDecoder(bytes.NewReader(one))
		d.UseNumber()
		if err := d.Decode(&value); err != nil {
			return nil, err
		}
		switch v := value.(type) {
		case string:
			out = append(out, v)
		case json.Number, bool:
			out = append(out, fmt.Sprint(v))
		default:
			return nil, errors.New("a value must be text")
		}
	}
	return out, nil
}

func oneOrMany(text json.RawMessage) ([]json.RawMessage, error) {
	text = bytes.TrimSpace(text)
	if len(text) == 0 || text[0] != '[' {
		if len(text) == 0 || string(text) == "null" {
			return nil, nil
		}
		return []json.RawMessage{text}, nil
	}
	var many []json.RawMessage
	err := json.Unmarshal(text, &many)
	return many, err
}

func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
			return fmt.Errorf("Has prohibited field %s", strings.Trim(name, `"`)) //nolint:staticcheck // IAM's words
		}
		return fmt.Errorf("Syntax errors in policy: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("Syntax errors in policy.") //nolint:staticcheck // IAM's words
	}
	return nil
}
