package buildspec

import (
	"go.yaml.in/yaml/v4"
)

// target returns the node that n stands for: an alias's anchor, a document's content.
func target(n *yaml.Node) *yaml.Node {
	for n != nil {
		switch {
		case n.Kind == yaml.AliasNode:
			n = n.Alias
		case n.Kind == yaml.DocumentNode && len(n.Content) > 0:
			n = n.Content[0]
		default:
			return n
		}
	}
	return nil
}

func isNull(n *yaml.Node) bool {
	return n == nil || n.Kind == 0 || n.Kind == yaml.DocumentNode || n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// entries returns the values of a mapping by key; an absent or empty one has none.
func entries(n *yaml.Node, name string) (map[string]*yaml.Node, error) {
	n = target(n)
	if isNull(n) {
		return nil, nil
	}
	if n.Kind != yaml.MappingNode {
		return nil, fail("expected %s to be a mapping at line %d", name, n.Line)
	}
	out := map[string]*yaml.Node{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := target(n.Content[i]), target(n.Content[i+1])
		if key == nil || key.Kind != yaml.ScalarNode {
			return nil, fail("expected the keys of %s to be of string type at line %d", name, n.Content[i].Line)
		}
		if out[key.Value] != nil {
			return nil, fail("key %q of %s is already set at line %d", key.Value, name, key.Line)
		}
		out[key.Value] = value
	}
	return out, nil
}

// scalar returns the text of a scalar as it is written, whatever type YAML would give it.
func scalar(n *yaml.Node, name string) (string, error) {
	n = target(n)
	if n == nil || n.Kind != yaml.ScalarNode {
		line := 0
		if n != nil {
			line = n.Line
		}
		return "", fail("expected %s to be of string type at line %d", name, line)
	}
	if isNull(n) {
		return "", nil
	}
	return n.Value, nil
}

func scalars(n *yaml.Node, name string) (map[string]string, error) {
	nodes, err := entries(n, name)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for key, n := range nodes {
		if out[key], err = scalar(n, name+"."+key); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func stringList(n *yaml.Node, name string) ([]string, error) {
	n = target(n)
	if isNull(n) {
		return nil, nil
	}
	if n.Kind != yaml.SequenceNode {
		return nil, fail("expected %s to be a sequence at line %d", name, n.Line)
	}
	var out []string
	for _, item := range n.Content {
		text, err := scalar(item, name)
		if err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, nil
}

// commands reads a list of commands, or a single one. A command with a colon and a space becomes a mapping in YAML;
// CodeBuild's words for that are known from public reports.
func commands(n *yaml.Node, name string) ([]string, error) {
	n = target(n)
	if isNull(n) {
		return nil, nil
	}
	if n.Kind == yaml.ScalarNode {
		return []string{n.Value}, nil
	}
	if n.Kind != yaml.SequenceNode {
		return nil, fail("expected %s to be a sequence at line %d", name, n.Line)
	}
	var out []string
	for i, item := range n.Content {
		c := target(item)
		if c == nil || c.Kind != yaml.ScalarNode {
			return nil, fail("Expected %s[%d] to be of string type: found subkeys instead at line %d, value of the key tag on line %d might be empty",
				name, i, item.Line, item.Line-1)
		}
		if isNull(c) {
			return nil, fail("Expected %s[%d] to be of string type: it is empty at line %d", name, i, item.Line)
		}
		out = append(out, c.Value)
	}
	return out, nil
}
