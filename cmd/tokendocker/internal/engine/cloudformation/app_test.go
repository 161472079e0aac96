package cloudformation_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
)

// The template of a real CDK app: an API, an image builder that takes the API's URL, and consumers of the image.
func TestTemplateOfACDKApp(t *testing.T) {
	raw, err := os.ReadFile("testdata/simple.template.json")
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	w.ssm["ssm:/cdk-bootstrap/hnb659fds/version"] = "30"
	w.handler = func(e map[string]any) []byte {
		properties, err := json.Marshal(e["ResourceProperties"])
		if err != nil {
			t.Error(err)
		}
		api := "other"
		if strings.Contains(string(properties), "abcdefghij") {
			api = "set"
		}
		return respond(e, "SUCCESS", "builder", map[string]any{"Data": map[string]any{"ImageTag": "tag-" + api, "ImageDigest": "sha256:" + api, "ImageUri": "uri"}})
	}
	deploy := func() []string {
		t.Helper()
		w.events = nil
		_, err := w.deploy(string(raw), func(in *cloudformation.DeployInput) { in.Capabilities = []string{"CAPABILITY_NAMED_IAM"} })
		if err != nil {
			t.Fatal(err)
		}
		return w.events
	}
	events := deploy()
	started := slices.IndexFunc(events, func(e string) bool { return strings.HasPrefix(e, "WebBuild") })
	for i, e := range events {
		if strings.Contains(e, "Policy") && strings.HasSuffix(e, "CREATE_COMPLETE") && i > started {
			t.Errorf("the builder was asked before %s", e)
		}
	}
	if w.status() != "CREATE_COMPLETE" || started < 0 {
		t.Fatalf("status %s, events:\n%s", w.status(), strings.Join(events, "\n"))
	}
	if events := deploy(); len(events) != 0 {
		t.Errorf("nothing changed, but:\n%s", strings.Join(events, "\n"))
	}
	w.set = map[string]map[string]string{"ApiF70053CD": {"": "abcdefghij"}}
	all := strings.Join(deploy(), "\n")
	for _, want := range []string{"WebBuildB1673392 UPDATE_COMPLETE", "S UPDATE_COMPLETE"} {
		if !strings.Contains(all, want) {
			t.Errorf("no %q in\n%s", want, all)
		}
	}
	if n := strings.Count(all, "UPDATE_IN_PROGRESS"); n < 4 { // stack, builder, function, task definition
		t.Errorf("%d updates, want the builder and its consumers:\n%s", n, all)
	}
	stack, _, err := w.Describe("", "S")
	if err != nil || !slices.ContainsFunc(stack.Outputs, func(o cloudformation.Output) bool { return strings.HasSuffix(o.Value, ":tag-set") }) {
		t.Errorf("%v, outputs %v", err, stack.Outputs)
	}
	if err := w.Delete(t.Context(), cloudformation.DeleteInput{StackName: "S"}); err != nil || w.status() != "none" {
		t.Errorf("%v, status %s", err, w.status())
	}
}
