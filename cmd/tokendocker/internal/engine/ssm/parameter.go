package ssm

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Source: AWS Systems Manager API Reference, PutParameter; "Managing parameter tiers".
const (
	maxStandard = 4096
	maxAdvanced = 8192
	maxLevels   = 15
	maxVersions = 100
	maxName     = 2048
	maxNames    = 10 // of one GetParameters or DeleteParameters
)

var parameterName = regexp.MustCompile(`^[a-zA-Z0-9_./-]+$`)

type parameter struct {
	Name           string
	Region         string
	Type           string
	DataType       string
	Tier           string
	Description    string `json:",omitempty"`
	AllowedPattern string `json:",omitempty"`
	Key            string `json:",omitempty"` // of KMS, of a secure string; empty means the account's AWS-managed one
	First          int    // number of Versions[0]
	Versions       []version
	Token          string // of the stack operation that changed it last
	Tags           map[string]string
}

// version is one version of a parameter's value.
type version struct {
	Value    string
	Modified time.Time
	By       string   `json:",omitempty"` // ARN
	Labels   []string `json:",omitempty"`
}

// last is the number of the latest version.
func (p parameter) last() int { return p.First + len(p.Versions) - 1 }

func (p parameter) latest() version { return p.Versions[len(p.Versions)-1] }

// number finds the version that a selector names by its number or a label; empty is the latest.
func (p parameter) number(selector string) (int, bool) {
	if selector == "" {
		return p.last(), true
	}
	if n, err := strconv.Atoi(selector); err == nil {
		return n, n >= p.First && n <= p.last()
	}
	i := slices.IndexFunc(p.Versions, func(v version) bool { return slices.Contains(v.Labels, selector) })
	return p.First + i, i >= 0
}

type output struct {
	ARN              string
	DataType         string
	LastModifiedDate protocol.Timestamp `json:",omitzero"`
	Name             string
	Selector         string `json:",omitempty"`
	Type             string
	Value            string
	Version          int
}

func tableKey(region, name string) string {
	if strings.Count(name, "/") == 1 { // "/name" and "name" are one parameter
		name = strings.TrimPrefix(name, "/")
	}
	return region + "\n" + name
}

func (r *Room) find(region, reference string) (output, error) {
	name, selector := split(reference)
	p, found, err := r.parameters.Get(tableKey(region, name))
	if err == nil && !found {
		if out, ok := r.public(region, name); ok {
			return out, nil
		}
		err = noSuchParameter(name)
	}
	if err != nil {
		return output{}, err
	}
	n, ok := p.number(selector)
	if !ok {
		return output{}, protocol.Errorf("ParameterVersionNotFound", "Systems Manager could not find version %s of %s. Verify the version and try again.", selector, name)
	}
	v := p.Versions[n-p.First]
	out := output{ARN: r.arn(region, p.Name), DataType: p.DataType, LastModifiedDate: protocol.Timestamp(v.Modified), Name: p.Name, Type: p.Type, Value: v.Value, Version: n}
	if selector != "" {
		out.Selector = ":" + selector
	}
	return out, nil
}

// sealed hides the value of a SecureString from those who do not ask for decryption; AWS gives them its cipher text.
func (o output) sealed(decrypt bool) output {
	if o.Type == secureString && !decrypt {
		sum := sha256.Sum256([]byte(o.ARN + "\n" + strconv.Itoa(o.Version)))
		o.Value = base64.StdEncoding.EncodeToString(sum[:])
	}
	return o
}

type getInput struct {
	Name           string
	WithDecryption bool
}

func (r *Room) getParameter(_ context.Context, call *protocol.Call, in getInput) (any, error) {
	out, err := r.find(call.Region, in.Name)
	if err != nil {
		return nil, err
	}
	return map[string]any{"Parameter": out.sealed(in.WithDecryption)}, nil
}

type getManyInput struct {
	Names          []string
	WithDecryption bool
}

func (in getManyInput) check() error {
	if len(in.Names) == 0 || len(in.Names) > maxNames {
		return protocol.Errorf("ValidationException", "1 validation error detected: Value at 'names' failed to satisfy constraint: Member must have length between 1 and %d", maxNames)
	}
	return nil
}

