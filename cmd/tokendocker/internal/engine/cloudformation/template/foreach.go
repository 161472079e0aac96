package template

import (
	"regexp"
	"slices"
	"strings"
)

// forEach begins the keys of loops: "Fn::ForEach::Topics".
const forEach = "Fn::ForEach::"

// maxExpanded is how many values a template may have once its loops are expanded, and how often they may go round; it
// protects this process.
const maxExpanded = 500_000

// expander expands the loops of a template. Source: Template Reference, Fn::ForEach.
type expander struct {
	lists map[string][]string // list parameters
	texts map[string]string   // all parameters
	count int                 // values and rounds of loops
	bytes int                 // of keys and texts; the template that they stand in is larger
	loops []string            // names of the loops, which are unique
}

// expand replaces what only the transform AWS::LanguageExtensions understands: loops, and references to parameters in
// the policies of resources. given holds parameters; those not given have their default. Without a value a list
// counts as empty, and what is wrong with it is found when the template is deployed.
func expand(root *Value, given map[string]string) error {
	e := &expander{lists: map[string][]string{}, texts: map[string]string{}}
	if section := root.Field("Parameters"); section != nil && section.Kind == Map {
		for _, name := range section.Keys {
			text, ok := given[name]
			if !ok {
				text, _ = section.Fields[name].Field("Default").Text()
			}
			e.texts[name] = text
			kind, _ := section.Fields[name].Field("Type").Text()
			if kind == "CommaDelimitedList" || strings.HasPrefix(kind, "List<") {
				e.lists[name] = []string{}
				for item := range strings.SplitSeq(text, ",") {
					if item = strings.TrimSpace(item); item != "" {
						e.lists[name] = append(e.lists[name], item)
					}
				}
			}
		}
	}
	for _, section := range []string{"Conditions", "Resources", "Outputs"} {
		if v := root.Field(section); v != nil {
			expanded, err := e.expand(v, nil)
			if err != nil {
				return err
			}
			root.Fields[section] = expanded
		}
	}
	e.policies(root.Field("Resources"))
	return nil
}

// variable is a loop's variable with its present value.
type variable struct{ name, value string }

func (e *expander) expand(v *Value, in []variable) (*Value, error) {
	if err := e.tick(v); err != nil {
		return nil, err
	}
	out := &Value{Line: v.Line, Kind: v.Kind, Scalar: v.Scalar}
	switch v.Kind {
	case Scalar:
		if s, ok := v.Scalar.(string); ok {
			text, err := e.substitute(s, v, in)
			if err != nil {
				return nil, err
			}
			out.Scalar = text
		}
	case List:
		for _, item := range v.Items {
			expanded, err := e.expand(item, in)
			if err != nil {
				return nil, err
			}
			out.Items = append(out.Items, expanded)
		}
	case Map:
		if text, ok := referred(v, in); ok {
			return &Value{Line: v.Line, Kind: Scalar, Scalar: text}, nil
		}
		out.Fields = map[string]*Value{}
		for _, key := range v.Keys {
			if err := e.entry(out, key, v.Fields[key], in); err != nil {
				return nil, err
			}
		}
	case Null:
	}
	return out, nil
}

// tick counts a value or a round.
func (e *expander) tick(v *Value) error {
	if e.count++; e.count > maxExpanded {
		return Errorf(v.Line, "Template error: the template's loops give more than %d values", maxExpanded)
	}
	return nil
}

// referred returns the value of the variable that a Ref is to.
func referred(v *Value, in []variable) (string, bool) {
	key, argument, ok := v.Only()
	name, isText := argument.Text()
	if !ok || key != "Ref" || !isText {
		return "", false
	}
	i := slices.IndexFunc(in, func(x variable) bool { return x.name == name })
	if i < 0 {
		return "", false
	}
	return in[i].value, true
}

// entry adds one entry of a map, or all that a loop makes of it.
func (e *expander) entry(out *Value, key string, v *Value, in []variable) error {
	if strings.HasPrefix(key, forEach) {
		return e.loop(out, key, v, in)
	}
	expanded, err := e.expand(v, in)
	if err != nil {
		return err
	}
	if key, err = e.substitute(key, v, in); err != nil {
		return err
	}
	if out.Fields[key] != nil {
		return Errorf(v.Line, "Template error: %s stands twice in the template once its loops are expanded", key)
	}
	out.Keys = append(out.Keys, key)
	out.Fields[key] = expanded
	return nil
}

