// Package report is what a rehearsal says about itself on standard output: a line for each image, or JSON lines whose
// last one is the summary. docs/cli.md describes every field.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Image is an image of one builder, built or found by the rehearsal.
type Image struct {
	Builder  string  `json:"builder"`          // construct path of the builder
	Region   string  `json:"region"`           // where the repository is
	URI      string  `json:"uri"`              // repository URI, without tag or digest
	Digest   string  `json:"digest"`           // "sha256:..."
	Tag      string  `json:"tag"`              // the image's tag
	Built    bool    `json:"built"`            // a docker build ran for it in this rehearsal
	Seconds  float64 `json:"seconds"`          // how long its custom resource took
	Overhead float64 `json:"overhead_seconds"` // that, without its docker build
}

// Stack is what became of one stack.
type Stack struct {
	Name      string            `json:"name"`
	Account   string            `json:"account"`
	Region    string            `json:"region"`
	Status    string            `json:"status"` // CloudFormation's stack status
	Outputs   map[string]string `json:"outputs"`
	Images    []Image           `json:"images"`
	Simulated []Resource        `json:"simulated"` // resources that got an identifier and nothing else
	Failure   *Failure          `json:"failure,omitempty"`
}

// Resource names a resource of a stack.
type Resource struct {
	Path string `json:"path"` // construct path
	Type string `json:"type"` // CloudFormation resource type
}

// Failure is the resource that made a stack fail.
type Failure struct {
	Path   string `json:"path"`
	Reason string `json:"reason"` // as the stack event says it
}

// Permission is an entry of a role's policy that no call of the state folder's rehearsals used: an action, or a resource.
type Permission struct {
	Role     string `json:"role"` // role name
	Action   string `json:"action"`
	Resource string `json:"resource"`
}

// Denial is a call that was refused to a role, or a role that was refused to a service.
type Denial struct {
	Role     string `json:"role"` // role name
	Action   string `json:"action"`
	Resource string `json:"resource"`
	Reason   string `json:"reason"` // as AWS words it
	Remedy   string `json:"remedy"` // what would allow it; empty where a statement denies
}

// Summary is the last JSON line.
type Summary struct {
	Status  string       `json:"status"` // "ok" or "failed"
	Seconds float64      `json:"seconds"`
	Stacks  []Stack      `json:"stacks"`
	Skipped []string     `json:"skipped"` // names of stacks that were not deployed, since one before them failed
	Denied  []Denial     `json:"denied"`  // in this rehearsal
	Unused  []Permission `json:"unused_permissions"`
	Error   string       `json:"error,omitempty"` // why the status is "failed"
}

// Event is what happened to a stack or to one of its resources.
type Event struct {
	Stack  string `json:"stack"`
	Region string `json:"region"`           // the stack's
	Path   string `json:"path"`             // construct path; the stack's name for the stack itself
	Type   string `json:"resource_type"`    // CloudFormation resource type
	Status string `json:"status"`           // as in CloudFormation's stack events
	Reason string `json:"reason,omitempty"` // as in CloudFormation's stack events
}

// Printer writes a rehearsal's answer. It is safe for concurrent use.
type Printer interface {
	Event(Event)
	Image(Image)
	Role(Role)
	Summary(Summary)
}

// Text prints a line for each image and nothing else.
func Text(out io.Writer) Printer { return &text{out: out} }

// JSON prints everything as JSON lines, each with a type.
func JSON(out io.Writer) Printer { return &lines{out: json.NewEncoder(out)} }

type text struct {
	mu  sync.Mutex
	out io.Writer
}

func (t *text) Event(Event)     {}
func (t *text) Summary(Summary) {}
func (t *text) Image(i Image) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintf(t.out, "%s %s@%s\n", i.Builder, i.URI, i.Digest)
}

type lines struct {
	mu  sync.Mutex
	out *json.Encoder
}

func (l *lines) Event(e Event) {
	l.encode(struct {
		Type string `json:"type"`
		Event
	}{"event", e})
}

func (l *lines) Image(i Image) {
	l.encode(struct {
		Type string `json:"type"`
		Image
	}{"image", i})
}

func (l *lines) Summary(s Summary) {
	for i := range s.Stacks {
		s.Stacks[i].Images = orEmpty(s.Stacks[i].Images)
		s.Stacks[i].Simulated = orEmpty(s.Stacks[i].Simulated)
		if s.Stacks[i].Outputs == nil {
			s.Stacks[i].Outputs = map[string]string{}
		}
	}
	s.Stacks, s.Skipped, s.Denied, s.Unused = orEmpty(s.Stacks), orEmpty(s.Skipped), orEmpty(s.Denied), orEmpty(s.Unused)
	l.encode(struct {
		Type string `json:"type"`
		Summary
	}{"summary", s})
}

func (l *lines) encode(v any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.out.Encode(v) // nobody is left to tell
}

// orEmpty makes a missing list an empty one, so that scripts need not tell null from nothing.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
