package intrinsic

import (
	"errors"
	"maps"
	"math"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation/template"
)

// maxParameterBytes is the longest value of a parameter.
const maxParameterBytes = 4096

// Parameters returns the values of the template's parameters for Ref, from the values given and the defaults; fetch
// reads a parameter of Systems Manager by its name. Values are string or []any.
func Parameters(t *template.Template, given map[string]string, fetch func(name string) (string, error)) (map[string]any, error) {
	var unknown, missing []string
	for name := range given {
		if t.Parameters[name] == nil {
			unknown = append(unknown, name)
		}
	}
	for name, p := range t.Parameters {
		if _, ok := given[name]; !ok && p.Default == nil {
			missing = append(missing, name)
		}
	}
	sort.Strings(unknown)
	sort.Strings(missing)
	if len(unknown) > 0 {
		return nil, failf("Parameters: [%s] do not exist in the template", strings.Join(unknown, ", "))
	}
	if len(missing) > 0 {
		return nil, failf("Parameters: [%s] must have values", strings.Join(missing, ", "))
	}
	out := map[string]any{}
	var absent unfetched
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		p := t.Parameters[name]
		text, ok := given[name]
		if !ok {
			text = *p.Default
		}
		value, err := parameterValue(p, text, fetch)
		if gone, ok := errors.AsType[unfetched](err); ok {
			absent = append(absent, gone...)
		} else if err != nil {
			return nil, at(p.Line, err)
		}
		out[name] = value
	}
	if len(absent) > 0 {
		return nil, failf("%s", absent)
	}
	return out, nil
}

// unfetched are parameters of Systems Manager that cannot be read.
type unfetched []string

// Error is CloudFormation's own sentence.
func (u unfetched) Error() string {
	return "Unable to fetch parameters [" + strings.Join(u, ",") + "] from parameter store for this account."
}

func parameterValue(p *template.Parameter, text string, fetch func(string) (string, error)) (any, error) {
	if len(text) > maxParameterBytes {
		return nil, failf("Parameter '%s' has a value of %d bytes; the longest that CloudFormation takes is %d bytes", p.Name, len(text), maxParameterBytes)
	}
	if err := constraints(p, text); err != nil {
		return nil, err
	}
	kind := p.Type
	if inner, ok := strings.CutPrefix(kind, "AWS::SSM::Parameter::Value<"); ok {
		value, err := fetch(text)
		if err != nil {
			return nil, unfetched{text}
		}
		text, kind = value, strings.TrimSuffix(inner, ">")
	}
	if kind != "CommaDelimitedList" && !strings.HasPrefix(kind, "List<") {
		return text, nil
	}
	out := []any{}
	if text == "" {
		return out, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		out = append(out, strings.TrimSpace(part))
	}
	return out, nil
}

// constraints checks a value against what the template says of it. For types read from Systems Manager this is the
// name, as in CloudFormation.
func constraints(p *template.Parameter, text string) error {
	values := []string{text}
	if p.Type == "CommaDelimitedList" || strings.HasPrefix(p.Type, "List<") {
		values = strings.Split(text, ",")
	}
	for _, value := range values {
		if err := constraint(p, strings.TrimSpace(value), value); err != nil {
			if p.ConstraintDescription != "" && !errors.Is(err, errNumber) {
				return failf("Parameter %s failed to satisfy constraint: %s", p.Name, p.ConstraintDescription)
			}
			return failf("Parameter '%s' %s", p.Name, err.Error())
		}
	}
	return nil
}

var errNumber = errors.New("must be a number.")

func constraint(p *template.Parameter, trimmed, value string) error {
	if p.Type == "Number" || p.Type == "List<Number>" {
		n, err := strconv.ParseFloat(trimmed, 64)
		if err != nil || math.IsNaN(n) || math.IsInf(n, 0) {
			return errNumber
		}
		if p.MinValue != nil && n < *p.MinValue {
			return failf("must be a number not less than %v", *p.MinValue)
		}
		if p.MaxValue != nil && n > *p.MaxValue {
			return failf("must be a number not greater than %v", *p.MaxValue)
		}
	}
	if p.AllowedValues != nil && !slices.Contains(p.AllowedValues, trimmed) && !slices.Contains(p.AllowedValues, value) {
		return failf("must be one of AllowedValues")
	}
	if p.MinLength != nil && len([]rune(value)) < *p.MinLength {
		return failf("must contain at least %d characters", *p.MinLength)
	}
	if p.MaxLength != nil && len([]rune(value)) > *p.MaxLength {
		return failf("must contain at most %d characters", *p.MaxLength)
	}
	if p.AllowedPattern != "" {
		if ok, err := regexp.MatchString(`\A(?:`+p.AllowedPattern+`)\z`, value); err != nil || !ok {
			return failf("must match pattern %s", p.AllowedPattern)
		}
	}
	return nil
}
