package rehearsals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// project is a CDK app that its user deploys with the CDK's own command to an engine.
type project struct {
	*served
	t     *testing.T
	state string
	dir   string
	home  string
}

// newProject starts an engine, with further arguments, and makes the folder of an app.
func newProject(t *testing.T, app string, files map[string]string, args ...string) *project {
	t.Helper()
	p := &project{t: t, state: filepath.Join(t.TempDir(), "state"), dir: t.TempDir(), home: t.TempDir()}
	p.served = startEngine(t, p.state, args...)
	p.write("cdk.json", fmt.Sprintf(`{"app": %q, "versionReporting": false}`, app))
	for name, text := range files {
		p.write(name, text)
	}
	return p
}

func (p *project) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	must(p.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(p.t, os.WriteFile(path, []byte(text), 0o644))
}

// cdk runs the CDK's own command in the app's folder and returns what it said. Any other exit code than want fails the
// test.
func (p *project) cdk(want int, args ...string) string {
	p.t.Helper()
	cmd := p.command(args...)
	start := time.Now()
	said, err := cmd.CombinedOutput()
	got := 0
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		got = failed.ExitCode()
	} else if err != nil {
		p.t.Fatal(err)
	}
	if got != want {
		p.t.Fatalf("cdk %s: exit code %d, want %d\n%s", strings.Join(args, " "), got, want, said)
	}
	p.t.Logf("cdk %s: %.1f s", strings.Join(args, " "), time.Since(start).Seconds())
	return string(said)
}

func (p *project) command(args ...string) *exec.Cmd {
	p.t.Helper()
	modules := strings.TrimPrefix(peers(p.t)[0], "NODE_PATH=")
	cmd := exec.CommandContext(p.t.Context(), "node", append([]string{filepath.Join(modules, "aws-cdk", "bin", "cdk"), "--no-notices"}, args...)...)
	cmd.Dir = p.dir
	cmd.Env = []string{"HOME=" + p.home, "PATH=" + os.Getenv("PATH"), "NODE_PATH=" + modules, "CI=true", "CDK_VALIDATION=false",
		"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20", "CDK_DISABLE_CLI_TELEMETRY=true"}
	for name, value := range p.environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// says fails the test unless text holds each of the words.
func (p *project) says(text string, words ...string) {
	p.t.Helper()
	for _, w := range words {
		if !strings.Contains(text, w) {
			p.t.Errorf("said nothing of %q:\n%s", w, text)
		}
	}
}

// deploy runs `cdk deploy` and returns the outputs of a stack, and what was said.
func (p *project) deploy(stack string, args ...string) (map[string]string, string) {
	p.t.Helper()
	file := filepath.Join(p.home, "outputs.json")
	said := p.cdk(0, append([]string{"deploy", "--require-approval=never", "--outputs-file", file}, args...)...)
	raw, err := os.ReadFile(file)
	must(p.t, err)
	outputs := map[string]map[string]string{}
	must(p.t, json.Unmarshal(raw, &outputs))
	return outputs[stack], said
}

// status is a stack's status, "" if there is none.
func (p *project) status(stack string) string {
	p.t.Helper()
	out, err := cloudformation.NewFromConfig(p.config()).DescribeStacks(p.t.Context(), &cloudformation.DescribeStacksInput{StackName: &stack})
	if refused := smithy.APIError(nil); errors.As(err, &refused) && refused.ErrorMessage() == "Stack with id "+stack+" does not exist" {
		return ""
	}
	must(p.t, err)
	return string(out.Stacks[0].StackStatus)
}

// file reads a file out of an image, "repository:tag", in the engine's registry.
func (p *project) file(image, name string) string {
	p.t.Helper()
	repository, tag, _ := strings.Cut(image, ":")
	out, err := ecr.NewFromConfig(p.config()).DescribeImages(p.t.Context(), &ecr.DescribeImagesInput{RepositoryName: &repository,
		ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: &tag}}})
	must(p.t, err)
	uri := p.environment["CDK_DEFAULT_ACCOUNT"] + ".dkr.ecr." + p.environment["AWS_REGION"] + ".amazonaws.com/" + repository
	return string(outcome{t: p.t, state: p.state}.file(report.Image{URI: uri, Digest: *out.ImageDetails[0].ImageDigest}, name))
}

