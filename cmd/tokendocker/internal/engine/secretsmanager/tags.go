package secretsmanager

import (
	"context"
	"maps"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

type tag struct{ Key, Value string }

func tagMap(list []tag) map[string]string {
	out := map[string]string{}
	for _, t := range list {
		out[t.Key] = t.Value
	}
	return out
}

func tagList(tags map[string]string) []tag {
	out := []tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, tag{key, tags[key]})
	}
	return out
}

func (r *Room) tagSecret(_ context.Context, call *protocol.Call, in struct {
	SecretID string `json:"SecretId"`
	Tags     []tag
}) (any, error) {
	_, err := r.change(call.Region, in.SecretID, func(s *secret) error {
		if s.Tags == nil {
			s.Tags = map[string]string{}
		}
		maps.Copy(s.Tags, tagMap(in.Tags))
		return nil
	})
	return nil, err
}

func (r *Room) untagSecret(_ context.Context, call *protocol.Call, in struct {
	SecretID string `json:"SecretId"`
	TagKeys  []string
}) (any, error) {
	_, err := r.change(call.Region, in.SecretID, func(s *secret) error {
		maps.DeleteFunc(s.Tags, func(key, _ string) bool { return slices.Contains(in.TagKeys, key) })
		return nil
	})
	return nil, err
}
