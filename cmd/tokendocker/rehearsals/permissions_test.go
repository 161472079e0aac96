package rehearsals

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// need says why a permission of the template is there: the scenario that fails without it and what the failure says,
// or the documented effect that no scenario here can show.
type need struct {
	scenario func(p *permissions, reduced []byte) string // returns how it failed, "" if it did not
	says     []string                                    // all of it in the failure
	effect   string                                      // instead of a scenario
}

// needs has a row for every action of every role. A new permission without a row fails the test.
var needs = map[string]map[string]need{
	"Function": {
		"states:StartExecution":          {scenario: create, says: []string{"states:StartExecution", "stateMachine:tokendocker-"}},
		"states:ListExecutions":          {scenario: update, says: []string{"states:ListExecutions", "stateMachine:tokendocker-"}},
		"states:StopExecution":           {scenario: cancelled, says: []string{"states:StopExecution", "execution:tokendocker-"}},
		"ecr:BatchGetImage":              {scenario: create, says: []string{"ecr:BatchGetImage", ":repository/"}},
		"ecr:BatchDeleteImage":           {scenario: refusedImage, says: []string{"ecr:BatchDeleteImage", ":repository/"}},
		"codebuild:ListBuildsForProject": {scenario: update, says: []string{"codebuild:ListBuildsForProject", ":project/td-"}},
		"codebuild:BatchGetBuilds":       {scenario: update, says: []string{"codebuild:BatchGetBuilds", ":project/td-"}},
		"codebuild:StopBuild":            {scenario: otherBuild, says: []string{"codebuild:StopBuild", ":project/td-"}},
		"logs:GetLogEvents":              {scenario: failingBuild, says: []string{"logs:GetLogEvents", "/aws/codebuild/td-"}},
		"logs:CreateLogStream":           {scenario: silentFunction, says: []string{"the function logs nothing"}},
		"logs:PutLogEvents":              {scenario: silentFunction, says: []string{"the function logs nothing"}},
	},
	"Machine": {
		"lambda:InvokeFunction":    {scenario: create, says: []string{"did not receive a response"}},
		"events:PutTargets":        {scenario: create, says: []string{"not authorized to create managed-rule"}},
		"events:PutRule":           {scenario: create, says: []string{"not authorized to create managed-rule"}},
		"events:DescribeRule":      {scenario: create, says: []string{"not authorized to create managed-rule"}},
		"codebuild:StartBuild":     {scenario: create, says: []string{"codebuild:StartBuild", ":project/td-"}},
		"codebuild:StopBuild":      {effect: "a task that is stopped or timed out leaves its build to the function (Step Functions Developer Guide, IAM policies for CodeBuild)"},
		"codebuild:BatchGetBuilds": {effect: "a build whose end is no event is noticed at the deadline only (Step Functions Developer Guide, IAM policies for CodeBuild)"},
	},
	"Build": {
		"s3:GetObject":                    {scenario: create, says: []string{"s3:GetObject", "cdk-hnb659fds-assets-"}},
		"s3:GetObjectVersion":             {effect: "CodeBuild reads the version that it resolved (CodeBuild User Guide, create a service role, S3 source)"},
		"ecr:GetAuthorizationToken":       {scenario: create, says: []string{"ecr:GetAuthorizationToken"}},
		"ecr:BatchCheckLayerAvailability": {scenario: create, says: []string{"could not be pushed", "HEAD", "403"}},
		"ecr:InitiateLayerUpload":         {scenario: create, says: []string{"ecr:InitiateLayerUpload", ":repository/"}},
		"ecr:UploadLayerPart":             {scenario: create, says: []string{"ecr:UploadLayerPart", ":repository/"}},
		"ecr:CompleteLayerUpload":         {scenario: create, says: []string{"ecr:CompleteLayerUpload", ":repository/"}},
		"ecr:PutImage":                    {scenario: create, says: []string{"ecr:PutImage", ":repository/"}},
		"ecr:BatchGetImage":               {effect: "no cache is found, and a manifest that is there is pushed again"},
		"ecr:GetDownloadUrlForLayer":      {effect: "cached layers cannot be used, and every step runs again"},
		"logs:CreateLogGroup":             {scenario: create, says: []string{"logs:CreateLogGroup"}},
		"logs:CreateLogStream":            {scenario: create, says: []string{"logs:CreateLogStream"}},
		"logs:PutLogEvents":               {effect: "the build's log stays empty: delivery fails silently (CodeBuild User Guide, troubleshooting)"},
	},
}

// permissions is the app whose template loses one permission at a time.
type permissions struct {
	t        *testing.T
	assembly string
	template map[string]any
}

// TestEveryPermissionIsNeeded takes each action out of each policy of the template, and sees what fails without it.
func TestEveryPermissionIsNeeded(t *testing.T) {
	p := synthesize(t)
	seen := 0
	for _, e := range p.entries() {
		row, known := needs[e.role][e.action]
		if !known {
			t.Errorf("%s may %s, and no row says why", e.role, e.action)
			continue
		}
		seen++
		if row.scenario == nil {
			continue
		}
		t.Run(e.role+"/"+e.action, func(t *testing.T) {
			t.Parallel()
			own := *p
			own.t = t
			said := row.scenario(&own, p.without(e))
			for _, want := range row.says {
				if !strings.Contains(said, want) {
					t.Errorf("without %s the %s's failure says %q, want %s in it", e.action, e.role, said, want)
				}
			}
		})
	}
	if want := len(needs["Function"]) + len(needs["Machine"]) + len(needs["Build"]); seen != want {
		t.Errorf("the template has %d permissions, the table %d", seen, want)
	}
}

