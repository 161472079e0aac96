package simulated_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated"
)

func request(resourceType string, properties map[string]any) resource.Request {
	return resource.Request{Type: resourceType, LogicalID: "Thing", Properties: properties,
		Stack: resource.Stack{ID: "arn:x", Name: "Stack", Account: "123456789012", Region: "eu-west-1", Partition: "aws", URLSuffix: "amazonaws.com"}}
}

// TestOnlySimulated is the marked case table: what has identifiers and nothing behind them.
func TestOnlySimulated(t *testing.T) {
	cases := []struct {
		name, source, limit, resourceType string
	}{
		{name: "schedules of EventBridge Scheduler", source: "EventBridge Scheduler User Guide, Managing a schedule, 2026-11", limit: "no time comes; that of a rule of EventBridge does", resourceType: "AWS::Scheduler::Schedule"},
		{name: "topics", source: "Amazon SNS Developer Guide, Message delivery, 2026-11", limit: "nothing can be published or subscribed to", resourceType: "AWS::SNS::Topic"},
		{name: "queues", source: "Amazon SQS Developer Guide, Sending and receiving, 2026-11", limit: "nothing can be sent or received; event source mappings read nothing", resourceType: "AWS::SQS::Queue"},
		{name: "tables", source: "Amazon DynamoDB Developer Guide, Working with items, 2026-11", limit: "there are no items and no streams", resourceType: "AWS::DynamoDB::Table"},
		{name: "APIs", source: "Amazon API Gateway Developer Guide, Invoke REST APIs, 2026-11", limit: "the URL has its right form, and nobody answers there", resourceType: "AWS::ApiGateway::RestApi"},
		{name: "services and tasks", source: "Amazon ECS Developer Guide, Services, 2026-11", limit: "no container runs; that each image can be pulled is checked", resourceType: "AWS::ECS::Service"},
		{name: "databases", source: "Amazon RDS User Guide, Connecting, 2026-11", limit: "endpoints have their right form, and no database is behind them", resourceType: "AWS::RDS::DBInstance"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			made, err := simulated.New(nil).Provider(c.resourceType).Create(t.Context(), request(c.resourceType, nil))
			if err != nil || made.PhysicalID == "" {
				t.Errorf("%s: %+v, %v", c.resourceType, made, err)
			}
		})
	}
}

