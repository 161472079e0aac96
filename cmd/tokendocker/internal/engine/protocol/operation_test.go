package protocol_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// room is a service with one operation, which answers with the name that it is given.
type room struct{ greeting string }

func (r *room) greet(_ context.Context, call *protocol.Call, in struct {
	Name string `json:"name"`
}) (any, error) {
	return r.greeting + " " + in.Name + " in " + call.Region, nil
}

func TestOperations(t *testing.T) {
	operations := map[string]protocol.Operation[*room]{"Greet": protocol.JSON((*room).greet)}
	for _, c := range []struct {
		name, operation, body string
		want, code            string
		source                string
	}{
		{name: "input", operation: "Greet", body: `{"name":"Ann","other":1}`, want: "hello Ann in eu-west-1",
			source: "Smithy, AWS JSON 1.1 protocol: unknown members are ignored, 2026-11"},
		{name: "no body", operation: "Greet", want: "hello  in eu-west-1",
			source: "aws/aws-sdk-js-v3#2075"},
		{name: "not JSON", operation: "Greet", body: `{`, code: "SerializationException",
			source: "AWS JSON services answer 400 SerializationException, ECR API Reference, Common Errors, 2026-11"},
		{name: "another type", operation: "Greet", body: `{"name":{}}`, code: "SerializationException",
			source: "AWS JSON services answer 400 SerializationException, ECR API Reference, Common Errors, 2026-11"},
		{name: "unknown", operation: "Shout", body: `{}`, code: "UnknownOperationException",
			source: "Smithy, AWS JSON 1.1 protocol, X-Amz-Target of no operation, 2026-11"},
	} {
		t.Run(c.name, func(t *testing.T) {
			call := &protocol.Call{Service: "hall", Operation: c.operation, Region: "eu-west-1", Body: []byte(c.body)}
			var got any
			op, err := protocol.Find(operations, call)
			if err == nil {
				got, err = op(t.Context(), &room{"hello"}, call)
			}
			var failed *protocol.Error
			errors.As(err, &failed)
			switch {
			case c.code == "" && (err != nil || got != c.want):
				t.Errorf("got %v, %v; want %q", got, err, c.want)
			case c.code != "" && (failed == nil || failed.Code != c.code):
				t.Errorf("got %v, %v; want %s", got, err, c.code)
			}
		})
	}
}

func TestTimestamp(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, int(999*time.Millisecond), time.UTC)
	text, err := json.Marshal(protocol.Timestamp(at))
	if err != nil || string(text) != "1795255200.999" {
		t.Fatalf("wrote %s, %v", text, err)
	}
	var back protocol.Timestamp
	if err := json.Unmarshal(text, &back); err != nil || !time.Time(back).Equal(at) {
		t.Errorf("read %v, %v; want %v", time.Time(back), err, at)
	}
}

func TestPage(t *testing.T) {
	all := []int{1, 2, 3, 4, 5}
	var seen []int
	for token, page := "", 0; ; page++ {
		part, next, ok := protocol.Page(all, token, 2)
		if !ok || page > 3 {
			t.Fatalf("page %d: token %q is refused or pages do not end", page, token)
		}
		seen = append(seen, part...)
		if token = next; token == "" {
			break
		}
	}
	if !slices.Equal(seen, all) {
		t.Errorf("pages hold %v, want %v", seen, all)
	}
	for _, token := range []string{"x", "-1", "6"} {
		if _, _, ok := protocol.Page(all, token, 2); ok {
			t.Errorf("token %q is taken", token)
		}
	}
}
