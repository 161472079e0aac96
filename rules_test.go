package tokendocker

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// rulesFolder tells TestRulesChild where to write.
const rulesFolder = "TOKENDOCKER_RULES"

// TestRules synthesizes default properties, and every property, with CDK's own template rules as errors: in a process
// of its own, since they are switched on for a whole JavaScript process. Then cdk-nag looks at the templates.
func TestRules(t *testing.T) {
	newApp(t) // skips where the CDK is not wanted
	folder := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, "-test.run=^TestRulesChild$", "-test.v")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CDK_VALIDATION=") })
	cmd.Env = append(cmd.Env, "CDK_VALIDATION=true", rulesFolder+"="+folder,
		`CDK_CONTEXT_JSON={"@aws-cdk/core:validateAgainstDefaultRules":true,"aws:cdk:enable-path-metadata":true}`)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Run("CDK", func(t *testing.T) { checkReport(t, folder) })
	t.Run("AwsSolutions", func(t *testing.T) { checkFindings(t, folder) })
}

// TestRulesChild is TestRules's other process; by itself it does nothing. That the rules are on is seen by a template
// that breaks one.
func TestRulesChild(t *testing.T) {
	folder := os.Getenv(rulesFolder)
	if folder == "" {
		return
	}
	broken := awscdk.NewStack(newApp(t), jsii.String("Broken"), nil)
	awscdk.NewCfnResource(broken, jsii.String("Topic"), &awscdk.CfnResourceProps{
		Type: jsii.String("AWS::SNS::Topic"), Properties: &map[string]any{"Nonsense": "1"},
	})
	if problem := trySynth(broken); !strings.Contains(problem, "Validation failed") {
		t.Fatalf("CDK's rules are off: a template with an unknown property gives %q", problem)
	}
	app := awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(folder), AnalyticsReporting: jsii.Bool(false)})
	plain := stackIn(app, "Default", "eu-west-1")
	use(plain, newBuilder(plain, "Image", nil))
	everything(app, "eu-west-1", "us-west-2")
	app.Synth(nil)
}

// checkReport reads what CDK's rules found, warnings too.
func checkReport(t *testing.T, folder string) {
	data, err := os.ReadFile(filepath.Join(folder, "validation-report.json"))
	if err != nil {
		t.Fatal(err)
	}
	var report struct{ PluginReports []any }
	if err := json.Unmarshal(data, &report); err != nil || len(report.PluginReports) > 0 {
		t.Errorf("CDK's rules find something (%v):\n%s", err, data)
	}
	for _, name := range []string{"Default", "Home", "Near", "Far"} {
		if _, err := os.Stat(filepath.Join(folder, name+".template.json")); err != nil {
			t.Error(err)
		}
	}
}

// finding is what a rule says of a resource of ours, in words that are the same for every stack and builder.
type finding struct{ rule, resource, about string }

// row is a finding that docs/security.md explains, and when there is one.
type row struct {
	finding
	when string
}

// checkFindings compares what AwsSolutions finds with the table of docs/security.md.
func checkFindings(t *testing.T, folder string) {
	found := nag(t, folder)
	listed := map[finding]string{}
	for _, r := range findingRows(t) {
		if _, twice := listed[r.finding]; twice {
			t.Errorf("docs/security.md has two rows for %+v", r.finding)
		}
		listed[r.finding] = r.when
	}
	for f := range found {
		if _, ok := listed[f]; !ok {
			t.Errorf("docs/security.md has no row for | %s | %s | `%s` |", f.rule, f.resource, f.about)
		}
	}
	for f, when := range listed {
		plain, full := found[f]["Default"], found[f]["Home"]
		var want [2]bool
		switch {
		case when == "always":
			want = [2]bool{true, true}
		case strings.HasPrefix(when, "without `"):
			want = [2]bool{true, false}
		case strings.HasPrefix(when, "`"):
			want = [2]bool{false, true}
		default:
			t.Errorf("docs/security.md: %q is no word for when there is a finding", when)
		}
		if got := [2]bool{plain, full}; got != want {
			t.Errorf("%+v is found with (default, every) properties: %v, and docs/security.md says %s", f, got, when)
		}
	}
}

