package rehearsals

import (
	"strings"
	"testing"
)

// A front end that bakes a value in, and its two kinds of consumers.
var webFiles = map[string]string{
	"web/Dockerfile": "FROM busybox:1\nARG API_URL\nRUN printf %s \"$API_URL\" > /url\nCMD [\"true\"]\n",
}

func webApp() caseApp {
	return caseApp{Stack: "Shop", Builders: []caseBuilder{{ID: "Web", Path: "web", Lambda: true, ECS: true,
		Args: map[string]caseArgument{"API_URL": {Topic: "Api"}}}}}
}

// TestChangedValue changes only what a deploy resolves: another tag, one build and an updated consumer; the old value
// again finds the old image.
func TestChangedValue(t *testing.T) {
	t.Parallel()
	app := newApp(t, webApp(), webFiles)
	first := app.rehearse(nil, "--set", "Shop.Api.TopicName=one").wantExit(0)
	one := first.image("Shop/Web")
	if !one.Built || one.Seconds <= 0 || one.Overhead <= 0 || one.Overhead >= one.Seconds {
		t.Errorf("first image: %+v", one)
	}
	if got := first.file(one, "/url"); string(got) != "one" {
		t.Errorf("the image holds %q", got)
	}

	second := app.rehearse(nil, "--set", "Shop.Api.TopicName=two").wantExit(0)
	two := second.image("Shop/Web")
	if !two.Built || two.Tag == one.Tag || two.Digest == one.Digest {
		t.Errorf("second image %+v after %+v", two, one)
	}
	if got := second.file(two, "/url"); string(got) != "two" {
		t.Errorf("the image holds %q", got)
	}
	if !second.updated("Shop/WebFunction") || !second.updated("Shop/WebTask") {
		t.Errorf("the consumers did not follow:\n%s", second.stdout)
	}

	back := app.rehearse(nil, "--set", "Shop.Api.TopicName=one").wantExit(0)
	if i := back.image("Shop/Web"); i.Built || i.Tag != one.Tag || i.Digest != one.Digest {
		t.Errorf("the old value gave %+v, want %+v unbuilt", i, one)
	}

	same := app.rehearse(nil, "--set", "Shop.Api.TopicName=one").wantExit(0)
	if i := same.image("Shop/Web"); i.Built || i.Seconds != 0 || i.Digest != one.Digest {
		t.Errorf("an unchanged app gave %+v", i)
	}
}

// updated reports whether a resource below a construct was updated.
func (o outcome) updated(path string) bool {
	for _, e := range o.events {
		if strings.HasPrefix(e.Path, path+"/") && e.Status == "UPDATE_COMPLETE" {
			return true
		}
	}
	return false
}
