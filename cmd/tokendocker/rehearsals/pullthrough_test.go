package rehearsals

import (
	"strings"
	"testing"
)

// throughCache is a builder whose base image comes through a pull-through cache, with a stack that has two of them.
func throughCache(image string, prefixes ...string) (caseApp, map[string]string) {
	return caseApp{Stack: "Shop", Caches: []string{"docker-hub", "other"}, Builders: []caseBuilder{{ID: "Web", Path: "web",
			Prefixes: prefixes, Args: map[string]caseArgument{"BASE": {Image: image}}}}},
		map[string]string{"web/Dockerfile": "ARG BASE\nFROM $BASE\nRUN echo cached > /a\n"}
}

// TestPullThroughCache: a first pull imports the base image into a repository that it makes; a later one finds it there.
func TestPullThroughCache(t *testing.T) {
	t.Parallel()
	c, files := throughCache("docker-hub/library/busybox:1", "docker-hub")
	app := newApp(t, c, files)
	first := app.rehearse(nil).wantExit(0)
	if got := string(first.file(first.image("Shop/Web"), "/a")); got != "cached\n" {
		t.Errorf("the image holds %q", got)
	}
	e := app.open()
	var images struct{ ImageIDs []struct{ ImageTag string } }
	must(t, e.Call(t.Context(), "ecr", "ListImages", map[string]string{"repositoryName": "docker-hub/library/busybox"}, &images))
	must(t, e.Close(t.Context()))
	if len(images.ImageIDs) != 1 || images.ImageIDs[0].ImageTag != "1" {
		t.Errorf("the cache holds %+v", images)
	}
	c.Builders[0].Extra = "once more"
	app.change(c)
	second := app.rehearse(nil).wantExit(0)
	if again := second.image("Shop/Web"); !again.Built || again.Tag == first.image("Shop/Web").Tag {
		t.Errorf("image %+v", again)
	}
}

// TestPullThroughCacheThatIsNotNamed: without the prefix the build may not pull, and the answer says which permission
// it lacks and which property gives it.
func TestPullThroughCacheThatIsNotNamed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		image    string
		prefixes []string
		want     []string
	}{
		"no prefix":     {"docker-hub/library/busybox:1", nil, []string{"docker-hub/library/busybox:1", "ecr:BatchGetImage", "EcrPullThroughCachePrefixes"}},
		"other prefix":  {"other/library/busybox:1", []string{"docker-hub"}, []string{"other/library/busybox:1", "ecr:BatchGetImage", "EcrPullThroughCachePrefixes"}},
		"no such image": {"docker-hub/library/busybox:none", []string{"docker-hub"}, []string{"docker-hub/library/busybox:none", "not found"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, files := throughCache(test.image, test.prefixes...)
			failed := newApp(t, c, files).rehearse(nil).wantExit(4)
			reason := failed.summary.Stacks[0].Failure.Reason
			first, _, _ := strings.Cut(reason, "\n")
			for _, want := range test.want {
				if !strings.Contains(first, want) {
					t.Errorf("the first line has no %q:\n%s", want, reason)
				}
			}
		})
	}
}
