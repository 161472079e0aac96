// Package stackpolicy reads stack policies and decides by them which resources an update may touch.
//
// Source: AWS CloudFormation User Guide, "Prevent updates to stack resources".
package stackpolicy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// The actions that an update takes on resources that exist.
const (
	Modify  = "Update:Modify"
	Replace = "Update:Replace"
	Delete  = "Update:Delete"
)

// MaxBytes is the size of a policy. Source: AWS CloudFormation API Reference, SetStackPolicy.
const MaxBytes = 16_384

// ErrInvalid says that a text is no stack policy, in CloudFormation's own words.
var ErrInvalid = errors.New("Error validating stack policy: Invalid stack policy") //nolint:staticcheck,revive // CloudFormation's own words

// Policy is a stack policy. Whatever it does not allow is denied.
type Policy struct{ statements []statement }

// statement is one statement of a policy.
type statement struct {
	Effect       string
	Action       texts
	NotAction    texts
	Principal    json.RawMessage
	NotPrincipal json.RawMessage
	Resource     texts
	NotResource  texts
	Condition    map[string]struct{ ResourceType texts }
}

// texts is one text or a list of them.
type texts []string

// UnmarshalJSON reads either form.
func (t *texts) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(t))
}

// Parse reads a policy. It returns nil for a document without statements, which protects nothing, and ErrInvalid for what
// is none.
func Parse(text string) (*Policy, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	var doc struct {
		Version   string
		Statement []statement
	}
	if err := dec.Decode(&doc); err != nil || len(text) > MaxBytes {
		return nil, ErrInvalid
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, ErrInvalid
	}
	if len(doc.Statement) == 0 {
		return nil, nil //nolint:nilnil // no policy is no error
	}
	for _, s := range doc.Statement {
		if !s.valid() {
			return nil, ErrInvalid
		}
	}
	return &Policy{doc.Statement}, nil
}

// valid reports whether the statement has all that it must have and nothing else.
func (s statement) valid() bool {
	if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Action) > 0 == (len(s.NotAction) > 0) || len(s.Resource) > 0 == (len(s.NotResource) > 0) {
		return false
	}
	for _, action := range slices.Concat(s.Action, s.NotAction) {
		if !slices.Contains([]string{"*", "Update:*", Modify, Replace, Delete}, action) {
			return false
		}
	}
	for _, resource := range slices.Concat(s.Resource, s.NotResource) {
		if resource != "*" && !strings.HasPrefix(resource, "LogicalResourceId/") {
			return false
		}
	}
	for operator := range s.Condition {
		if operator != "StringEquals" && operator != "StringLike" {
			return false
		}
	}
	principal := bytes.TrimSpace(s.Principal)
	return s.NotPrincipal == nil && (string(principal) == `"*"` || string(bytes.ReplaceAll(principal, []byte(" "), nil)) == `{"AWS":"*"}`)
}

// Check says why an update may not take an action on a resource; nil: it may.
func (p *Policy) Check(action, logicalID, resourceType string) error {
	allowed := false
	for i, s := range p.statements {
		switch {
		case !s.about(action, logicalID, resourceType):
		case s.Effect == "Allow":
			allowed = true
		default:
			return fmt.Errorf("Action denied by stack policy: Statement [#%d] does not allow [%s] for resource [%s]", //nolint:staticcheck // CloudFormation's own words
				i+1, strings.Join(slices.Concat(s.Action, s.NotAction), ", "), strings.Join(slices.Concat(s.Resource, s.NotResource), ", "))
		}
	}
	if !allowed {
		return fmt.Errorf("Action not allowed by stack policy: no statement allows [%s] for resource [LogicalResourceId/%s]", action, logicalID) //nolint:staticcheck // CloudFormation's own words
	}
	return nil
}

// about reports whether the statement speaks of an action on a resource.
func (s statement) about(action, logicalID, resourceType string) bool {
	if len(s.Action) > 0 && !matches(s.Action, action) || len(s.NotAction) > 0 && matches(s.NotAction, action) {
		return false
	}
	name := "LogicalResourceId/" + logicalID
	if len(s.Resource) > 0 && !matches(s.Resource, name) || len(s.NotResource) > 0 && matches(s.NotResource, name) {
		return false
	}
	for operator, c := range s.Condition {
		if operator == "StringEquals" && !slices.Contains(c.ResourceType, resourceType) || operator == "StringLike" && !matches(c.ResourceType, resourceType) {
			return false
		}
	}
	return true
}

// matches reports whether one of the patterns, whose * stands for anything, fits the whole text.
func matches(patterns texts, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		// No pattern has to stop at a slash, as path.Match's do.
		ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
		return err == nil && ok
	})
}
