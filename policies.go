package tokendocker

import (
	"strconv"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/machine"
)

// Sizes to which policies are filled, measured with the longest names that their resources can have (AWS IAM User
// Guide, "IAM and AWS STS quotas"). Blanks do not count.
const (
	inlineMost  = 10_240 // characters that IAM takes in all inline policies of a role
	inlineOwn   = 1_300  // what the role's own inline policy takes at most
	inlineSize  = 7_000  // of the builders' share; the rest is for replicas and for consumers elsewhere
	managedSize = 5_500  // IAM takes 6,144 characters

	// managedPerRole leaves one of the ten managed policies that a role takes to the user.
	managedPerRole = 9
)

// policies is the permissions that a role has on the resources of every builder. CDK splits large policies between
// statements but never inside one, so the resources are spread here: over one inline policy, and then over managed
// policies, of which an account has fewer.
type policies struct {
	scope  constructs.Construct
	role   awsiam.Role
	first  *policy // the inline one
	last   *policy
	others int // characters of further inline policies of the role
	count  int
}

// policy is the policy that is being filled.
type policy struct {
	document   awsiam.PolicyDocument
	statements map[string]awsiam.PolicyStatement // by their actions
	size, most int
}

// entry is actions on one resource, and the longest ARN that the resource can come to have.
type entry struct {
	actions      []string
	arn, longest string
}

// newPolicies prepares a role's permissions. The scope is for the policies alone, so that one can depend on all of
// them.
func newPolicies(scope constructs.Construct, role awsiam.Role) *policies {
	return &policies{scope: scope, role: role}
}

// entries are grants on what one builder has, with its names and the longest that they can be. A grant on a kind of
// resource that the names do not tell is left out.
func entries(grants []machine.Grant, arns map[machine.Resource]string, longest machine.Names) []entry {
	var list []entry
	for _, grant := range perResource(grants) {
		if arn, ok := arns[grant.Resource]; ok {
			list = append(list, entry{grant.Actions, arn, grant.Resource.ARN(longest)})
		}
	}
	return list
}

// add gives the role what one builder needs, all of it in one policy where one can hold it: a builder with many
// replicas needs more.
func (p *policies) add(list []entry) {
	if len(list) == 0 {
		return
	}
	if len(list) > 1 && emptySize+(&policy{}).growth(list) > managedSize {
		for i := range list {
			p.add(list[i : i+1])
		}
		return
	}
	if p.last == nil || p.last.size+p.last.growth(list) > p.last.most {
		p.open()
	}
	p.last.size += p.last.growth(list)
	for _, e := range list {
		key := strings.Join(e.actions, " ")
		if p.last.statements[key] == nil {
			p.last.statements[key] = statement(e.actions)
			p.last.document.AddStatements(p.last.statements[key])
		}
		p.last.statements[key].AddResources(jsii.String(e.arn))
	}
}

// growth is the characters that entries add to the policy.
func (p *policy) growth(list []entry) int {
	size, seen := 0, map[string]bool{}
	for _, e := range list {
		size += len(e.longest) + len(`"",`)
		if key := strings.Join(e.actions, " "); p.statements[key] == nil && !seen[key] {
			seen[key] = true
			size += statementSize(e.actions)
		}
	}
	return size
}

// open starts the next policy.
func (p *policies) open() {
	document := awsiam.NewPolicyDocument(nil)
	p.last = &policy{document: document, statements: map[string]awsiam.PolicyStatement{}, size: emptySize, most: managedSize}
	p.count++
	id, roles := jsii.String(strconv.Itoa(p.count)), &[]awsiam.IRole{p.role}
	if p.count == 1 {
		p.first, p.last.most = p.last, inlineSize
		awsiam.NewPolicy(p.scope, id, &awsiam.PolicyProps{Roles: roles, Document: document})
		return
	}
	awsiam.NewManagedPolicy(p.scope, id, &awsiam.ManagedPolicyProps{
		Description: jsii.String("tokendocker: more builders of a stack"),
		Roles:       roles,
		Document:    document,
	})
}

// include counts the characters of a policy of the role that is not filled here.
func (p *policies) include(list []entry) {
	p.others += emptySize + (&policy{}).growth(list)
}

// problem tells when the role cannot hold all of it; else it is empty.
func (p *policies) problem() string {
	inline := inlineOwn + p.others
	if p.first != nil {
		inline += p.first.size
	}
	managed := p.count - 1
	switch {
	case managed > managedPerRole:
		return "the builders of this stack need " + strconv.Itoa(managed) + " managed policies on one role and IAM takes " +
			strconv.Itoa(managedPerRole+1) + ", one of which is left to you: move some builders to another stack"
	case inline > inlineMost:
		return "replicas and consumers in other regions need " + strconv.Itoa(inline) + " characters of inline policies on one role and IAM takes " +
			strconv.Itoa(inlineMost) + ": move some builders to another stack"
	}
	return ""
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

// perResource joins the grants on the same kind of resource.
func perResource(grants []machine.Grant) []machine.Grant {
	var joined []machine.Grant
	at := map[machine.Resource]int{}
	for _, grant := range grants {
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

// emptySize is the size of a policy's text without statements.
const emptySize = len(`{"Statement":[],"Version":"2012-10-17"}`)

// statementSize is the size of a statement's text before it holds a resource, with the comma behind it.
func statementSize(actions []string) int {
	return len(`{"Action":[],"Effect":"Allow","Resource":[]},`) + len(`"",`)*len(actions) + len(strings.Join(actions, ""))
}
