package logs

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Source: CloudWatch Logs API Reference, CreateLogGroup and PutRetentionPolicy.
var (
	groupName     = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]{1,512}$`)
	retentionDays = []int{1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653}
)

// maxListed is how many groups or streams one answer lists.
const maxListed = 50

func groupKey(region, name string) string { return region + "\n" + name }

func (r *Room) groupDir(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(r.dir, hex.EncodeToString(sum[:12]))
}

func (r *Room) groupARN(g group) string {
	return fmt.Sprintf("arn:%s:logs:%s:%s:log-group:%s", r.Partition, g.Region, r.Account, g.Name)
}

func (r *Room) createGroup(_ context.Context, call *protocol.Call, in tagInput) (any, error) {
	return nil, r.makeGroup(group{Name: in.LogGroupName, Region: call.Region, Tags: in.Tags})
}

// makeGroup makes a group; one that the same operation (g.Token) made already is no error.
func (r *Room) makeGroup(g group) error {
	if !groupName.MatchString(g.Name) {
		return invalid("1 validation error detected: Value '%s' at 'logGroupName' failed to satisfy constraint: "+
			"Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+", g.Name)
	}
	key := groupKey(g.Region, g.Name)
	g.Created = r.Clock.Now().UnixMilli()
	err := r.groups.Update(key, func(old group, found bool) (group, error) {
		if found && (g.Token == "" || old.Token != g.Token) {
			return old, protocol.Errorf("ResourceAlreadyExistsException", "The specified log group already exists")
		}
		return g, nil
	})
	if err != nil {
		return err
	}
	if r.streams[key] == nil {
		r.streams[key] = map[string]*stream{}
	}
	return nil
}

func (r *Room) deleteGroup(_ context.Context, call *protocol.Call, in target) (any, error) {
	return nil, r.removeGroup(call.Region, in.LogGroupName)
}

func (r *Room) removeGroup(region, name string) error {
	key := groupKey(region, name)
	if r.streams[key] == nil {
		return errNoGroup
	}
	if err := os.RemoveAll(r.groupDir(key)); err != nil {
		return fmt.Errorf("delete log group %s: %w", name, err)
	}
	delete(r.streams, key)
	return r.groups.Delete(key)
}

type retentionInput struct {
	target
	RetentionInDays int `json:"retentionInDays"`
}

func (r *Room) putRetention(_ context.Context, call *protocol.Call, in retentionInput) (any, error) {
	if !slices.Contains(retentionDays, in.RetentionInDays) {
		return nil, invalid("Invalid retention value. The valid retention values are: %v", retentionDays)
	}
	return nil, r.setRetention(call.Region, in.LogGroupName, in.RetentionInDays)
}

func (r *Room) deleteRetention(_ context.Context, call *protocol.Call, in target) (any, error) {
	return nil, r.setRetention(call.Region, in.LogGroupName, 0)
}

func (r *Room) setRetention(region, name string, days int) error {
	return r.change(region, name, func(g *group) { g.Retention = days })
}

type describeGroupsInput struct {
	Prefix  string `json:"logGroupNamePrefix"`
	Pattern string `json:"logGroupNamePattern"`
	Limit   int    `json:"limit"`
	Next    string `json:"nextToken"`
}

type groupOutput struct {
	Name        string `json:"logGroupName"`
	Created     int64  `json:"creationTime"`
	Retention   int    `json:"retentionInDays,omitempty"`
	Filters     int    `json:"metricFilterCount"`
	ARN         string `json:"arn"`
	LogGroupARN string `json:"logGroupArn"`
	Bytes       int64  `json:"storedBytes"`
	Class       string `json:"logGroupClass"`
}

func (r *Room) describeGroups(_ context.Context, call *protocol.Call, in describeGroupsInput) (any, error) {
	size, err := pageSize(in.Limit, maxListed)
	if err != nil {
		return nil, err
	}
	if in.Prefix != "" && in.Pattern != "" {
		return nil, invalid("LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	}
	var all []groupOutput
	for key, g := range r.groups.All() {
		if g.Region != call.Region || !strings.HasPrefix(g.Name, in.Prefix) ||
			!strings.Contains(strings.ToLower(g.Name), strings.ToLower(in.Pattern)) {
			continue
		}
		out := groupOutput{
			Name: g.Name, Created: g.Created, Retention: g.Retention,
			ARN: r.groupARN(g) + ":*", LogGroupARN: r.groupARN(g), Class: "STANDARD",
		}
		for _, s := range r.streams[key] {
			out.Bytes += s.bytes
		}
		all = append(all, out)
	}
	groups, next := page(all, in.Next, size, func(g groupOutput) string { return g.Name })
	return struct {
		Groups []groupOutput `json:"logGroups"`
		Next   string        `json:"nextToken,omitempty"`
	}{groups, next}, nil
}

// page cuts the entries after the one called token, and names the last of them if there are more.
func page[T any](all []T, token string, limit int, name func(T) string) (out []T, next string) {
	start := 0
	for token != "" && start < len(all) && name(all[start]) <= token {
		start++
	}
	out = all[start:]
	if len(out) > limit {
		out = out[:limit]
		next = name(out[limit-1])
	}
	return append([]T{}, out...), next
}
