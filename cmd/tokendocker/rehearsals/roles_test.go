package rehearsals

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// roles are the lines of --permissions, by the role's construct path.
func (o outcome) roles() map[string]report.Role {
	o.t.Helper()
	out := map[string]report.Role{}
	for line := range strings.Lines(o.stdout) {
		var role struct {
			Type string
			report.Role
		}
		if json.Unmarshal([]byte(line), &role) == nil && role.Type == "role" {
			out[role.Path] = role.Role
		}
	}
	return out
}

// TestSmallestPolicies deploys and updates a stack, puts the smallest policy that each role is said to need in the
// place of all its policies, and deploys again with another value, which builds another image.
func TestSmallestPolicies(t *testing.T) {
	t.Parallel()
	app, files := one("FROM busybox:1\nARG A\nRUN echo $A > /a\n")
	r := newApp(t, app, files)
	from := r.app
	rehearse := func(value string, flags ...string) outcome {
		return r.run(nil, append([]string{"rehearse", from, "--state", r.state, "--json", "--set", "One.T.TopicName=" + value}, flags...)...).wantExit(0)
	}
	if silent := rehearse("one"); len(silent.roles()) > 0 || !strings.Contains(silent.stderr, "--permissions lists them") {
		t.Errorf("without --permissions it printed %v and said\n%s", silent.roles(), silent.stderr)
	}
	second := rehearse("two", "--permissions")
	if len(second.summary.Denied) > 0 {
		t.Errorf("denied were %+v", second.summary.Denied)
	}
	said := second.roles()
	build := said["One/Web/CodeBuildProject/Role"]
	if !slices.ContainsFunc(build.Calls, func(c report.Call) bool {
		return c.Action == "ecr:PutImage" && strings.Contains(c.Resource, ":repository/") && c.Allowed
	}) {
		t.Errorf("the builds' role did not push: %+v", said)
	}

	from = filepath.Join(r.state, "cdk.out")
	file := filepath.Join(from, "One.template.json")
	raw, err := os.ReadFile(file)
	must(t, err)
	var template map[string]any
	must(t, json.Unmarshal(raw, &template))
	before, after := 0, 0
	for id, made := range template["Resources"].(map[string]any) {
		resource := made.(map[string]any)
		for _, s := range statements(resource) {
			before += len(list(s["Action"]))
			s["Action"], s["Resource"] = "sts:GetCallerIdentity", "*"
		}
		if resource["Type"] != "AWS::IAM::Role" {
			continue
		}
		path := resource["Metadata"].(map[string]any)["aws:cdk:path"].(string)
		role, known := said[strings.TrimSuffix(path, "/Resource")]
		if !known {
			t.Fatalf("role %s (%s) is not in the report: %v", id, path, said)
		}
		properties := resource["Properties"].(map[string]any)
		delete(properties, "ManagedPolicyArns")
		delete(properties, "Policies")
		if string(role.Needed) == "null" {
			continue
		}
		after += strings.Count(string(role.Needed), `:`) // as a rough size
		properties["Policies"] = []any{map[string]any{"PolicyName": "Needed", "PolicyDocument": role.Needed}}
	}
	if before == 0 || after == 0 {
		t.Fatalf("the template had %d actions, the report %d", before, after)
	}
	raw, err = json.Marshal(template)
	must(t, err)
	must(t, os.WriteFile(file, raw, 0o644))
	last := rehearse("three", "--permissions")
	if image := last.image("One/Web"); !image.Built || string(last.file(image, "/a")) != "three\n" {
		t.Errorf("with the smallest policies the image is %+v", image)
	}
	for path, role := range last.roles() {
		for _, u := range role.Unused {
			if u.Policy == "Needed" && u.Action != "logs:CreateLogGroup" { // the group is there by now
				t.Errorf("%s needed and did not use %+v", path, u)
			}
		}
	}
}
