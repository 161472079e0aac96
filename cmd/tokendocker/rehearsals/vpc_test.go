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

// slowNetwork makes a NAT gateway and an endpoint take five minutes, a quarter of one in real time.
var slowNetwork = settings{"TOKENDOCKER_REHEARSE_TIME_SCALE=20", "TOKENDOCKER_REHEARSE_FAULTS=network-delay=5m"}

func networkCase(n caseNetwork) caseApp {
	return caseApp{Stack: "Shop", Builders: []caseBuilder{{ID: "Web", Path: "web", Network: &n, Args: map[string]caseArgument{"API": {Topic: "Api"}}}}}
}

// The image needs no other: an isolated build pulls nothing from Docker Hub.
var networkFiles = map[string]string{"web/Dockerfile": "FROM scratch\nARG API\nCOPY config /config\n", "web/config": "private\n"}

// TestNetworkOfTheStack: a builder in a VPC of its own stack builds as soon as the routes are there, however long those
// take, and everything goes again. The CDK's own function empties the default security group.
func TestNetworkOfTheStack(t *testing.T) {
	t.Parallel()
	app := newApp(t, networkCase(caseNetwork{}), networkFiles)
	out := app.rehearse(slowNetwork).wantExit(0)
	image := out.image("Shop/Web")
	if got := string(out.file(image, "/config")); !image.Built || got != "private\n" {
		t.Errorf("built: %t, with %q", image.Built, got)
	}
	emptied := func(e report.Event) bool {
		return e.Type == "Custom::VpcRestrictDefaultSG" && e.Status == "CREATE_COMPLETE"
	}
	if !slices.ContainsFunc(out.events, emptied) {
		t.Error("the CDK's function did not empty the default security group")
	}
	for _, r := range out.summary.Stacks[0].Simulated {
		if strings.HasPrefix(r.Type, "AWS::EC2::") || strings.HasPrefix(r.Type, "Custom::") {
			t.Errorf("%s is only simulated", r.Type)
		}
	}
	for _, p := range out.summary.Unused {
		if strings.HasPrefix(p.Action, "ec2:") && !strings.HasPrefix(p.Action, "ec2:AuthorizeSecurityGroup") { // the CDK's, which gives rules back at the end
			t.Errorf("%s was granted and not used", p.Action)
		}
	}
	app.rehearse(slowNetwork, "--destroy").wantExit(0)
}

// TestNetworkThatIsNotReady: without the order that the construct gives, and without the right to make an interface, the
// same build fails and says why.
func TestNetworkThatIsNotReady(t *testing.T) {
	t.Parallel()
	app := newApp(t, networkCase(caseNetwork{}), networkFiles)
	cases := []struct {
		name string
		less func(t *testing.T, resources map[string]map[string]any)
		want []string
	}{
		{"too early", withoutOrder, []string{"CodeBuild could not fetch the build context in phase DOWNLOAD_SOURCE", "i/o timeout", "in a VPC look for the route to S3"}},
		{"no right to make interfaces", withoutInterfaces, []string{"in phase PROVISIONING (VPC_CLIENT_ERROR: Unexpected EC2 error: UnauthorizedOperation)"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assembly := app.synthesize()
			editTemplate(t, filepath.Join(assembly, "Shop.template.json"), c.less)
			failed := app.run(slowNetwork, "rehearse", assembly, "--state", filepath.Join(t.TempDir(), "state"), "--json").wantExit(4)
			first, _, _ := strings.Cut(failed.summary.Stacks[0].Failure.Reason, "\n")
			for _, want := range c.want {
				if !strings.Contains(first, want) {
					t.Errorf("the failure begins with %q, want %q in it", first, want)
				}
			}
		})
	}
}

// TestIsolatedNetwork: isolated subnets alone lead nowhere, and each failure says what is out of reach; with the endpoints
// that the construct's warning names, the build goes through.
func TestIsolatedNetwork(t *testing.T) {
	t.Parallel()
	app := newApp(t, networkCase(caseNetwork{Isolated: true}), networkFiles)
	fast := settings{"TOKENDOCKER_REHEARSE_TIME_SCALE=20"}
	for _, c := range []struct{ endpoints, want []string }{
		{nil, []string{"CodeBuild could not fetch the build context in phase DOWNLOAD_SOURCE", "in a VPC look for the route to S3"}},
		{[]string{"s3", "logs"}, []string{"could not log in to the image registry", `endpoint URL: "https://api.ecr.us-east-1.amazonaws.com/"`}},
		{[]string{"s3", "logs", "ecr.api"}, []string{"could not log in to the image registry", `"https://123456789012.dkr.ecr.us-east-1.amazonaws.com/v2/"`}},
	} {
		app.change(networkCase(caseNetwork{Isolated: true, Endpoints: c.endpoints}))
		failed := app.rehearse(fast).wantExit(4)
		reason := failed.summary.Stacks[0].Failure.Reason
		for _, want := range c.want {
			if !strings.Contains(reason, want) {
				t.Errorf("with endpoints of %v the failure is %q, want %q in it", c.endpoints, reason, want)
			}
		}
		if !strings.Contains(failed.stderr, "it needs VPC endpoints for s3 (gateway), ecr.api, ecr.dkr, logs") {
			t.Errorf("no warning at synth:\n%s", failed.stderr)
		}
	}
	app.change(networkCase(caseNetwork{Isolated: true, Endpoints: []string{"s3", "logs", "ecr.api", "ecr.dkr"}}))
	out := app.rehearse(fast).wantExit(0)
	if got := string(out.file(out.image("Shop/Web"), "/config")); got != "private\n" {
		t.Errorf("the image holds %q", got)
	}
	app.rehearse(fast, "--destroy").wantExit(0)
}

// editTemplate changes the resources of a template.
func editTemplate(t *testing.T, file string, change func(*testing.T, map[string]map[string]any)) {
	t.Helper()
	raw, err := os.ReadFile(file)
	must(t, err)
	var template map[string]any
	must(t, json.Unmarshal(raw, &template))
	resources := map[string]map[string]any{}
	for id, resource := range template["Resources"].(map[string]any) {
		resources[id] = resource.(map[string]any)
	}
	change(t, resources)
	raw, err = json.Marshal(template)
	must(t, err)
	must(t, os.WriteFile(file, raw, 0o600))
}

// withoutOrder takes the network out of what the build waits for.
func withoutOrder(t *testing.T, resources map[string]map[string]any) {
	taken := 0
	for _, r := range resources {
		if r["Type"] != "Custom::TokenInjectableDockerBuilder" {
			continue
		}
		r["DependsOn"] = slices.DeleteFunc(r["DependsOn"].([]any), func(id any) bool {
			network := strings.HasPrefix(resources[id.(string)]["Type"].(string), "AWS::EC2::")
			if network {
				taken++
			}
			return network
		})
	}
	if taken == 0 {
		t.Fatal("the build waits for nothing of the network")
	}
}

// withoutInterfaces takes the right from the build's role to let CodeBuild use an interface.
func withoutInterfaces(t *testing.T, resources map[string]map[string]any) {
	taken := 0
	for _, r := range resources {
		for _, s := range statements(r) {
			if action, _ := s["Action"].(string); action == "ec2:CreateNetworkInterfacePermission" {
				s["Action"], taken = "ec2:DescribeVpcs", taken+1
			}
		}
	}
	if taken != 1 {
		t.Fatalf("%d statements allow interfaces", taken)
	}
}
