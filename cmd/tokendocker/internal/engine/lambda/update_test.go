package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/switches"
)

// send makes a REST call on function f.
func (w *world) send(t *testing.T, method, path string, in any) (map[string]any, []protocol.Need, error) {
	t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	call := &protocol.Call{Service: "lambda", Partition: "aws", Region: "us-east-1", Account: "123456789012", Session: &session.Session{},
		HTTP: httptest.NewRequest(method, functionsPath+"f"+path, bytes.NewReader(body))}
	needs, err := w.room.Needs(context.Background(), call)
	if err != nil {
		return nil, nil, err
	}
	out, err := w.room.Serve(context.Background(), call)
	if err != nil {
		return nil, needs, err
	}
	answer := httptest.NewRecorder()
	out.(http.Handler).ServeHTTP(answer, call.HTTP)
	shown := map[string]any{}
	if err := json.Unmarshal(answer.Body.Bytes(), &shown); err != nil {
		t.Fatal(err)
	}
	return shown, needs, nil
}

// TestChanges: clients change a function's code and configuration, publish it and move its aliases.
func TestChanges(t *testing.T) {
	code := func(text string) []byte { return pack(t, map[string][]byte{"index.js": []byte(text)}) }
	cases := []struct {
		name, source, limit string
		method, path        string
		in                  map[string]any
		want                map[string]any // members of the answer
		needs               string         // the last right
		fails               string         // code of the error; empty: none
	}{
		{name: "code in the call", source: "Lambda API Reference, UpdateFunctionCode, 2026-11", method: "PUT", path: "/code", in: map[string]any{"ZipFile": code("new")},
			want: map[string]any{"CodeSize": float64(len(code("new"))), "LastUpdateStatus": "Successful"}, needs: "lambda:UpdateFunctionCode"},
		{name: "code in S3", source: "Lambda API Reference, UpdateFunctionCode, 2026-11", limit: "versions of objects are not looked at", method: "PUT", path: "/code",
			in: map[string]any{"S3Bucket": "b", "S3Key": "other.zip"}, want: map[string]any{"CodeSize": float64(len(code("other")))}, needs: "s3:GetObject"},
		{name: "code that is not there", source: "Lambda API Reference, UpdateFunctionCode, 2026-11", method: "PUT", path: "/code", in: map[string]any{"S3Bucket": "b", "S3Key": "no.zip"},
			fails: "InvalidParameterValueException"},
		{name: "dry run", source: "Lambda API Reference, UpdateFunctionCode, 2026-11", method: "PUT", path: "/code", in: map[string]any{"ZipFile": code("new"), "DryRun": true},
			want: map[string]any{"CodeSize": float64(len(code("old")))}},
		{name: "code and a version of it", source: "Lambda API Reference, UpdateFunctionCode, 2026-11", method: "PUT", path: "/code", in: map[string]any{"ZipFile": code("new"), "Publish": true},
			want: map[string]any{"Version": "2"}},
		{name: "configuration", source: "Lambda API Reference, UpdateFunctionConfiguration, 2026-11", method: "PUT", path: "/configuration",
			in:   map[string]any{"Description": "new", "Environment": map[string]any{"Variables": map[string]any{"A": "b"}}, "MemorySize": 256},
			want: map[string]any{"Description": "new", "Environment": map[string]any{"Variables": map[string]any{"A": "b"}}, "MemorySize": 256.0, "Timeout": 3.0, "Handler": "index.handler"}},
		{name: "role", source: "Lambda API Reference, UpdateFunctionConfiguration, 2026-11", method: "PUT", path: "/configuration", in: map[string]any{"Role": "arn:aws:iam::123456789012:role/r"},
			want: map[string]any{"Role": "arn:aws:iam::123456789012:role/r"}, needs: "iam:PassRole"},
		{name: "too much memory", source: "Lambda API Reference, UpdateFunctionConfiguration, 2026-11", method: "PUT", path: "/configuration", in: map[string]any{"MemorySize": 20000}, fails: "ValidationException"},
		{name: "reserved variable", source: "Lambda Developer Guide, Defined runtime environment variables, 2026-11", method: "PUT", path: "/configuration",
			in: map[string]any{"Environment": map[string]any{"Variables": map[string]any{"AWS_REGION": "b"}}}, fails: "InvalidParameterValueException"},
		{name: "layers", source: "Lambda API Reference, UpdateFunctionConfiguration, 2026-11", limit: "by CloudFormation only", method: "PUT", path: "/configuration", in: map[string]any{"Layers": []string{"l"}},
			fails: "InvalidParameterValueException"},
		{name: "version of what has not changed", source: "Lambda API Reference, PublishVersion, 2026-11", method: "POST", path: "/versions", want: map[string]any{"Version": "1"}},
		{name: "alias", source: "Lambda API Reference, UpdateAlias, 2026-11", method: "PUT", path: "/aliases/live", in: map[string]any{"FunctionVersion": "1"}, want: map[string]any{"FunctionVersion": "1", "Name": "live"}},
		{name: "alias of no version", source: "Lambda API Reference, UpdateAlias, 2026-11", method: "PUT", path: "/aliases/live", in: map[string]any{"FunctionVersion": "7"}, fails: "ResourceNotFoundException"},
		{name: "no alias", source: "Lambda API Reference, UpdateAlias, 2026-11", method: "PUT", path: "/aliases/dead", in: map[string]any{"FunctionVersion": "1"}, fails: "ResourceNotFoundException"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1, switches.Switches{})
			w.zips["old.zip"], w.zips["other.zip"] = code("old"), code("other")
			place := resource.Stack{Region: "us-east-1", Account: "123456789012", Partition: "aws"}
			for _, one := range []struct {
				kind       string
				properties map[string]any
			}{
				{"Function", map[string]any{"FunctionName": "f", "Runtime": "nodejs22.x", "Handler": "index.handler", "Role": "arn:aws:iam::123456789012:role/first", "Code": map[string]any{"S3Bucket": "b", "S3Key": "old.zip"}}},
				{"Version", map[string]any{"FunctionName": "f"}},
				{"Alias", map[string]any{"FunctionName": "f", "Name": "live", "FunctionVersion": "1"}},
			} {
				if _, err := w.room.Resources()["AWS::Lambda::"+one.kind].Create(t.Context(), resource.Request{Stack: place, Properties: one.properties}); err != nil {
					t.Fatal(err)
				}
			}
			got, needs, err := w.send(t, c.method, c.path, c.in)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("%v, want %s", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for name, want := range c.want {
				if a, b := mustJSON(t, got[name]), mustJSON(t, want); a != b {
					t.Errorf("%s is %s, not %s", name, a, b)
				}
			}
			if c.needs != "" && needs[len(needs)-1].Action != c.needs {
				t.Errorf("it needs %v, not %s", needs, c.needs)
			}
		})
	}
}

func mustJSON(t *testing.T, value any) string {
	t.Helper()
	raw, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
