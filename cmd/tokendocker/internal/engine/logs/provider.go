package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// groupProvider is AWS::Logs::LogGroup.
// Source: AWS CloudFormation User Guide, AWS::Logs::LogGroup.
type groupProvider struct{ room *Room }

// Immutable names the properties whose change makes another group.
func (groupProvider) Immutable() []string { return []string{"LogGroupName"} }

// Create makes the group.
func (p groupProvider) Create(_ context.Context, r resource.Request) (resource.Result, error) {
	g := group{Region: r.Stack.Region, Token: r.Token, Tags: resource.TagsOf(r.Properties)}
	g.Name, _ = r.Properties["LogGroupName"].(string)
	if g.Name == "" {
		g.Name = physical.Name(r, physical.MaxLogGroup)
	}
	var err error
	if g.Retention, err = retention(r.Properties); err != nil {
		return resource.Result{}, err
	}
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if err := p.room.makeGroup(g); err != nil {
		return resource.Result{}, err // a group of that name is somebody else's
	}
	return p.result(g), nil
}

// Update changes retention and tags.
func (p groupProvider) Update(_ context.Context, r resource.Request) (resource.Result, error) {
	days, err := retention(r.Properties)
	if err != nil {
		return resource.Result{}, err
	}
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	return p.result(group{Name: r.PhysicalID, Region: r.Stack.Region}), p.room.change(r.Stack.Region, r.PhysicalID, func(g *group) {
		g.Retention, g.Tags = days, resource.TagsOf(r.Properties)
	})
}

// Delete removes the group and its streams.
func (p groupProvider) Delete(_ context.Context, r resource.Request) error {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	if err := p.room.removeGroup(r.Stack.Region, r.PhysicalID); !errors.Is(err, errNoGroup) {
		return err
	}
	return nil
}

func (p groupProvider) result(g group) resource.Result {
	return resource.Result{PhysicalID: g.Name, Attributes: map[string]any{"Arn": p.room.groupARN(g) + ":*"}}
}

func retention(properties map[string]any) (int, error) {
	value, ok := properties["RetentionInDays"]
	if !ok {
		return 0, nil
	}
	days, err := strconv.Atoi(fmt.Sprint(value))
	if err != nil || !slices.Contains(retentionDays, days) {
		return 0, invalid("RetentionInDays %v is none of %v", value, retentionDays)
	}
	return days, nil
}
