package intrinsic

import (
	"regexp"
	"strings"
)

// Reference is a dynamic reference, {{resolve:Service:Name}}.
type Reference struct {
	Service string // "ssm", "ssm-secure" or "secretsmanager"
	Name    string // all that follows, "/path/name:3" or "secret:SecretString:key:stage:version"
}

// Secret reports whether the reference stands for a value that must not be kept.
func (r Reference) Secret() bool { return r.Service != "ssm" }

// String returns the reference as the template has it.
func (r Reference) String() string { return "{{resolve:" + r.Service + ":" + r.Name + "}}" }

var dynamic = regexp.MustCompile(`\{\{resolve:([a-z0-9-]+):([^{}]*)\}\}`)

// Dynamic returns value with the dynamic references in its strings replaced by what resolve gives; where it returns
// keep, the reference stays as it is. value itself is not changed.
func Dynamic(value any, resolve func(Reference) (text string, keep bool, err error)) (any, error) {
	switch v := value.(type) {
	case string:
		if !strings.Contains(v, "{{resolve:") {
			return v, nil
		}
		return dynamicText(v, resolve)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			var err error
			if out[i], err = Dynamic(item, resolve); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, field := range v {
			var err error
			if out[key], err = Dynamic(field, resolve); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return value, nil
}

func dynamicText(s string, resolve func(Reference) (string, bool, error)) (any, error) {
	var failed error
	out := dynamic.ReplaceAllStringFunc(s, func(match string) string {
		parts := dynamic.FindStringSubmatch(match)
		r := Reference{Service: parts[1], Name: parts[2]}
		switch r.Service {
		case "ssm", "ssm-secure", "secretsmanager":
		default:
			failed = failf("Dynamic reference %s names the service %q, which does not exist", r, r.Service)
			return match
		}
		text, keep, err := resolve(r)
		if err != nil && failed == nil {
			failed = err
		}
		if keep || err != nil {
			return match
		}
		return text
	})
	return out, failed
}
