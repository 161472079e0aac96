package template

import (
	"regexp"
	"strconv"
	"strings"
)

var parameterType = regexp.MustCompile(
	`^(String|Number|List<Number>|List<String>|CommaDelimitedList|AWS::SSM::Parameter::Name|` +
		`AWS::SSM::Parameter::Value<[A-Za-z0-9:<>]+>|List<AWS::[A-Za-z0-9:]+>|AWS::[A-Za-z0-9]+::[A-Za-z0-9:]+)$`)

func (t *Template) readParameters(v *Value) error {
	t.Parameters = map[string]*Parameter{}
	return entries(v, "Parameters", "parameters", maxParameters, func(name string, e *Value) error {
		p := &Parameter{Name: name, Line: e.Line}
		t.Parameters[name] = p
		err := attributes(e, "parameter", map[string]func(*Value) error{
			"Type":                  func(v *Value) error { return readText(v, "Type", &p.Type) },
			"Description":           func(*Value) error { return nil },
			"Default":               p.readDefault,
			"AllowedValues":         p.readAllowed,
			"AllowedPattern":        p.readPattern,
			"ConstraintDescription": func(v *Value) error { return readText(v, "ConstraintDescription", &p.ConstraintDescription) },
			"MinLength":             func(v *Value) error { return readInt(v, &p.MinLength) },
			"MaxLength":             func(v *Value) error { return readInt(v, &p.MaxLength) },
			"MinValue":              func(v *Value) error { return readFloat(v, &p.MinValue) },
			"MaxValue":              func(v *Value) error { return readFloat(v, &p.MaxValue) },
			"NoEcho":                func(v *Value) error { s, _ := v.Text(); p.NoEcho = strings.EqualFold(s, "true"); return nil },
		})
		if err != nil {
			return err
		}
		if p.Type == "" {
			return Errorf(e.Line, "Template format error: Every Parameters object must contain a Type member.")
		}
		if !parameterType.MatchString(p.Type) {
			return Errorf(e.Line, "Template format error: Unrecognized parameter type: %s", p.Type)
		}
		return nil
	})
}

func (p *Parameter) readDefault(v *Value) error {
	var s string
	if err := readText(v, "Default", &s); err != nil {
		return Errorf(v.Line, "Template format error: Every Default member must be a string.")
	}
	p.Default = &s
	return nil
}

func (p *Parameter) readAllowed(v *Value) error {
	for _, item := range v.Items {
		s, ok := item.Text()
		if !ok {
			return Errorf(item.Line, "Template format error: Every AllowedValues value must be a string.")
		}
		p.AllowedValues = append(p.AllowedValues, s)
	}
	if len(p.AllowedValues) == 0 {
		return Errorf(v.Line, "Template format error: AllowedValues of parameter %s must be a list with a value.", p.Name)
	}
	return nil
}

func (p *Parameter) readPattern(v *Value) error {
	if err := readText(v, "AllowedPattern", &p.AllowedPattern); err != nil {
		return err
	}
	if _, err := regexp.Compile(p.AllowedPattern); err != nil {
		return Errorf(v.Line, "Template format error: AllowedPattern of parameter %s cannot be used here: %v", p.Name, err)
	}
	return nil
}

func readInt(v *Value, out **int) error {
	s, _ := v.Text()
	n, err := strconv.Atoi(s)
	if err != nil {
		return Errorf(v.Line, "Template format error: %q must be a whole number.", s)
	}
	*out = &n
	return nil
}

func readFloat(v *Value, out **float64) error {
	s, _ := v.Text()
	n, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return Errorf(v.Line, "Template format error: %q must be a number.", s)
	}
	*out = &n
	return nil
}

func (t *Template) readRules(v *Value) error {
	return entries(v, "Rules", "rules", maxParameters, func(name string, e *Value) error {
		r := &Rule{Name: name}
		t.Rules = append(t.Rules, r)
		return attributes(e, "rule", map[string]func(*Value) error{
			"RuleCondition": func(v *Value) error { r.Condition = v; return nil },
			"Assertions": func(v *Value) error {
				for _, item := range v.Items {
					a := Assertion{Assert: item.Field("Assert")}
					if a.Assert == nil {
						return Errorf(item.Line, "Template format error: every assertion of rule %s must have Assert.", name)
					}
					a.Description, _ = item.Field("AssertDescription").Text()
					r.Assertions = append(r.Assertions, a)
				}
				return nil
			},
		})
	})
}
