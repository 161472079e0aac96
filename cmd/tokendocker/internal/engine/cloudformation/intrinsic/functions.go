package intrinsic

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
)

func ref(v *template.Value, scope Scope) (any, error) {
	name, ok := v.Text()
	if !ok {
		return nil, failf("Template error: every Ref object must have a single String value.")
	}
	if name == NoValue {
		return omitted{}, nil
	}
	return scope.Ref(name)
}

// attributeOf splits the argument of Fn::GetAtt, in either spelling, into logical id and attribute name, whose value
// may itself be a Ref.
func attributeOf(v *template.Value) (logicalID string, attribute *template.Value, ok bool) {
	if s, isText := v.Text(); isText {
		id, name, found := strings.Cut(s, ".")
		return id, &template.Value{Line: v.Line, Kind: template.Scalar, Scalar: name}, found && id != "" && name != ""
	}
	if v.Kind != template.List || len(v.Items) < 2 {
		return "", nil, false
	}
	id, ok := v.Items[0].Text()
	if len(v.Items) == 2 {
		return id, v.Items[1], ok
	}
	var names []string // !GetAtt [A, Outputs, B]
	for _, item := range v.Items[1:] {
		name, isText := item.Text()
		ok = ok && isText
		names = append(names, name)
	}
	return id, &template.Value{Line: v.Line, Kind: template.Scalar, Scalar: strings.Join(names, ".")}, ok
}

func getAtt(v *template.Value, scope Scope) (any, error) {
	id, name, ok := attributeOf(v)
	if !ok {
		return nil, failf("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")
	}
	attribute, err := text(name, scope, "the attribute of Fn::GetAtt")
	if err != nil {
		return nil, err
	}
	return scope.GetAtt(id, attribute)
}

var variable = regexp.MustCompile(`\$\{([^}]*)\}`)
var variableName = regexp.MustCompile(`^\s*[A-Za-z0-9_.:]+\s*$`)

// subParts returns the text of Fn::Sub and its own variables.
func subParts(v *template.Value) (string, *template.Value, error) {
	if s, ok := v.Text(); ok {
		return s, nil, nil
	}
	if v.Kind == template.List && len(v.Items) == 2 && v.Items[1].Kind == template.Map {
		if s, ok := v.Items[0].Text(); ok {
			return s, v.Items[1], nil
		}
	}
	return "", nil, failf("Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. " +
		"Specify a string as first argument, and an optional second argument to specify a mapping of values to replace in the string")
}

// subNames returns the variables in the text of Fn::Sub, without the escaped ones.
func subNames(s string) ([]string, error) {
	var names []string
	for _, m := range variable.FindAllStringSubmatch(s, -1) {
		if strings.HasPrefix(m[1], "!") {
			continue
		}
		if !variableName.MatchString(m[1]) {
			return nil, failf("Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, periods, and colons")
		}
		names = append(names, strings.TrimSpace(m[1]))
	}
	return names, nil
}

func sub(v *template.Value, scope Scope) (any, error) {
	s, own, err := subParts(v)
	if err != nil {
		return nil, err
	}
	if _, err := subNames(s); err != nil {
		return nil, err
	}
	values := map[string]string{} // each is evaluated once, however often it stands in the text
	var out strings.Builder
	for {
		at := variable.FindStringIndex(s)
		if at == nil {
			break
		}
		name := s[at[0]+2 : at[1]-1]
		out.WriteString(s[:at[0]])
		s = s[at[1]:]
		if rest, escaped := strings.CutPrefix(name, "!"); escaped {
			out.WriteString("${" + rest + "}")
			continue
		}
		name = strings.TrimSpace(name)
		value, known := values[name]
		if !known {
			if value, err = subValue(name, own, scope); err != nil {
				return nil, err
			}
			values[name] = value
		}
		if err := bounded("Fn::Sub", out.Len()+len(value)); err != nil {
			return nil, err
		}
		out.WriteString(value)
	}
	out.WriteString(s)
	return out.String(), nil
}

func subValue(name string, own *template.Value, scope Scope) (string, error) {
	var value any
	var err error
	if field := own.Field(name); field != nil {
		value, err = evaluate(field, scope)
	} else if id, attribute, dotted := strings.Cut(name, "."); dotted {
		value, err = scope.GetAtt(id, attribute)
	} else {
		value, err = scope.Ref(name)
	}
	if err != nil {
		return "", err
	}
	s, ok := Text(value)
	if !ok {
		return "", failf("Template error: variable %s in Fn::Sub expression does not resolve to a string", name)
	}
	return s, nil
}

func join(v *template.Value, scope Scope) (any, error) {
	if v.Kind != template.List || len(v.Items) != 2 {
		return nil, failf("Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.")
	}
	delimiter, ok := v.Items[0].Text()
	if !ok {
		return nil, failf("Template error: the delimiter of Fn::Join must be a string")
	}
	list, err := items(v.Items[1], scope, "the second parameter of Fn::Join")
	if err != nil {
		return nil, err
	}
	parts := make([]string, len(list))
	size := len(list) * len(delimiter)
	for i, item := range list {
		if parts[i], ok = Text(item); !ok {
			return nil, failf("Template error: every value of Fn::Join must be a string; number %d is not", i+1)
		}
		size += len(parts[i])
	}
	if err := bounded("Fn::Join", size); err != nil {
		return nil, err
	}
	return strings.Join(parts, delimiter), nil
}

