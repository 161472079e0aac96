package report

import (
	"strings"
	"testing"
)

var image = Image{Builder: "Shop/Web", Region: "us-east-1", URI: "123456789012.dkr.ecr.us-east-1.amazonaws.com/web", Digest: "sha256:abc", Tag: "t", Built: true, Seconds: 2, Overhead: 0.5}

func TestText(t *testing.T) {
	var out strings.Builder
	p := Text(&out)
	p.Event(Event{Stack: "Shop"})
	p.Image(image)
	p.Summary(Summary{Status: "ok"})
	if want := "Shop/Web 123456789012.dkr.ecr.us-east-1.amazonaws.com/web@sha256:abc\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}

// The lines are a contract with scripts: a field that changes its name here breaks one of them.
func TestJSON(t *testing.T) {
	var out strings.Builder
	p := JSON(&out)
	p.Event(Event{Stack: "Shop", Region: "us-east-1", Path: "Shop/Web", Type: "AWS::ECR::Repository", Status: "CREATE_COMPLETE"})
	p.Image(image)
	p.Summary(Summary{Status: "failed", Seconds: 3, Error: "why", Skipped: []string{"Site"}, Stacks: []Stack{{Name: "Shop", Account: "111122223333", Region: "us-east-1", Status: "ROLLBACK_COMPLETE",
		Failure: &Failure{Path: "Shop/Web", Reason: "no"}}}})
	want := `{"type":"event","stack":"Shop","region":"us-east-1","path":"Shop/Web","resource_type":"AWS::ECR::Repository","status":"CREATE_COMPLETE"}
{"type":"image","builder":"Shop/Web","region":"us-east-1","uri":"123456789012.dkr.ecr.us-east-1.amazonaws.com/web","digest":"sha256:abc","tag":"t","built":true,"seconds":2,"overhead_seconds":0.5}
{"type":"summary","status":"failed","seconds":3,"stacks":[{"name":"Shop","account":"111122223333","region":"us-east-1","status":"ROLLBACK_COMPLETE","outputs":{},"images":[],"simulated":[],"failure":{"path":"Shop/Web","reason":"no"}}],"skipped":["Site"],"denied":[],"unused_permissions":[],"error":"why"}
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}
