package rehearsals

import (
	"slices"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
)

const notToTheLog = "The state machine IAM Role is not authorized to access the Log Destination"

// deliveryPolicy is why a machine's role has rights that the engine does not ask for.
const deliveryPolicy = "AWS writes the account's policy for log deliveries where that is not there yet (Step Functions Developer Guide, logging, IAM policies)"

// propertyNeeds are the permissions that a build has for a property of the user's: for each action of the statement
// with the property's own action, what the failure says without it.
var propertyNeeds = map[string]struct {
	builder    caseBuilder
	dockerfile string
	caches     []string
	statements []string // an action of each statement
	says       map[string]string
	effects    map[string]string // actions whose effect no scenario here can show
}{
	"EcrPullThroughCachePrefixes": {
		builder:    caseBuilder{Prefixes: []string{"docker-hub"}, Args: map[string]caseArgument{"A": {Topic: "T"}, "BASE": {Image: "docker-hub/library/busybox:1"}}},
		dockerfile: "ARG BASE\nFROM $BASE\nRUN echo 1 > /a\n",
		caches:     []string{"docker-hub"},
		statements: []string{"ecr:BatchImportUpstreamImage"},
		says: map[string]string{
			"ecr:BatchGetImage":            "403 Forbidden",
			"ecr:GetDownloadUrlForLayer":   "ecr:GetDownloadUrlForLayer",
			"ecr:BatchImportUpstreamImage": "docker-hub/library/busybox:1: not found",
			"ecr:CreateRepository":         "docker-hub/library/busybox:1: not found",
		},
		effects: map[string]string{"ecr:BatchCheckLayerAvailability": "older clients ask whether a layer is there before they take it (Amazon ECR User Guide, repository policies)"},
	},
	"ExecutionLogGroup": {
		builder:    caseBuilder{Recorded: true, Args: map[string]caseArgument{"A": {Topic: "T"}}},
		dockerfile: "FROM busybox:1\nRUN echo 1 > /a\n",
		statements: []string{"logs:CreateLogDelivery"},
		says: map[string]string{
			"logs:CreateLogDelivery": notToTheLog, "logs:GetLogDelivery": notToTheLog, "logs:UpdateLogDelivery": notToTheLog,
			"logs:DeleteLogDelivery": notToTheLog, "logs:ListLogDeliveries": notToTheLog, "logs:DescribeLogGroups": notToTheLog,
		},
		effects: map[string]string{
			"logs:PutResourcePolicy":        deliveryPolicy,
			"logs:DescribeResourcePolicies": deliveryPolicy,
		},
	},
	"DockerLogin": {
		builder:    caseBuilder{Login: &caseLogin{Registry: registry.MirrorHost}, Args: map[string]caseArgument{"A": {Topic: "T"}}},
		dockerfile: "FROM busybox:1\nRUN echo 1 > /a\n",
		statements: []string{"secretsmanager:GetSecretValue", "kms:Decrypt"},
		says: map[string]string{
			"secretsmanager:GetSecretValue": "secretsmanager:GetSecretValue",
			"kms:Decrypt":                   "Access to KMS is not allowed",
		},
	},
}

// TestEveryPermissionOfAPropertyIsNeeded takes each action out of the statements that a property adds to the build's
// role, and sees the first deploy fail without it.
func TestEveryPermissionOfAPropertyIsNeeded(t *testing.T) {
	for property, c := range propertyNeeds {
		t.Run(property, func(t *testing.T) {
			t.Parallel()
			p := synthesizeBuilder(t, c.builder, c.dockerfile, c.caches...)
			seen := map[string]bool{}
			for _, e := range p.entries() {
				if !slices.ContainsFunc(c.statements, func(action string) bool { return p.beside(e, action) }) || c.effects[e.action] != "" {
					continue
				}
				seen[e.action] = true
				t.Run(e.action, func(t *testing.T) {
					t.Parallel()
					own := *p
					own.t = t
					if said := create(&own, p.without(e)); !strings.Contains(said, c.says[e.action]) || c.says[e.action] == "" {
						t.Errorf("without %s the failure says %q, want %q in it", e.action, said, c.says[e.action])
					}
				})
			}
			if len(seen) != len(c.says) {
				t.Errorf("the template has the permissions %v, the table %v", seen, c.says)
			}
		})
	}
}

// beside tells whether an entry's statement has an action.
func (p *permissions) beside(e entry, action string) bool {
	resources := p.template["Resources"].(map[string]any)
	s := statements(resources[e.resource].(map[string]any))[e.statement]
	return slices.Contains(list(s["Action"]), any(action))
}
