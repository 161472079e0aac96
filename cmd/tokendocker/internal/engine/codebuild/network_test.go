package codebuild_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/session"
)

// inNetwork are the properties of a project whose builds run in two subnets.
func inNetwork() map[string]any {
	return map[string]any{"VpcConfig": map[string]any{
		"VpcId": "vpc-1", "Subnets": []string{"subnet-1", "subnet-2"}, "SecurityGroupIds": []string{"sg-1"},
	}}
}

const networkPage = "AWS CodeBuild User Guide, Allow CodeBuild access to AWS services required to create a VPC network interface, 2026-11"

// TestNetworkOfProjectCases: a project's network is looked at when the project is made, as its role.
func TestNetworkOfProjectCases(t *testing.T) {
	const reference = "AWS CodeBuild API Reference, VpcConfig, 2026-11"
	cases := []struct {
		name, source, limit string
		config              map[string]any
		denied, missing     string
		want                string
	}{
		{name: "network", source: reference},
		{name: "no groups", source: reference, config: map[string]any{"VpcId": "vpc-1", "Subnets": []string{"subnet-1"}}, want: "at least one security group"},
		{name: "many groups", source: reference, config: map[string]any{"VpcId": "vpc-1", "Subnets": []string{"subnet-1"}, "SecurityGroupIds": make([]string, 6)}, want: "at most 16 subnets and 5 security groups"},
		{name: "may not look at groups", source: "aws/aws-cdk#11815", denied: "ec2:DescribeSecurityGroups", want: "InvalidInputException: Not authorized to perform DescribeSecurityGroups"},
		{name: "may not look at subnets", source: networkPage, denied: "ec2:DescribeSubnets", want: "InvalidInputException: Not authorized to perform DescribeSubnets"},
		{name: "subnet that is not there", source: reference, limit: "the message's words are EC2's", missing: "subnet-2", want: "The subnet ID 'subnet-2' does not exist"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.cloud.denied, w.cloud.missing = []string{c.denied}, c.missing
			p := inNetwork()
			if c.config != nil {
				p["VpcConfig"] = c.config
			}
			_, err := w.room.Resources()["AWS::CodeBuild::Project"].Create(t.Context(), resource.Request{Stack: stack(), LogicalID: "Project", Properties: properties(p)})
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q (%s)", err, c.want, c.source)
			}
		})
	}
}

// TestNetworkOfBuildCases: a build joins its network by what its role may do, reaches what that leads to, and leaves it.
func TestNetworkOfBuildCases(t *testing.T) {
	const (
		inVPC     = "AWS CodeBuild User Guide, Use AWS CodeBuild with Amazon Virtual Private Cloud, 2026-11"
		forbidden = "VPC_CLIENT_ERROR: Unexpected EC2 error: UnauthorizedOperation"
	)
	cases := []struct {
		name, source, limit string
		denied, missing     string
		unreachable         []string
		phase, context      string // that fails; none: the build succeeds
		silent              bool   // the log stays empty
		stays               bool   // the interface does
	}{
		{name: "build in a network", source: inVPC},
		{name: "may not make interfaces", source: networkPage, denied: "ec2:CreateNetworkInterface", phase: "PROVISIONING", context: forbidden},
		{name: "may not let CodeBuild use interfaces", source: "aws/aws-cdk#12705", denied: "ec2:CreateNetworkInterfacePermission", phase: "PROVISIONING", context: forbidden},
		{name: "may not look at DHCP options", source: networkPage, denied: "ec2:DescribeDhcpOptions", phase: "PROVISIONING", context: forbidden},
		{name: "may not delete interfaces", source: networkPage, denied: "ec2:DeleteNetworkInterface", stays: true},
		{name: "subnet that is gone", source: inVPC, missing: "subnet-1", phase: "PROVISIONING", context: "VPC_CLIENT_ERROR: Unexpected EC2 error: InvalidSubnetID.NotFound"},
		{name: "no way to S3", source: inVPC, limit: "fails at once; AWS tries for minutes", unreachable: []string{"s3"}, phase: "DOWNLOAD_SOURCE",
			context: `CLIENT_ERROR: RequestError: send request failed caused by: "https://src.s3.us-east-1.amazonaws.com/": dial tcp: i/o timeout for primary source and source version arn:aws:s3:::src/app.zip`},
		{name: "no way to Systems Manager", source: inVPC, unreachable: []string{"ssm"}, phase: "DOWNLOAD_SOURCE", context: "Decrypted Variables Error: RequestError: send request failed"},
		{name: "no way to CloudWatch Logs", source: inVPC, limit: "the log stays empty; AWS's page does not say what a build does then", unreachable: []string{"logs"}, silent: true},
		{name: "commands", source: inVPC, limit: "calls of AWS that lead nowhere end at once instead of timing out; roles that commands assume, Docker Hub and the " +
			"rest of the internet are not cut off", unreachable: []string{"ecr.api"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.cloud.objects["src/app.zip"] = archive(t, map[string]fs.FileMode{"run.sh": 0o755})
			p := inNetwork()
			p["Source"] = map[string]any{"Type": "S3", "Location": "src/app.zip", "BuildSpec": "version: 0.2\nphases: {build: {commands: [echo done]}}\n"}
			p["Environment"] = map[string]any{"Type": "LINUX_CONTAINER", "Image": "aws/codebuild/standard:7.0", "ComputeType": "BUILD_GENERAL1_SMALL",
				"EnvironmentVariables": []any{map[string]any{"Name": "P", "Value": "/p", "Type": "PARAMETER_STORE"}}}
			w.project(p)
			w.cloud.denied, w.cloud.missing, w.cloud.unreachable = []string{c.denied}, c.missing, c.unreachable
			id := w.start(map[string]any{})
			b := w.end(id)
			if want := map[bool]string{true: "SUCCEEDED", false: "FAILED"}[c.phase == ""]; b.BuildStatus != want {
				t.Fatalf("%s, want %s: %+v", b.BuildStatus, want, b.Phases)
			}
			if got := b.phase(c.phase).context(); !strings.HasPrefix(got, c.context) {
				t.Errorf("%s ends with %q, want %q (%s)", c.phase, got, c.context, c.source)
			}
			if silent := !strings.Contains(w.cloud.log(id), "DOWNLOAD_SOURCE"); silent != (c.silent || c.phase == "PROVISIONING") {
				t.Errorf("the log holds %q", w.cloud.log(id))
			}
			if left := w.cloud.interfaces(); (len(left) > 0) != c.stays {
				t.Errorf("interfaces are left: %v", left)
			}
		})
	}
}