func (e *expander) loop(out *Value, key string, v *Value, in []variable) error {
	name := strings.TrimPrefix(key, forEach)
	if len(in) == 0 && slices.Contains(e.loops, name) {
		return Errorf(v.Line, "Template error: the name of %s is that of another loop", key)
	}
	if len(in) == 0 {
		e.loops = append(e.loops, name)
	}
	if v.Kind != List || len(v.Items) != 3 || v.Items[2].Kind != Map {
		return Errorf(v.Line, "Template error: %s needs an identifier, a collection and a map of what is made", key)
	}
	identifier, ok := v.Items[0].Text()
	if !ok {
		return Errorf(v.Line, "Template error: the identifier of %s must be a String", key)
	}
	collection, err := e.collection(key, v.Items[1], in)
	if err != nil {
		return err
	}
	for _, value := range collection {
		if err := e.tick(v); err != nil {
			return err
		}
		inside := append(in[:len(in):len(in)], variable{identifier, value})
		for _, made := range v.Items[2].Keys {
			if err := e.entry(out, made, v.Items[2].Fields[made], inside); err != nil {
				return err
			}
		}
	}
	return nil
}

// collection returns the values of a loop.
func (e *expander) collection(key string, v *Value, in []variable) ([]string, error) {
	wrong := Errorf(v.Line, "Template error: the collection of %s must be a list of Strings, or a Ref to a parameter that is a list", key)
	if function, argument, ok := v.Only(); ok {
		name, _ := argument.Text()
		list, known := e.lists[name]
		if function != "Ref" || !known {
			return nil, wrong
		}
		return list, nil
	}
	if v.Kind != List {
		return nil, wrong
	}
	var out []string
	for _, item := range v.Items {
		text, ok := item.Text()
		if !ok {
			text, ok = referred(item, in)
		}
		if name, refers := refersTo(item); !ok && refers {
			text, ok = e.texts[name]
		}
		if !ok {
			return nil, wrong
		}
		text, err := e.substitute(text, v, in)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// refersTo returns the name in a Ref.
func refersTo(v *Value) (string, bool) {
	key, argument, ok := v.Only()
	name, isText := argument.Text()
	return name, ok && key == "Ref" && isText
}

var notAlphanumeric = regexp.MustCompile(`[^A-Za-z0-9]`)

// substitute puts the variables' values into a text: ${X} as they are, &{X} without what no logical id may have. It
// fails when the template becomes too large.
// Source: Template Reference, Fn::ForEach: the quotas apply to the resultant template.
func (e *expander) substitute(text string, at *Value, in []variable) (string, error) {
	for _, x := range slices.Backward(in) {
		for _, sign := range []string{"$", "&"} {
			pattern, value := sign+"{"+x.name+"}", x.value
			found := strings.Count(text, pattern)
			if found == 0 {
				continue
			}
			if sign == "&" {
				value = notAlphanumeric.ReplaceAllString(value, "")
			}
			if len(text)+found*(len(value)-len(pattern)) > MaxBytes {
				return "", tooLarge(at)
			}
			text = strings.ReplaceAll(text, pattern, value)
		}
	}
	if e.bytes += len(text); e.bytes > MaxBytes {
		return "", tooLarge(at)
	}
	return text, nil
}

func tooLarge(at *Value) error {
	return Errorf(at.Line, "Template may not exceed %d bytes in size; this one does once its loops are expanded.", MaxBytes)
}

// policies puts the values of parameters into the policies of resources.
// Source: Template Reference, DeletionPolicy attribute, "AWS::LanguageExtensions transform".
func (e *expander) policies(resources *Value) {
	if resources == nil || resources.Kind != Map {
		return
	}
	for _, id := range resources.Keys {
		for _, attribute := range []string{"DeletionPolicy", "UpdateReplacePolicy"} {
			name, ok := refersTo(resources.Fields[id].Field(attribute))
			if text, known := e.texts[name]; ok && known {
				resources.Fields[id].Fields[attribute] = &Value{Line: resources.Fields[id].Line, Kind: Scalar, Scalar: text}
			}
		}
	}
}
