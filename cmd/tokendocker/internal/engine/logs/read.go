package logs

import (
	"context"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// Identifier names the property that identifies a log group.
func (groupProvider) Identifier() string { return "LogGroupName" }

// Read returns the group as it is.
func (p groupProvider) Read(_ context.Context, r resource.Request) (resource.Live, bool, error) {
	g, found, err := p.room.groups.Get(groupKey(r.Stack.Region, r.PhysicalID))
	if err != nil || !found {
		return resource.Live{}, false, err
	}
	live := resource.Live{Result: p.result(g), Properties: map[string]any{"LogGroupName": g.Name, "RetentionInDays": nil, "Tags": resource.Tags(g.Tags)}}
	if g.Retention > 0 {
		live.Properties["RetentionInDays"] = g.Retention
	}
	return live, true, nil
}
