package tokendocker

import (
	"encoding/json"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/tokendocker/tokendocker/internal/buildcontext"
	"github.com/tokendocker/tokendocker/internal/contract"
)

// answerMinutes is the time that a builder has beside the build itself: to stop what it overtakes, to wait for
// permissions to spread, to look at the image and to answer.
const answerMinutes = 8

// replicaMinutes is the time that replicas have to arrive. Most do within half an hour (Amazon ECR User Guide,
// "Private image replication").
const replicaMinutes = 30

// request is the builder's build request, with tokens in its fields.
func (b *builder) request() contract.Request {
	stack := awscdk.Stack_Of(b)
	r := contract.Request{
		Version:        contract.Version,
		Source:         b.source,
		Repository:     contract.Repository{Name: *b.repository.RepositoryName(), URI: *b.repositoryURI()},
		Project:        *b.project.Ref(),
		LogGroup:       b.logNames().LogGroup,
		RetainLogs:     flag(b.logs.retain),
		Platform:       b.platform.docker,
		Args:           arguments(b.args, stack),
		Install:        settled(b.commands.install, stack),
		PreBuild:       settled(b.commands.preBuild, stack),
		Environment:    arguments(b.commands.environment, stack),
		Login:          b.login.request(),
		BuildImage:     b.image.chosen,
		BuildKit:       b.buildkit,
		Replicas:       b.replicas,
		LambdaPull:     flag(b.consumers.pulls && len(b.replicas) > 0),
		CacheDisabled:  flag(b.cacheDisabled),
		CacheURI:       b.cacheURI(),
		ExtraHash:      settle(b.extraHash, stack),
		BuildMinutes:   decimal(b.minutes),
		ServiceSeconds: decimal(b.serviceSeconds()),
		QueryInterval:  decimal(b.provider.querySeconds()),
	}
	if b.context.Dockerfile != buildcontext.Dockerfile {
		r.Dockerfile = b.context.Dockerfile
	}
	return r
}

// requestProducer gives the request when the app is synthesized: late, so that it sees what was said after the
// builder was made, and again each time, since only the last time has all references resolved.
type requestProducer struct{ builder *builder }

// Produce implements awscdk.IAnyProducer.
func (p *requestProducer) Produce(awscdk.IResolveContext) any {
	return asProperties(p.builder.request())
}

// asProperties gives a value of the contract the form that CDK resolves tokens in. The field names are the contract's
// own.
func asProperties(value any) map[string]any {
	data, err := json.Marshal(value)
	if err != nil {
		fail("write %T: %w", value, err)
	}
	var properties map[string]any
	if err := json.Unmarshal(data, &properties); err != nil {
		fail("write %T: %w", value, err)
	}
	return properties
}

// serviceSeconds is the time that CloudFormation waits for a build's answer.
func (b *builder) serviceSeconds() float64 {
	minutes := b.minutes + answerMinutes
	if len(b.replicas) > 0 {
		minutes += replicaMinutes
	}
	return min(minutes*60, contract.MaxServiceSeconds)
}

// flag writes a truth as the contract does.
func flag(is bool) string {
	if is {
		return "true"
	}
	return ""
}

// decimal writes a whole number.
func decimal(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
