package rehearsals

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// TestDeniedCallsAreReported takes a permission out of the builds' role: the report of the failed deployment names the
// call and the statement that is missing.
func TestDeniedCallsAreReported(t *testing.T) {
	app, files := one("FROM busybox:1\nARG A\nRUN true\n")
	r := newApp(t, app, files)
	cdkOut := r.synth()
	file := filepath.Join(cdkOut, "One.template.json")
	raw, err := os.ReadFile(file)
	must(t, err)
	less := strings.ReplaceAll(string(raw), `"ecr:PutImage"`, `"ecr:ListImages"`)
	if less == string(raw) {
		t.Fatal("nobody has ecr:PutImage")
	}
	must(t, os.WriteFile(file, []byte(less), 0o644))
	o := r.run(nil, "rehearse", cdkOut, "--state", r.state, "--json").wantExit(4)
	var denied report.Denial
	for _, d := range o.summary.Denied {
		if d.Action == "ecr:PutImage" {
			denied = d
		}
	}
	if !strings.HasPrefix(denied.Role, "One-WebCodeBuildProjectRole") || !strings.Contains(denied.Resource, ":repository/") ||
		!strings.Contains(denied.Reason, "because no identity-based policy allows the ecr:PutImage action") ||
		!strings.Contains(denied.Remedy, `{"Effect":"Allow","Action":"ecr:PutImage","Resource":"`+denied.Resource+`"}`) {
		t.Errorf("denied is %+v", o.summary.Denied)
	}
	if !strings.Contains(o.stderr, denied.Remedy) {
		t.Errorf("a person does not see what is missing:\n%s", o.stderr)
	}
}
