package contract_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tokendocker/tokendocker/internal/contract"
)

func response() contract.Response {
	return contract.Response{
		Status: contract.Failed, PhysicalResourceId: contract.PhysicalID("stack", "Builder"),
		StackId: "arn:aws:cloudformation:us-east-1:123456789012:stack/s/" + strings.Repeat("x", 40), RequestId: "r", LogicalResourceId: "Builder",
	}
}

func TestResponseFits(t *testing.T) {
	cases := []struct{ name, reason string }{
		{"empty", ""},
		{"short", "it failed"},
		{"HTML characters stay themselves", "<a> & \"b\""},
		{"exactly", strings.Repeat("a", response().Room())},
		{"one too many", strings.Repeat("a", response().Room()+1)},
		{"newlines count twice", strings.Repeat("\n", response().Room())},
		{"wide characters", strings.Repeat("\U0001f600", 3000)},
		{"escapes", strings.Repeat("\x01\u2028", 3000)},
		{"broken UTF-8", strings.Repeat("\xff", 5000)},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := response()
			r.Reason = c.reason
			data, err := r.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if len(data) > contract.MaxAnswer {
				t.Fatalf("%d bytes", len(data))
			}
			var back contract.Response
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			if fits := contract.Escaped(c.reason) <= r.Room(); fits && utf8.ValidString(c.reason) && back.Reason != c.reason {
				t.Errorf("a reason that fits was changed to %q", back.Reason)
			}
			if cut := len(back.Reason) > 0 && contract.Escaped(c.reason) > r.Room(); cut && (!strings.HasSuffix(back.Reason, "...") || len(data) < contract.MaxAnswer-12) {
				t.Errorf("%d bytes, ends in %q", len(data), back.Reason[len(back.Reason)-5:])
			}
		})
	}
}

func TestResponseThatCannotFit(t *testing.T) {
	r := response()
	r.StackId = strings.Repeat("s", contract.MaxAnswer)
	if _, err := r.Encode(); err == nil {
		t.Error("no error")
	}
}

func TestPhysicalID(t *testing.T) {
	id := contract.PhysicalID("stack", "Builder")
	if !regexp.MustCompile(`^tokendocker-[0-9a-f]{16}$`).MatchString(id) {
		t.Error(id)
	}
	if id == contract.PhysicalID("stackB", "uilder") {
		t.Error("two builders have one id")
	}
}

func TestTextBytes(t *testing.T) {
	got, err := contract.Text{contract.Literal("caf\xc3"), contract.Literal("\xa9 "), {}, contract.Value("$(id)")}.Bytes()
	if err != nil || string(got) != "caf\u00e9 $(id)" {
		t.Errorf("%q, %v", got, err)
	}
	if empty, err := (contract.Text{contract.Literal("")}).Bytes(); err != nil || len(empty) != 0 {
		t.Errorf("%q, %v", empty, err)
	}
}
