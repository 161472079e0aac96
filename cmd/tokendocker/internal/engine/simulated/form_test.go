package simulated

import (
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated/catalog"
)

// TestForms: each line of the table is of a type and an attribute that there are, and is written in the table's words.
func TestForms(t *testing.T) {
	lines := 0
	for line := range strings.Lines(forms) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			lines++
		}
	}
	if table := formOf(); len(table) != lines {
		t.Errorf("%d lines of the table, and %d forms: one stands there twice", lines, len(table))
	}
	stack := resource.Stack{Name: "Stack", Account: "123456789012", Region: "eu-west-1", Partition: "aws", URLSuffix: "amazonaws.com"}
	for key, form := range formOf() {
		resourceType, attribute, isAttribute := strings.Cut(key, ".")
		known, ok := catalog.Of(resourceType)
		if !ok {
			t.Errorf("%s: there is no such type", key)
			continue
		}
		if _, ok := known.Attributes[attribute]; isAttribute && !ok {
			t.Errorf("%s: there is no such attribute", key)
		}
		r := resource.Request{Type: resourceType, LogicalID: "Thing", Stack: stack, PhysicalID: "thing"}
		if text := fill(r, attribute, form); strings.ContainsAny(text, "{}") || text == "" {
			t.Errorf("%s: %q gives %q", key, form, text)
		}
	}
}

func TestShorten(t *testing.T) {
	cases := []struct {
		name string
		n    int
		want string
	}{
		{"stack-thing-ABCDEFGH", 0, "stack-thing-ABCDEFGH"},
		{"stack-thing-ABCDEFGH", 20, "stack-thing-ABCDEFGH"},
		{"stack-thing-ABCDEFGH", 18, "stack-thi-ABCDEFGH"},
		{"stack-thing-ABCDEFGH", 15, "stack-ABCDEFGH"},
	}
	for _, c := range cases {
		if got := shorten(c.name, c.n); got != c.want {
			t.Errorf("%s in %d: %s, want %s", c.name, c.n, got, c.want)
		}
	}
}

// TestShort: source: Amazon ElastiCache User Guide, Finding connection endpoints, 2026-11.
func TestShort(t *testing.T) {
	for region, want := range map[string]string{"us-east-1": "use1", "eu-central-1": "euc1", "ap-southeast-2": "apse2", "ap-northeast-1": "apne1"} {
		if got := short(region); got != want {
			t.Errorf("%s: %s, want %s", region, got, want)
		}
	}
}
