package tokendocker

import (
	"encoding/json"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/machine"
)

// Sizes to which policies are filled, measured with the longest names that their resources can have (AWS IAM User
// Guide, "IAM and AWS STS quotas"). Blanks do not count.
const (
	inlineSize  = 8500 // IAM takes 10,240 characters in all inline policies of a role; the role's own takes up to 1,000
	managedSize = 5500 // IAM takes 6,144 characters

	// managedPerRole leaves one of the ten managed policies that a role takes to the user.
	managedPerRole = 9
)

// policies is the permissions that a role has on the resources of every builder. CDK splits large policies between
// statements but never inside one, so the resources are spread here: over one inline policy, and then over managed
// policies, of which an account has fewer.
type policies struct {
	scope  constructs.Construct
	role   awsiam.Role
	grants []machine.Grant // one per kind of resource
	last   *policy
	count  int
}

// policy is the policy that is being filled.
type policy struct {
	statements map[machine.Resource]awsiam.PolicyStatement
	size, most int
}

// newPolicies prepares the permissions of role on those kinds of resources that each builder has one of. The scope
// is for the policies alone, so that one can depend on all of them.
func newPolicies(scope constructs.Construct, role awsiam.Role, grants []machine.Grant) *policies {
	return &policies{scope: scope, role: role, grants: perBuilder(grants)}
}

// add gives the role its permissions on one builder's resources. arns holds an ARN for each kind of resource, and
// longest the names that the ARNs can come to have.
func (p *policies) add(arns map[machine.Resource]string, longest machine.Names) {
	size := 0
	for _, grant := range p.grants {
		size += len(grant.Resource.ARN(longest)) + len(`"",`)
	}
	if p.last == nil || p.last.size+size > p.last.most {
		p.open()
	}
	p.last.size += size
	for _, grant := range p.grants {
		p.last.statements[grant.Resource].AddResources(jsii.String(arns[grant.Resource]))
	}
}

// open starts the next policy.
func (p *policies) open() {
	statements := map[machine.Resource]awsiam.PolicyStatement{}
	document := []awsiam.PolicyStatement{}
	for _, grant := range p.grants {
		s := statement(grant.Actions)
		document = append(document, s)
		statements[grant.Resource] = s
	}
	p.last = &policy{statements: statements, size: emptySize(p.grants), most: managedSize}
	p.count++
	id, roles := jsii.String(strconv.Itoa(p.count)), &[]awsiam.IRole{p.role}
	if p.count == 1 {
		p.last.most = inlineSize
		awsiam.NewPolicy(p.scope, id, &awsiam.PolicyProps{Roles: roles, Statements: &document})
		return
	}
	awsiam.NewManagedPolicy(p.scope, id, &awsiam.ManagedPolicyProps{
		Description: jsii.String("tokendocker: more builders of a stack"),
		Roles:       roles,
		Statements:  &document,
	})
}

// problem tells when the role cannot hold all of it; else it is empty.
func (p *policies) problem() string {
	managed := p.count - 1
	if managed <= managedPerRole {
		return ""
	}
	return "the builders of this stack need " + strconv.Itoa(managed) + " managed policies on one role and IAM takes " +
		strconv.Itoa(managedPerRole+1) + ", one of which is left to you: move some builders to another stack"
}

// statement allows actions on resources.
func statement(actions []string, arns ...string) awsiam.PolicyStatement {
	return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings(actions...),
		Resources: jsii.Strings(arns...),
	})
}

// document is an inline policy of the stack's own resources, which there is one of each.
func document(grants []machine.Grant, arns map[machine.Resource]string) awsiam.PolicyDocument {
	doc := awsiam.NewPolicyDocument(nil)
	for _, grant := range grants {
		if arn, ok := arns[grant.Resource]; ok {
			doc.AddStatements(statement(grant.Actions, arn))
		}
	}
	return doc
}

// perBuilder selects the grants on what each builder has one of, and joins those on the same kind of resource.
func perBuilder(grants []machine.Grant) []machine.Grant {
	var joined []machine.Grant
	at := map[machine.Resource]int{}
	for _, grant := range grants {
		switch grant.Resource {
		case machine.Repository, machine.Project, machine.BuildLog:
		default:
			continue
		}
		i, seen := at[grant.Resource]
		if !seen {
			i = len(joined)
			at[grant.Resource] = i
			joined = append(joined, machine.Grant{Resource: grant.Resource})
		}
		joined[i].Actions = append(joined[i].Actions, grant.Actions...)
	}
	return joined
}

// emptySize is the size of a managed policy's text before it holds a resource.
func emptySize(grants []machine.Grant) int {
	type allow struct {
		Action   []string
		Effect   string
		Resource []string
	}
	text := struct {
		Statement []allow
		Version   string
	}{Version: "2012-10-17"}
	for _, grant := range grants {
		text.Statement = append(text.Statement, allow{grant.Actions, "Allow", []string{}})
	}
	data, err := json.Marshal(text)
	if err != nil {
		fail("policy: %w", err)
	}
	return len(data)
}
