package cloudcontrol

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// step is one operation of a JSON Patch: add, remove, replace or test. Cloud Control takes move and copy, too; its clients
// use neither.
type step struct {
	Op, Path string
	Value    any
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// apply does the step to a document and returns what becomes of it.
func (s step) apply(doc any) (any, error) {
	if s.Path == "" {
		return s.end(doc, true)
	}
	if !strings.HasPrefix(s.Path, "/") {
		return nil, fmt.Errorf("path %q does not begin with a slash", s.Path)
	}
	return s.walk(doc, strings.Split(s.Path[1:], "/"))
}

// walk does the step to the member of doc that the path leads to.
func (s step) walk(doc any, path []string) (any, error) {
	name, last := unescape.Replace(path[0]), len(path) == 1
	switch d := doc.(type) {
	case map[string]any:
		member, there := d[name]
		if !last && !there {
			return nil, fmt.Errorf("path %q leads nowhere", s.Path)
		}
		var err error
		if last {
			member, err = s.end(member, there)
		} else {
			member, err = s.walk(member, path[1:])
		}
		if err != nil {
			return nil, err
		}
		if last && s.Op == "remove" {
			delete(d, name)
		} else {
			d[name] = member
		}
		return d, nil
	case []any:
		return s.walkList(d, name, path[1:])
	}
	return nil, fmt.Errorf("path %q leads nowhere", s.Path)
}

// walkList does the step to a member of a list, whose index is a number or "-" for the end.
func (s step) walkList(list []any, name string, rest []string) (any, error) {
	i, err := strconv.Atoi(name)
	if name == "-" {
		i, err = len(list), nil
	}
	adds := len(rest) == 0 && s.Op == "add"
	if err != nil || i < 0 || i > len(list) || i == len(list) && !adds {
		return nil, fmt.Errorf("path %q leads nowhere", s.Path)
	}
	switch {
	case adds:
		return slices.Insert(list, i, s.Value), nil
	case len(rest) > 0:
		list[i], err = s.walk(list[i], rest)
		return list, err
	case s.Op == "remove":
		return slices.Delete(list, i, i+1), nil
	}
	list[i], err = s.end(list[i], true)
	return list, err
}

// end is what becomes of the value that the path names.
func (s step) end(now any, there bool) (any, error) {
	switch {
	case s.Op == "add", s.Op == "replace" && there:
		return s.Value, nil
	case s.Op == "remove" && there:
		return nil, nil
	case s.Op == "test" && there && reflect.DeepEqual(now, s.Value):
		return now, nil
	case s.Op != "replace" && s.Op != "remove" && s.Op != "test":
		return nil, fmt.Errorf("operation %q is not known here", s.Op)
	}
	return nil, fmt.Errorf("there is no such value at %q", s.Path)
}