func (r *Room) getParameters(_ context.Context, call *protocol.Call, in getManyInput) (any, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	found, missing := []output{}, []string{}
	for _, name := range in.Names {
		switch out, err := r.find(call.Region, name); {
		case err == nil:
			found = append(found, out.sealed(in.WithDecryption))
		case notFound(err), protocol.HasCode(err, "ParameterVersionNotFound"):
			missing = append(missing, name)
		default:
			return nil, err
		}
	}
	return map[string]any{"Parameters": found, "InvalidParameters": missing}, nil
}

type pathInput struct {
	Path           string
	Filters        []filter `json:"ParameterFilters"`
	Recursive      bool
	WithDecryption bool
	MaxResults     int
	NextToken      string
}

func (r *Room) getByPath(_ context.Context, call *protocol.Call, in pathInput) (any, error) {
	if !strings.HasPrefix(in.Path, "/") {
		return nil, protocol.Errorf("ValidationException", "The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash \"/\".")
	}
	if in.MaxResults < 0 || in.MaxResults > maxNames {
		return nil, tooMany(maxNames)
	}
	prefix := strings.TrimSuffix(in.Path, "/") + "/"
	found := []output{}
	last, next := "", ""
	for key, p := range r.parameters.All() {
		rest, ok := strings.CutPrefix(p.Name, prefix)
		if p.Region != call.Region || !ok || !in.Recursive && strings.Contains(rest, "/") || in.NextToken != "" && key <= in.NextToken {
			continue
		}
		if holds, err := allHold(in.Filters, p); err != nil || !holds {
			if err != nil {
				return nil, err
			}
			continue
		}
		if len(found) == cmp.Or(in.MaxResults, maxNames) {
			next = last
			break
		}
		out, err := r.find(call.Region, p.Name)
		if err != nil {
			return nil, err
		}
		found, last = append(found, out.sealed(in.WithDecryption)), key
	}
	out := map[string]any{"Parameters": found}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}

type putInput struct {
	Name           string
	Value          string
	Type           string
	DataType       string
	Tier           string
	Description    string
	KeyID          string `json:"KeyId"`
	AllowedPattern string
	Overwrite      bool
	Tags           []tag

	token string // of CloudFormation's operation
	by    string // ARN of who puts it
}

func (r *Room) putParameter(_ context.Context, call *protocol.Call, in putInput) (any, error) {
	in.by = call.Session.ARN
	version, tier, err := r.put(call.Region, in)
	if err != nil {
		return nil, err
	}
	return map[string]any{"Version": version, "Tier": tier}, nil
}

