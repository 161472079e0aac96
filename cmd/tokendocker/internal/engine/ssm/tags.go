package ssm

import (
	"context"
	"maps"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

type tag struct{ Key, Value string }

type tagsInput struct {
	ResourceType string
	ResourceID   string `json:"ResourceId"`
	Tags         []tag
	TagKeys      []string
}

// changeTags gives a parameter other tags.
// Source: AWS Systems Manager API Reference, AddTagsToResource and RemoveTagsFromResource.
func (r *Room) changeTags(region string, in tagsInput, change func(map[string]string)) error {
	if in.ResourceType != "Parameter" {
		return noSuchType(in.ResourceType)
	}
	name, _ := split(in.ResourceID)
	return r.parameters.Update(tableKey(region, name), func(p parameter, found bool) (parameter, error) {
		if !found {
			return p, noSuchResource()
		}
		tags := maps.Clone(p.Tags)
		if tags == nil {
			tags = map[string]string{}
		}
		change(tags)
		p.Tags = tags
		return p, nil
	})
}

func (r *Room) addTags(_ context.Context, call *protocol.Call, in tagsInput) (any, error) {
	return nil, r.changeTags(call.Region, in, func(tags map[string]string) {
		for _, t := range in.Tags {
			tags[t.Key] = t.Value
		}
	})
}

func (r *Room) removeTags(_ context.Context, call *protocol.Call, in tagsInput) (any, error) {
	return nil, r.changeTags(call.Region, in, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (r *Room) listTags(_ context.Context, call *protocol.Call, in tagsInput) (any, error) {
	if in.ResourceType != "Parameter" {
		return nil, noSuchType(in.ResourceType)
	}
	name, _ := split(in.ResourceID)
	p, found, err := r.parameters.Get(tableKey(call.Region, name))
	if err == nil && !found {
		err = noSuchResource()
	}
	list := []tag{}
	for _, key := range slices.Sorted(maps.Keys(p.Tags)) {
		list = append(list, tag{key, p.Tags[key]})
	}
	return map[string]any{"TagList": list}, err
}

func noSuchType(name string) error {
	return protocol.Errorf("InvalidResourceType", "tokendocker has no %s in Systems Manager", name)
}

func noSuchResource() error {
	return protocol.Errorf("InvalidResourceId", "The resource ID is not valid. Verify that you entered the correct ID and try again.")
}