// TestEveryResourceIsNeeded puts another resource in the place of each entry, and sees a scenario of one of the
// statement's actions fail.
func TestEveryResourceIsNeeded(t *testing.T) {
	p := synthesize(t)
	resources := p.template["Resources"].(map[string]any)
	for _, id := range keys(resources) {
		for i, s := range statements(resources[id].(map[string]any)) {
			row, action := need{}, ""
			for _, a := range list(s["Action"]) {
				if known := needs[roleOf(id)][a.(string)]; row.scenario == nil && known.scenario != nil {
					row, action = known, a.(string)
				}
			}
			for n := range list(s["Resource"]) {
				name := fmt.Sprintf("%s/%s/%d", roleOf(id), action, n)
				if _, documented := resourceEffects[name]; documented || row.scenario == nil {
					continue
				}
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					own := *p
					own.t = t
					said := row.scenario(&own, p.elsewhere(id, i, n))
					// Which of the statement's actions is refused first is not the point here.
					if !slices.ContainsFunc([]string{"not authorized", "does not allow", "did not receive", "logs nothing"},
						func(words string) bool { return strings.Contains(said, words) }) {
						t.Errorf("the failure says %q", said)
					}
				})
			}
		}
	}
}

// resourceEffects names the entries that no scenario here can show.
var resourceEffects = map[string]string{
	"Build/ecr:GetAuthorizationToken/0": "the action has no resource",
	"Build/logs:CreateLogGroup/0":       "the group without its streams, as CodeBuild's own sample policy names it beside them",
}

// elsewhere returns the template with another resource in the place of one entry.
func (p *permissions) elsewhere(resource string, statement, n int) []byte {
	raw, err := json.Marshal(p.template)
	must(p.t, err)
	var copied map[string]any
	must(p.t, json.Unmarshal(raw, &copied))
	s := statements(copied["Resources"].(map[string]any)[resource].(map[string]any))[statement]
	entries := slices.Clone(list(s["Resource"]))
	entries[n] = "arn:aws:sqs:us-east-1:123456789012:elsewhere"
	s["Resource"] = entries
	raw, err = json.Marshal(copied)
	must(p.t, err)
	return raw
}

// synthesize makes the assembly once: a builder whose build fails for the value "bad" and takes ten
// minutes for "slow".
func synthesize(t *testing.T) *permissions {
	t.Helper()
	return synthesizeBuilder(t, caseBuilder{Args: map[string]caseArgument{"A": {Topic: "T"}}},
		"FROM busybox:1\nARG A\nRUN echo $A && [ $A != bad ] && if [ $A = slow ]; then sleep 600; fi\n")
}

// synthesizeBuilder makes the assembly of the stack One with the builder Web and pull-through caches.
func synthesizeBuilder(t *testing.T, b caseBuilder, dockerfile string, caches ...string) *permissions {
	t.Helper()
	b.ID, b.Path, b.Minutes = "Web", "web", 5
	r := newApp(t, caseApp{Stack: "One", Caches: caches, Builders: []caseBuilder{b}}, map[string]string{"web/Dockerfile": dockerfile})
	p := &permissions{t: t, assembly: r.synthesize()}
	raw, err := os.ReadFile(filepath.Join(p.assembly, "One.template.json"))
	must(t, err)
	must(t, json.Unmarshal(raw, &p.template))
	return p
}

// entry is one action in one statement of a role's policy.
type entry struct {
	role, action string
	resource     string // logical id of the resource that holds the policy
	statement    int    // over all statements of that resource
}

// entries lists the permissions of the template's roles.
func (p *permissions) entries() []entry {
	var out []entry
	resources := p.template["Resources"].(map[string]any)
	for _, id := range keys(resources) {
		for i, s := range statements(resources[id].(map[string]any)) {
			for _, action := range list(s["Action"]) {
				out = append(out, entry{role: roleOf(id), action: action.(string), resource: id, statement: i})
			}
		}
	}
	return out
}

// roleOf says whose policy a resource holds, by its logical id.
func roleOf(id string) string {
	switch {
	case strings.Contains(id, "Machine"):
		return "Machine"
	case strings.Contains(id, "Provider"):
		return "Function"
	default:
		return "Build"
	}
}

// statements returns the statements of all policies that a resource holds.
func statements(resource map[string]any) []map[string]any {
	properties, _ := resource["Properties"].(map[string]any)
	var documents []any
	switch resource["Type"] {
	case "AWS::IAM::Role":
		for _, inline := range list(properties["Policies"]) {
			documents = append(documents, inline.(map[string]any)["PolicyDocument"])
		}
	case "AWS::IAM::Policy", "AWS::IAM::ManagedPolicy":
		documents = append(documents, properties["PolicyDocument"])
	}
	var out []map[string]any
	for _, d := range documents {
		for _, s := range list(d.(map[string]any)["Statement"]) {
			out = append(out, s.(map[string]any))
		}
	}
	return out
}

// without returns the template without one permission: the action is replaced by one that nobody needs, so that no
// statement becomes empty.
func (p *permissions) without(e entry) []byte {
	raw, err := json.Marshal(p.template)
	must(p.t, err)
	var copied map[string]any
	must(p.t, json.Unmarshal(raw, &copied))
	s := statements(copied["Resources"].(map[string]any)[e.resource].(map[string]any))[e.statement]
	actions := slices.Clone(list(s["Action"]))
	actions[slices.Index(actions, any(e.action))] = "sts:GetCallerIdentity"
	s["Action"] = actions
	raw, err = json.Marshal(copied)
	must(p.t, err)
	return raw
}

func list(v any) []any {
	if many, ok := v.([]any); ok {
		return many
	}
	if v == nil {
		return nil
	}
	return []any{v}
}

func keys(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