func TestIdentifiersAndAttributes(t *testing.T) {
	page := func(name string) string { return "Template Reference, " + name + ", Return values, 2026-11" }
	cases := []struct {
		source, resourceType string
		properties           map[string]any
		attribute            string // empty: Ref
		want                 string // a regular expression
	}{
		{page("AWS::ApiGateway::RestApi"), "AWS::ApiGateway::RestApi", map[string]any{"Name": "n"}, "", `[a-z0-9]{10}`},
		{page("AWS::ApiGateway::RestApi"), "AWS::ApiGateway::RestApi", nil, "RootResourceId", `[a-z0-9]{10}`},
		{page("AWS::ApiGateway::Stage"), "AWS::ApiGateway::Stage", map[string]any{"StageName": "prod"}, "", `prod`},
		{page("AWS::EC2::Volume"), "AWS::EC2::Volume", nil, "", `vol-[0-9a-f]{17}`},
		{page("AWS::EC2::Instance"), "AWS::EC2::Instance", map[string]any{"AvailabilityZone": "eu-west-1c"}, "AvailabilityZone", `eu-west-1c`},
		{page("AWS::ECS::TaskDefinition"), "AWS::ECS::TaskDefinition", map[string]any{"Family": "web"}, "", `arn:aws:ecs:eu-west-1:123456789012:task-definition/web:1`},
		{page("AWS::ECS::Cluster"), "AWS::ECS::Cluster", nil, "Arn", `arn:aws:ecs:eu-west-1:123456789012:cluster/Stack-Thing-[A-Z0-9]{8}`},
		{page("AWS::SQS::Queue"), "AWS::SQS::Queue", map[string]any{"QueueName": "q"}, "", `https://sqs\.eu-west-1\.amazonaws\.com/123456789012/q`},
		{page("AWS::SQS::Queue"), "AWS::SQS::Queue", map[string]any{"QueueName": "q"}, "Arn", `arn:aws:sqs:eu-west-1:123456789012:q`},
		{page("AWS::SNS::Topic"), "AWS::SNS::Topic", nil, "TopicName", `Stack-Thing-[A-Z0-9]{8}`},
		{page("AWS::DynamoDB::Table"), "AWS::DynamoDB::Table", map[string]any{"TableName": "t"}, "StreamArn", `arn:aws:dynamodb:eu-west-1:123456789012:table/t/stream/2026-01-01T00:00:00\.000`},
		{page("AWS::KMS::Key"), "AWS::KMS::Key", nil, "Arn", `arn:aws:kms:eu-west-1:123456789012:key/[0-9a-f-]{36}`},
		{page("AWS::ElasticLoadBalancingV2::LoadBalancer"), "AWS::ElasticLoadBalancingV2::LoadBalancer", nil, "DNSName", `Stack-Thing-[A-Z0-9]{8}-[0-9]{9}\.eu-west-1\.elb\.amazonaws\.com`},
		{page("AWS::RDS::DBInstance"), "AWS::RDS::DBInstance", map[string]any{"Engine": "postgres"}, "Endpoint.Address", `stack-thing-[a-z0-9]{8}\.[a-z0-9]{12}\.eu-west-1\.rds\.amazonaws\.com`},
		{page("AWS::RDS::DBInstance"), "AWS::RDS::DBInstance", map[string]any{"Engine": "postgres"}, "Endpoint.Port", `5432`},
		{page("AWS::AppSync::GraphQLApi"), "AWS::AppSync::GraphQLApi", nil, "", `arn:aws:appsync:eu-west-1:123456789012:apis/[a-z0-9]{26}`},
		{page("AWS::AppSync::GraphQLApi"), "AWS::AppSync::GraphQLApi", nil, "GraphQLUrl", `https://[a-z0-9]{26}\.appsync-api\.eu-west-1\.amazonaws\.com/graphql`},
		{page("AWS::Cognito::UserPool"), "AWS::Cognito::UserPool", nil, "Arn", `arn:aws:cognito-idp:eu-west-1:123456789012:userpool/eu-west-1_[A-Za-z0-9]{9}`},
		{page("AWS::CertificateManager::Certificate"), "AWS::CertificateManager::Certificate", map[string]any{"DomainName": "a.example"}, "", `arn:aws:acm:eu-west-1:123456789012:certificate/[0-9a-f-]{36}`},
		{page("AWS::Cognito::UserPoolDomain"), "AWS::Cognito::UserPoolDomain", map[string]any{"UserPoolId": "u", "Domain": "shop"}, "", `shop`},
		{page("AWS::Kinesis::Stream"), "AWS::Kinesis::Stream", nil, "Arn", `arn:aws:kinesis:eu-west-1:123456789012:stream/Stack-Thing-[A-Z0-9]{8}`},
		{page("AWS::WAFv2::WebACL"), "AWS::WAFv2::WebACL", nil, "Capacity", `1`},
		{page("AWS::EC2::LaunchTemplate"), "AWS::EC2::LaunchTemplate", nil, "LatestVersionNumber", `1`},
		{page("AWS::IAM::InstanceProfile"), "AWS::IAM::InstanceProfile", nil, "Arn", `arn:aws:iam::123456789012:instance-profile/Stack-Thing-[A-Z0-9]{8}`},
		{page("AWS::SecretsManager::SecretTargetAttachment"), "AWS::SecretsManager::SecretTargetAttachment", map[string]any{"SecretId": "arn:x"}, "", `arn:x`},
		{"none: a type that nobody has heard of", "Some::Made::Up", nil, "", `Stack-Thing-[A-Z0-9]{8}`},
		{"none: a type that nobody has heard of", "Some::Made::Up", nil, "Anything", `Stack-Thing-[A-Z0-9]{8}-Anything`},
	}
	sim := simulated.New(nil)
	for _, c := range cases {
		t.Run(c.resourceType+" "+c.attribute, func(t *testing.T) {
			p := sim.Provider(c.resourceType)
			r := request(c.resourceType, c.properties)
			made, err := p.Create(t.Context(), r)
			if err != nil {
				t.Fatal(err)
			}
			again, err := p.Create(t.Context(), request(c.resourceType, c.properties))
			if err != nil || again.PhysicalID != made.PhysicalID {
				t.Errorf("made %s and %s of one resource (%v)", made.PhysicalID, again.PhysicalID, err)
			}
			r.PhysicalID = made.PhysicalID
			d := p.(resource.Describer)
			var got any = d.Ref(r)
			if c.attribute != "" {
				if got, err = d.Attribute(r, c.attribute); err != nil {
					t.Fatal(err)
				}
			}
			if !regexp.MustCompile("^" + c.want + "$").MatchString(fmt.Sprint(got)) {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}

func TestIdentifiersDiffer(t *testing.T) {
	p := simulated.New(nil).Provider("AWS::EC2::CustomerGateway")
	id := func(change func(*resource.Request)) string {
		r := request("AWS::EC2::CustomerGateway", map[string]any{"IpAddress": "192.0.2.1"})
		change(&r)
		made, err := p.Create(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return made.PhysicalID
	}
	base := id(func(*resource.Request) {})
	differ := map[string]func(*resource.Request){
		"account": func(r *resource.Request) { r.Stack.Account = "2" }, "region": func(r *resource.Request) { r.Stack.Region = "us-east-1" },
		"stack name": func(r *resource.Request) { r.Stack.Name = "T" }, "logical id": func(r *resource.Request) { r.LogicalID = "U" },
		"immutable property": func(r *resource.Request) { r.Properties["IpAddress"] = "192.0.2.2" },
	}
	for name, change := range differ {
		if id(change) == base {
			t.Errorf("another %s has the same identifier", name)
		}
	}
	if id(func(r *resource.Request) { r.Stack.ID, r.Properties["Tags"] = "arn:y", "z" }) != base {
		t.Error("a fresh stack or a tag has another identifier")
	}
}

func TestTaskDefinitionRevisionsAndCheck(t *testing.T) {
	refused := errors.New("cannot pull")
	fail := false
	p := simulated.New(map[string]simulated.Check{"AWS::ECS::TaskDefinition": func(context.Context, resource.Request) error {
		if fail {
			return refused
		}
		return nil
	}}).Provider("AWS::ECS::TaskDefinition")
	r := request("AWS::ECS::TaskDefinition", map[string]any{"Family": "web"})
	made, err := p.Create(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	r.Replaces = made.PhysicalID
	next, err := p.Create(t.Context(), r)
	if err != nil || next.PhysicalID != "arn:aws:ecs:eu-west-1:123456789012:task-definition/web:2" {
		t.Errorf("%v, %v", next, err)
	}
	r.Properties = map[string]any{"Family": "other"}
	if other, err := p.Create(t.Context(), r); err != nil || other.PhysicalID != "arn:aws:ecs:eu-west-1:123456789012:task-definition/other:1" {
		t.Errorf("%v, %v", other, err)
	}
	fail = true
	if _, err := p.Update(t.Context(), r); !errors.Is(err, refused) {
		t.Errorf("update: %v", err)
	}
	if _, err := p.Create(t.Context(), r); !errors.Is(err, refused) {
		t.Errorf("create: %v", err)
	}
}

func TestParseSet(t *testing.T) {
	cases := []struct {
		in   string
		want simulated.Set
		ok   bool
	}{
		{"S.Api=abc", simulated.Set{Stack: "S", LogicalID: "Api", Value: "abc"}, true},
		{"S.Db.Endpoint.Address=a=b", simulated.Set{Stack: "S", LogicalID: "Db", Attribute: "Endpoint.Address", Value: "a=b"}, true},
		{"S.Api=", simulated.Set{Stack: "S", LogicalID: "Api"}, true},
		{"S.Api=line\nx.y=z", simulated.Set{Stack: "S", LogicalID: "Api", Value: "line\nx.y=z"}, true},
		{"S.Api", simulated.Set{}, false},
		{"Api=abc", simulated.Set{}, false},
		{"S..X=1", simulated.Set{}, false},
		{"S.Api.=1", simulated.Set{}, false},
	}
	for _, c := range cases {
		got, err := simulated.ParseSet(c.in)
		if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != c.ok {
			t.Errorf("%q: %v (-want +got):\n%s", c.in, err, diff)
		}
	}
}

func TestClosest(t *testing.T) {
	names := []string{"ApiF70053CD", "FrontendBuild", "Queue"}
	for name, want := range map[string]string{"Api": "ApiF70053CD", "FrontendBiuld": "FrontendBuild", "queue": "Queue", "Elephant": ""} {
		if got := simulated.Closest(name, names); got != want {
			t.Errorf("closest to %s is %q, want %q", name, got, want)
		}
	}
}

// TestAttributeThatATypeDoesNotHave fails as in CloudFormation.
// Source: AWS CloudFormation User Guide, "Fn::GetAtt", 2026-11.
func TestAttributeThatATypeDoesNotHave(t *testing.T) {
	d := simulated.New(nil).Provider("AWS::SNS::Topic").(resource.Describer)
	_, err := d.Attribute(request("AWS::SNS::Topic", nil), "Arn")
	if want := "Template error: resource Thing does not support attribute type Arn in Fn::GetAtt"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestReplacements: which changes make another resource is what CloudFormation's schemas say.
func TestReplacements(t *testing.T) {
	cases := []struct {
		source, resourceType, property string
		want                           bool
	}{
		{"Template Reference, AWS::Kinesis::Stream, 2026-11", "AWS::Kinesis::Stream", "Name", true},
		{"Template Reference, AWS::Kinesis::Stream, 2026-11", "AWS::Kinesis::Stream", "ShardCount", false},
		{"Template Reference, AWS::EFS::AccessPoint, 2026-11", "AWS::EFS::AccessPoint", "PosixUser", true},
		{"Template Reference, AWS::ECS::TaskDefinition, 2026-11", "AWS::ECS::TaskDefinition", "Cpu", true},
		{"Template Reference, AWS::ECS::TaskDefinition, 2026-11", "AWS::ECS::TaskDefinition", "Tags", false},
	}
	for _, c := range cases {
		if got := slices.Contains(simulated.New(nil).Provider(c.resourceType).(resource.Replacer).Immutable(), c.property); got != c.want {
			t.Errorf("%s of %s: %v, want %v", c.property, c.resourceType, got, c.want)
		}
	}
}

// TestReplacementOfTheSameName fails as in CloudFormation.
// Source: AWS CloudFormation User Guide, "Name type", 2026-11.
func TestReplacementOfTheSameName(t *testing.T) {
	p := simulated.New(nil).Provider("AWS::DynamoDB::Table")
	table := func(name, replaces string) error {
		r := request("AWS::DynamoDB::Table", map[string]any{"KeySchema": "other"})
		if name != "" {
			r.Properties["TableName"] = name
		}
		r.Replaces = replaces
		_, err := p.Create(t.Context(), r)
		return err
	}
	want := "CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename posts and update the stack again."
	if err := table("posts", "posts"); err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	for _, name := range []string{"", "posts-v2"} {
		if err := table(name, "posts"); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}
