package logs

import (
	"context"
	"maps"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// tagInput is that of the calls about tags, the older ones of which name a group and the newer ones its ARN.
// Source: CloudWatch Logs API Reference, TagResource and TagLogGroup.
type tagInput struct {
	target
	Tags map[string]string `json:"tags"`
}

// change changes a group in one step.
func (r *Room) change(region, name string, do func(*group)) error {
	return r.groups.Update(groupKey(region, name), func(g group, found bool) (group, error) {
		if !found {
			return g, errNoGroup
		}
		do(&g)
		return g, nil
	})
}

func (r *Room) tagGroup(_ context.Context, call *protocol.Call, in tagInput) (any, error) {
	return nil, r.change(call.Region, in.group(), func(g *group) {
		if g.Tags == nil {
			g.Tags = map[string]string{}
		}
		maps.Copy(g.Tags, in.Tags)
	})
}

func (r *Room) untagResource(_ context.Context, call *protocol.Call, in struct {
	target
	Keys []string `json:"tagKeys"`
}) (any, error) {
	return nil, r.untag(call.Region, in.group(), in.Keys)
}

func (r *Room) untagGroup(_ context.Context, call *protocol.Call, in struct {
	target
	Keys []string `json:"tags"`
}) (any, error) {
	return nil, r.untag(call.Region, in.group(), in.Keys)
}

func (r *Room) untag(region, name string, keys []string) error {
	return r.change(region, name, func(g *group) {
		maps.DeleteFunc(g.Tags, func(key, _ string) bool { return slices.Contains(keys, key) })
	})
}

func (r *Room) listTags(_ context.Context, call *protocol.Call, in target) (any, error) {
	g, found, err := r.groups.Get(groupKey(call.Region, in.group()))
	if err == nil && !found {
		err = errNoGroup
	}
	tags := map[string]string{}
	maps.Copy(tags, g.Tags)
	return map[string]any{"tags": tags}, err
}
