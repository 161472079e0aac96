package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// transformer makes a target's input out of parts of the event.
type transformer struct {
	InputPathsMap map[string]string `json:",omitempty"`
	InputTemplate string
}

const (
	maxVariables = 100
	predefined   = "aws.events."
)

// placeholder is where a variable stands in a template.
var placeholder = regexp.MustCompile(`<([A-Za-z0-9_.\-]+)>`)

// predefinedNames are the variables that need no path.
// Source: Amazon EventBridge User Guide, "Amazon EventBridge input transformation", predefined variables.
func isPredefined(name string) bool {
	switch strings.TrimPrefix(name, predefined) {
	case "rule-arn", "rule-name", "event", "event.json", "event.ingestion-time":
		return strings.HasPrefix(name, predefined)
	}
	return false
}

// check is what PutTargets refuses.
func (t *transformer) check(id string) error {
	switch {
	case t.InputTemplate == "" || len(t.InputTemplate) > maxInput:
		return invalid("targets.1.member.inputTransformer.inputTemplate", t.InputTemplate, fmt.Sprintf("Member must have length between 1 and %d", maxInput))
	case len(t.InputPathsMap) > maxVariables:
		return invalid("targets.1.member.inputTransformer.inputPathsMap", "...", fmt.Sprintf("Member must have length less than or equal to %d", maxVariables))
	}
	for name, text := range t.InputPathsMap {
		if _, err := parsePath(text); err != nil || strings.HasPrefix(strings.ToUpper(name), "AWS.") {
			return protocol.Errorf("ValidationException", "Invalid InputPathsMap for target %s: %s.", id, name)
		}
	}
	for _, m := range placeholder.FindAllStringSubmatch(t.InputTemplate, -1) {
		if _, known := t.InputPathsMap[m[1]]; !known && !isPredefined(m[1]) {
			return protocol.Errorf("ValidationException", "InputTemplate for target %s contains invalid placeholder %s.", id, m[1])
		}
	}
	return nil
}

// occasion is what a target's input is made for.
type occasion struct {
	event         []byte // JSON text
	ruleARN, rule string
	taken         time.Time // by the bus
}

// input is what a target gets: the event, a part of it, or something else.
func (t target) input(o occasion) ([]byte, error) {
	if t.Input != "" {
		return []byte(t.Input), nil
	}
	if t.InputPath == "" && t.InputTransformer == nil {
		return o.event, nil
	}
	d := json.NewDecoder(bytes.NewReader(o.event))
	d.UseNumber()
	var event map[string]any
	if err := d.Decode(&event); err != nil {
		return nil, fmt.Errorf("read event: %w", err)
	}
	if t.InputTransformer != nil {
		return t.InputTransformer.apply(o, event)
	}
	p, err := parsePath(t.InputPath)
	if err != nil {
		return nil, err
	}
	part, _ := p.in(event) // null if it is not there
	return marshal(part)
}

// apply fills the template. A template that is not JSON is text, and so is what the target gets.
// Source: Amazon EventBridge User Guide, "Amazon EventBridge input transformation".
func (t *transformer) apply(o occasion, event map[string]any) ([]byte, error) {
	f := filler{values: map[string]any{}}
	for name, text := range t.InputPathsMap {
		p, err := parsePath(text)
		if err != nil {
			return nil, fmt.Errorf("path %s: %w", text, err)
		}
		if value, ok := p.in(event); ok {
			f.values[name] = value
		}
	}
	without := map[string]any{}
	for field, value := range event {
		if field != "detail" {
			without[field] = value
		}
	}
	f.values[predefined+"rule-arn"], f.values[predefined+"rule-name"] = o.ruleARN, o.rule
	f.values[predefined+"event"], f.values[predefined+"event.json"] = without, event
	f.values[predefined+"event.ingestion-time"] = o.taken.UTC().Format(time.RFC3339)
	template := strings.TrimSpace(t.InputTemplate)
	f.quoted = template != "" && !strings.ContainsAny(template[:1], `{["<0123456789-tfn`)
	if f.quoted {
		return marshal(f.fill(template))
	}
	if out := f.fill(template); json.Valid([]byte(out)) {
		return []byte(out), nil
	}
	f = filler{values: f.values, quoted: true}
	return marshal(f.fill(template))
}

// filler puts values into a template.
type filler struct {
	values map[string]any
	quoted bool // within quotes, or everything is text
}

func (f *filler) fill(template string) string {
	var out strings.Builder
	inside, text := false, f.quoted
	for i := 0; i < len(template); i++ {
		at := placeholder.FindStringSubmatchIndex(template[i:])
		switch {
		case at != nil && at[0] == 0:
			out.WriteString(f.value(template[i+at[2]:i+at[3]], inside, text))
			i += at[1] - 1
			continue
		case template[i] == '\\' && i+1 < len(template):
			out.WriteByte(template[i])
			i++
		case template[i] == '"':
			inside = !inside
		}
		out.WriteByte(template[i])
	}
	return out.String()
}

// value is a variable as it stands in the output. Within quotes texts stand as they are, and objects without their own
// quotes; a variable that the event does not have is empty.
// Source: Amazon EventBridge User Guide, "Amazon EventBridge input transformation", input transform examples.
func (f *filler) value(name string, inside, text bool) string {
	v, ok := f.values[name]
	if !ok {
		v = ""
	}
	s, isText := v.(string)
	if text && isText {
		return s
	}
	encoded, err := marshal(v)
	if err != nil {
		return ""
	}
	switch {
	case inside && isText:
		return string(encoded[1 : len(encoded)-1])
	case inside || text:
		return strings.ReplaceAll(string(encoded), `"`, "")
	}
	return string(encoded)
}
