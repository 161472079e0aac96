// Package template reads CloudFormation templates, JSON or YAML, into their sections. It knows which sections and
// attributes there are and how large they may be, and keeps the line of every value; it evaluates nothing.
//
// Sources: AWS CloudFormation User Guide, "Template anatomy", "Resource attribute reference" and "CloudFormation
// quotas".
package template

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// MaxBytes is how large a template may be that is read from S3, also once its loops are expanded.
const MaxBytes = 1_000_000

// Quotas of CloudFormation.
const (
	maxResources  = 500
	maxParameters = 200
	maxOutputs    = 200
	maxMappings   = 200
)

// LanguageExtensions is the one transform that is known: it adds Fn::ForEach, Fn::Length, Fn::ToJsonString, default
// values of Fn::FindInMap, and references in policies.
const LanguageExtensions = "AWS::LanguageExtensions"

// Template is a template by its sections.
type Template struct {
	Description string
	Transforms  []string
	Parameters  map[string]*Parameter
	Mappings    map[string]*Value
	Conditions  map[string]*Value
	Rules       []*Rule
	Resources   map[string]*Resource
	Outputs     map[string]*Output
}

// Extended reports whether the template uses the language extensions.
func (t *Template) Extended() bool { return slices.Contains(t.Transforms, LanguageExtensions) }

// ResourceNames returns the logical ids of the resources, sorted.
func (t *Template) ResourceNames() []string { return slices.Sorted(maps.Keys(t.Resources)) }

// Parameter is one entry of Parameters. Pointer fields are nil where the template says nothing.
type Parameter struct {
	Name                  string
	Line                  int
	Type                  string
	Default               *string
	AllowedValues         []string
	AllowedPattern        string
	ConstraintDescription string
	MinLength, MaxLength  *int
	MinValue, MaxValue    *float64
	NoEcho                bool
}

// Rule is one entry of Rules: assertions about parameters, made when its condition (nil: always) holds.
type Rule struct {
	Name       string
	Condition  *Value
	Assertions []Assertion
}

// Assertion is one assertion of a Rule.
type Assertion struct {
	Assert      *Value
	Description string
}

// Resource is one entry of Resources.
type Resource struct {
	LogicalID           string
	Line                int
	Type                string
	Properties          *Value // nil when there are none
	DependsOn           []string
	Condition           string // name; empty: always
	DeletionPolicy      string // empty: the type's default
	UpdateReplacePolicy string // empty: Delete
	Metadata            *Value
}

// Output is one entry of Outputs.
type Output struct {
	Name        string
	Line        int
	Description string
	Value       *Value
	Condition   string // name; empty: always
	Export      *Value // the export's name; nil: not exported
}

var alphanumeric = regexp.MustCompile(`^[A-Za-z0-9]{1,255}$`)

// Parse reads a template whose parameters have their defaults; they matter to loops only. An error is an *Error with
// CloudFormation's message where it is known.
func Parse(text []byte) (*Template, error) { return ParseGiven(text, nil) }

// ParseGiven reads a template with values for parameters, on which what its loops make depends.
func ParseGiven(text []byte, given map[string]string) (*Template, error) {
	if len(text) > MaxBytes {
		return nil, Errorf(0, "Template may not exceed %d bytes in size, this one has %d.", MaxBytes, len(text))
	}
	parse := parseYAML
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("{")) {
		parse = parseJSON
	}
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	if root.Kind != Map {
		return nil, Errorf(root.Line, "Template format error: unsupported structure.")
	}
	t := &Template{}
	if transform := root.Field("Transform"); transform != nil {
		if err := t.readTransform(transform); err != nil {
			return nil, err
		}
	}
	if t.Extended() {
		if err := expand(root, given); err != nil {
			return nil, err
		}
	}
	return t, t.read(root)
}

func (t *Template) read(root *Value) error {
	sections := map[string]func(*Value) error{
		"AWSTemplateFormatVersion": readVersion,
		"Description":              func(v *Value) error { return readText(v, "Description", &t.Description) },
		"Metadata":                 func(*Value) error { return nil },
		"Transform":                func(*Value) error { return nil }, // read before
		"Parameters":               t.readParameters,
		"Mappings":                 t.readMappings,
		"Conditions":               t.readConditions,
		"Rules":                    t.readRules,
		"Resources":                t.readResources,
		"Outputs":                  t.readOutputs,
	}
	var unknown []string
	for _, key := range root.Keys {
		if sections[key] == nil {
			unknown = append(unknown, key)
		}
	}
	if len(unknown) > 0 {
		return Errorf(root.Fields[unknown[0]].Line, "Invalid template property or properties [%s]", strings.Join(unknown, ", "))
	}
	for _, key := range root.Keys {
		if err := sections[key](root.Fields[key]); err != nil {
			return err
		}
	}
	if len(t.Resources) == 0 {
		return Errorf(0, "Template format error: At least one Resources member must be defined.")
	}
	return nil
}

