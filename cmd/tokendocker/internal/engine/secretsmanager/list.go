package secretsmanager

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

const maxPage = 100 // Secrets Manager API Reference, ListSecrets, "MaxResults"

// page cuts one page out of a listing.
func page[T any](all []T, token string, size int) ([]T, string, error) {
	if size < 0 || size > maxPage {
		return nil, "", invalidParameter("MaxResults must be between 1 and %d.", maxPage)
	}
	part, next, ok := protocol.Page(all, token, cmp.Or(size, maxPage))
	if !ok {
		return nil, "", protocol.Errorf("InvalidNextTokenException", "The NextToken value is invalid.")
	}
	return part, next, nil
}

// filter lets secrets through of which something begins with one of its values; those after ! keep it back.
// Source: AWS Secrets Manager User Guide, "Find secrets in AWS Secrets Manager".
type filter struct {
	Key    string
	Values []string
}

func (f filter) holds(s secret) (bool, error) {
	var texts []string
	switch f.Key {
	case "name":
		texts = []string{s.Name}
	case "description":
		texts = []string{s.Description}
	case "tag-key":
		texts = slices.Collect(maps.Keys(s.Tags))
	case "tag-value":
		texts = slices.Collect(maps.Values(s.Tags))
	case "all":
		texts = slices.Concat([]string{s.Name, s.Description}, slices.Collect(maps.Keys(s.Tags)), slices.Collect(maps.Values(s.Tags)))
	case "owning-service", "primary-region": // no secret here has one
	default:
		return false, invalidParameter("%s is no key of a filter.", f.Key)
	}
	return slices.ContainsFunc(f.Values, func(value string) bool {
		value, negated := strings.CutPrefix(value, "!")
		return negated != slices.ContainsFunc(texts, func(text string) bool {
			if f.Key == "name" { // the only one that minds case
				return strings.HasPrefix(text, value)
			}
			return strings.HasPrefix(strings.ToLower(text), strings.ToLower(value))
		})
	}), nil
}

func (r *Room) listSecrets(_ context.Context, call *protocol.Call, in struct {
	Filters                []filter
	IncludePlannedDeletion bool
	MaxResults             int
	NextToken              string
	SortOrder              string
}) (any, error) {
	var found []secret
	for s := range r.all(call.Region) {
		keep := s.Deletion.IsZero() || in.IncludePlannedDeletion
		for _, f := range in.Filters {
			holds, err := f.holds(s)
			if err != nil {
				return nil, err
			}
			keep = keep && holds
		}
		if keep {
			found = append(found, s)
		}
	}
	slices.SortStableFunc(found, func(a, b secret) int { return a.Created.Compare(b.Created) })
	if in.SortOrder != "asc" {
		slices.Reverse(found)
	}
	part, next, err := page(found, in.NextToken, in.MaxResults)
	if err != nil {
		return nil, err
	}
	list := []description{}
	for _, s := range part {
		one := s.describe()
		one.Listed = s.labelled()
		list = append(list, one)
	}
	out := map[string]any{"SecretList": list}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}
