package handler_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// FuzzRequest gives the handler any properties in any type of request. Whatever they are, the handler neither panics
// nor stays silent: it answers, or it starts an execution with input that it can read again; and a deletion succeeds.
func FuzzRequest(f *testing.F) {
	good, err := json.Marshal(map[string]any{"ServiceToken": "t", "Request": buildRequest(30)})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		string(good), `{}`, `[]`, `null`, `"x"`, `{"Request":null}`, `{"Request":"x"}`, `{"Request":{"Project":7}}`,
		`{"Request":{"Version":"1","BuildMinutes":"999999999999999999999"}}`, `{"Request":{"Args":[{"Name":"A","Value":[{"Literal":"!"}]}]}}`,
	} {
		for kind := range byte(3) {
			f.Add(kind, []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, properties []byte) {
		if !json.Valid(properties) {
			return
		}
		w := newWorld(t)
		pushes(w, accepted)
		name := []string{"Create", "Update", "Delete"}[int(kind)%3]
		event, err := json.Marshal(map[string]any{
			"RequestType": name, "RequestId": "9f3c", "ResponseURL": responseURL, "StackId": stackID,
			"LogicalResourceId": "WebBuild", "PhysicalResourceId": "invented", "ResourceProperties": json.RawMessage(properties),
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.h.Handle(context.Background(), event); err != nil {
			t.Fatal(err)
		}
		if w.input != nil {
			w.turn()
		}
		if a := w.answer(); name == "Delete" && a.Status != contract.Success {
			t.Errorf("a deletion failed: %s", a.Reason)
		}
	})
}