func selectItem(v *template.Value, scope Scope) (any, error) {
	if v.Kind != template.List || len(v.Items) != 2 {
		return nil, failf("Template error: Fn::Select requires a list argument with two elements: an integer index and a list")
	}
	s, err := text(v.Items[0], scope, "the index of Fn::Select")
	if err != nil {
		return nil, err
	}
	index, err := strconv.Atoi(s)
	if err != nil {
		return nil, failf("Template error: Fn::Select requires a list argument with a valid index; %q is none", s)
	}
	list, err := items(v.Items[1], scope, "the second argument of Fn::Select")
	if err != nil {
		return nil, err
	}
	if index < 0 || index >= len(list) {
		return nil, failf("Template error: Fn::Select cannot select nonexistent value at index %d", index)
	}
	return list[index], nil
}

func split(v *template.Value, scope Scope) (any, error) {
	if v.Kind != template.List || len(v.Items) != 2 {
		return nil, failf("Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split.")
	}
	delimiter, ok := v.Items[0].Text()
	if !ok || delimiter == "" {
		return nil, failf("Template error: the delimiter of Fn::Split must be a string that is not empty")
	}
	source, err := text(v.Items[1], scope, "the second parameter of Fn::Split")
	if err != nil {
		return nil, err
	}
	out := []any{}
	for part := range strings.SplitSeq(source, delimiter) {
		out = append(out, part)
	}
	return out, nil
}

func findInMap(v *template.Value, scope Scope) (any, error) {
	if v.Kind != template.List || len(v.Items) < 3 || len(v.Items) > 4 {
		return nil, failf("Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value")
	}
	var names [3]string
	for i := range names {
		var err error
		if names[i], err = text(v.Items[i], scope, "every parameter of Fn::FindInMap"); err != nil {
			return nil, err
		}
	}
	if found := scope.Mapping(names[0]).Field(names[1]).Field(names[2]); found != nil {
		return evaluate(found, scope)
	}
	if len(v.Items) == 4 {
		fallback := v.Items[3].Field("DefaultValue")
		if !scope.Extended() || fallback == nil {
			return nil, failf("Template error: DefaultValue of Fn::FindInMap needs the transform %s", template.LanguageExtensions)
		}
		return evaluate(fallback, scope)
	}
	return nil, failf("Template error: Unable to get mapping for %s", strings.Join(names[:], "::"))
}

func toBase64(v *template.Value, scope Scope) (any, error) {
	s, err := text(v, scope, "the value of Fn::Base64")
	return base64.StdEncoding.EncodeToString([]byte(s)), err
}

func getAZs(v *template.Value, scope Scope) (any, error) {
	region, err := text(v, scope, "the region of Fn::GetAZs")
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, zone := range scope.Zones(region) {
		out = append(out, zone)
	}
	return out, nil
}

func importValue(v *template.Value, scope Scope) (any, error) {
	name, err := text(v, scope, "the name of Fn::ImportValue")
	if err != nil {
		return nil, err
	}
	return scope.ImportValue(name)
}

// stackOutput is Fn::GetStackOutput: an output of another stack, by a reference that holds nobody back.
// Source: AWS CloudFormation Template Reference, Fn::GetStackOutput.
func stackOutput(v *template.Value, scope Scope) (any, error) {
	var from OutputReference
	for _, argument := range []struct {
		name     string
		value    *string
		required bool
	}{{"StackName", &from.Stack, true}, {"OutputName", &from.Output, true}, {"Region", &from.Region, false}, {"RoleArn", &from.Role, false}} {
		field := v.Field(argument.name)
		if field == nil && argument.required {
			return nil, failf("Template error: Fn::GetStackOutput requires %s", argument.name)
		}
		if field == nil {
			continue
		}
		var err error
		if *argument.value, err = text(field, scope, argument.name+" of Fn::GetStackOutput"); err != nil {
			return nil, err
		}
	}
	return scope.StackOutput(from)
}

func extension(name string, v *template.Value, scope Scope) (any, error) {
	if !scope.Extended() {
		return nil, failf("Template error: %s needs the transform %s", name, template.LanguageExtensions)
	}
	value, err := evaluate(v, scope)
	if err != nil {
		return nil, err
	}
	if name == "Fn::Length" {
		list, ok := value.([]any)
		if !ok {
			return nil, failf("Template error: Fn::Length needs a list")
		}
		return json.Number(strconv.Itoa(len(list))), nil
	}
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, failf("Template error: Fn::ToJsonString: %v", err)
	}
	return strings.TrimSuffix(out.String(), "\n"), nil
}
