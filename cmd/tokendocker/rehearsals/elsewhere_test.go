package rehearsals

import (
	"strings"
	"testing"
)

// TestAnotherStack: a stack that uses the image of another one follows when only the resolved value changes, and both
// can be changed, separated and removed in any order, since no export ties them together.
func TestAnotherStack(t *testing.T) {
	t.Parallel()
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

// twoRegions is a builder in one region and a Lambda function that uses its image in another.
func twoRegions() caseApp {
	c := webApp()
	c.Account, c.Region = "123456789012", "us-east-1"
	c.Builders[0].Replicas, c.Builders[0].Query = []string{"eu-west-1"}, 5
	c.Readers = []caseReader{{Stack: "Site", Region: "eu-west-1", Lambda: true, Outputs: true}}
	return c
}

// TestAnotherRegion: the image is in the other region before the stack goes on; the function there may pull it and
// follows when only the resolved value changes. The rest of the registry's rules stays as it is.
func TestAnotherRegion(t *testing.T) {
	t.Parallel()
	app := newApp(t, twoRegions(), webFiles)
	fast := settings{"TOKENDOCKER_REHEARSE_TIME_SCALE=10"}
	one := app.rehearse(fast, "--set", "Shop.Api.TopicName=one").wantExit(0)
	first := one.image("Shop/Web")
	if got := one.output("Site", "WebUri"); !strings.HasPrefix(got, "123456789012.dkr.ecr.eu-west-1.amazonaws.com/shop-") || !strings.HasSuffix(got, "@"+first.Digest) {
		t.Errorf("the other region knows the image as %q", got)
	}
	two := app.rehearse(fast, "--set", "Shop.Api.TopicName=two").wantExit(0)
	if second := two.image("Shop/Web"); second.Tag == first.Tag || two.output("Site", "WebTag") != second.Tag || !two.updated("Site/WebFunction") {
		t.Errorf("the other region did not follow: %q after %q", two.output("Site", "WebTag"), first.Tag)
	}
	again := app.rehearse(fast, "--set", "Shop.Api.TopicName=two").wantExit(0)
	if again.image("Shop/Web").Built {
		t.Error("an unchanged app builds")
	}
}

// TestReplicaAddedLater: another region is another image, which is pushed after the rule and so arrives there.
func TestReplicaAddedLater(t *testing.T) {
	t.Parallel()
	c := twoRegions()
	c.Readers, c.Builders[0].Replicas = nil, nil
	app := newApp(t, c, webFiles)
	fast := settings{"TOKENDOCKER_REHEARSE_TIME_SCALE=10"}
	first := app.rehearse(fast).wantExit(0).image("Shop/Web")
	app.change(twoRegions())
	with := app.rehearse(fast).wantExit(0)
	if second := with.image("Shop/Web"); !second.Built || second.Tag == first.Tag || with.output("Site", "WebTag") != second.Tag {
		t.Errorf("image %+v after %+v", second, first)
	}
	app.change(c)
	if last := app.rehearse(fast).wantExit(0).image("Shop/Web"); last.Tag != first.Tag || last.Built {
		t.Errorf("without replicas again: %+v, want %+v unbuilt", last, first)
	}
}

// TestReplicaFails: the failure names the region and ECR's code, nothing is left, and a retry builds.
func TestReplicaFails(t *testing.T) {
	t.Parallel()
	c := twoRegions()
	c.Readers = nil
	app := newApp(t, c, webFiles)
	failed := app.rehearse(settings{"TOKENDOCKER_REHEARSE_TIME_SCALE=10", "TOKENDOCKER_REHEARSE_FAULTS=fail-replication=eu-west-1"}).wantExit(4)
	if reason := failed.summary.Stacks[0].Failure.Reason; !strings.Contains(reason, "ECR could not replicate the image of shop-web") || !strings.Contains(reason, "eu-west-1 ReplicationFailed") {
		t.Errorf("reason %q", reason)
	}
	if !app.rehearse(settings{"TOKENDOCKER_REHEARSE_TIME_SCALE=10"}).wantExit(0).image("Shop/Web").Built {
		t.Error("the retry does not build")
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
