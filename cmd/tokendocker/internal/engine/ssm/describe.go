package ssm

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// maxListed is how many entries DescribeParameters and GetParameterHistory answer at once.
const maxListed = 50

func tooMany(most int) error {
	return protocol.Errorf("ValidationException", "1 validation error detected: Value at 'maxResults' failed to satisfy constraint: Member must have value between 1 and %d", most)
}

// filter lets parameters through.
// Source: AWS Systems Manager API Reference, ParameterStringFilter.
type filter struct {
	Key    string
	Option string // empty: Equals
	Values []string
}

func allHold(filters []filter, p parameter) (bool, error) {
	for _, f := range filters {
		if holds, err := f.holds(p); err != nil || !holds {
			return false, err
		}
	}
	return true, nil
}

func (f filter) holds(p parameter) (bool, error) {
	var texts []string
	switch key, isTag := strings.CutPrefix(f.Key, "tag:"); {
	case isTag:
		value, tagged := p.Tags[key]
		if texts = []string{value}; !tagged || len(f.Values) == 0 {
			return tagged, nil
		}
	case key == "Name":
		texts = []string{p.Name, strings.TrimPrefix(p.Name, "/")}
	case key == "Type":
		texts = []string{p.Type}
	case key == "Tier":
		texts = []string{p.Tier}
	case key == "DataType":
		texts = []string{p.DataType}
	case key == "KeyId" && p.Type == secureString:
		texts = []string{cmp.Or(p.Key, managedKey)}
	case key == "KeyId":
	case key == "Label":
		texts = p.latest().Labels
	case key == "Path":
		return slices.ContainsFunc(f.Values, func(path string) bool {
			rest, under := strings.CutPrefix(p.Name, strings.TrimSuffix(path, "/")+"/")
			return under && (f.Option == "Recursive" || !strings.Contains(rest, "/"))
		}), nil
	default:
		return false, protocol.Errorf("InvalidFilterKey", "The specified key isn't valid: tokendocker does not filter by %s.", f.Key)
	}
	fits := map[string]func(text, value string) bool{
		"": func(text, value string) bool { return text == value }, "Equals": func(text, value string) bool { return text == value },
		"BeginsWith": strings.HasPrefix, "Contains": strings.Contains,
	}[f.Option]
	if fits == nil {
		return false, protocol.Errorf("InvalidFilterOption", "The specified filter option isn't valid. Valid options are Equals, BeginsWith and Contains.")
	}
	return slices.ContainsFunc(texts, func(text string) bool {
		return slices.ContainsFunc(f.Values, func(value string) bool { return fits(text, value) })
	}), nil
}

// described is what is told of a parameter beside its value.
type described struct {
	AllowedPattern   string `json:",omitempty"`
	ARN              string `json:",omitempty"`
	DataType         string
	Description      string `json:",omitempty"`
	KeyID            string `json:"KeyId,omitempty"`
	LastModifiedDate protocol.Timestamp
	LastModifiedUser string `json:",omitempty"`
	Name             string
	Policies         []any
	Tier             string
	Type             string
	Version          int

	Value  string   `json:",omitempty"` // of a version in the history
	Labels []string `json:",omitempty"`
}

func (p parameter) describe(n int) described {
	v := p.Versions[n-p.First]
	d := described{AllowedPattern: p.AllowedPattern, DataType: p.DataType, Description: p.Description, LastModifiedDate: protocol.Timestamp(v.Modified),
		LastModifiedUser: v.By, Name: p.Name, Policies: []any{}, Tier: p.Tier, Type: p.Type, Version: n}
	if p.Type == secureString {
		d.KeyID = cmp.Or(p.Key, managedKey)
	}
	return d
}

// page is one page of a listing, as an answer whose member name holds it.
func page(name string, all []described, token string, size int) (any, error) {
	if size < 0 || size > maxListed {
		return nil, tooMany(maxListed)
	}
	part, next, ok := protocol.Page(all, token, cmp.Or(size, maxListed))
	if !ok {
		return nil, protocol.Errorf("InvalidNextToken", "The specified token isn't valid.")
	}
	out := map[string]any{name: append([]described{}, part...)}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}

func (r *Room) describeParameters(_ context.Context, call *protocol.Call, in struct {
	Filters    []filter `json:"ParameterFilters"`
	MaxResults int
	NextToken  string
}) (any, error) {
	var found []described
	for _, p := range r.parameters.All() {
		holds, err := allHold(in.Filters, p)
		if err != nil {
			return nil, err
		}
		if p.Region == call.Region && holds {
			d := p.describe(p.last())
			d.ARN = r.arn(call.Region, p.Name)
			found = append(found, d)
		}
	}
	return page("Parameters", found, in.NextToken, in.MaxResults)
}

func (r *Room) parameterHistory(_ context.Context, call *protocol.Call, in struct {
	Name           string
	WithDecryption bool
	MaxResults     int
	NextToken      string
}) (any, error) {
	name, _ := split(in.Name)
	p, found, err := r.parameters.Get(tableKey(call.Region, name))
	if err != nil || !found {
		return nil, cmp.Or(err, noSuchParameter(name))
	}
	var all []described
	for i, v := range p.Versions {
		d := p.describe(p.First + i)
		value := output{ARN: r.arn(call.Region, p.Name), Type: p.Type, Value: v.Value, Version: d.Version}
		d.Value, d.Labels = value.sealed(in.WithDecryption).Value, v.Labels
		all = append(all, d)
	}
	return page("Parameters", all, in.NextToken, in.MaxResults)
}