// Builds take turns in a project's subnets.
func TestSubnetsTakeTurns(t *testing.T) {
	w := newWorld(t, 1)
	w.project(inNetwork())
	var used []any
	for range 3 {
		id := w.start(map[string]any{})
		w.end(id)
		out, err := w.call("BatchGetBuilds", map[string]any{"ids": []string{id}})
		if err != nil {
			t.Fatal(err)
		}
		used = append(used, out["builds"].([]any)[0].(map[string]any)["networkInterface"].(map[string]any)["subnetId"])
	}
	if !slices.Equal(used, []any{"subnet-1", "subnet-2", "subnet-1"}) {
		t.Errorf("builds ran in %v", used)
	}
}

// A build that is tried again runs in the network of the first (CodeBuild API Reference, RetryBuild).
func TestRetryInTheNetwork(t *testing.T) {
	w := newWorld(t, 1)
	w.project(inNetwork())
	first := w.start(map[string]any{})
	w.end(first)
	out, err := w.call("RetryBuild", map[string]any{"id": first})
	if err != nil {
		t.Fatal(err)
	}
	again := out["build"].(map[string]any)
	w.end(again["id"].(string))
	if again["vpcConfig"] == nil {
		t.Errorf("the second build is in no network: %v", again)
	}
}

// Only the build's own session is in its network, and only while it runs.
func TestReaches(t *testing.T) {
	w := newWorld(t, 1)
	w.project(inNetwork())
	w.cloud.unreachable = []string{"ecr.api"}
	inside := &session.Session{AccessKeyID: "ASIAKEY"} // of the cloud's roles
	id := w.start(map[string]any{"buildspecOverride": "version: 0.2\nphases: {build: {commands: [sleep 60]}}\n"})
	for w.get(id).CurrentPhase != "BUILD" {
		if w.get(id).BuildComplete {
			t.Fatalf("%+v", w.get(id).Phases)
		}
	}
	if w.room.Reaches(inside, "ecr.api") || !w.room.Reaches(inside, "s3") || !w.room.Reaches(&session.Session{AccessKeyID: "OTHER"}, "ecr.api") {
		t.Error("the wrong sessions are cut off")
	}
	if _, err := w.call("StopBuild", map[string]any{"id": id}); err != nil {
		t.Fatal(err)
	}
	w.end(id)
	if !w.room.Reaches(inside, "ecr.api") {
		t.Error("the network outlives its build")
	}
}

// An interface that a killed engine left goes when the next one starts.
func TestInterfaceOfAKilledEngine(t *testing.T) {
	w := newWorld(t, 1)
	w.project(inNetwork())
	w.cloud.denied = []string{"ec2:DeleteNetworkInterface"}
	id := w.start(map[string]any{"buildspecOverride": "version: 0.2\nphases: {build: {commands: [sleep 60]}}\n"})
	for w.get(id).CurrentPhase != "BUILD" {
		if w.get(id).BuildComplete {
			t.Fatalf("%+v", w.get(id).Phases)
		}
	}
	killed := w.room
	w.open(t.TempDir())
	if left := w.cloud.interfaces(); len(left) != 0 {
		t.Errorf("interfaces are left: %v", left)
	}
	if err := killed.Close(); err != nil {
		t.Fatal(err)
	}
}
