package rehearsals

import (
	"regexp"
	"strings"
	"testing"
)

// TestCustomResourcesOfTheCDK deploys what brings a custom resource of the CDK's own with it, and deletes it.
func TestCustomResourcesOfTheCDK(t *testing.T) {
	const library = "aws-cdk-lib 2.270.0, custom-resource-handlers"
	cases := []struct {
		name, source, limit string
		said                string    // form of the output
		kept                [2]string // table of the state, and a part of what is in it afterwards
		fails               string    // part of the reason, where it cannot work
	}{
		{name: "auto-delete-images", source: library},
		{name: "auto-delete-objects", source: library, kept: [2]string{"s3-buckets", "aws-cdk:auto-delete-objects"}},
		{name: "bucket-deployment", source: library, said: `cdk-bucket.+`, kept: [2]string{"s3-objects", "index.html"}},
		{name: "bucket-notifications", source: library, kept: [2]string{"s3-buckets", "s3:ObjectCreated:*"}},
		{name: "cfn-json", source: library, said: `Cdk-Role.+`, kept: [2]string{"iam-roles", `:sub`}},
		{name: "custom-resource-provider", source: library, said: `3`},
		{name: "drop-spam", source: library},
		{name: "edge-function", source: library, said: `arn:aws:lambda:us-east-1:123456789012:function:edge-lambda-stack-.+:1`},
		{name: "evaluate-expression", source: library},
		{name: "log-retention", source: library, kept: [2]string{"log-groups", "/some/group"}},
		{name: "oidc-provider", source: library, kept: [2]string{"iam-oidc-providers", "token.actions.githubusercontent.com"}},
		{name: "restrict-default-group", source: library},
		{name: "client-secret", source: library, limit: "the engine has no Cognito", fails: `tokendocker has no service "cognito-idp"`},
		{name: "delete-record-set", source: library, limit: "the engine has no Route 53", fails: `tokendocker has no service "route53"`},
		{name: "table-replica", source: library, limit: "the engine has no DynamoDB", fails: `tokendocker has no service "dynamodb"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFleetRun(t, fleetApp{name: "custom-resources"})
			f.copyApp()
			code := 0
			if c.fails != "" {
				code = 4
			}
			o := f.with(map[string]any{"kind": c.name}).wantExit(code)
			last := o.summary.Stacks[len(o.summary.Stacks)-1]
			if c.fails != "" && (last.Failure == nil || !strings.Contains(last.Failure.Reason, c.fails) || last.Status != "ROLLBACK_COMPLETE") {
				t.Errorf("%+v, want a failure with %q", last.Failure, c.fails)
			}
			if !regexp.MustCompile("^" + c.said + "$").MatchString(last.Outputs["Said"]) {
				t.Errorf("said %q, want %s", last.Outputs["Said"], c.said)
			}
			found := c.kept[0] == ""
			f.table(c.kept[0], func(key string, raw []byte) { found = found || strings.Contains(key+" "+string(raw), c.kept[1]) })
			if !found {
				t.Errorf("nothing in %s has %q", c.kept[0], c.kept[1])
			}
			f.checkGone(f.rehearse(f.env, "--destroy").wantExit(0))
		})
	}
}
