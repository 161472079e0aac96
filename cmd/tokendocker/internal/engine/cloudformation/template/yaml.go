package template

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// shortForms maps the YAML tags to the functions that they stand for.
var shortForms = map[string]string{
	"!Ref": "Ref", "!Condition": "Condition",
	"!And": "Fn::And", "!Base64": "Fn::Base64", "!Cidr": "Fn::Cidr", "!Equals": "Fn::Equals",
	"!FindInMap": "Fn::FindInMap", "!GetAtt": "Fn::GetAtt", "!GetAZs": "Fn::GetAZs", "!If": "Fn::If",
	"!GetStackOutput": "Fn::GetStackOutput", "!ImportValue": "Fn::ImportValue", "!Join": "Fn::Join", "!Length": "Fn::Length", "!Not": "Fn::Not",
	"!Or": "Fn::Or", "!Select": "Fn::Select", "!Split": "Fn::Split", "!Sub": "Fn::Sub",
	"!ToJsonString": "Fn::ToJsonString", "!Transform": "Fn::Transform",
}

func parseYAML(text []byte) (*Value, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, Errorf(0, "Template format error: YAML not well-formed: %v", err)
	}
	if len(doc.Content) != 1 {
		return nil, Errorf(0, "Template format error: the template is empty")
	}
	return fromYAML(doc.Content[0], 0)
}

func fromYAML(n *yaml.Node, depth int) (*Value, error) {
	if depth > maxDepth {
		return nil, Errorf(n.Line, "Template format error: values nest more than %d levels deep", maxDepth)
	}
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		return nil, Errorf(n.Line, "Template error: YAML aliases are not allowed in CloudFormation templates")
	}
	tag := n.Tag
	short := strings.HasPrefix(tag, "!") && !strings.HasPrefix(tag, "!!")
	v, err := untagged(n, short, depth)
	if err != nil || !short {
		return v, err
	}
	name, ok := shortForms[tag]
	if !ok {
		return nil, Errorf(n.Line, "Template format error: YAML tag %s is not a function of CloudFormation", tag)
	}
	return &Value{Line: n.Line, Kind: Map, Keys: []string{name}, Fields: map[string]*Value{name: v}}, nil
}

// untagged reads the node itself. Under a short form a scalar is always text.
func untagged(n *yaml.Node, short bool, depth int) (*Value, error) {
	v := &Value{Line: n.Line}
	switch n.Kind {
	case yaml.SequenceNode:
		v.Kind = List
		for _, c := range n.Content {
			item, err := fromYAML(c, depth+1)
			if err != nil {
				return nil, err
			}
			v.Items = append(v.Items, item)
		}
		return v, nil
	case yaml.MappingNode:
		return yamlFields(v, n, depth)
	case yaml.ScalarNode:
		v.Kind, v.Scalar = Scalar, n.Value
		if !short {
			return v, yamlScalar(v, n)
		}
		return v, nil
	}
	return nil, Errorf(n.Line, "Template format error: YAML not well-formed")
}

func yamlFields(v *Value, n *yaml.Node, depth int) (*Value, error) {
	v.Kind, v.Fields = Map, map[string]*Value{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode || k.Tag == "!!merge" {
			return nil, Errorf(k.Line, "Template format error: a key must be a string")
		}
		if v.Fields[k.Value] != nil {
			return nil, Errorf(k.Line, "Template format error: duplicate key %q", k.Value)
		}
		field, err := fromYAML(n.Content[i+1], depth+1)
		if err != nil {
			return nil, err
		}
		v.Keys = append(v.Keys, k.Value)
		v.Fields[k.Value] = field
	}
	return v, nil
}

func yamlScalar(v *Value, n *yaml.Node) error {
	switch n.ShortTag() {
	case "!!null":
		v.Kind, v.Scalar = Null, nil
	case "!!bool":
		v.Scalar = strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		if number := json.Number(n.Value); json.Valid([]byte(number)) {
			v.Scalar = number
			return nil
		}
		var f float64 // 0x10, 1_000, .5
		if err := n.Decode(&f); err != nil {
			return Errorf(n.Line, "Template format error: number %q: %v", n.Value, err)
		}
		raw, err := json.Marshal(f)
		if err != nil {
			return Errorf(n.Line, "Template format error: number %s cannot be used", fmt.Sprint(f))
		}
		v.Scalar = json.Number(raw)
	}
	return nil
}
