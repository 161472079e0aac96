package simulated

import (
	"fmt"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

// special makes the identifiers that take more than a form.
func special(r resource.Request) (string, bool) {
	text := func(name string) string { return property(r, name, "") }
	switch r.Type {
	case taskDefinition:
		family := text("Family")
		if family == "" {
			same := r
			same.Properties = nil // the family stays when a revision takes the place of another
			family = r.Stack.Name + r.LogicalID + characters(same, "", 8, upper)
		}
		return arn(r, "ecs", fmt.Sprintf("task-definition/%s:%d", family, revision(family, r.Replaces))), true
	case "AWS::ECS::Service":
		cluster := last(text("Cluster"))
		if cluster == "" {
			cluster = "default"
		}
		return arn(r, "ecs", "service/"+cluster+"/"+nameOf(r)), true
	case "AWS::SecretsManager::SecretTargetAttachment", "AWS::SecretsManager::RotationSchedule", "AWS::SecretsManager::ResourcePolicy":
		return text("SecretId"), true
	case "AWS::ElasticLoadBalancingV2::LoadBalancer":
		return arn(r, "elasticloadbalancing", "loadbalancer/"+balancerKind(r)+"/"+shorten(nameOf(r), 32)+"/"+characters(r, "", 16, hex)), true
	case "AWS::ElasticLoadBalancingV2::TargetGroup":
		return arn(r, "elasticloadbalancing", "targetgroup/"+shorten(nameOf(r), 32)+"/"+characters(r, "", 16, hex)), true
	case "AWS::ElasticLoadBalancingV2::Listener":
		_, balancer, _ := strings.Cut(text("LoadBalancerArn"), ":loadbalancer/")
		return arn(r, "elasticloadbalancing", "listener/"+balancer+"/"+characters(r, "", 16, hex)), true
	case "AWS::ElasticLoadBalancingV2::ListenerRule":
		_, listener, _ := strings.Cut(text("ListenerArn"), ":listener/")
		return arn(r, "elasticloadbalancing", "listener-rule/"+listener+"/"+characters(r, "", 16, hex)), true
	case "AWS::ApplicationAutoScaling::ScalingPolicy":
		target := []string{text("ResourceId"), text("ScalableDimension"), text("ServiceNamespace")}
		if id := text("ScalingTargetId"); id != "" {
			target = strings.SplitN(id+"||", "|", 3)
		}
		namespace := strings.TrimRight(target[2], "|")
		return arn(r, "autoscaling", "scalingPolicy:"+uuid(r, "")+":resource/"+namespace+"/"+target[0]+":policyName/"+nameOf(r)), true
	}
	return "", false
}

// known makes the attributes that take more than a form.
func known(r resource.Request, name string) (any, bool) {
	switch r.Type + "." + name {
	case "AWS::ApiGatewayV2::Api.ApiEndpoint":
		scheme := "https://"
		if r.Properties["ProtocolType"] == "WEBSOCKET" {
			scheme = "wss://"
		}
		return scheme + r.PhysicalID + ".execute-api." + r.Stack.Region + "." + r.Stack.URLSuffix, true
	case "AWS::ElasticLoadBalancingV2::LoadBalancer.DNSName":
		names := strings.Split(r.PhysicalID, "/")
		own := names[max(0, len(names)-2)]
		if balancerKind(r) != "app" {
			return own + "-" + names[len(names)-1] + ".elb." + r.Stack.Region + "." + r.Stack.URLSuffix, true
		}
		if r.Properties["Scheme"] == "internal" {
			own = "internal-" + own
		}
		return own + "-" + characters(r, name, 9, alphabets["digits"]) + "." + r.Stack.Region + ".elb." + r.Stack.URLSuffix, true
	case "AWS::ElasticLoadBalancingV2::LoadBalancer.LoadBalancerFullName":
		_, full, _ := strings.Cut(r.PhysicalID, "loadbalancer/")
		return full, true
	case "AWS::ElasticLoadBalancingV2::TargetGroup.TargetGroupFullName":
		_, full, _ := strings.Cut(r.PhysicalID, "targetgroup/")
		return "targetgroup/" + full, true
	}
	return nil, false
}

// balancerKind is how a load balancer's kind is written in its ARN.
func balancerKind(r resource.Request) string {
	switch r.Properties["Type"] {
	case "network":
		return "net"
	case "gateway":
		return "gwy"
	}
	return "app"
}