// TestCDKCommand deploys examples/simple with the CDK's own command: bootstrap, deploy by change set, deploy unchanged,
// diff, deploy a change directly, destroy. Neither side knows of the other.
func TestCDKCommand(t *testing.T) {
	t.Parallel()
	example, err := filepath.Abs(filepath.Join("..", "..", "..", "examples", "simple"))
	must(t, err)
	app := filepath.Join(t.TempDir(), "simple")
	must(t, build(filepath.Join("..", "..", ".."), app, "./examples/simple"))
	p := newProject(t, app, nil)
	must(t, os.CopyFS(filepath.Join(p.dir, "web"), os.DirFS(filepath.Join(example, "web"))))

	p.says(p.cdk(1, "deploy", "--require-approval=never"), "/cdk-bootstrap/hnb659fds/version", "Has the environment been bootstrapped?")
	p.says(p.cdk(0, "bootstrap"), "aws://123456789012/us-east-1 bootstrapped.")
	p.says(p.cdk(0, "bootstrap"), "bootstrapped (no changes).")

	first, said := p.deploy("Simple")
	p.says(said, "Simple: creating CloudFormation changeset...", "CREATE_COMPLETE", "Custom::TokenInjectableDockerBuilder")
	bundle := p.file(first["Image"], "/app/dist/bundle.js")
	if !strings.HasPrefix(bundle, `const API_URL = "`+first["ApiUrl"]+`"`) {
		t.Errorf("the bundle does not hold %s:\n%.200s", first["ApiUrl"], bundle)
	}
	_, said = p.deploy("Simple")
	p.says(said, "Simple (no changes)")
	_, said = p.deploy("Simple", "--force")
	p.says(said, "Simple (no changes)")
	p.says(p.cdk(0, "diff", "--fail"), "There were no differences")

	p.write("web/src/greeting.js", "// changed\n"+string(read(t, filepath.Join(p.dir, "web", "src", "greeting.js"))))
	p.says(p.cdk(1, "diff", "--fail"), "[~] Custom::TokenInjectableDockerBuilder", "Number of stacks with differences: 1")
	second, said := p.deploy("Simple", "--method=direct")
	p.says(said, "Simple: updating stack...", "UPDATE_COMPLETE")
	if second["Image"] == first["Image"] || second["ApiUrl"] != first["ApiUrl"] {
		t.Errorf("the change made %v of %v", second, first)
	}
	if changed := p.file(second["Image"], "/app/dist/bundle.js"); !strings.Contains(changed, "// changed") {
		t.Errorf("the second image's bundle is\n%.200s", changed)
	}
	_, said = p.deploy("Simple", "--method=direct", "--force")
	p.says(said, "Simple (no changes)")

	p.says(p.cdk(0, "destroy", "--force"), "Simple: destroyed", "DELETE_COMPLETE")
	if status := p.status("Simple"); status != "" {
		t.Errorf("the stack is %s", status)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return text
}

// pictures is an app whose image the client builds.
const pictures = `
const cdk = require('aws-cdk-lib');
const lambda = require('aws-cdk-lib/aws-lambda');
const app = new cdk.App();
const stack = new cdk.Stack(app, 'Pictures');
const code = lambda.DockerImageCode.fromImageAsset('image');
const f = new lambda.DockerImageFunction(stack, 'Function', { code });
new cdk.CfnOutput(stack, 'Uri', { value: f.node.defaultChild.code.imageUri });
`

// TestCDKImageAssets: the CDK's command builds an image with docker and pushes it as the role for that; a function runs
// on it. Its docker daemon comes with its first need and goes with the engine.
func TestCDKImageAssets(t *testing.T) {
	t.Parallel()
	p := newProject(t, "node app.js", map[string]string{"app.js": pictures,
		"image/Dockerfile": "FROM busybox:1\nRUN echo made by the client >/stamp\nCMD [\"cat\", \"/stamp\"]\n"})
	p.cdk(0, "bootstrap")
	for _, id := range []string{p.id(), p.id() + "-clients"} {
		if left, err := sandbox.Leftovers(t.Context(), id); err != nil || len(left) > 0 {
			t.Errorf("docker objects before the first build: %v (%v)", left, err)
		}
	}
	outputs, _ := p.deploy("Pictures")
	image := strings.TrimPrefix(outputs["Uri"], "123456789012.dkr.ecr.us-east-1.amazonaws.com/")
	if !strings.HasPrefix(image, "cdk-hnb659fds-container-assets-123456789012-us-east-1:") {
		t.Fatalf("the image is %s", outputs["Uri"])
	}
	if stamp := p.file(image, "/stamp"); stamp != "made by the client\n" {
		t.Errorf("the image holds %q", stamp)
	}
	p.write("image/Dockerfile", "FROM busybox:1\nRUN echo made again >/stamp\nCMD [\"cat\", \"/stamp\"]\n")
	again, _ := p.deploy("Pictures")
	if stamp := p.file(strings.TrimPrefix(again["Uri"], "123456789012.dkr.ecr.us-east-1.amazonaws.com/"), "/stamp"); stamp != "made again\n" {
		t.Errorf("the second image holds %q", stamp)
	}
	p.stop()
	if left, err := sandbox.Leftovers(t.Context(), p.id()+"-clients"); err != nil || len(left) > 0 {
		t.Errorf("docker objects after the engine's end: %v (%v)", left, err)
	}
}

func (p *project) id() string { return (&rehearsed{t: p.t, state: p.state}).id() }

// letters is an app of parameters; one of them may be wrong.
const letters = `
const cdk = require('aws-cdk-lib');
const ssm = require('aws-cdk-lib/aws-ssm');
const how = JSON.parse(require('fs').readFileSync('how.json'));
const app = new cdk.App();
const stack = new cdk.Stack(app, 'Letters', { terminationProtection: !!how.protected });
const first = new ssm.CfnParameter(stack, 'First', { type: 'String', value: how.first || 'a' });
const second = new ssm.CfnParameter(stack, 'Second', { type: 'String', value: how.second || 'b', allowedPattern: '^[a-z]+$' });
second.node.addDependency(first);
new cdk.CfnOutput(stack, 'Name', { value: first.ref });
`

// TestCDKFailures: a failed creation, a failed update, one that is left as it is and rolled back later, and a protected
// stack end as they do on AWS, and the next deployment goes on from there.
func TestCDKFailures(t *testing.T) {
	t.Parallel()
	p := newProject(t, "node app.js", map[string]string{"app.js": letters, "how.json": `{"second": "9"}`})
	p.cdk(0, "bootstrap")
	p.says(p.cdk(1, "deploy", "--require-approval=never"), "Letters/Second", "ROLLBACK_COMPLETE")
	if status := p.status("Letters"); status != "ROLLBACK_COMPLETE" {
		t.Errorf("after a failed creation the stack is %s", status)
	}
	p.write("how.json", `{}`)
	if outputs, _ := p.deploy("Letters"); outputs["Name"] == "" || p.status("Letters") != "CREATE_COMPLETE" {
		t.Errorf("the stack is %s with the outputs %v", p.status("Letters"), outputs)
	}
	p.write("how.json", `{"first": "c", "second": "9"}`)
	p.says(p.cdk(1, "deploy", "--require-approval=never"), "Letters/Second", "cannot be validated against allowedPattern")
	if status := p.status("Letters"); status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("after a failed update the stack is %s", status)
	}
	p.says(p.cdk(1, "deploy", "--require-approval=never", "--no-rollback"), "UPDATE_FAILED")
	if status := p.status("Letters"); status != "UPDATE_FAILED" {
		t.Errorf("a failed update without roll-back leaves the stack in %s", status)
	}
	p.cdk(0, "rollback")
	if status := p.status("Letters"); status != "UPDATE_ROLLBACK_COMPLETE" {
		t.Errorf("after the roll-back the stack is %s", status)
	}
	p.write("how.json", `{"protected": true}`)
	p.deploy("Letters")
	p.says(p.cdk(1, "destroy", "--force"), "cannot be deleted while TerminationProtection is enabled")
	p.write("how.json", `{}`)
	p.deploy("Letters")
	p.cdk(0, "destroy", "--force")
}

