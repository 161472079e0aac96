package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Role is what a role did in the rehearsals of a state folder, and what it would have needed for that.
type Role struct {
	Role    string          `json:"role"` // name
	Path    string          `json:"path"` // construct path
	Calls   []Call          `json:"calls"`
	Unused  []Entry         `json:"unused"`
	Needed  json.RawMessage `json:"needed"`           // smallest policy document; null if its policies were not needed
	Unknown []string        `json:"unknown_policies"` // ARNs of AWS managed policies that give no rights in a rehearsal
}

// Call is an action on a resource that was decided for a role.
type Call struct {
	Action   string `json:"action"`
	Resource string `json:"resource"`
	Allowed  bool   `json:"allowed"`
}

// Entry is an entry of a statement that no call used: an action, or a resource.
type Entry struct {
	Policy    string `json:"policy"`    // name, or ARN of a managed policy
	Statement string `json:"statement"` // Sid, or "statement 2"
	Action    string `json:"action,omitempty"`
	Resource  string `json:"resource,omitempty"`
}

func (t *text) Role(r Role) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "\nRole %s (%s)\n", r.Role, r.Path)
	calls(&b, "called", r.Calls, true)
	calls(&b, "was denied", r.Calls, false)
	for _, arn := range r.Unknown {
		fmt.Fprintf(&b, "  has a policy of AWS's that is not known here: %s\n", arn)
	}
	if len(r.Unused) > 0 {
		fmt.Fprintln(&b, "  never used")
	}
	for _, e := range r.Unused {
		fmt.Fprintf(&b, "    %s%s (%s of %s)\n", e.Action, e.Resource, e.Statement, e.Policy)
	}
	if len(r.Needed) > 0 {
		fmt.Fprint(&b, "  needs no more than\n    ")
		_ = json.Indent(&b, r.Needed, "    ", "  ") // it was marshalled
		fmt.Fprintln(&b)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	_, _ = b.WriteTo(t.out) // nobody is left to tell
}

func calls(w io.Writer, title string, list []Call, allowed bool) {
	for _, c := range list {
		if c.Allowed != allowed {
			continue
		}
		if title != "" {
			fmt.Fprintf(w, "  %s\n", title)
			title = ""
		}
		fmt.Fprintf(w, "    %s %s\n", c.Action, c.Resource)
	}
}

func (l *lines) Role(r Role) {
	r.Calls, r.Unused, r.Unknown = orEmpty(r.Calls), orEmpty(r.Unused), orEmpty(r.Unknown)
	l.encode(struct {
		Type string `json:"type"`
		Role
	}{"role", r})
}
