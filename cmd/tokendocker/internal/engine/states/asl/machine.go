// Package asl parses and runs state machines in the Amazon States Language with JSONPath and JSONata as query
// languages. It knows the language and nothing of AWS: tasks and the clock are ports.
//
// Sources: "Amazon States Language" (states-language.net) and the AWS Step Functions Developer Guide, chapters "Using
// Amazon States Language to define Step Functions workflows", "Processing input and output" and "Handling errors".
package asl

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
)

// Names of errors that the language itself knows (Developer Guide, "Handling errors in Step Functions workflows").
const (
	ErrorAll              = "States.ALL"
	ErrorDataLimit        = "States.DataLimitExceeded"
	ErrorRuntime          = "States.Runtime"
	ErrorTaskFailed       = "States.TaskFailed"
	ErrorTimeout          = "States.Timeout"
	ErrorHeartbeat        = "States.HeartbeatTimeout"
	ErrorNoChoiceMatched  = "States.NoChoiceMatched"
	ErrorResultPath       = "States.ResultPathMatchFailure"
	ErrorIntrinsicFailure = "States.IntrinsicFailure"
)

// MaxData is the size of the input or output of a state, task or execution, in bytes of UTF-8 JSON; maxCause that of a
// failure's cause, maxErrorName that of its name (Developer Guide, "Quotas"; API Reference, "SendTaskFailure").
const (
	MaxData      = 262144
	maxCause     = 32768
	maxErrorName = 256
)

// Failure is how a state or an execution fails.
type Failure struct {
	Name  string // "States.TaskFailed"
	Cause string // text, often JSON

	placed bool // the cause is complete: it names its state, or is the machine's own text
}

// Error returns name and cause.
func (f *Failure) Error() string {
	if f.Cause == "" {
		return f.Name
	}
	return f.Name + ": " + f.Cause
}

// Fail returns a Failure whose name and cause are cut to what Step Functions keeps.
func Fail(name, cause string) *Failure {
	return &Failure{Name: cut(name, maxErrorName), Cause: cut(cause, maxCause)}
}

func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}

// fatal reports whether nothing catches the failure, not even States.ALL.
func (f *Failure) fatal() bool { return f.Name == ErrorDataLimit || f.Name == ErrorRuntime }

// Machine is a parsed and valid state machine, or a branch of one.
type Machine struct {
	startAt        string
	states         map[string]*state
	timeoutSeconds float64 // 0 for none
	unserved       bool    // a Map's processor in DISTRIBUTED mode that reads or writes elsewhere
}

// TaskState is what a definition says about one Task state.
type TaskState struct {
	Name       string
	Resource   string
	Parameters []string // names of the top-level parameters, without ".$"
}

// Tasks returns every Task state, in branches and iterations too, by name.
func (m *Machine) Tasks() []TaskState {
	var all []TaskState
	for _, name := range sortedKeys(m.states) {
		s := m.states[name]
		if s.kind == "Task" {
			task := TaskState{Name: name, Resource: s.resource, Parameters: s.parameters.names()}
			if s.queries != nil && s.queries.arguments != nil {
				task.Parameters = sortedKeys(s.queries.arguments.fields)
			}
			all = append(all, task)
		}
		for _, b := range s.branches {
			all = append(all, b.Tasks()...)
		}
	}
	return all
}

// state is one state; which fields matter depends on its kind.
type state struct {
	kind string // "Task", "Choice", ...
	next string // empty at the end

	inputPath, outputPath, resultPath *path // nil when the field is null: an empty object, or the input as it was
	parameters, selector              *template
	result                            any
	hasResult                         bool
	retry                             []retrier
	catch                             []catcher

	resource                   string
	timeoutSeconds             float64 // 0 for none
	heartbeatSeconds           float64 // 0 for none
	timeoutPath, heartbeatPath *path

	choices       []rule
	defaultChoice string

	seconds                    float64
	secondsPath, timestampPath *path
	timestamp                  string

	errorName, cause     string
	errorFrom, causeFrom *expression

	queries *queries  // where the state speaks JSONata
	assign  *template // where it speaks JSONPath

	branches    []*Machine // Parallel; a Map has one
	itemsPath   *path
	concurrency int
	atOncePath  *path // MaxConcurrencyPath
}

type retrier struct {
	errors     []string
	interval   float64 // seconds
	attempts   int
	rate       float64
	maxDelay   float64 // seconds; 0 for none
	fullJitter bool
}

type catcher struct {
	errors     []string
	resultPath *path
	assign     *template
	next       string

	output, assignQuery *query // where the state speaks JSONata
}

// Decode reads JSON text as the language's data: whole numbers that fit become int64, others float64.
func Decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text after the JSON value")
	}
	return plain(v), nil
}

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := v.Int64(); err == nil {
			return i
		}
		f, err := v.Float64()
		if err != nil { // out of range
			return math.MaxFloat64
		}
		return f
	case map[string]any:
		for k, e := range v {
			v[k] = plain(e)
		}
	case []any:
		for i, e := range v {
			v[i] = plain(e)
		}
	}
	return v
}

// Encode writes data as JSON text without escaping HTML, as Step Functions shows it.
func Encode(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil { // data comes from Decode, which knows no other types
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// clone copies data deeply, so that no state changes what another one sees.
func clone(v any) any {
	switch v := v.(type) {
	case map[string]any:
		c := make(map[string]any, len(v))
		for k, e := range v {
			c[k] = clone(e)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = clone(e)
		}
		return c
	}
	return v
}