// TestEngineKilled: a stack that was being made when the engine was killed is rolled back by the next one, while clients
// look on, and the docker daemon of the clients is removed.
func TestEngineKilled(t *testing.T) {
	t.Parallel()
	p := newProject(t, "node app.js", map[string]string{"app.js": waiting})
	p.cdk(0, "bootstrap")
	deploying := p.command("deploy", "--require-approval=never")
	must(t, deploying.Start())
	p.until("Waiting", "CREATE_IN_PROGRESS")
	docker := exec.CommandContext(t.Context(), "docker", "--host", p.environment["DOCKER_HOST"], "version")
	if said, err := docker.CombinedOutput(); err != nil {
		t.Fatalf("docker version: %v\n%s", err, said)
	}
	must(t, p.cmd.Process.Signal(syscall.SIGKILL))
	must(t, deploying.Process.Kill()) // it would try again for minutes
	_ = p.cmd.Wait()
	_ = deploying.Wait()

	p.served = startEngine(t, p.state)
	p.until("Waiting", "ROLLBACK_COMPLETE")
	p.cdk(0, "destroy", "--force")
	if left, err := sandbox.Leftovers(t.Context(), p.id()+"-clients"); err != nil || len(left) > 0 {
		t.Errorf("the killed engine has left %v (%v)", left, err)
	}
}

