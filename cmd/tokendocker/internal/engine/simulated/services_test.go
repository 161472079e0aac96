package simulated_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated"
)

// TestFormsOfServices looks at the types that templates use most, apart from those of the engine's own rooms.
func TestFormsOfServices(t *testing.T) {
	const uuid = `[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}`
	const at = `eu-west-1:123456789012:`
	cases := []struct {
		resourceType string // source: Template Reference, the type's page, Return values, 2026-11
		properties   map[string]any
		attribute    string // empty: Ref
		want         string // a regular expression
	}{
		{"AWS::AmazonMQ::Broker", nil, "", `b-` + uuid},
		{"AWS::AmazonMQ::Broker", nil, "AmqpEndpoints", `\[amqps://b-` + uuid + `\.mq\.eu-west-1\.amazonaws\.com:5671\]`},
		{"AWS::ApiGateway::DomainName", nil, "RegionalDomainName", `d-[a-z0-9]{10}\.execute-api\.eu-west-1\.amazonaws\.com`},
		{"AWS::ApiGatewayV2::Api", map[string]any{"ProtocolType": "WEBSOCKET"}, "ApiEndpoint", `wss://[a-z0-9]{10}\.execute-api\.eu-west-1\.amazonaws\.com`},
		{"AWS::ApiGatewayV2::Api", map[string]any{"ProtocolType": "HTTP"}, "ApiEndpoint", `https://[a-z0-9]{10}\.execute-api\.eu-west-1\.amazonaws\.com`},
		{"AWS::AppConfig::Application", map[string]any{"Name": "n"}, "", `[a-z0-9]{7}`},
		{"AWS::AppRunner::Service", map[string]any{"ServiceName": "s"}, "", `arn:aws:apprunner:` + at + `service/s/[0-9a-f]{32}`},
		{"AWS::AppSync::ApiKey", map[string]any{"ApiId": "a"}, "", `arn:aws:appsync:` + at + `apis/a/apikeys/da2-[a-z0-9]{26}`},
		{"AWS::AppSync::DataSource", map[string]any{"ApiId": "a", "Name": "d"}, "", `arn:aws:appsync:` + at + `apis/a/datasources/d`},
		{"AWS::AppSync::GraphQLApi", nil, "ApiId", `[a-z0-9]{26}`},
		{"AWS::ApplicationAutoScaling::ScalableTarget", map[string]any{"ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount", "ServiceNamespace": "ecs"}, "", `service/c/s\|ecs:service:DesiredCount\|ecs`},
		{"AWS::ApplicationAutoScaling::ScalingPolicy", map[string]any{"ScalingTargetId": "service/c/s|ecs:service:DesiredCount|ecs", "PolicyName": "p"}, "", `arn:aws:autoscaling:` + at + `scalingPolicy:` + uuid + `:resource/ecs/service/c/s:policyName/p`},
		{"AWS::AutoScaling::AutoScalingGroup", nil, "AutoScalingGroupARN", `arn:aws:autoscaling:` + at + `autoScalingGroup:` + uuid + `:autoScalingGroupName/Stack-Thing-[A-Z0-9]{8}`},
		{"AWS::Backup::BackupPlan", nil, "", uuid},
		{"AWS::Batch::JobDefinition", map[string]any{"JobDefinitionName": "j"}, "", `arn:aws:batch:` + at + `job-definition/j:1`},
		{"AWS::CloudFront::CachePolicy", nil, "", uuid},
		{"AWS::CloudFront::CloudFrontOriginAccessIdentity", nil, "", `E[A-Z0-9]{13}`},
		{"AWS::CloudFront::Distribution", nil, "DomainName", `d[a-z0-9]{13}\.cloudfront\.net`},
		{"AWS::CodeCommit::Repository", map[string]any{"RepositoryName": "r"}, "CloneUrlHttp", `https://git-codecommit\.eu-west-1\.amazonaws\.com/v1/repos/r`},
		{"AWS::CodeCommit::Repository", map[string]any{"RepositoryName": "r"}, "Arn", `arn:aws:codecommit:` + at + `r`},
		{"AWS::CodeStarConnections::Connection", nil, "", `arn:aws:codestar-connections:` + at + `connection/` + uuid},
		{"AWS::Cognito::IdentityPool", nil, "", `eu-west-1:` + uuid},
		{"AWS::Cognito::UserPoolClient", nil, "", `[a-z0-9]{26}`},
		{"AWS::Cognito::UserPoolClient", nil, "ClientId", `[a-z0-9]{26}`},
		{"AWS::DMS::ReplicationInstance", nil, "", `arn:aws:dms:` + at + `rep:[A-Z0-9]{26}`},
		{"AWS::DocDB::DBCluster", nil, "Endpoint", `stack-thing-[a-z0-9]{8}\.cluster-[a-z0-9]{12}\.eu-west-1\.docdb\.amazonaws\.com`},
		{"AWS::DocDB::DBCluster", nil, "Port", `27017`},
		{"AWS::DocDB::DBCluster", map[string]any{"DBClusterIdentifier": "Docs"}, "", `docs`},
		{"AWS::ElastiCache::CacheCluster", map[string]any{"ClusterName": "c"}, "", `c`},
		{"AWS::EC2::Instance", nil, "PrivateIp", `10\.0\.\d+\.\d+`},
		{"AWS::EC2::VPCPeeringConnection", nil, "", `pcx-[0-9a-f]{17}`},
		{"AWS::ECS::Service", map[string]any{"ServiceName": "s"}, "", `arn:aws:ecs:` + at + `service/default/s`},
		{"AWS::EFS::FileSystem", nil, "Arn", `arn:aws:elasticfilesystem:` + at + `file-system/fs-[0-9a-f]{17}`},
		{"AWS::EKS::Cluster", nil, "Endpoint", `https://[0-9A-F]{32}\.gr7\.eu-west-1\.eks\.amazonaws\.com`},
		{"AWS::EKS::Cluster", nil, "OpenIdConnectIssuerUrl", `https://oidc\.eks\.eu-west-1\.amazonaws\.com/id/[0-9A-F]{32}`},
		{"AWS::ElastiCache::CacheCluster", nil, "RedisEndpoint.Address", `stack-thing-[a-z0-9]{8}\.[a-z0-9]{6}\.0001\.euw1\.cache\.amazonaws\.com`},
		{"AWS::ElastiCache::ReplicationGroup", nil, "ReadEndPoint.PortsList", `\[6379\]`},
		{"AWS::ElasticLoadBalancing::LoadBalancer", nil, "DNSName", `Stack-Thing-[A-Z0-9]{8}-[0-9]{10}\.eu-west-1\.elb\.amazonaws\.com`},
		{"AWS::ElasticLoadBalancingV2::LoadBalancer", map[string]any{"Type": "network"}, "DNSName", `Stack-Thing-[A-Z0-9]{8}-[0-9a-f]{16}\.elb\.eu-west-1\.amazonaws\.com`},
		{"AWS::ElasticLoadBalancingV2::LoadBalancer", map[string]any{"Type": "network"}, "LoadBalancerFullName", `net/Stack-Thing-[A-Z0-9]{8}/[0-9a-f]{16}`},
		{"AWS::ElasticLoadBalancingV2::Listener", map[string]any{"LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/l/0a"}, "", `arn:aws:elasticloadbalancing:` + at + `listener/net/l/0a/[0-9a-f]{16}`},
		{"AWS::ElasticLoadBalancingV2::ListenerRule", map[string]any{"ListenerArn": "arn:aws:elasticloadbalancing:eu-west-1:1:listener/app/l/0a/0b"}, "", `arn:aws:elasticloadbalancing:` + at + `listener-rule/app/l/0a/0b/[0-9a-f]{16}`},
		{"AWS::Events::Connection", map[string]any{"Name": "c"}, "SecretArn", `arn:aws:secretsmanager:` + at + `secret:events!connection/c/` + uuid + `-[A-Za-z0-9]{6}`},
		{"AWS::GlobalAccelerator::Accelerator", nil, "Ipv4Addresses", `\[203\.0\.113\.\d+ 198\.51\.100\.\d+\]`},
		{"AWS::IAM::AccessKey", nil, "SecretAccessKey", `[A-Za-z0-9]{40}`},
		{"AWS::Kinesis::StreamConsumer", map[string]any{"StreamARN": "arn:s", "ConsumerName": "c"}, "", `arn:s/consumer/c:\d+`},
		{"AWS::Lambda::EventSourceMapping", nil, "", uuid},
		{"AWS::MSK::Cluster", map[string]any{"ClusterName": "c"}, "", `arn:aws:kafka:` + at + `cluster/c/` + uuid + `-1`},
		{"AWS::MWAA::Environment", nil, "WebserverUrl", uuid + `\.c2\.eu-west-1\.airflow\.amazonaws\.com`},
		{"AWS::Neptune::DBCluster", nil, "Port", `8182`},
		{"AWS::OpenSearchService::Domain", nil, "DomainEndpoint", `search-stack-thing-[a-z0-9]{8}-[a-z0-9]{26}\.eu-west-1\.es\.amazonaws\.com`},
		{"AWS::RDS::DBCluster", nil, "", `stack-thing-[a-z0-9]{8}`},
		{"AWS::RDS::DBProxy", nil, "Endpoint", `stack-thing-[a-z0-9]{8}\.proxy-[a-z0-9]{12}\.eu-west-1\.rds\.amazonaws\.com`},
		{"AWS::Redshift::Cluster", nil, "Endpoint.Port", `5439`},
		{"AWS::Route53::HostedZone", nil, "NameServers", `\[ns-\d+\.awsdns-01\.org ns-.+\]`},
		{"AWS::SNS::Subscription", map[string]any{"TopicArn": "arn:t"}, "", `arn:t:` + uuid},
		{"AWS::SNS::Topic", map[string]any{"FifoTopic": true}, "", `arn:aws:sns:` + at + `Stack-Thing-[A-Z0-9]{8}\.fifo`},
		{"AWS::SQS::Queue", map[string]any{"FifoQueue": true}, "QueueName", `Stack-Thing-[A-Z0-9]{8}\.fifo`},
		{"AWS::SSM::Association", nil, "", uuid},
		{"AWS::SageMaker::Domain", nil, "", `d-[a-z0-9]{12}`},
		{"AWS::Scheduler::Schedule", map[string]any{"Name": "s"}, "Arn", `arn:aws:scheduler:` + at + `schedule/default/s`},
		{"AWS::ServiceDiscovery::HttpNamespace", map[string]any{"Name": "n"}, "", `ns-[a-z0-9]{16}`},
		{"AWS::Transfer::Server", nil, "ServerId", `s-[0-9a-f]{17}`},
		{"AWS::WAFv2::WebACL", map[string]any{"Name": "w", "Scope": "REGIONAL"}, "", `w\|` + uuid + `\|REGIONAL`},
		{"AWS::WAFv2::WebACL", map[string]any{"Name": "w", "Scope": "CLOUDFRONT"}, "Arn", `arn:aws:wafv2:` + at + `global/webacl/w/` + uuid},
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
