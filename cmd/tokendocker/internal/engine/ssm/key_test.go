package ssm_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/kms"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/ssm"
)

// TestKeys is the marked case table of secure strings with a key of their own: the Parameter Store uses it for the
// caller, who needs the right to it.
func TestKeys(t *testing.T) {
	const page = "AWS Systems Manager User Guide, AWS KMS encryption for SecureString parameters, 2026-11"
	const key = "arn:aws:kms:eu-west-1:111122223333:key/1" // as if with the default key policy
	const ssmOnly = `{"Effect":"Allow","Action":"ssm:*","Resource":"*"}`
	kmsToo := func(action, condition string) string {
		return ssmOnly + `,{"Effect":"Allow","Action":"` + action + `","Resource":"` + key + `"` + condition + `}`
	}
	get := func(c *awsssm.Client) error {
		_, err := c.GetParameter(ctx, &awsssm.GetParameterInput{Name: aws.String("/own"), WithDecryption: aws.Bool(true)})
		return err
	}
	cases := []struct {
		name, source, limit string
		statements          string
		do                  func(c *awsssm.Client) error
		want                string
	}{
		{name: "read", source: page, statements: kmsToo("kms:Decrypt", ""), do: get},
		{name: "read without the key", source: page, statements: ssmOnly, do: get, want: "AccessDeniedException"},
		{name: "read this parameter", source: page, do: get,
			statements: kmsToo("kms:Decrypt", `,"Condition":{"StringEquals":{"kms:EncryptionContext:PARAMETER_ARN":"arn:aws:ssm:eu-west-1:111122223333:parameter/own"}}`)},
		{name: "read another parameter", source: page, do: get, want: "AccessDeniedException",
			statements: kmsToo("kms:Decrypt", `,"Condition":{"StringEquals":{"kms:EncryptionContext:PARAMETER_ARN":"arn:aws:ssm:eu-west-1:111122223333:parameter/other"}}`)},
		{name: "read several without the key", source: page, statements: ssmOnly, want: "AccessDeniedException", do: func(c *awsssm.Client) error {
			_, err := c.GetParameters(ctx, &awsssm.GetParametersInput{Names: []string{"/plain", "/own"}, WithDecryption: aws.Bool(true)})
			return err
		}},
		{name: "read as it is stored", source: page, statements: ssmOnly, do: func(c *awsssm.Client) error {
			_, err := c.GetParameter(ctx, &awsssm.GetParameterInput{Name: aws.String("/own")})
			return err
		}},
		{name: "read by path", source: page, limit: "reading by path does not ask for the key", statements: ssmOnly, do: func(c *awsssm.Client) error {
			_, err := c.GetParametersByPath(ctx, &awsssm.GetParametersByPathInput{Path: aws.String("/"), WithDecryption: aws.Bool(true)})
			return err
		}},
		{name: "the account's own key", source: page, statements: ssmOnly, do: func(c *awsssm.Client) error {
			_, err := c.GetParameter(ctx, &awsssm.GetParameterInput{Name: aws.String("/managed"), WithDecryption: aws.Bool(true)})
			return err
		}},
		{name: "write without the key", source: page, statements: kmsToo("kms:Decrypt", ""), want: "AccessDeniedException", do: func(c *awsssm.Client) error {
			return put(c, awsssm.PutParameterInput{Name: aws.String("/new"), Value: aws.String("v"), Type: types.ParameterTypeSecureString, KeyId: aws.String(key)})
		}},
		{name: "write with an alias that is not there", source: page, statements: kmsToo("kms:Encrypt", ""), want: "InvalidKeyId", do: func(c *awsssm.Client) error {
			return put(c, awsssm.PutParameterInput{Name: aws.String("/new"), Value: aws.String("v"), Type: types.ParameterTypeSecureString, KeyId: aws.String("alias/none")})
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			front, store := doortest.New(t, 1), doortest.Store(t)
			keys, err := kms.New(kms.Options{Account: doortest.Account, Partition: doortest.Partition, Clock: front.Clock, Store: store, Caller: front.Door})
			if err != nil {
				t.Fatal(err)
			}
			room, err := ssm.New(ssm.Options{Account: doortest.Account, Partition: doortest.Partition, Clock: front.Clock, Store: store, Keys: keys})
			if err != nil {
				t.Fatal(err)
			}
			front.Register(room)
			owner := awsssm.NewFromConfig(front.Config(front.Operator))
			for name, in := range map[string]awsssm.PutParameterInput{
				"/plain": {}, "/managed": {Type: types.ParameterTypeSecureString}, "/own": {Type: types.ParameterTypeSecureString, KeyId: aws.String(key)},
			} {
				in.Name, in.Value = &name, aws.String("v")
				if err := put(owner, in); err != nil {
					t.Fatal(err)
				}
			}
			as := front.Role("User", `{"Version":"2012-10-17","Statement":[`+c.statements+`]}`)
			if got := code(c.do(awsssm.NewFromConfig(front.Config(as)))); got != c.want {
				t.Errorf("got %q, want %q (%s)", got, c.want, c.source)
			}
		})
	}
}