// until waits for a stack's status.
func (p *project) until(stack, status string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	for p.status(stack) != status {
		select {
		case <-ctx.Done():
			p.t.Fatalf("the stack %s is %s, not %s", stack, p.status(stack), status)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// waiting is an app whose custom resource is never answered.
const waiting = `
const cdk = require('aws-cdk-lib');
const lambda = require('aws-cdk-lib/aws-lambda');
const app = new cdk.App();
const stack = new cdk.Stack(app, 'Waiting');
const silent = new lambda.Function(stack, 'Silent', { runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler',
  code: lambda.Code.fromInline('exports.handler = async (event) => { if (event.RequestType !== "Create") {' +
    'await fetch(event.ResponseURL, { method: "PUT", headers: { "content-type": "" }, body: JSON.stringify({ Status: "SUCCESS", PhysicalResourceId: event.PhysicalResourceId,' +
    'StackId: event.StackId, RequestId: event.RequestId, LogicalResourceId: event.LogicalResourceId }) }); } };') });
new cdk.CustomResource(stack, 'Never', { serviceToken: silent.functionArn });
`

// TestBootstrapRoles: the roles that the bootstrap stack makes for the CDK's command may do their part and no more.
func TestBootstrapRoles(t *testing.T) {
	t.Parallel()
	p := newProject(t, "node app.js", map[string]string{"app.js": letters, "how.json": "{}"})
	p.cdk(0, "bootstrap")
	role := func(name string) aws.Config {
		out, err := sts.NewFromConfig(p.config()).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleSessionName: aws.String("test"),
			RoleArn: aws.String("arn:aws:iam::123456789012:role/cdk-hnb659fds-" + name + "-role-123456789012-us-east-1")})
		must(t, err)
		c := p.config()
		c.Credentials = credentials.NewStaticCredentialsProvider(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken)
		return c
	}
	stack, body := aws.String("Mine"), aws.String(`{"Resources": {"P": {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}}}}`)
	create := func(c aws.Config, passed string) error {
		in := &cloudformation.CreateStackInput{StackName: stack, TemplateBody: body}
		if passed != "" {
			in.RoleARN = aws.String("arn:aws:iam::123456789012:role/cdk-hnb659fds-" + passed + "-role-123456789012-us-east-1")
		}
		_, err := cloudformation.NewFromConfig(c).CreateStack(t.Context(), in)
		return err
	}
	list := func(c aws.Config) error {
		_, err := cloudformation.NewFromConfig(c).ListStacks(t.Context(), &cloudformation.ListStacksInput{})
		return err
	}
	for name, c := range map[string]struct {
		err  error
		code string
	}{
		"the lookup role looks":                          {list(role("lookup")), ""},
		"the lookup role deploys":                        {create(role("lookup"), ""), "AccessDenied"},
		"the file publishing role looks":                 {list(role("file-publishing")), "AccessDenied"},
		"the deploy role passes another role":            {create(role("deploy"), "lookup"), "AccessDenied"},
		"CloudFormation is given a role not made for it": {create(p.config(), "lookup"), "ValidationError"},
		"the deploy role passes the role for it":         {create(role("deploy"), "cfn-exec"), ""},
	} {
		refused, code := smithy.APIError(nil), ""
		if errors.As(c.err, &refused) {
			code = refused.ErrorCode()
		}
		if code != c.code || c.err != nil && code == "" {
			t.Errorf("%s: %v, want %q", name, c.err, c.code)
		}
	}
	p.until(*stack, string(types.StackStatusCreateComplete))
}
