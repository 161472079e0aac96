package simulated

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated/catalog"
)

// Set is a value that the user gives for this run.
type Set struct {
	Stack     string
	LogicalID string
	Attribute string // empty: what Ref gives, and what follows from it
	Value     string
}

// ParseSet reads STACK.LOGICALID[.ATTRIBUTE]=VALUE. Attributes may contain dots, values anything.
func ParseSet(text string) (Set, error) {
	target, value, ok := strings.Cut(text, "=")
	names := strings.SplitN(target, ".", 3)
	if !ok || len(names) < 2 || names[0] == "" || names[1] == "" || len(names) == 3 && names[2] == "" {
		return Set{}, fmt.Errorf("%q: write it as STACK.LOGICALID[.ATTRIBUTE]=VALUE", target)
	}
	s := Set{Stack: names[0], LogicalID: names[1], Value: value}
	if len(names) == 3 {
		s.Attribute = names[2]
	}
	return s, nil
}

// CheckAttribute refuses a value for an attribute that resources of a type do not have. Types that are not known have
// any.
func (s Set) CheckAttribute(resourceType string) error {
	known, ok := catalog.Of(resourceType)
	if !ok || s.Attribute == "" {
		return nil
	}
	names := slices.Concat(slices.Sorted(maps.Keys(known.Attributes)), known.Identifier)
	if slices.Contains(names, s.Attribute) {
		return nil
	}
	return &UnknownError{Stack: s.Stack, LogicalID: s.LogicalID, Attribute: s.Attribute, Closest: Closest(s.Attribute, names)}
}

// UnknownError says that a value was given for a resource, or for an attribute of one, that there is not.
type UnknownError struct {
	Stack, LogicalID string
	Attribute        string // empty: the resource is missing
	Closest          string // the most similar name; empty: none is similar
}

// Error names what there is not and what may be meant.
func (e *UnknownError) Error() string {
	text := fmt.Sprintf("stack %s has no resource %s", e.Stack, e.LogicalID)
	if e.Attribute != "" {
		text = fmt.Sprintf("resource %s of stack %s has no attribute %s", e.LogicalID, e.Stack, e.Attribute)
	}
	if e.Closest != "" {
		text += fmt.Sprintf("; did you mean %s?", e.Closest)
	}
	return text
}

// RealError says that a value was given for a resource that the engine makes itself.
type RealError struct{ Stack, LogicalID, Type string }

// Error names the resource.
func (e *RealError) Error() string {
	return fmt.Sprintf("%s.%s (%s) is real in a rehearsal; values can be set for simulated resources only", e.Stack, e.LogicalID, e.Type)
}

// Closest returns the name most similar to the given one, or nothing if none is similar.
func Closest(name string, names []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, candidate := range names {
		d := distance(strings.ToLower(name), strings.ToLower(candidate))
		if strings.HasPrefix(strings.ToLower(candidate), strings.ToLower(name)) {
			d = min(d, 2) // the CDK adds a hash to logical ids, which people leave out
		}
		if d < least {
			best, least = candidate, d
		}
	}
	return best
}

// distance counts the characters to insert, delete and change between two names.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
