package tokendocker

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// answerMinutes is the time that a builder has beside the build itself: to stop what it overtakes, to wait for
// permissions to spread, to look at the image and to answer.
const answerMinutes = 8

// request is the builder's build request, with tokens in its fields.
func (b *builder) request() contract.Request {
	stack := awscdk.Stack_Of(b)
	r := contract.Request{
		Version:        contract.Version,
		Source:         b.source,
		Repository:     contract.Repository{Name: *b.repository.RepositoryName(), URI: *b.repositoryURI},
		Project:        *b.project.Ref(),
		LogGroup:       buildLogs + *b.project.Ref(),
		Platform:       b.platform.docker,
		ExtraHash:      settle(b.extraHash, stack),
		BuildMinutes:   decimal(b.minutes),
		ServiceSeconds: decimal(serviceSeconds(b.minutes)),
		QueryInterval:  decimal(b.provider.querySeconds()),
	}
	if b.context.dockerfile != defaultDockerfile {
		r.Dockerfile = b.context.dockerfile
	}
	for _, name := range slices.Sorted(maps.Keys(b.args)) {
		r.Args = append(r.Args, contract.Argument{Name: name, Value: settle(b.args[name], stack)})
	}
	return r
}

// requestProducer gives the request when the app is synthesized: late, so that it sees what was said after the
// builder was made, and again each time, since only the last time has all references resolved.
type requestProducer struct{ builder *builder }

// Produce implements awscdk.IAnyProducer.
func (p *requestProducer) Produce(awscdk.IResolveContext) any {
	properties, err := asProperties(p.builder.request())
	if err != nil {
		fail("request of %s: %w", *p.builder.Node().Path(), err)
	}
	return properties
}

// asProperties gives a request the form that CDK resolves tokens in. The field names are the contract's own.
func asProperties(r contract.Request) (map[string]any, error) {
	data, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	var properties map[string]any
	return properties, json.Unmarshal(data, &properties)
}

// serviceSeconds is the time that CloudFormation waits for a build's answer.
func serviceSeconds(buildMinutes float64) float64 {
	return min((buildMinutes+answerMinutes)*60, contract.MaxServiceSeconds)
}

// decimal writes a whole number.
func decimal(n float64) string { return strconv.FormatFloat(n, 'f', -1, 64) }
