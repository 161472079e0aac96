package simulated

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/simulated/catalog"
)

const (
	taskDefinition = "AWS::ECS::TaskDefinition"

	lower = "abcdefghijklmnopqrstuvwxyz0123456789"
	upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	hex   = "0123456789abcdef"
)

// characters makes n characters of an alphabet out of the resource's place: account, region, stack name, logical id
// and the values of immutable properties, so that a replacement has another identifier. salt keeps the made-up
// values of one resource apart.
func characters(r resource.Request, salt string, n int, alphabet string) string {
	fixed := map[string]any{}
	for _, name := range immutable(r.Type) {
		fixed[name] = r.Properties[name]
	}
	text, _ := json.Marshal(fixed) // it came from JSON
	seed := sha256.Sum256([]byte(strings.Join([]string{r.Stack.Account, r.Stack.Region, r.Stack.Name, r.LogicalID, salt, string(text)}, "\n")))
	out := make([]byte, 0, n)
	for len(out) < n {
		for _, b := range seed {
			if len(out) < n {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
		seed = sha256.Sum256(seed[:])
	}
	return string(out)
}

// form is how identifiers of a type look: a prefix, then n characters of an alphabet.
type form struct {
	prefix   string
	n        int
	alphabet string
}

var forms = map[string]form{
	"AWS::ApiGateway::ApiKey":                    {"", 10, lower},
	"AWS::ApiGateway::Authorizer":                {"", 6, lower},
	"AWS::ApiGateway::Deployment":                {"", 6, lower},
	"AWS::ApiGateway::Resource":                  {"", 6, lower},
	"AWS::ApiGateway::RestApi":                   {"", 10, lower},
	"AWS::ApiGateway::RequestValidator":          {"", 6, lower},
	"AWS::ApiGateway::UsagePlan":                 {"", 6, lower},
	"AWS::ApiGateway::VpcLink":                   {"", 6, lower},
	"AWS::ApiGatewayV2::Api":                     {"", 10, lower},
	"AWS::ApiGatewayV2::Authorizer":              {"", 6, lower},
	"AWS::ApiGatewayV2::Integration":             {"", 7, lower},
	"AWS::ApiGatewayV2::Route":                   {"", 7, lower},
	"AWS::CloudFront::Distribution":              {"E", 13, upper},
	"AWS::CloudFront::OriginAccessControl":       {"E", 13, upper},
	"AWS::Cognito::UserPoolClient":               {"", 26, lower},
	"AWS::EC2::EIP":                              {"eipalloc-", 17, hex},
	"AWS::EC2::FlowLog":                          {"fl-", 17, hex},
	"AWS::EC2::Instance":                         {"i-", 17, hex},
	"AWS::EC2::InternetGateway":                  {"igw-", 17, hex},
	"AWS::EC2::LaunchTemplate":                   {"lt-", 17, hex},
	"AWS::EC2::NatGateway":                       {"nat-", 17, hex},
	"AWS::EC2::NetworkAcl":                       {"acl-", 17, hex},
	"AWS::EC2::RouteTable":                       {"rtb-", 17, hex},
	"AWS::EC2::SecurityGroup":                    {"sg-", 17, hex},
	"AWS::EC2::SecurityGroupEgress":              {"sgr-", 17, hex},
	"AWS::EC2::SecurityGroupIngress":             {"sgr-", 17, hex},
	"AWS::EC2::Subnet":                           {"subnet-", 17, hex},
	"AWS::EC2::SubnetRouteTableAssociation":      {"rtbassoc-", 17, hex},
	"AWS::EC2::VPC":                              {"vpc-", 17, hex},
	"AWS::EC2::VPCEndpoint":                      {"vpce-", 17, hex},
	"AWS::EFS::AccessPoint":                      {"fsap-", 17, hex},
	"AWS::EFS::FileSystem":                       {"fs-", 17, hex},
	"AWS::EFS::MountTarget":                      {"fsmt-", 17, hex},
	"AWS::Route53::HostedZone":                   {"Z", 20, upper},
	"AWS::ServiceDiscovery::PrivateDnsNamespace": {"ns-", 16, lower},
	"AWS::ServiceDiscovery::Service":             {"srv-", 16, lower},
}

// identify makes up what Ref gives for a new resource.
func identify(r resource.Request) string {
	if f, ok := forms[r.Type]; ok {
		return f.prefix + characters(r, "", f.n, f.alphabet)
	}
	name := nameOf(r)
	switch r.Type {
	case taskDefinition:
		family, ok := r.Properties["Family"].(string)
		if !ok {
			same := r
			same.Properties = nil // the family stays when a revision takes the place of another
			family = r.Stack.Name + r.LogicalID + characters(same, "", 8, upper)
		}
		return arn(r, "ecs", fmt.Sprintf("task-definition/%s:%d", family, revision(family, r.Replaces)))
	case "AWS::ECS::Service":
		cluster, _ := r.Properties["Cluster"].(string)
		return arn(r, "ecs", "service/"+last(cluster)+"/"+name)
	case "AWS::SecretsManager::SecretTargetAttachment", "AWS::SecretsManager::RotationSchedule", "AWS::SecretsManager::ResourcePolicy":
		secret, _ := r.Properties["SecretId"].(string)
		return secret
	case "AWS::IAM::AccessKey":
		return "AKIA" + characters(r, "", 16, upper)
	case "AWS::SQS::Queue":
		return fmt.Sprintf("https://sqs.%s.%s/%s/%s", r.Stack.Region, r.Stack.URLSuffix, r.Stack.Account, name)
	case "AWS::SNS::Topic":
		return arn(r, "sns", name)
	case "AWS::SecretsManager::Secret":
		return arn(r, "secretsmanager", "secret:"+name+"-"+characters(r, "suffix", 6, lower))
	case "AWS::KMS::Key":
		return uuid(r)
	case "AWS::Cognito::UserPool":
		return r.Stack.Region + "_" + characters(r, "", 9, upper)
	case "AWS::ElasticLoadBalancingV2::LoadBalancer":
		return arn(r, "elasticloadbalancing", "loadbalancer/app/"+cut(name, 32)+"/"+characters(r, "", 16, hex))
	case "AWS::ElasticLoadBalancingV2::TargetGroup":
		return arn(r, "elasticloadbalancing", "targetgroup/"+cut(name, 32)+"/"+characters(r, "", 16, hex))
	case "AWS::ElasticLoadBalancingV2::Listener":
		return arn(r, "elasticloadbalancing", "listener/app/"+cut(name, 32)+"/"+characters(r, "lb", 16, hex)+"/"+characters(r, "", 16, hex))
	}
	known, _ := catalog.Of(r.Type)
	if n := len(known.Identifier); n == 1 && isARN(known.Identifier[0]) && !namedByRef[r.Type] {
		return madeARN(r, known, name)
	}
	return name
}

// namedByRef are types of which Ref gives the name, although an ARN identifies their resources.
//
//nolint:gochecknoglobals // a constant
var namedByRef = map[string]bool{"AWS::Events::Rule": true, "AWS::Events::ApiDestination": true, "AWS::Events::Connection": true}

func isARN(attribute string) bool { return strings.HasSuffix(strings.ToLower(attribute), "arn") }

var variable = regexp.MustCompile(`\$\{(\w+)\}`)

// madeARN makes the ARN of a resource by the form that its type's has. Names go where names belong, the last of them
// the resource's own; what is no name is made up.
func madeARN(r resource.Request, known catalog.Type, name string) string {
	service, kind := parts(r.Type)
	if known.ARN == "" {
		return arn(r, service, strings.ToLower(kind)+"/"+name)
	}
	place := map[string]string{"Partition": r.Stack.Partition, "Region": r.Stack.Region, "Account": r.Stack.Account}
	names := variable.FindAllStringSubmatch(known.ARN, -1)
	own := names[len(names)-1][1]
	return variable.ReplaceAllStringFunc(known.ARN, func(v string) string {
		v = v[2 : len(v)-1]
		given, _ := r.Properties[v].(string)
		switch {
		case place[v] != "":
			return place[v]
		case given != "":
			return last(given)
		case v == own && !strings.HasSuffix(strings.ToLower(v), "id"):
			return name
		case strings.HasPrefix(v, "UU") || r.Type == "AWS::CertificateManager::Certificate":
			return uuid(r)
		}
		return characters(r, v, 12, lower)
	})
}

func uuid(r resource.Request) string {
	h := characters(r, "", 32, hex)
	return strings.Join([]string{h[:8], h[8:12], "4" + h[13:16], "a" + h[17:20], h[20:]}, "-")
}

// nameOf returns the name that the properties give, as TableName does for AWS::DynamoDB::Table, or a made-up one.
func nameOf(r resource.Request) string {
	_, kind := parts(r.Type)
	names := []string{kind + "Name", "Name"}
	if t, _ := catalog.Of(r.Type); len(t.Identifier) > 0 && !slices.ContainsFunc(t.Identifier, isARN) {
		names = append(names, t.Identifier[len(t.Identifier)-1])
	}
	for _, property := range names {
		if name, ok := r.Properties[property].(string); ok && name != "" {
			return name
		}
	}
	return r.Stack.Name + "-" + r.LogicalID + "-" + characters(r, "", 8, upper)
}

// parts returns the service and the last part of a type, "dynamodb" and "Table".
func parts(resourceType string) (service, kind string) {
	names := strings.Split(resourceType, "::")
	if len(names) < 3 {
		return "cloudformation", names[len(names)-1]
	}
	return strings.ToLower(names[1]), names[len(names)-1]
}

func arn(r resource.Request, service, rest string) string {
	return strings.Join([]string{"arn", r.Stack.Partition, service, r.Stack.Region, r.Stack.Account, rest}, ":")
}

// last returns the part after the last slash or colon.
func last(s string) string { return s[strings.LastIndexAny(s, "/:")+1:] }

func cut(s string, n int) string { return s[:min(len(s), n)] }