// findingRows reads the table: | rule | resource | about | when | why |.
func findingRows(t *testing.T) []row {
	data, err := os.ReadFile("docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []row
	for line := range strings.Lines(string(data)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if len(cells) != 5 || !regexp.MustCompile(`^[A-Z]+[0-9]+$`).MatchString(cells[0]) {
			continue
		}
		if cells[4] == "" {
			t.Errorf("docs/security.md gives no reason: %s", line)
		}
		rows = append(rows, row{finding{cells[0], cells[1], strings.Trim(cells[2], "`")}, cells[3]})
	}
	return rows
}

// nag runs cdk-nag over a cloud assembly and gives what it says of our resources, with the stacks in which it does.
func nag(t *testing.T, folder string) map[finding]map[string]bool {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	modules := filepath.Join(cache, "tokendocker", "nag", "node_modules")
	if _, err := os.Stat(modules); err != nil {
		t.Fatalf("cdk-nag is not installed; run: scripts/setup (%v)", err)
	}
	cmd := exec.Command("node", filepath.Join("testdata", "nag", "check.js"), folder)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("cdk-nag: %v", err)
	}
	var list []struct{ Stack, Resource, Rule string }
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	found := map[finding]map[string]bool{}
	for _, f := range list {
		n := namer{readTemplate(t, folder, f.Stack)}
		resource, ours := n.path(f.Resource)
		if !ours {
			continue
		}
		rule, about, _ := strings.Cut(strings.TrimPrefix(f.Rule, "AwsSolutions-"), "[")
		key := finding{rule, resource, n.about(strings.TrimSuffix(about, "]"))}
		if found[key] == nil {
			found[key] = map[string]bool{}
		}
		found[key][f.Stack] = true
	}
	return found
}

// namer gives a template's resources the names that docs/security.md has for them.
type namer struct{ paths map[string]string }

// readTemplate gives the construct paths of a stack's resources.
func readTemplate(t *testing.T, folder, stack string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(folder, stack+".template.json"))
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct{ Metadata map[string]any }
	}
	if err := json.Unmarshal(data, &template); err != nil {
		t.Fatal(err)
	}
	paths := map[string]string{}
	for id, r := range template.Resources {
		paths[id] = strings.TrimPrefix(strings.TrimSuffix(fmt.Sprint(r.Metadata["aws:cdk:path"]), "/Resource"), stack+"/")
	}
	return paths
}

// path is provider/..., builder/... for what is ours, and the id for what is the user's.
func (n namer) path(id string) (path string, ours bool) {
	path = n.paths[id]
	if rest, ok := strings.CutPrefix(path, providerID+"/"); ok {
		return "provider/" + rest, true
	}
	for _, builder := range []string{"Image/", "First/", "Second/"} {
		if rest, ok := strings.CutPrefix(path, builder); ok {
			return "builder/" + rest, true
		}
	}
	return path, false
}

var (
	stackUUIDText = regexp.MustCompile(`\{"Fn::Select":\[2,\{"Fn::Split":\["/",\{"Ref":"AWS::StackId"\}\]\}\]\}`)
	stackPartText = regexp.MustCompile(`\{"Fn::Select":\[0,\{"Fn::Split":\["-",STACK\]\}\]\}`)
	builderText   = regexp.MustCompile(`td-STACK-[0-9a-f]{8}`)
	referenceText = regexp.MustCompile(`<([A-Za-z0-9]+)(\.Arn)?>`)
	placeText     = regexp.MustCompile(`^arn:<AWS::Partition>:([a-z0-9]+):[a-z0-9-]*:[0-9]*:`)
)

// about is what a finding is about, without what differs between stacks: service:resource.
func (n namer) about(text string) string {
	text = strings.TrimPrefix(text, "Resource::")
	text = placeText.ReplaceAllString(text, "$1:")
	text = stackUUIDText.ReplaceAllString(text, "STACK")
	text = stackPartText.ReplaceAllString(text, "STACK")
	text = builderText.ReplaceAllString(text, "td-STACK-BUILDER")
	text = referenceText.ReplaceAllStringFunc(text, func(r string) string {
		m := referenceText.FindStringSubmatch(r)
		path, _ := n.path(m[1])
		return "<" + path + ">"
	})
	return strings.NewReplacer("/docker-hub/", "/PREFIX/", "/ghcr/", "/PREFIX/", "/tokendocker/Home/", "/tokendocker/STACK/").Replace(text)
}
