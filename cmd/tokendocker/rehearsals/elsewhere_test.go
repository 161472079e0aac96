package rehearsals

import (
	"strings"
	"testing"
)

// TestAnotherStack: a stack that uses the image of another one follows when only the resolved value changes, and both
// can be changed, separated and removed in any order, since no export ties them together.
func TestAnotherStack(t *testing.T) {
	c := webApp()
	c.Builders = append(c.Builders, caseBuilder{ID: "Spare", Path: "web"})
	c.Readers = []caseReader{{Stack: "Site", Lambda: true, Outputs: true}}
	app := newApp(t, c, webFiles)
	one := app.rehearse(nil, "--set", "Shop.Api.TopicName=one").wantExit(0)
	first := one.image("Shop/Web")
	if got := one.output("Site", "WebTag"); got != first.Tag {
		t.Errorf("the other stack knows the tag %q, want %q", got, first.Tag)
	}
	if got := one.output("Site", "WebUri"); !strings.HasSuffix(got, "@"+first.Digest) {
		t.Errorf("the other stack knows the image as %q, want digest %s", got, first.Digest)
	}

	two := app.rehearse(nil, "--set", "Shop.Api.TopicName=two").wantExit(0)
	second := two.image("Shop/Web")
	if second.Tag == first.Tag || two.output("Site", "WebTag") != second.Tag {
		t.Errorf("after the value changed the other stack knows %q, want %q", two.output("Site", "WebTag"), second.Tag)
	}
	if !two.updated("Site/WebFunction") {
		t.Errorf("the function of the other stack did not follow:\n%s", two.stdout)
	}

	c.Builders = c.Builders[1:] // the builder goes, and in the same deployment whatever uses it
	app.change(c)
	three := app.rehearse(nil).wantExit(0)
	t.Log(one.took, two.took, three.took, one.stderr, two.stderr, three.stderr)
	if three.output("Site", "SpareTag") == "" || three.output("Site", "WebTag") != "" {
		t.Errorf("the other stack has the outputs %v", three.summary.Stacks)
	}
}

// output is an output of a stack, of the last deployment that this run made of it.
func (o outcome) output(stack, name string) string {
	o.t.Helper()
	for _, s := range o.summary.Stacks {
		if s.Name == stack {
			return s.Outputs[name]
		}
	}
	o.t.Errorf("there is no stack %s", stack)
	return ""
}