func readVersion(v *Value) error {
	if s, _ := v.Text(); s != "2010-09-09" {
		return Errorf(v.Line, "Template format error: %q is not a supported value for AWSTemplateFormatVersion.", s)
	}
	return nil
}

func (t *Template) readTransform(v *Value) error {
	items := []*Value{v}
	if v.Kind == List {
		items = v.Items
	}
	for _, item := range items {
		name, ok := item.Text()
		if !ok || name != LanguageExtensions {
			return Errorf(item.Line, "Template error: transform %q runs as a macro in AWS; only %s is known here.",
				name, LanguageExtensions)
		}
		t.Transforms = append(t.Transforms, name)
	}
	return nil
}

func (t *Template) readMappings(v *Value) error {
	t.Mappings = map[string]*Value{}
	return entries(v, "Mappings", "mappings", maxMappings, func(name string, e *Value) error {
		if e.Kind != Map {
			return Errorf(e.Line, "Template format error: Every Mappings member must be an object.")
		}
		for _, top := range e.Keys {
			for _, value := range e.Fields[top].Keys {
				if k := e.Fields[top].Fields[value].Kind; k != Scalar && k != List {
					return Errorf(e.Fields[top].Line, "Template format error: Every Mappings attribute must be a String or a List.")
				}
			}
		}
		t.Mappings[name] = e
		return nil
	})
}

func (t *Template) readConditions(v *Value) error {
	t.Conditions = map[string]*Value{}
	return entries(v, "Conditions", "conditions", maxResources, func(name string, e *Value) error {
		if e.Kind != Map {
			return Errorf(e.Line, "Template format error: Conditions can only be boolean operations on parameters and other conditions")
		}
		t.Conditions[name] = e
		return noNulls(e, "/Conditions/"+name)
	})
}

func (t *Template) readOutputs(v *Value) error {
	t.Outputs = map[string]*Output{}
	return entries(v, "Outputs", "outputs", maxOutputs, func(name string, e *Value) error {
		o := &Output{Name: name, Line: e.Line}
		t.Outputs[name] = o
		err := attributes(e, "output", map[string]func(*Value) error{
			"Description": func(v *Value) error { return readText(v, "Description", &o.Description) },
			"Value":       func(v *Value) error { o.Value = v; return noNulls(v, "/Outputs/"+name+"/Value") },
			"Condition":   func(v *Value) error { return readText(v, "Condition", &o.Condition) },
			"Export": func(v *Value) error {
				o.Export = v.Field("Name")
				if o.Export == nil || len(v.Keys) != 1 {
					return Errorf(v.Line, "Template format error: Output %s is malformed. The Export field must have the one key Name.", name)
				}
				return nil
			},
		})
		if err == nil && o.Value == nil {
			return Errorf(e.Line, "Template format error: Output %s is malformed. The Value field must be specified.", name)
		}
		return err
	})
}

// entries calls each for every entry of a section, in the template's order.
func entries(v *Value, section, plural string, limit int, each func(name string, e *Value) error) error {
	if v.Kind != Map {
		return Errorf(v.Line, "Template format error: %s must be an object.", section)
	}
	if len(v.Keys) > limit {
		return Errorf(v.Line, "Template format error: Number of %s, %d, is greater than maximum allowed, %d", plural, len(v.Keys), limit)
	}
	for _, name := range v.Keys {
		e := v.Fields[name]
		if !alphanumeric.MatchString(name) && section != "Mappings" {
			return Errorf(e.Line, "Template format error: %s name %q is non alphanumeric.", strings.TrimSuffix(section, "s"), name)
		}
		if err := each(name, e); err != nil {
			return err
		}
	}
	return nil
}

// attributes calls the reader of every attribute of an entry and refuses attributes that have none.
func attributes(e *Value, what string, readers map[string]func(*Value) error) error {
	if e.Kind != Map {
		return Errorf(e.Line, "Template format error: every %s must be an object.", what)
	}
	for _, key := range e.Keys {
		read := readers[key]
		if read == nil {
			return Errorf(e.Fields[key].Line, "Invalid template %s property '%s'", what, key)
		}
		if err := read(e.Fields[key]); err != nil {
			return err
		}
	}
	return nil
}

func readText(v *Value, name string, out *string) error {
	s, ok := v.Text()
	if !ok {
		return Errorf(v.Line, "Template format error: %s must be a string.", name)
	}
	*out = s
	return nil
}

// noNulls refuses null, which CloudFormation does not allow in values.
func noNulls(v *Value, path string) error {
	switch v.Kind {
	case Null:
		return Errorf(v.Line, "[%s] 'null' values are not allowed in templates", path)
	case List:
		for _, item := range v.Items {
			if err := noNulls(item, path); err != nil {
				return err
			}
		}
	case Map:
		for _, key := range v.Keys {
			if err := noNulls(v.Fields[key], path+"/"+key); err != nil {
				return err
			}
		}
	}
	return nil
}
