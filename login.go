package tokendocker

import (
	"fmt"
	"regexp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// login is a docker login before the build.
type login struct {
	secret   string // ARN, perhaps a token, perhaps without the characters that Secrets Manager adds
	registry string // empty means Docker Hub
	key      awskms.IKey
}

var (
	secretARN     = regexp.MustCompile(`^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:.+$`)
	fullSecretARN = regexp.MustCompile(`-[A-Za-z0-9]{6}$`)
	registryHost  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]+)?$`)
)

// readLogin takes the login from whichever of the two properties gives it.
func (b *builder) readLogin(arn *string, given *DockerLogin) {
	switch {
	case arn == nil && given == nil:
		return
	case arn != nil && given != nil:
		b.problems.add("DockerLoginSecretArn and DockerLogin are both given: leave one out")
		return
	case given == nil:
		given = &DockerLogin{SecretArn: arn}
	}
	l := &login{registry: b.known("DockerLogin.Registry", given.Registry, ""), key: given.EncryptionKey}
	switch {
	case given.Secret == nil && given.SecretArn == nil:
		b.problems.add("DockerLogin names no secret: give Secret or SecretArn")
		return
	case given.Secret != nil && given.SecretArn != nil:
		b.problems.add("DockerLogin has Secret and SecretArn: leave one out")
		return
	case given.Secret != nil:
		l.secret = *given.Secret.SecretArn()
		if l.key == nil {
			l.key = given.Secret.EncryptionKey()
		}
	default:
		l.secret = *given.SecretArn
	}
	if !isToken(l.secret) && !secretARN.MatchString(l.secret) {
		b.problems.add("the docker login's secret is %q: give its ARN, arn:PARTITION:secretsmanager:REGION:ACCOUNT:secret:NAME", l.secret)
		return
	}
	if l.registry != "" && !registryHost.MatchString(l.registry) {
		b.problems.add("DockerLogin.Registry is %q: give a host such as \"ghcr.io\", without a scheme or a path", l.registry)
		return
	}
	b.login = l
}

// request is the login as the build is told it.
func (l *login) request() *contract.Login {
	if l == nil {
		return nil
	}
	return &contract.Login{Secret: l.secret, Registry: l.registry}
}

// statements let the build's role read the secret. IAM compares the secret's full ARN, so an ARN without its last
// characters gets a pattern for them (AWS Secrets Manager User Guide, "IAM policy statement": "-??????"). Of a token
// nobody knows which of both it is.
func (l *login) statements(stack awscdk.Stack) []awsiam.PolicyStatement {
	if l == nil {
		return nil
	}
	var arns []string
	if isToken(l.secret) || fullSecretARN.MatchString(l.secret) {
		arns = append(arns, l.secret)
	}
	if !fullSecretARN.MatchString(l.secret) || isToken(l.secret) {
		arns = append(arns, l.secret+"-??????")
	}
	list := []awsiam.PolicyStatement{statement([]string{"secretsmanager:GetSecretValue"}, arns...)}
	if l.key != nil {
		list = append(list, awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings("kms:Decrypt"),
			Resources: &[]*string{l.key.KeyArn()},
			Conditions: &map[string]any{
				"StringEquals": map[string]string{"kms:ViaService": fmt.Sprintf("secretsmanager.%s.%s", *stack.Region(), *stack.UrlSuffix())},
			},
		}))
	}
	return list
}
