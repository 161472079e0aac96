package events

import (
	"maps"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

type tag struct{ Key, Value string }

func tagMap(list []tag) map[string]string {
	var out map[string]string
	for _, t := range list {
		if out == nil {
			out = map[string]string{}
		}
		out[t.Key] = t.Value
	}
	return out
}

type tagsInput struct {
	ResourceARN string
	Tags        []tag
	TagKeys     []string
}

// changeTags gives a rule or a bus other tags.
// Source: Amazon EventBridge API Reference, "TagResource".
func (r *Room) changeTags(region string, in tagsInput, change func(map[string]string)) error {
	_, name, isRule := strings.Cut(in.ResourceARN, ":rule/")
	changed := func(old map[string]string) map[string]string {
		tags := maps.Clone(old)
		if tags == nil {
			tags = map[string]string{}
		}
		change(tags)
		return tags
	}
	if !isRule {
		bus, err := r.ownBus(region, in.ResourceARN)
		if err != nil {
			return err
		}
		return r.buses.Update(region+"/"+bus, func(b busRecord, found bool) (busRecord, error) {
			if !found {
				return b, protocol.Errorf("ValidationException", "The default event bus has no tags in a rehearsal.")
			}
			b.Tags = changed(b.Tags)
			return b, nil
		})
	}
	bus := defaultBus
	if own, rest, ok := strings.Cut(name, "/"); ok {
		bus, name = own, rest
	}
	return r.change(region, bus, name, func(x *rule) error {
		x.Tags = changed(x.Tags)
		return nil
	})
}

func (r *Room) tagResource(region string, in tagsInput) (any, error) {
	return nil, r.changeTags(region, in, func(tags map[string]string) { maps.Copy(tags, tagMap(in.Tags)) })
}

func (r *Room) untagResource(region string, in tagsInput) (any, error) {
	return nil, r.changeTags(region, in, func(tags map[string]string) {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
	})
}

func (r *Room) listTags(region string, in tagsInput) (any, error) {
	list := []tag{}
	err := r.changeTags(region, in, func(tags map[string]string) {
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			list = append(list, tag{key, tags[key]})
		}
	})
	return map[string]any{"Tags": list}, err
}