func (r *Room) put(region string, in putInput) (version int, tier string, err error) {
	if err := in.check(); err != nil {
		return 0, "", err
	}
	err = r.parameters.Update(tableKey(region, in.Name), func(p parameter, found bool) (parameter, error) {
		same := found && in.token != "" && p.Token == in.token
		switch {
		case found && !in.Overwrite && !same:
			return p, protocol.Errorf("ParameterAlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
		case !found && in.Type == "":
			return p, protocol.Errorf("ValidationException", "A parameter type is required when you create a parameter.")
		case found && in.Type != "" && (in.Type == secureString) != (p.Type == secureString):
			return p, protocol.Errorf("HierarchyTypeMismatchException", "The parameter %s is of type %s; put a new one with another name to have type %s.", p.Name, p.Type, in.Type)
		case !found:
			p = parameter{Name: in.Name, Region: region, First: 1}
		}
		if same {
			p.Versions = p.Versions[:len(p.Versions)-1]
		}
		if err := p.add(in, r.Clock.Now()); err != nil {
			return p, err
		}
		version, tier = p.last(), p.Tier
		return p, nil
	})
	return version, tier, err
}

// add makes the value that is put the latest version.
func (p *parameter) add(in putInput, now time.Time) error {
	p.Type, p.DataType = cmp.Or(in.Type, p.Type), cmp.Or(in.DataType, p.DataType, "text")
	p.Tier, p.Token, p.Key = in.tier(p.Tier), in.token, in.KeyID
	p.Description, p.AllowedPattern = in.Description, in.AllowedPattern
	if len(in.Tags) > 0 {
		p.Tags = map[string]string{}
	}
	for _, t := range in.Tags {
		p.Tags[t.Key] = t.Value
	}
	if len(p.Versions) == maxVersions {
		if len(p.Versions[0].Labels) > 0 {
			return protocol.Errorf("ParameterMaxVersionLimitExceeded", "The oldest version of %s, %d, has a label, and a parameter has at most %d versions: move the label to a newer version.",
				p.Name, p.First, maxVersions)
		}
		p.Versions, p.First = p.Versions[1:], p.First+1
	}
	p.Versions = append(p.Versions, version{Value: in.Value, Modified: now, By: in.by})
	return nil
}

// tier is the one that the parameter has afterwards; an advanced one never becomes standard again.
func (in putInput) tier(before string) string {
	if before == "Advanced" || in.Tier == "Advanced" || in.Tier == "Intelligent-Tiering" && len(in.Value) > maxStandard {
		return "Advanced"
	}
	return "Standard"
}

func (in putInput) check() error {
	first, _, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(in.Name, "/")), "/")
	switch {
	case in.Overwrite && len(in.Tags) > 0:
		return protocol.Errorf("ValidationException", "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag.")
	case len(in.Name) > maxName || !parameterName.MatchString(in.Name):
		return protocol.Errorf("ValidationException", "Parameter name: only a combination of letters, numbers and the following 3 symbols .-_ is allowed, with / between levels")
	case strings.Contains(in.Name, "/") && !strings.HasPrefix(in.Name, "/"):
		return protocol.Errorf("ValidationException", "Parameter name must be a fully qualified name.")
	case strings.HasPrefix(first, "aws"), strings.HasPrefix(first, "ssm"):
		return protocol.Errorf("ValidationException", "Parameter name: can't be prefixed with \"ssm\" or \"aws\" (case-insensitive).")
	case strings.Count(in.Name, "/") > maxLevels:
		return protocol.Errorf("HierarchyLevelLimitExceededException", "A hierarchy can have a maximum of %d levels.", maxLevels)
	case in.Type != "" && !slices.Contains([]string{"String", "StringList", secureString}, in.Type):
		return protocol.Errorf("UnsupportedParameterType", "The parameter type %s is not supported.", in.Type)
	case in.Value == "":
		return protocol.Errorf("ValidationException", "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.")
	case len(in.Value) > maxAdvanced:
		return protocol.Errorf("ValidationException", "Advanced tier parameters support a maximum parameter value of %d characters.", maxAdvanced)
	case len(in.Value) > maxStandard && in.Tier != "Advanced" && in.Tier != "Intelligent-Tiering":
		return protocol.Errorf("ValidationException", "Standard tier parameters support a maximum parameter value of %d characters. "+
			"To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier.", maxStandard)
	}
	if in.AllowedPattern == "" {
		return nil
	}
	allowed, err := regexp.Compile(in.AllowedPattern)
	if err != nil {
		return protocol.Errorf("InvalidAllowedPatternException", "The allowed pattern is not a regular expression.")
	}
	if !allowed.MatchString(in.Value) {
		return protocol.Errorf("ParameterPatternMismatchException", "Parameter value, cannot be validated against allowedPattern: %s", in.AllowedPattern)
	}
	return nil
}

func (r *Room) deleteParameter(_ context.Context, call *protocol.Call, in getInput) (any, error) {
	return nil, r.remove(call.Region, in.Name)
}

func (r *Room) remove(region, name string) error {
	name, _ = split(name)
	key := tableKey(region, name)
	if _, found, err := r.parameters.Get(key); err != nil || !found {
		return cmp.Or(err, noSuchParameter(name))
	}
	return r.parameters.Delete(key)
}

func noSuchParameter(name string) error {
	return protocol.Errorf("ParameterNotFound", "Parameter %s not found.", name)
}

func (r *Room) deleteParameters(_ context.Context, call *protocol.Call, in getManyInput) (any, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	deleted, missing := []string{}, []string{}
	for _, name := range in.Names {
		switch err := r.remove(call.Region, name); {
		case err == nil:
			deleted = append(deleted, name)
		case notFound(err):
			missing = append(missing, name)
		default:
			return nil, err
		}
	}
	return map[string]any{"DeletedParameters": deleted, "InvalidParameters": missing}, nil
}
