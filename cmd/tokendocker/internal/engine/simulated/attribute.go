package simulated

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated/catalog"
)

// attribute gives an attribute of the kind that the type's has.
func attribute(r resource.Request, name string) (any, error) {
	value := made(r, name)
	t, ok := catalog.Of(r.Type)
	if !ok {
		return value, nil
	}
	kind, ok := t.Attributes[name]
	_, isProperty := r.Properties[name]
	if !ok && !isProperty && !slices.Contains(t.Identifier, name) {
		return nil, fmt.Errorf("Template error: resource %s does not support attribute type %s in Fn::GetAtt", r.LogicalID, name) //nolint:staticcheck // CloudFormation's own words
	}
	switch kind {
	case catalog.Number:
		if _, ok := value.(float64); !ok {
			return 1.0, nil
		}
	case catalog.Boolean:
		if _, ok := value.(bool); !ok {
			return false, nil
		}
	case catalog.List:
		if text, ok := value.(string); ok {
			return []any{text}, nil
		}
	}
	return value, nil
}

// made makes up an attribute: of the type where that is known, else by its name, else the property of that name.
func made(r resource.Request, name string) any {
	if value, ok := known(r, name); ok {
		return value
	}
	switch value := r.Properties[name].(type) {
	case string, float64, bool, []any:
		return value
	}
	service, kind := parts(r.Type)
	t, _ := catalog.Of(r.Type)
	identifier := t.Identifier
	switch {
	case name == "Id" || name == kind+"Id":
		return r.PhysicalID
	case name == "Name" || name == kind+"Name":
		return last(r.PhysicalID)
	case name == "Arn" || name == kind+"Arn" || slices.Equal(identifier, []string{name}) && isARN(name):
		return arnOf(r)
	case slices.Equal(identifier, []string{name}):
		return r.PhysicalID
	case strings.HasSuffix(name, "Arn"):
		return arnOf(r) + "/" + strings.ToLower(strings.TrimSuffix(name, "Arn"))
	case strings.HasSuffix(name, "Arns"), strings.HasSuffix(name, "Ids"), strings.HasSuffix(name, "Blocks"):
		return []any{last(r.PhysicalID) + "-" + name}
	case strings.HasSuffix(name, "Id"):
		return characters(r, name, 10, lower)
	case strings.HasSuffix(name, "Port"):
		return port(r)
	case strings.HasSuffix(name, "VersionNumber"):
		return "1"
	case strings.HasSuffix(name, "Url"), strings.HasSuffix(name, "URL"):
		return "https://" + host(r, service)
	case strings.HasSuffix(name, "Address"), strings.HasSuffix(name, "DNSName"), strings.HasSuffix(name, "DomainName"), strings.HasSuffix(name, "Endpoint"):
		return host(r, service)
	}
	return last(r.PhysicalID) + "-" + name
}

// known returns attributes whose form their type decides.
func known(r resource.Request, name string) (any, bool) {
	switch r.Type + "." + name {
	case "AWS::ApiGatewayV2::Api.ApiEndpoint":
		return "https://" + r.PhysicalID + ".execute-api." + r.Stack.Region + "." + r.Stack.URLSuffix, true
	case "AWS::EC2::EIP.PublicIp":
		return "203.0.113.7", true // of the block for documentation
	case "AWS::EC2::VPC.DefaultSecurityGroup":
		return "sg-" + characters(r, name, 17, hex), true
	case "AWS::EC2::Subnet.AvailabilityZone":
		if _, given := r.Properties[name]; !given {
			return r.Stack.Region + "a", true
		}
	case "AWS::EC2::EIP.AllocationId", "AWS::EC2::SecurityGroup.GroupId":
		return r.PhysicalID, true
	case "AWS::CloudFront::Distribution.DomainName":
		return "d" + characters(r, name, 13, lower) + ".cloudfront.net", true
	case "AWS::ElasticLoadBalancingV2::LoadBalancer.DNSName":
		names := strings.Split(r.PhysicalID, "/")
		return names[max(0, len(names)-2)] + "-" + characters(r, name, 9, "0123456789") + "." + r.Stack.Region + ".elb." + r.Stack.URLSuffix, true
	case "AWS::ElasticLoadBalancingV2::LoadBalancer.LoadBalancerFullName":
		_, full, _ := strings.Cut(r.PhysicalID, "loadbalancer/")
		return full, true
	case "AWS::ElasticLoadBalancingV2::TargetGroup.TargetGroupFullName":
		_, full, _ := strings.Cut(r.PhysicalID, "targetgroup/")
		return "targetgroup/" + full, true
	case "AWS::AppSync::GraphQLApi.GraphQLUrl":
		return "https://" + characters(r, "url", 26, lower) + ".appsync-api." + r.Stack.Region + "." + r.Stack.URLSuffix + "/graphql", true
	case "AWS::Cognito::UserPool.ProviderName":
		return "cognito-idp." + r.Stack.Region + "." + r.Stack.URLSuffix + "/" + r.PhysicalID, true
	case "AWS::Cognito::UserPool.ProviderURL":
		return "https://cognito-idp." + r.Stack.Region + "." + r.Stack.URLSuffix + "/" + r.PhysicalID, true
	case "AWS::RDS::DBInstance.Endpoint.Address":
		return database(r, ""), true
	case "AWS::RDS::DBCluster.Endpoint.Address":
		return database(r, "cluster-"), true
	case "AWS::RDS::DBCluster.ReadEndpoint.Address":
		return database(r, "cluster-ro-"), true
	case "AWS::SQS::Queue.Arn":
		return arn(r, "sqs", last(r.PhysicalID)), true
	case "AWS::ECS::TaskDefinition.TaskDefinitionArn":
		return r.PhysicalID, true
	}
	return nil, false
}

// database is the host name of a database; those of one region have an account's characters in common.
func database(r resource.Request, kind string) string {
	r2 := r
	r2.Stack.Name, r2.LogicalID, r2.Properties = "", "", nil
	return strings.ToLower(r.PhysicalID) + "." + kind + characters(r2, "rds", 12, lower) + "." + r.Stack.Region + ".rds." + r.Stack.URLSuffix
}

// port is the port of an endpoint: the property's, the database engine's, or that of HTTPS.
func port(r resource.Request) string {
	given := r.Properties["Port"]
	engine, _ := r.Properties["Engine"].(string)
	switch {
	case given != nil:
		return fmt.Sprint(given)
	case strings.Contains(engine, "postgres"):
		return "5432"
	case strings.HasPrefix(r.Type, "AWS::RDS::"):
		return "3306"
	}
	return "443"
}

// arnOf returns the resource's ARN, which for some types is the identifier.
func arnOf(r resource.Request) string {
	if strings.HasPrefix(r.PhysicalID, "arn:") {
		return r.PhysicalID
	}
	if t, ok := catalog.Of(r.Type); ok && t.ARN != "" {
		return identifiedARN(r, t)
	}
	service, kind := parts(r.Type)
	return arn(r, service, strings.ToLower(kind)+"/"+r.PhysicalID)
}

// identifiedARN makes the ARN of a resource whose own part is its identifier.
func identifiedARN(r resource.Request, t catalog.Type) string {
	names := variable.FindAllString(t.ARN, -1)
	own := names[len(names)-1]
	t.ARN = strings.Replace(t.ARN, own, last(r.PhysicalID), 1)
	return madeARN(r, t, "")
}

func host(r resource.Request, service string) string {
	return strings.ToLower(last(r.PhysicalID)) + "." + service + "." + r.Stack.Region + "." + r.Stack.URLSuffix
}
