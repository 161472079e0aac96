package cloudcontrol_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudcontrol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// box is a resource of any properties, called "b".
type box struct{ now map[string]any }

func (*box) Immutable() []string { return []string{"Name"} }
func (*box) Identifier() string  { return "Name" }
func (*box) Create(context.Context, resource.Request) (resource.Result, error) {
	return resource.Result{}, nil
}

func (b *box) Update(_ context.Context, r resource.Request) (resource.Result, error) {
	b.now = r.Properties
	return resource.Result{PhysicalID: r.PhysicalID}, nil
}
func (*box) Delete(context.Context, resource.Request) error { return nil }

func (b *box) Read(_ context.Context, r resource.Request) (resource.Live, bool, error) {
	return resource.Live{Properties: b.now}, r.PhysicalID == "b", nil
}

func call(t *testing.T, room *cloudcontrol.Room, operation string, in any) (map[string]any, error) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	c := &protocol.Call{Service: "cloudcontrolapi", Operation: operation, Partition: "aws", Region: "us-east-1", Account: "123456789012", Body: body}
	if _, err := room.Needs(t.Context(), c); err != nil {
		return nil, err
	}
	out, err := room.Serve(t.Context(), c)
	if err != nil {
		return nil, err
	}
	raw, err := json.Marshal(out)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]any{}
	return shown, json.Unmarshal(raw, &shown)
}

func TestUpdateResource(t *testing.T) {
	const updating = "Cloud Control API User Guide, Updating a resource, 2026-11"
	before := func() map[string]any {
		return map[string]any{"Name": "b", "V": "1", "List": []any{"x", map[string]any{"Key": "k"}}, "a/b": map[string]any{"~": true}, "None": nil}
	}
	cases := []struct {
		name, source, limit string
		kind, id, patch     string
		want                string // of the properties that have changed; empty: refused
		fails               string
	}{
		{name: "replace", source: updating, patch: `[{"op": "replace", "path": "/V", "value": 2}]`, want: `{"V":2}`},
		{name: "add", source: updating, patch: `[{"op": "add", "path": "/W", "value": {"x": 1}}]`, want: `{"W":{"x":1}}`},
		{name: "remove", source: updating, patch: `[{"op": "remove", "path": "/V"}]`, want: `{"V":null}`},
		{name: "inside lists", source: "RFC 6902, JSON Patch, 2026-11", patch: `[{"op": "replace", "path": "/List/1/Key", "value": "n"}, {"op": "remove", "path": "/List/0"}, {"op": "add", "path": "/List/-", "value": "z"}]`,
			want: `{"List":[{"Key":"n"},"z"]}`},
		{name: "names with slashes", source: "RFC 6901, JSON Pointer, 2026-11", patch: `[{"op": "replace", "path": "/a~1b/~0", "value": false}]`, want: `{"a/b":{"~":false}}`},
		{name: "test", source: "RFC 6902, JSON Patch, 2026-11", patch: `[{"op": "test", "path": "/V", "value": "1"}, {"op": "replace", "path": "/V", "value": "2"}]`, want: `{"V":"2"}`},
		{name: "test that fails", source: "RFC 6902, JSON Patch, 2026-11", patch: `[{"op": "test", "path": "/V", "value": "9"}]`, fails: "ValidationException"},
		{name: "move", source: "RFC 6902, JSON Patch, 2026-11", limit: "move and copy are not known", patch: `[{"op": "move", "from": "/V", "path": "/W"}]`, fails: "ValidationException"},
		{name: "nowhere", source: "RFC 6902, JSON Patch, 2026-11", patch: `[{"op": "replace", "path": "/List/7", "value": 1}]`, fails: "ValidationException"},
		{name: "what is not there", source: "RFC 6902, JSON Patch, 2026-11", patch: `[{"op": "replace", "path": "/No", "value": 1}]`, fails: "ValidationException"},
		{name: "no patch", source: updating, patch: `{}`, fails: "ValidationException"},
		{name: "what cannot change", source: updating, patch: `[{"op": "replace", "path": "/Name", "value": "c"}]`, fails: "NotUpdatableException"},
		{name: "no such resource", source: updating, id: "c", patch: `[]`, fails: "ResourceNotFoundException"},
		{name: "type that cannot be read here", source: updating, limit: "types whose rooms can be read are served", kind: "Test::Other", patch: `[]`, fails: "UnsupportedActionException"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := &box{before()}
			room := cloudcontrol.New("123456789012", map[string]resource.Provider{"Test::Box": b})
			if c.kind == "" {
				c.kind = "Test::Box"
			}
			if c.id == "" {
				c.id = "b"
			}
			out, err := call(t, room, "UpdateResource", map[string]any{"TypeName": c.kind, "Identifier": c.id, "PatchDocument": c.patch})
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("%v, want %s", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]any{}
			if err := json.Unmarshal([]byte(c.want), &want); err != nil {
				t.Fatal(err)
			}
			for name, value := range want {
				if diff := cmp.Diff(value, b.now[name]); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
			event := out["ProgressEvent"].(map[string]any)
			again, err := call(t, room, "GetResourceRequestStatus", map[string]any{"RequestToken": event["RequestToken"]})
			if err != nil || again["ProgressEvent"].(map[string]any)["OperationStatus"] != "SUCCESS" {
				t.Errorf("%v (%v)", again, err)
			}
		})
	}
}

// TestGetResource. Source: Cloud Control API Reference, GetResource, 2026-11.
func TestGetResource(t *testing.T) {
	room := cloudcontrol.New("123456789012", map[string]resource.Provider{"Test::Box": &box{map[string]any{"Name": "b", "None": nil}}})
	out, err := call(t, room, "GetResource", map[string]any{"TypeName": "Test::Box", "Identifier": "b"})
	if err != nil || out["ResourceDescription"].(map[string]any)["Properties"] != `{"Name":"b"}` {
		t.Errorf("%v (%v)", out, err)
	}
	if _, err := call(t, room, "DeleteResource", map[string]any{}); err == nil || !strings.Contains(err.Error(), "UnknownOperationException") {
		t.Errorf("another operation: %v", err)
	}
	if _, err := call(t, room, "GetResourceRequestStatus", map[string]any{"RequestToken": "x"}); err == nil || !strings.Contains(err.Error(), "RequestTokenNotFoundException") {
		t.Errorf("no such request: %v", err)
	}
}

// FuzzPatch: no patch document breaks a resource, whose name stays what it is.
func FuzzPatch(f *testing.F) {
	f.Add(`[{"op": "add", "path": "/List/-", "value": {"a~1b": []}}, {"op": "remove", "path": "/a~1b"}, {"op": "test", "path": "", "value": 1}]`)
	f.Fuzz(func(t *testing.T, document string) {
		b := &box{map[string]any{"Name": "b", "List": []any{1, []any{2}}, "a/b": map[string]any{}}}
		room := cloudcontrol.New("123456789012", map[string]resource.Provider{"Test::Box": b})
		if _, err := call(t, room, "UpdateResource", map[string]any{"TypeName": "Test::Box", "Identifier": "b", "PatchDocument": document}); err == nil && b.now["Name"] != "b" {
			t.Errorf("its name is %v", b.now["Name"])
		}
	})
}
