package simulated

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated/catalog"
)

// attribute gives an attribute of the kind that the type's has.
func attribute(r resource.Request, name string) (any, error) {
	value := made(r, name)
	t, ok := catalog.Of(r.Type)
	if !ok {
		return value, nil
	}
	kind, ok := t.Attributes[name]
	_, isProperty := r.Properties[name]
	if !ok && !isProperty && !slices.Contains(t.Identifier, name) {
		return nil, fmt.Errorf("Template error: resource %s does not support attribute type %s in Fn::GetAtt", r.LogicalID, name) //nolint:staticcheck // CloudFormation's own words
	}
	switch kind {
	case catalog.Number:
		return number(value), nil
	case catalog.Boolean:
		if _, ok := value.(bool); !ok {
			return false, nil
		}
	case catalog.List:
		if text, ok := value.(string); ok {
			return items(text), nil
		}
	}
	return value, nil
}

// number reads a made-up number; what is none counts as 1.
func number(value any) any {
	if _, ok := value.(float64); ok {
		return value
	}
	if n, err := strconv.ParseFloat(fmt.Sprint(value), 64); err == nil {
		return n
	}
	return 1.0
}

// items reads a made-up list, which stands in brackets where it has another number of elements than one.
func items(text string) []any {
	inner, ok := strings.CutPrefix(text, "[")
	if !ok {
		return []any{text}
	}
	out := []any{}
	for item := range strings.SplitSeq(strings.TrimSuffix(inner, "]"), ",") {
		if item != "" {
			out = append(out, item)
		}
	}
	return out
}

// made makes up an attribute: of the type where that is known, else by its name, else the property of that name.
func made(r resource.Request, name string) any {
	if value, ok := known(r, name); ok {
		return value
	}
	switch value := r.Properties[name].(type) {
	case string, float64, bool, []any:
		return value
	}
	if form, ok := formOf()[r.Type+"."+name]; ok {
		return fill(r, name, form)
	}
	service, kind := parts(r.Type)
	t, _ := catalog.Of(r.Type)
	identifier := t.Identifier
	switch {
	case name == "Id" || name == kind+"Id":
		return r.PhysicalID
	case name == "Name" || name == kind+"Name":
		return last(r.PhysicalID)
	case name == "Arn" || name == kind+"Arn" || slices.Equal(identifier, []string{name}) && isARN(name):
		return arnOf(r)
	case slices.Equal(identifier, []string{name}):
		return r.PhysicalID
	case strings.HasSuffix(name, "Arn"):
		return arnOf(r) + "/" + strings.ToLower(strings.TrimSuffix(name, "Arn"))
	case strings.HasSuffix(name, "Arns"), strings.HasSuffix(name, "Ids"), strings.HasSuffix(name, "Blocks"):
		return []any{last(r.PhysicalID) + "-" + name}
	case strings.HasSuffix(name, "Id"):
		return characters(r, name, 10, lower)
	case strings.HasSuffix(name, "Port"):
		return port(r)
	case strings.HasSuffix(name, "VersionNumber"):
		return "1"
	case strings.HasSuffix(name, "Url"), strings.HasSuffix(name, "URL"):
		return "https://" + hostOf(r, service)
	case strings.HasSuffix(name, "Address"), strings.HasSuffix(name, "DNSName"), strings.HasSuffix(name, "DomainName"), strings.HasSuffix(name, "Endpoint"):
		return hostOf(r, service)
	}
	return last(r.PhysicalID) + "-" + name
}

// port is the port of an endpoint: the property's, the database engine's, or that of HTTPS.
func port(r resource.Request) string {
	given := r.Properties["Port"]
	engine, _ := r.Properties["Engine"].(string)
	switch {
	case given != nil:
		return fmt.Sprint(given)
	case strings.Contains(engine, "postgres"):
		return "5432"
	case strings.HasPrefix(engine, "sqlserver"):
		return "1433"
	case strings.HasPrefix(engine, "oracle"):
		return "1521"
	case strings.HasPrefix(r.Type, "AWS::RDS::"):
		return "3306"
	}
	return "443"
}

// arnOf returns the resource's ARN, which for some types is the identifier.
func arnOf(r resource.Request) string {
	if strings.HasPrefix(r.PhysicalID, "arn:") {
		return r.PhysicalID
	}
	if t, ok := catalog.Of(r.Type); ok && t.ARN != "" {
		return identifiedARN(r, t)
	}
	service, kind := parts(r.Type)
	return arn(r, service, strings.ToLower(kind)+"/"+r.PhysicalID)
}

// identifiedARN makes the ARN of a resource whose own part is its identifier.
func identifiedARN(r resource.Request, t catalog.Type) string {
	names := variable.FindAllString(t.ARN, -1)
	own := names[len(names)-1]
	t.ARN = strings.Replace(t.ARN, own, last(r.PhysicalID), 1)
	return madeARN(r, t, "")
}

// hostOf is the host name of an endpoint of a type whose host names are not known.
func hostOf(r resource.Request, service string) string {
	return strings.ToLower(last(r.PhysicalID)) + "." + service + "." + r.Stack.Region + "." + r.Stack.URLSuffix
}
