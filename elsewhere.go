package tokendocker

import (
	"fmt"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/machine"
)

// fact is a text about an image that stacks elsewhere read.
type fact string

// The facts; all other texts are made of them.
const (
	nameFact   fact = "name" // of the repository
	tagFact    fact = "tag"
	digestFact fact = "digest"
)

// elsewhere publishes an image's facts as Systems Manager parameters in the regions where other stacks read them.
// Exports would tie the stacks together: a value in use can neither change nor go. Which facts are read where is known
// when the references of the app are resolved, and then all of this is made.
type elsewhere struct {
	builder      *builder
	home         map[fact]*string
	parameters   map[fact]bool
	publications map[string]*publication // by region
}

// publication is the facts that one other region needs.
type publication struct{ facts []fact }

// read returns a fact as a parameter of the reader's stack. CloudFormation reads it anew at every deployment (AWS
// CloudFormation User Guide, "Systems Manager parameter types"), so the reader's stack comes after the builder's.
func (e *elsewhere) read(reader awscdk.Stack, f fact) (*string, error) {
	if err := e.follow(reader); err != nil {
		return nil, err
	}
	region, home := *reader.Region(), awscdk.Stack_Of(e.builder)
	if region == *home.Region() {
		e.publishAtHome(f)
	} else {
		e.publishIn(region, f)
	}
	id := jsii.String("Tokendocker" + pathHash(*e.builder.Node().Path()) + string(f))
	if made := reader.Node().TryFindChild(id); made != nil {
		return made.(awscdk.CfnParameter).ValueAsString(), nil
	}
	return awscdk.NewCfnParameter(reader, id, &awscdk.CfnParameterProps{
		Type:        jsii.String("AWS::SSM::Parameter::Value<String>"),
		Default:     jsii.String(e.parameter(f)),
		Description: jsii.String(fmt.Sprintf("%s of the image that %s builds", f, *e.builder.Node().Path())),
	}).ValueAsString(), nil
}

// follow makes the reader's stack come after the builder's.
func (e *elsewhere) follow(reader awscdk.Stack) (err error) {
	home := top(e.builder)
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the image is used by stack %s, which the builder's stack needs itself: %v", *reader.Node().Path(), p)
		}
	}()
	reader.AddStackDependency(home, jsii.String("image of "+*e.builder.Node().Path()))
	return nil
}

// prefix begins the names of all parameters of a stack.
func parameterPrefix(stack awscdk.Stack) string { return "/tokendocker/" + *stack.StackName() }

// parameter is the name of a fact's parameter, the same in every region. Two stacks of one name in two regions have
// parameters of their own.
func (e *elsewhere) parameter(f fact) string {
	home := top(e.builder)
	name := parameterPrefix(home) + "/" + pathHash(*e.builder.Node().Path())
	if region := *home.Region(); !isToken(region) {
		name += "/" + region
	}
	return name + "/" + string(f)
}

// publishAtHome makes a parameter in the builder's own region.
func (e *elsewhere) publishAtHome(f fact) {
	if e.parameters[f] {
		return
	}
	e.parameters[f] = true
	awsssm.NewCfnParameter(e.builder, jsii.String("Published"+string(f)), &awsssm.CfnParameterProps{
		Type:        jsii.String("String"),
		Name:        jsii.String(e.parameter(f)),
		Value:       e.home[f],
		Description: jsii.String(fmt.Sprintf("%s of the image that %s builds", f, *e.builder.Node().Path())),
	})
}

// publishIn has the handler write a parameter in another region.
func (e *elsewhere) publishIn(region string, f fact) {
	p, made := e.publications[region]
	if !made {
		p = &publication{}
		e.publications[region] = p
		policy := e.builder.provider.publish(region)
		resource := awscdk.NewCfnResource(e.builder, jsii.String("Publication-"+region), &awscdk.CfnResourceProps{
			Type: jsii.String("Custom::TokenInjectableDockerPublication"),
			Properties: &map[string]any{
				"ServiceToken": e.builder.provider.ServiceToken(),
				"Publication":  awscdk.Lazy_UncachedAny(&publicationProducer{e, p, region}, nil),
			},
		})
		resource.AddResourceDependency(policy, nil)
	}
	if !slices.Contains(p.facts, f) {
		p.facts = append(p.facts, f)
		slices.Sort(p.facts)
	}
}

// publicationProducer gives a publication once all of its facts are known.
type publicationProducer struct {
	elsewhere   *elsewhere
	publication *publication
	region      string
}

// Produce implements awscdk.IAnyProducer.
func (p *publicationProducer) Produce(awscdk.IResolveContext) any {
	out := contract.Publication{Region: p.region}
	for _, f := range p.publication.facts {
		out.Parameters = append(out.Parameters, contract.Parameter{Name: p.elsewhere.parameter(f), Value: *p.elsewhere.home[f]})
	}
	return asProperties(out)
}

// publications are the policies that let the function publish, by region.
type publications map[string]awsiam.CfnPolicy

// publish returns the policy for publishing in a region. Each is a resource of its own, so that it goes after the
// resources that need it to go.
func (p *provider) publish(region string) awsiam.CfnPolicy {
	if policy := p.publications[region]; policy != nil {
		return policy
	}
	if p.publications == nil {
		p.publications = publications{}
	}
	names, longest := namesIn(p), longestNames("")
	names.ParameterRegion, names.ParameterPrefix = region, parameterPrefix(top(p))
	longest.ParameterRegion, longest.ParameterPrefix = region, names.ParameterPrefix
	document := awsiam.NewPolicyDocument(nil)
	var list []entry
	for _, grant := range machine.PublicationActions() {
		document.AddStatements(statement(grant.Actions, grant.Resource.ARN(names)))
		list = append(list, entry{actions: grant.Actions, longest: grant.Resource.ARN(longest)})
	}
	p.functionPolicies.include(list)
	policy := awsiam.NewCfnPolicy(p.policyScope, jsii.String("Publication-"+region), &awsiam.CfnPolicyProps{
		PolicyName:     jsii.String("Publication-" + region),
		PolicyDocument: document,
		Roles:          &[]*string{p.functionRole.RoleName()},
	})
	p.publications[region] = policy
	return policy
}
