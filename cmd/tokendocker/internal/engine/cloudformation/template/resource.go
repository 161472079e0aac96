package template

import "slices"

func (t *Template) readResources(v *Value) error {
	t.Resources = map[string]*Resource{}
	return entries(v, "Resources", "resources", maxResources, func(name string, e *Value) error {
		r := &Resource{LogicalID: name, Line: e.Line}
		t.Resources[name] = r
		ignore := func(*Value) error { return nil }
		err := attributes(e, "resource", map[string]func(*Value) error{
			"Type":                func(v *Value) error { return readText(v, "Type", &r.Type) },
			"Properties":          func(v *Value) error { return r.readProperties(v) },
			"DependsOn":           func(v *Value) error { return r.readDependsOn(v) },
			"Condition":           func(v *Value) error { return readText(v, "Condition", &r.Condition) },
			"Metadata":            func(v *Value) error { r.Metadata = v; return nil },
			"DeletionPolicy":      func(v *Value) error { return readPolicy(v, "DeletionPolicy", &r.DeletionPolicy) },
			"UpdateReplacePolicy": func(v *Value) error { return readPolicy(v, "UpdateReplacePolicy", &r.UpdateReplacePolicy) },
			"Description":         ignore,
			"CreationPolicy":      ignore,
			"UpdatePolicy":        ignore,
			"Version":             ignore,
		})
		if err == nil && r.Type == "" {
			return Errorf(e.Line, "Template format error: [/Resources/%s] Every Resources object must contain a Type member.", name)
		}
		return err
	})
}

func (r *Resource) readProperties(v *Value) error {
	if v.Kind != Map {
		return Errorf(v.Line, "Template format error: [/Resources/%s/Properties] Properties must be an object.", r.LogicalID)
	}
	r.Properties = v
	return noNulls(v, "/Resources/"+r.LogicalID+"/Properties")
}

func (r *Resource) readDependsOn(v *Value) error {
	items := []*Value{v}
	if v.Kind == List {
		items = v.Items
	}
	for _, item := range items {
		name, ok := item.Text()
		if !ok {
			return Errorf(item.Line, "Template format error: DependsOn must be a string or list of strings.")
		}
		r.DependsOn = append(r.DependsOn, name)
	}
	return nil
}

// policies are the values of DeletionPolicy; UpdateReplacePolicy has no RetainExceptOnCreate.
var policies = []string{"Delete", "Retain", "Snapshot", "RetainExceptOnCreate"}

func readPolicy(v *Value, name string, out *string) error {
	if err := readText(v, name, out); err != nil {
		return err
	}
	if !slices.Contains(policies, *out) || name == "UpdateReplacePolicy" && *out == "RetainExceptOnCreate" {
		return Errorf(v.Line, "Template format error: Unrecognized %s %s", name, *out)
	}
	return nil
}
