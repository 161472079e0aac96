package simulated

import (
	"crypto/sha256"
	"encoding/json"
	"maps"
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

// identify makes up what Ref gives for a new resource.
func identify(r resource.Request) string {
	if id, ok := special(r); ok {
		return id
	}
	if form, ok := formOf()[r.Type]; ok {
		return fill(r, "", form)
	}
	name := nameOf(r)
	known, _ := catalog.Of(r.Type)
	if n := len(known.Identifier); n == 1 && isARN(known.Identifier[0]) && !namedByRef[r.Type] {
		return madeARN(r, known, name)
	}
	if isMadeID(r, known) {
		return characters(r, "", 10, lower)
	}
	return name
}

// isMadeID reports whether AWS makes up the identifiers of a type, instead of taking the resource's name.
func isMadeID(r resource.Request, known catalog.Type) bool {
	for _, name := range known.Identifier {
		_, made := known.Attributes[name]
		_, given := r.Properties[name]
		if made && !given && len(name) > len("Id") && strings.HasSuffix(name, "Id") && name != "AccountId" {
			return true
		}
	}
	return false
}

// namedByRef are types of which Ref gives the name, although an ARN identifies their resources.
//
//nolint:gochecknoglobals // a constant
var namedByRef = map[string]bool{"AWS::Events::ApiDestination": true, "AWS::Events::Connection": true}

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
			return uuid(r, "")
		}
		return characters(r, v, 12, lower)
	})
}

func uuid(r resource.Request, salt string) string {
	h := characters(r, salt, 32, hex)
	return strings.Join([]string{h[:8], h[8:12], "4" + h[13:16], "a" + h[17:20], h[20:]}, "-")
}

// nameOf returns the name that the properties give, as TableName does for AWS::DynamoDB::Table, or a made-up one.
func nameOf(r resource.Request) string {
	_, kind := parts(r.Type)
	names := []string{kind + "Name", "Name", kind + "Identifier"}
	if t, _ := catalog.Of(r.Type); len(t.Identifier) > 0 && !slices.ContainsFunc(t.Identifier, isARN) {
		names = append(names, t.Identifier[len(t.Identifier)-1])
	}
	for _, property := range slices.Sorted(maps.Keys(r.Properties)) {
		// ClusterName names an AWS::ElastiCache::CacheCluster, CacheSubnetGroupName an AWS::ElastiCache::SubnetGroup.
		if stem, ok := strings.CutSuffix(property, "Name"); ok && stem != "" && (strings.HasSuffix(kind, stem) || strings.HasSuffix(stem, kind)) {
			names = append(names, property)
		}
	}
	if kind == "ReplicationGroup" {
		names = append(names, "ReplicationGroupId")
	}
	for _, property := range names {
		if name, ok := r.Properties[property].(string); ok && name != "" {
			return name
		}
	}
	name := r.Stack.Name + "-" + r.LogicalID + "-" + characters(r, "", 8, upper)
	if property(r, "FifoQueue", "") == "true" || property(r, "FifoTopic", "") == "true" {
		name += ".fifo"
	}
	return name
}

// services are the names of services in ARNs, where they are others than those in their resource types.
//
//nolint:gochecknoglobals // a constant
var services = map[string]string{"amazonmq": "mq", "applicationautoscaling": "autoscaling", "certificatemanager": "acm", "cognito": "cognito-idp",
	"directoryservice": "ds", "efs": "elasticfilesystem", "elasticloadbalancingv2": "elasticloadbalancing", "elasticsearch": "es", "emr": "elasticmapreduce",
	"kinesisfirehose": "firehose", "location": "geo", "msk": "kafka", "mwaa": "airflow", "opensearchserverless": "aoss", "opensearchservice": "es",
	"redshiftserverless": "redshift-serverless", "servicecatalog": "catalog", "stepfunctions": "states"}

// parts returns the service and the last part of a type, "dynamodb" and "Table".
func parts(resourceType string) (service, kind string) {
	names := strings.Split(resourceType, "::")
	if len(names) < 3 {
		return "cloudformation", names[len(names)-1]
	}
	service = strings.ToLower(names[1])
	if other, ok := services[service]; ok {
		service = other
	}
	return service, names[len(names)-1]
}

func arn(r resource.Request, service, rest string) string {
	return strings.Join([]string{"arn", r.Stack.Partition, service, r.Stack.Region, r.Stack.Account, rest}, ":")
}

// last returns the part after the last slash or colon.
func last(s string) string { return s[strings.LastIndexAny(s, "/:")+1:] }
