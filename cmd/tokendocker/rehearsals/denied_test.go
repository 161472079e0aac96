package rehearsals

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// TestDeniedCallsAreReported takes a permission out of the builds' role: the report of the failed deployment names the
// call and the statement that is missing.
func TestDeniedCallsAreReported(t *testing.T) {
	app, files := one("FROM busybox:1\nARG A\nRUN true\n")
	r := newApp(t, app, files)
	cdkOut := r.synthesize()
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

// TestEngineSaysWhatIsDenied: a client's role lacks a statement; the engine's user reads which.
func TestEngineSaysWhatIsDenied(t *testing.T) {
	r := startEngine(t, filepath.Join(t.TempDir(), "state"))
	config := r.config()
	made, err := iam.NewFromConfig(config).CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("Reader"), AssumeRolePolicyDocument: aws.String(
		fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":%q},"Action":"sts:AssumeRole"}}`, r.environment["CDK_DEFAULT_ACCOUNT"]))})
	must(t, err)
	as, err := sts.NewFromConfig(config).AssumeRole(t.Context(), &sts.AssumeRoleInput{RoleArn: made.Role.Arn, RoleSessionName: aws.String("run")})
	must(t, err)
	config.Credentials = credentials.NewStaticCredentialsProvider(*as.Credentials.AccessKeyId, *as.Credentials.SecretAccessKey, *as.Credentials.SessionToken)
	for range 2 {
		if _, err := ssm.NewFromConfig(config).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/a")}); err == nil {
			t.Fatal("a role without policies may read a parameter")
		}
	}
	r.stop()
	remedy := `{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"arn:aws:ssm:us-east-1:` + r.environment["CDK_DEFAULT_ACCOUNT"] + `:parameter/a"}`
	if said := r.stderr.String(); strings.Count(said, "denied: User: ") != 1 || !strings.Contains(said, remedy) {
		t.Errorf("the engine said\n%s", said)
	}
}
