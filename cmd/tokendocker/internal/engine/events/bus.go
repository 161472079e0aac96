package events

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// defaultBus is the bus that each account has in each region.
const defaultBus = "default"

// maxBuses is how many an account may have in a region (User Guide, "Amazon EventBridge quotas").
const maxBuses = 100

// busRecord is an event bus as it is kept: one of one's own, or the default one's policy.
type busRecord struct {
	Name, Region string
	Description  string            `json:",omitempty"`
	Statements   []statement       `json:",omitempty"`
	Tags         map[string]string `json:",omitempty"`
	Created      time.Time
	Token        string `json:",omitempty"` // of the stack operation that made it
}

// statement is one of the bus's policy, by its Sid.
type statement struct {
	ID   string
	Text json.RawMessage
}

// busName is what buses may be called; a slash is for those of partners.
var busName = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,256}$`)

func (r *Room) busARN(region, name string) string {
	return fmt.Sprintf("arn:%s:events:%s:%s:event-bus/%s", r.Partition, region, r.Account, name)
}

// nameOfBus reads a bus's name or ARN; none means the default bus.
func nameOfBus(reference string) string {
	if _, name, ok := strings.Cut(reference, ":event-bus/"); ok {
		return name
	}
	return cmp.Or(reference, defaultBus)
}

// bus returns a bus, and whether it is there.
func (r *Room) bus(region, name string) (busRecord, bool, error) {
	b, found, err := r.buses.Get(region + "/" + name)
	if !found {
		b = busRecord{Name: name, Region: region}
	}
	return b, found || name == defaultBus, err
}

// ownBus returns the name of a bus that must be there.
func (r *Room) ownBus(region, reference string) (string, error) {
	name := nameOfBus(reference)
	_, found, err := r.bus(region, name)
	if err == nil && !found {
		err = noBus(name)
	}
	return name, err
}

func noBus(name string) error {
	return protocol.Errorf("ResourceNotFoundException", "Event bus %s does not exist.", name)
}

// policy is the bus's policy, empty if it has none.
func (b busRecord) policy() string {
	if len(b.Statements) == 0 {
		return ""
	}
	var list []json.RawMessage
	for _, s := range b.Statements {
		list = append(list, s.Text)
	}
	text, _ := marshal(map[string]any{"Version": "2012-10-17", "Statement": list}) // statements are JSON
	return string(text)
}

type busInput struct {
	Name, Description, EventBusName, NamePrefix, NextToken string

	Limit int
	Tags  []tag
	token string
}

// createBus makes a bus.
// Source: Amazon EventBridge API Reference, "CreateEventBus".
func (r *Room) createBus(region string, in busInput) (any, error) {
	if !busName.MatchString(in.Name) {
		return nil, invalid("name", in.Name, `Member must satisfy regular expression pattern: [/\.\-_A-Za-z0-9]+`)
	}
	taken := protocol.Errorf("ResourceAlreadyExistsException", "Event bus %s already exists.", in.Name)
	if in.Name == defaultBus {
		return nil, taken
	}
	own := 0
	for _, b := range r.buses.All() {
		if b.Region == region {
			own++
		}
	}
	if own >= maxBuses {
		return nil, protocol.Errorf("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	err := r.buses.Update(region+"/"+in.Name, func(b busRecord, found bool) (busRecord, error) {
		if found && (in.token == "" || in.token != b.Token) {
			return b, taken
		}
		return busRecord{Name: in.Name, Region: region, Description: in.Description, Tags: tagMap(in.Tags), Created: r.Clock.Now(), Token: in.token}, nil
	})
	return map[string]any{"EventBusArn": r.busARN(region, in.Name)}, err
}

// deleteBus removes a bus with its rules; one that is not there is no error.
// Source: Amazon EventBridge API Reference, "DeleteEventBus".
func (r *Room) deleteBus(region string, in busInput) (any, error) {
	name := nameOfBus(in.Name)
	if name == defaultBus {
		return nil, protocol.Errorf("ValidationException", "Cannot delete event bus default.")
	}
	for key, x := range r.rules.All() {
		if x.Region == region && x.Bus == name {
			if err := r.rules.Delete(key); err != nil {
				return nil, err
			}
		}
	}
	return nil, r.buses.Delete(region + "/" + name)
}

func (r *Room) describeBus(region string, in busInput) (any, error) {
	b, found, err := r.bus(region, nameOfBus(in.Name))
	if err == nil && !found {
		err = noBus(b.Name)
	}
	if err != nil {
		return nil, err
	}
	return r.busShape(b), nil
}

func (r *Room) busShape(b busRecord) map[string]any {
	out := map[string]any{"Name": b.Name, "Arn": r.busARN(b.Region, b.Name)}
	for field, value := range map[string]string{"Description": b.Description, "Policy": b.policy()} {
		if value != "" {
			out[field] = value
		}
	}
	if !b.Created.IsZero() {
		at := protocol.Timestamp(b.Created)
		out["CreationTime"], out["LastModifiedTime"] = at, at
	}
	return out
}

func (r *Room) listBuses(region string, in busInput) (any, error) {
	standard, _, err := r.bus(region, defaultBus)
	if err != nil {
		return nil, err
	}
	list := []map[string]any{}
	if strings.HasPrefix(defaultBus, in.NamePrefix) {
		list = append(list, r.busShape(standard))
	}
	for _, b := range r.buses.All() {
		if b.Region == region && b.Name != defaultBus && strings.HasPrefix(b.Name, in.NamePrefix) {
			list = append(list, r.busShape(b))
		}
	}
	return page("EventBuses", list, listInput{NextToken: in.NextToken, Limit: in.Limit})
}

type permissionInput struct {
	EventBusName, Action, Principal, Policy string

	StatementID          string `json:"StatementId"`
	RemoveAllPermissions bool
	Condition            *struct{ Type, Key, Value string }
}

// putPermission adds a statement to a bus's policy, or replaces the whole.
// Source: Amazon EventBridge API Reference, "PutPermission".
func (r *Room) putPermission(region string, in permissionInput) (any, error) {
	if in.Policy != "" {
		return nil, r.setPolicy(region, nameOfBus(in.EventBusName), in.Policy)
	}
	principal := any("*")
	if in.Principal != "*" {
		principal = map[string]string{"AWS": fmt.Sprintf("arn:%s:iam::%s:root", r.Partition, in.Principal)}
	}
	s := map[string]any{"Sid": in.StatementID, "Effect": "Allow", "Principal": principal,
		"Action": cmp.Or(in.Action, "events:PutEvents"), "Resource": r.busARN(region, nameOfBus(in.EventBusName))}
	if in.Condition != nil {
		s["Condition"] = map[string]any{in.Condition.Type: map[string]string{in.Condition.Key: in.Condition.Value}}
	}
	return nil, r.allow(region, in.EventBusName, in.StatementID, s)
}

// allow sets the statement called id.
func (r *Room) allow(region, reference, id string, s map[string]any) error {
	s["Sid"] = id
	text, err := marshal(s)
	if err != nil {
		return fmt.Errorf("write statement: %w", err)
	}
	return r.changePolicy(region, reference, func(list []statement) []statement {
		list = slices.DeleteFunc(list, func(old statement) bool { return old.ID == id })
		return append(list, statement{id, text})
	})
}

// setPolicy replaces a bus's policy.
func (r *Room) setPolicy(region, reference, text string) error {
	var document struct{ Statement json.RawMessage }
	var list []json.RawMessage
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		return protocol.Errorf("ValidationException", "Invalid policy: %v", err)
	}
	if json.Unmarshal(document.Statement, &list) != nil {
		list = []json.RawMessage{document.Statement}
	}
	var statements []statement
	for _, one := range list {
		var s struct{ Sid string }
		if err := json.Unmarshal(one, &s); err != nil {
			return protocol.Errorf("ValidationException", "Invalid policy: %v", err)
		}
		statements = append(statements, statement{s.Sid, one})
	}
	return r.changePolicy(region, reference, func([]statement) []statement { return statements })
}

func (r *Room) changePolicy(region, reference string, change func([]statement) []statement) error {
	name, err := r.ownBus(region, reference)
	if err != nil {
		return err
	}
	return r.buses.Update(region+"/"+name, func(b busRecord, _ bool) (busRecord, error) {
		b.Name, b.Region = name, region
		b.Statements = change(b.Statements)
		if text := b.policy(); text != "" {
			if _, err := policy.Parse([]byte(text), policy.Resource); err != nil {
				return b, protocol.Errorf("ValidationException", "Invalid policy: %v", err)
			}
		}
		return b, nil
	})
}

// removePermission takes a statement, or all, out of a bus's policy. A default bus without one is not kept.
func (r *Room) removePermission(region string, in permissionInput) (any, error) {
	missing := !in.RemoveAllPermissions
	err := r.changePolicy(region, in.EventBusName, func(list []statement) []statement {
		return slices.DeleteFunc(list, func(s statement) bool {
			missing = missing && s.ID != in.StatementID
			return in.RemoveAllPermissions || s.ID == in.StatementID
		})
	})
	if err == nil && missing {
		err = protocol.Errorf("ResourceNotFoundException", "Statement with the provided id does not exist.")
	}
	if b, _, _ := r.bus(region, defaultBus); len(b.Statements) == 0 && nameOfBus(in.EventBusName) == defaultBus {
		return nil, cmp.Or(err, r.buses.Delete(region+"/"+defaultBus))
	}
	return nil, err
}

// page cuts one page out of a list: of a hundred, or of fewer that the caller wants.
func page[T any](field string, list []T, in listInput) (any, error) {
	size := maxPage
	if in.Limit > 0 {
		size = min(in.Limit, maxPage)
	}
	part, next, ok := protocol.Page(list, in.NextToken, size)
	if !ok {
		return nil, protocol.Errorf("ValidationException", "Invalid token.")
	}
	out := map[string]any{field: part}
	if next != "" {
		out["NextToken"] = next
	}
	return out, nil
}
