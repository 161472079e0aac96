package simulated

import (
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// attribute makes up an attribute: of the type where that is known, else by its name, else the property of that name.
func attribute(r resource.Request, name string) any {
	if value, ok := known(r, name); ok {
		return value
	}
	switch value := r.Properties[name].(type) {
	case string, float64, bool, []any:
		return value
	}
	service, kind := parts(r.Type)
	switch {
	case name == "Id" || name == kind+"Id":
		return r.PhysicalID
	case name == "Name" || name == kind+"Name":
		return last(r.PhysicalID)
	case name == "Arn" || name == kind+"Arn":
		return arnOf(r)
	case strings.HasSuffix(name, "Arn"):
		return arnOf(r) + "/" + strings.ToLower(strings.TrimSuffix(name, "Arn"))
	case strings.HasSuffix(name, "Arns"), strings.HasSuffix(name, "Ids"), strings.HasSuffix(name, "Blocks"):
		return []any{last(r.PhysicalID) + "-" + name}
	case strings.HasSuffix(name, "Id"):
		return characters(r, name, 10, lower)
	case strings.HasSuffix(name, "Port"):
		return "443"
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
	case "AWS::SQS::Queue.Arn":
		return arn(r, "sqs", last(r.PhysicalID)), true
	case "AWS::ECS::TaskDefinition.TaskDefinitionArn":
		return r.PhysicalID, true
	}
	return nil, false
}

// arnOf returns the resource's ARN, which for some types is the identifier.
func arnOf(r resource.Request) string {
	if strings.HasPrefix(r.PhysicalID, "arn:") {
		return r.PhysicalID
	}
	service, kind := parts(r.Type)
	return arn(r, service, strings.ToLower(kind)+"/"+r.PhysicalID)
}

func host(r resource.Request, service string) string {
	return strings.ToLower(last(r.PhysicalID)) + "." + service + "." + r.Stack.Region + "." + r.Stack.URLSuffix
}
