package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/iam/policy"
)

const (
	pageLogic     = "IAM User Guide, Policy evaluation logic, 2026-11"
	pageElements  = "IAM User Guide, IAM JSON policy element reference, 2026-11"
	pageOperators = "IAM User Guide, IAM JSON policy elements: Condition operators, 2026-11"
	pageSets      = "IAM User Guide, Single-valued vs. multivalued context keys, 2026-11"
	pageVariables = "IAM User Guide, IAM policy elements: Variables and tags, 2026-11"
	pagePrincipal = "IAM User Guide, AWS JSON policy elements: Principal, 2026-11"
	pageCross     = "IAM User Guide, Cross-account policy evaluation logic, 2026-11"
	pageNot       = "IAM User Guide, AWS JSON policy elements: NotPrincipal, 2026-11"
	pageBoundary  = "IAM User Guide, Permissions boundaries for IAM entities, 2026-11"
	pageGrammar   = "IAM User Guide, Grammar of the IAM JSON policy language, 2026-11"
)

const (
	role   = "arn:aws:iam::111122223333:role/App"
	caller = "arn:aws:sts::111122223333:assumed-role/App/run"
	bucket = "arn:aws:s3:::box/key"
)

// outcome of a case.
const (
	allow    = "allow"
	implicit = "implicit deny"
	explicit = "explicit deny"
)

// cases are the decisions of this room, each with the page that says so.
var cases = []struct {
	name, source, limit string
	identity            string // statements
	resource            string // statements of the resource's policy
	resourceOnly        bool
	boundary, session   string // statements of the role's boundary and of the session's policy
	request             policy.Request
	want                string
}{
	{name: "nothing allows", source: pageLogic, want: implicit},
	{name: "allowed", source: pageLogic, identity: `{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}`, want: allow},
	{name: "deny wins", source: pageLogic, identity: `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"*"}`, want: explicit},
	{name: "resource policy is enough in one account", source: pageLogic, resource: `{"Effect":"Allow","Principal":{"AWS":"` + role + `"},"Action":"s3:*","Resource":"*"}`, want: allow},
	{name: "resource policy denies", source: pageLogic, identity: `{"Effect":"Allow","Action":"*","Resource":"*"}`, resource: `{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}`, want: explicit},
	{name: "the account as principal delegates only", source: pagePrincipal, resource: `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"s3:*","Resource":"*"}`, want: implicit},
	{name: "account and identity", source: pagePrincipal, resourceOnly: true, identity: `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, resource: `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}`, want: allow},
	{name: "identity alone where the resource must allow", source: pageLogic, resourceOnly: true, identity: `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, want: implicit},
	{name: "NotPrincipal spares the named", source: pageNot, identity: all, resource: denyOthers(role, caller, "111122223333"), want: allow},
	{name: "NotPrincipal spares no session that is not named with its role", source: pageNot, identity: all, resource: denyOthers(role, "111122223333"), want: explicit},
	{name: "NotPrincipal spares no role that is not named with its account", source: pageNot, identity: all, resource: denyOthers(role, caller), want: explicit},
	{name: "NotPrincipal hits others", source: pageNot, identity: `{"Effect":"Allow","Action":"*","Resource":"*"}`, resource: `{"Effect":"Deny","NotPrincipal":{"AWS":"arn:aws:iam::111122223333:role/Other"},"Action":"s3:*","Resource":"*"}`, want: explicit},
	{name: "another account needs both", source: pageCross, identity: `{"Effect":"Allow","Action":"*","Resource":"*"}`, request: policy.Request{Account: "444455556666"}, want: implicit},
	{name: "another account, both", source: pageCross, identity: `{"Effect":"Allow","Action":"*","Resource":"*"}`, resource: `{"Effect":"Allow","Principal":{"AWS":"` + role + `"},"Action":"s3:*","Resource":"*"}`, request: policy.Request{Account: "444455556666"}, want: allow},
	{name: "a service is named", source: pagePrincipal, resource: `{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"s3:*","Resource":"*"}`, request: policy.Request{Caller: policy.Caller{Service: "lambda.amazonaws.com"}}, want: allow},
	{name: "another service is named", source: pagePrincipal, resource: `{"Effect":"Allow","Principal":{"Service":"ecs.amazonaws.com"},"Action":"s3:*","Resource":"*"}`, request: policy.Request{Caller: policy.Caller{Service: "lambda.amazonaws.com"}}, want: implicit},

	{name: "a service is named with its region", source: pagePrincipal, resource: `{"Effect":"Allow","Principal":{"Service":"lambda.eu-west-1.amazonaws.com"},"Action":"s3:*","Resource":"*"}`, request: policy.Request{Caller: policy.Caller{Service: "lambda.amazonaws.com"}}, want: allow},
	{name: "a service has no account", source: pagePrincipal, resource: `{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"}`, request: policy.Request{Caller: policy.Caller{Service: "lambda.amazonaws.com"}}, want: implicit},
	{name: "a session is named", source: pagePrincipal, resource: grantTo(caller), want: allow},
	{name: "another session is named", source: pagePrincipal, resource: grantTo("arn:aws:sts::111122223333:assumed-role/App/other"), want: implicit},

	{name: "boundary allows, identity does not", source: pageBoundary, boundary: all, want: implicit},
	{name: "boundary and identity allow", source: pageBoundary, boundary: `{"Effect":"Allow","Action":"s3:*","Resource":"*"}`, identity: all, want: allow},
	{name: "boundary does not allow", source: pageBoundary, boundary: `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, identity: all, want: implicit},
	{name: "boundary denies", source: pageBoundary, boundary: all + `,{"Effect":"Deny","Action":"s3:*","Resource":"*"}`, identity: all, want: explicit},
	{name: "boundary limits what a resource gives to the role", source: pageBoundary, boundary: `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, resource: grantTo(role), want: implicit},
	{name: "boundary does not limit what a resource gives to the session", source: pageBoundary, boundary: `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, resource: grantTo(caller), want: allow},
	{name: "boundary does not limit what a resource gives to everybody", source: pageBoundary, boundary: `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, resource: grantTo("*"), want: allow},
	{name: "boundary denies what a resource gives to the session", source: pageBoundary, boundary: `{"Effect":"Deny","Action":"*","Resource":"*"}`, resource: grantTo(caller), want: explicit},
	{name: "boundary limits what another account gives to the session", source: pageCross, boundary: `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, identity: all, resource: grantTo(caller), request: policy.Request{Account: "444455556666"}, want: implicit},
	{name: "session policy does not allow", source: pageLogic, session: `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, identity: all, want: implicit},
	{name: "session policy allows less than the role", source: pageLogic, session: `{"Effect":"Allow","Action":"s3:GetObject","Resource":"` + bucket + `"}`, identity: all, want: allow},
	{name: "session policy gives nothing by itself", source: pageLogic, session: all, want: implicit},
	{name: "session policy denies", source: pageLogic, session: all + `,{"Effect":"Deny","Action":"s3:*","Resource":"*"}`, identity: all, want: explicit},
	{name: "session policy limits what a resource gives to the role", source: pageLogic, session: `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, resource: grantTo(role), want: implicit},
	{name: "session policy does not limit what a resource gives to the session", source: pageLogic, session: `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, resource: grantTo(caller), want: allow},
	{name: "boundary and session policy must both allow", source: pageLogic, session: all, boundary: `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, identity: all, want: implicit},

	{name: "action without regard to case", source: pageElements, identity: `{"Effect":"Allow","Action":"S3:getobject","Resource":"*"}`, want: allow},
	{name: "action with wildcards", source: pageElements, identity: `{"Effect":"Allow","Action":"s3:Get?bj*","Resource":"*"}`, want: allow},
	{name: "action of another service", source: pageElements, identity: `{"Effect":"Allow","Action":"ecr:*","Resource":"*"}`, want: implicit},
	{name: "NotAction", source: pageElements, identity: `{"Effect":"Allow","NotAction":"s3:Put*","Resource":"*"}`, want: allow},
	{name: "NotAction excludes", source: pageElements, identity: `{"Effect":"Allow","NotAction":["s3:Get*"],"Resource":"*"}`, want: implicit},
	{name: "NotResource", source: pageElements, identity: `{"Effect":"Allow","Action":"*","NotResource":"arn:aws:s3:::other/*"}`, want: allow},
	{name: "NotResource excludes", source: pageElements, identity: `{"Effect":"Allow","Action":"*","NotResource":["arn:aws:s3:::box/*"]}`, want: implicit},
	{name: "resource with case", source: pageElements, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::Box/*"}`, want: implicit},
	{name: "resource wildcard spans slashes", source: pageElements, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b*"}`, want: allow},
	{name: "resource wildcard stays in its component", source: pageElements, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:ecr:*:1:repository/a"}`, request: policy.Request{Resource: "arn:aws:ecr:us:east:1:repository/a"}, want: implicit},
	{name: "component wildcards", source: pageElements, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:*:ecr:*:1111*:repository/a?"}`, request: policy.Request{Resource: "arn:aws-cn:ecr:cn-north-1:111122223333:repository/ab"}, want: allow},
	{name: "colons in the last component", source: pageElements, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:logs:*:*:log-group:g:*"}`, request: policy.Request{Resource: "arn:aws:logs:r:a:log-group:g:log-stream:s"}, want: allow},
	{name: "action without resources needs *", source: pageElements, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::*"}`, request: policy.Request{Resource: "*"}, want: implicit},

	{name: "variable", source: pageVariables, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:PrincipalAccount}/*"}`, request: policy.Request{Resource: "arn:aws:s3:::111122223333/x"}, want: allow},
	{name: "variable's wildcards are text", source: pageVariables, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${k}"}`, request: policy.Request{Context: keys("k", "*")}, want: implicit},
	{name: "variable without a value", source: pageVariables, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${no:key}*"}`, want: implicit},
	{name: "variable with a default", source: pageVariables, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${no:key, 'box'}/*"}`, want: allow},
	{name: "escaped wildcard", source: pageVariables, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::box/${*}"}`, want: implicit},
	{name: "escaped wildcard is the character", source: pageVariables, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::box/${*}"}`, request: policy.Request{Resource: "arn:aws:s3:::box/*"}, want: allow},

	{name: "StringEquals", source: pageOperators, identity: when(`"StringEquals":{"k":["a","b"]}`), request: policy.Request{Context: keys("K", "b")}, want: allow},
	{name: "StringEquals has no wildcards", source: pageOperators, identity: when(`"StringEquals":{"k":"*"}`), request: policy.Request{Context: keys("k", "b")}, want: implicit},
	{name: "key is missing", source: pageOperators, identity: when(`"StringEquals":{"k":"a"}`), want: implicit},
	{name: "key is missing, negated", source: pageOperators, identity: when(`"StringNotEquals":{"k":"a"}`), want: allow},
	{name: "key is missing, IfExists", source: pageOperators, identity: when(`"StringEqualsIfExists":{"k":"a"}`), want: allow},
	{name: "IfExists with a wrong value", source: pageOperators, identity: when(`"StringEqualsIfExists":{"k":"a"}`), request: policy.Request{Context: keys("k", "b")}, want: implicit},
	{name: "StringNotEquals is none of", source: pageOperators, identity: when(`"StringNotEquals":{"k":["a","b"]}`), request: policy.Request{Context: keys("k", "b")}, want: implicit},
	{name: "StringLike", source: pageOperators, identity: when(`"StringLike":{"k":"a*c?"}`), request: policy.Request{Context: keys("k", "abbcd")}, want: allow},
	{name: "StringEqualsIgnoreCase", source: pageOperators, identity: when(`"StringEqualsIgnoreCase":{"k":"ABC"}`), request: policy.Request{Context: keys("k", "aBc")}, want: allow},
	{name: "ArnLike", source: pageOperators, identity: when(`"ArnLike":{"k":"arn:aws:s3:::*"}`), request: policy.Request{Context: keys("k", bucket)}, want: allow},
	{name: "ArnEquals behaves like ArnLike", source: pageOperators, identity: when(`"ArnEquals":{"k":"arn:aws:s3:::*"}`), request: policy.Request{Context: keys("k", bucket)}, want: allow},
	{name: "ArnNotLike", source: pageOperators, identity: when(`"ArnNotLike":{"k":"arn:aws:s3:::*"}`), request: policy.Request{Context: keys("k", bucket)}, want: implicit},
	{name: "Bool", source: pageOperators, identity: when(`"Bool":{"k":true}`), request: policy.Request{Context: keys("k", "true")}, want: allow},
	{name: "Null true: key is absent", source: pageOperators, identity: when(`"Null":{"k":"true"}`), want: allow},
	{name: "Null false: key is there", source: pageOperators, identity: when(`"Null":{"k":"false"}`), want: implicit},
	{name: "NumericLessThan", source: pageOperators, identity: when(`"NumericLessThan":{"k":10}`), request: policy.Request{Context: keys("k", "9.5")}, want: allow},
	{name: "NumericGreaterThanEquals", source: pageOperators, identity: when(`"NumericGreaterThanEquals":{"k":"10"}`), request: policy.Request{Context: keys("k", "9")}, want: implicit},
	{name: "Numeric of no number", source: pageOperators, identity: when(`"NumericEquals":{"k":"x"}`), request: policy.Request{Context: keys("k", "x")}, want: implicit},
	{name: "DateLessThan", source: pageOperators, identity: when(`"DateLessThan":{"k":"2026-11-21T00:00:00Z"}`), request: policy.Request{Context: keys("k", "2026-11-20")}, want: allow},
	{name: "DateGreaterThan with seconds", source: pageOperators, identity: when(`"DateGreaterThan":{"k":"0"}`), request: policy.Request{Context: keys("k", "2026-11-20")}, want: allow},
	{name: "IpAddress", source: pageOperators, identity: when(`"IpAddress":{"k":["10.0.0.0/8","127.0.0.1"]}`), request: policy.Request{Context: keys("k", "127.0.0.1")}, want: allow},
	{name: "NotIpAddress", source: pageOperators, identity: when(`"NotIpAddress":{"k":"10.0.0.0/8"}`), request: policy.Request{Context: keys("k", "10.1.2.3")}, want: implicit},
	{name: "BinaryEquals", source: pageOperators, identity: when(`"BinaryEquals":{"k":"QmluYXJ5"}`), request: policy.Request{Context: keys("k", "QmluYXJ5")}, want: allow},
	{name: "StringNotLike", source: pageOperators, identity: when(`"StringNotLike":{"k":["a*","b?"]}`), request: policy.Request{Context: keys("k", "abc")}, want: implicit},
	{name: "StringNotEqualsIgnoreCase", source: pageOperators, identity: when(`"StringNotEqualsIgnoreCase":{"k":"ABC"}`), request: policy.Request{Context: keys("k", "aBc")}, want: implicit},
	{name: "ArnNotEquals", source: pageOperators, identity: when(`"ArnNotEquals":{"k":"arn:aws:s3:::other"}`), request: policy.Request{Context: keys("k", bucket)}, want: allow},
	{name: "ArnLike of each component apart", source: pageOperators, identity: when(`"ArnLike":{"k":"arn:aws:iam::*:role/App"}`), request: policy.Request{Context: keys("k", "arn:aws:iam::1:x:role/App")}, want: implicit},
	{name: "ArnLike of what is no ARN", source: pageOperators, identity: when(`"ArnLike":{"k":"*"}`), request: policy.Request{Context: keys("k", "box")}, want: implicit},
	{name: "Bool of the other value", source: pageOperators, identity: when(`"Bool":{"k":"false"}`), request: policy.Request{Context: keys("k", "true")}, want: implicit},
	{name: "BoolIfExists without the key", source: pageOperators, identity: when(`"BoolIfExists":{"k":"true"}`), want: allow},
	{name: "NumericEquals", source: pageOperators, identity: when(`"NumericEquals":{"k":"10"}`), request: policy.Request{Context: keys("k", "10.0")}, want: allow},
	{name: "NumericNotEquals", source: pageOperators, identity: when(`"NumericNotEquals":{"k":["10","11"]}`), request: policy.Request{Context: keys("k", "11")}, want: implicit},
	{name: "NumericLessThanEquals", source: pageOperators, identity: when(`"NumericLessThanEquals":{"k":"10"}`), request: policy.Request{Context: keys("k", "10")}, want: allow},
	{name: "NumericGreaterThan", source: pageOperators, identity: when(`"NumericGreaterThan":{"k":"10"}`), request: policy.Request{Context: keys("k", "10")}, want: implicit},
	{name: "NumericLessThanIfExists without the key", source: pageOperators, identity: when(`"NumericLessThanIfExists":{"k":"10"}`), want: allow},
	{name: "DateEquals over zones", source: pageOperators, identity: when(`"DateEquals":{"k":"2026-11-21T02:00:00+02:00"}`), request: policy.Request{Context: keys("k", "2026-11-21T00:00:00Z")}, want: allow},
	{name: "DateNotEquals", source: pageOperators, identity: when(`"DateNotEquals":{"k":"2026-11-21"}`), request: policy.Request{Context: keys("k", "2026-11-21T00:00:00Z")}, want: implicit},
	{name: "DateLessThanEquals", source: pageOperators, identity: when(`"DateLessThanEquals":{"k":"2026-11"}`), request: policy.Request{Context: keys("k", "2026-11-01")}, want: allow},
	{name: "DateGreaterThanEquals", source: pageOperators, identity: when(`"DateGreaterThanEquals":{"k":"2027"}`), request: policy.Request{Context: keys("k", "2026-12-31T23:59:59Z")}, want: implicit},
	{name: "IpAddress of version 6", source: pageOperators, identity: when(`"IpAddress":{"k":"2001:db8::/32"}`), request: policy.Request{Context: keys("k", "2001:db8::1")}, want: allow},
	{name: "IpAddress outside", source: pageOperators, identity: when(`"IpAddress":{"k":"10.0.0.0/8"}`), request: policy.Request{Context: keys("k", "11.0.0.1")}, want: implicit},
	{name: "BinaryEquals of other bytes", source: pageOperators, identity: when(`"BinaryEquals":{"k":"QmluYXJ5"}`), request: policy.Request{Context: keys("k", "Qg==")}, want: implicit},
	{name: "several operators must hold", source: pageOperators, identity: when(`"StringEquals":{"k":"a"},"StringNotEquals":{"l":"b"}`), request: policy.Request{Context: map[string][]string{"k": {"a"}, "l": {"b"}}}, want: implicit},
	{name: "deny with a negated operator and no key", source: pageOperators, identity: all + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"k":"a"}}}`, want: explicit},
	{name: "deny with IfExists and no key", source: pageOperators, identity: all + `,{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEqualsIfExists":{"k":"a"}}}`, want: explicit},
	{name: "deny with NotAction", source: pageElements, identity: all + `,{"Effect":"Deny","NotAction":"ecr:*","Resource":"*"}`, want: explicit},
	{name: "deny with NotResource", source: pageElements, identity: all + `,{"Effect":"Deny","Action":"*","NotResource":"arn:aws:s3:::box/*"}`, want: allow},
	{name: "variable that only users have", source: pageVariables, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::box/${aws:username}*"}`, want: implicit},
	{name: "variable that only users have, with a default", source: pageVariables, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::box/${aws:username, 'key'}"}`, want: allow},
	{name: "variable of a tag", source: pageVariables, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${aws:PrincipalTag/team}/key"}`, request: policy.Request{Context: keys("aws:PrincipalTag/team", "box")}, want: allow},
	{name: "variable with many values", source: pageVariables, identity: `{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${k}/key"}`, request: policy.Request{Context: keys("k", "box", "other")}, want: implicit},
	{name: "variable in a condition with wildcards", source: pageVariables, identity: when(`"StringLike":{"k":"${aws:PrincipalAccount}/*"}`), request: policy.Request{Context: keys("k", "111122223333/x")}, want: allow},
	{name: "ForAllValues of a subset", source: pageSets, identity: when(`"ForAllValues:StringLike":{"k":["a*","b"]}`), request: policy.Request{Context: keys("k", "ab", "b")}, want: allow},
	{name: "ForAllValues negated", source: pageSets, identity: when(`"ForAllValues:StringNotEquals":{"k":["a","b"]}`), request: policy.Request{Context: keys("k", "c", "b")}, want: implicit},
	{name: "ForAllValues with Null asks for the key", source: pageSets, identity: when(`"ForAllValues:StringEquals":{"k":"a"},"Null":{"k":"false"}`), want: implicit},
	{name: "ForAnyValue of none", source: pageSets, identity: when(`"ForAnyValue:StringEquals":{"k":["a","b"]}`), request: policy.Request{Context: keys("k", "c", "d")}, want: implicit},
	{name: "ForAnyValue with IfExists and no key", source: pageSets, identity: when(`"ForAnyValue:StringEqualsIfExists":{"k":"a"}`), want: allow},
	{name: "ForAnyValue of ARNs", source: pageSets, identity: when(`"ForAnyValue:ArnLike":{"k":"arn:aws:s3:::*"}`), request: policy.Request{Context: keys("k", "x", bucket)}, want: allow},
	{name: "all conditions must hold", source: pageOperators, identity: when(`"StringEquals":{"k":"a","l":"b"}`), request: policy.Request{Context: keys("k", "a")}, want: implicit},
	{name: "variable in a condition", source: pageVariables, identity: when(`"StringEquals":{"k":"${aws:PrincipalAccount}"}`), request: policy.Request{Context: keys("k", "111122223333")}, want: allow},
	{name: "ForAllValues", source: pageSets, identity: when(`"ForAllValues:StringEquals":{"k":["a","b"]}`), request: policy.Request{Context: keys("k", "a", "c")}, want: implicit},
	{name: "ForAllValues of nothing", source: pageSets, identity: when(`"ForAllValues:StringEquals":{"k":["a","b"]}`), want: allow},
	{name: "ForAnyValue", source: pageSets, identity: when(`"ForAnyValue:StringEquals":{"k":["a","b"]}`), request: policy.Request{Context: keys("k", "a", "c")}, want: allow},
	{name: "ForAnyValue of nothing", source: pageSets, identity: when(`"ForAnyValue:StringEquals":{"k":"a"}`), want: implicit},
	{name: "ForAnyValue negated", source: pageSets, identity: when(`"ForAnyValue:StringNotEquals":{"k":"a"}`), request: policy.Request{Context: keys("k", "a", "c")}, want: allow},
}

// all is a statement that allows everything.
const all = `{"Effect":"Allow","Action":"*","Resource":"*"}`

// grantTo is a resource's statement for one AWS principal.
func grantTo(principal string) string {
	return `{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"s3:*","Resource":"*"}`
}

// denyOthers is a resource's statement about everybody but the AWS principals.
func denyOthers(principals ...string) string {
	return `{"Effect":"Deny","NotPrincipal":{"AWS":["` + strings.Join(principals, `","`) + `"]},"Action":"s3:*","Resource":"*"}`
}

func when(condition string) string {
	return `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{` + condition + `}}`
}

func keys(name string, values ...string) map[string][]string {
	return map[string][]string{name: values}
}

func parse(t *testing.T, statements string, kind policy.Kind) *policy.Policy {
	t.Helper()
	p, err := policy.Parse([]byte(`{"Version":"2012-10-17","Statement":[`+statements+`]}`), kind)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestDecisions(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var identity []*policy.Policy
			if c.identity != "" {
				identity = append(identity, parse(t, c.identity, policy.Identity))
			}
			var resource *policy.Policy
			if c.resource != "" {
				resource = parse(t, c.resource, policy.Resource)
			}
			decider := policy.Policies{Identity: identity, Resource: resource, ResourceOnly: c.resourceOnly}
			if c.boundary != "" {
				decider.Boundary = parse(t, c.boundary, policy.Boundary)
			}
			if c.session != "" {
				decider.Session = []*policy.Policy{parse(t, c.session, policy.Session)}
			}
			d := decider.Decide(complete(c.request))
			got := implicit
			if d.Allowed {
				got = allow
			} else if d.Denied {
				got = explicit
			}
			if got != c.want {
				t.Errorf("got %s, want %s (%s)", got, c.want, c.source)
			}
		})
	}
}

func complete(r policy.Request) *policy.Request {
	r.Action = "s3:GetObject"
	if r.Resource == "" {
		r.Resource = bucket
	}
	if r.Account == "" {
		r.Account = "111122223333"
	}
	if r.Caller.Service == "" {
		r.Caller = policy.Caller{ARN: caller, RoleARN: role, Account: "111122223333"}
	}
	if r.Context == nil {
		r.Context = map[string][]string{}
	}
	r.Context["aws:PrincipalAccount"] = []string{"111122223333"}
	return &r
}

func TestParseRefuses(t *testing.T) {
	refused := []struct{ name, source, text, want string }{
		{"no JSON", pageGrammar, `{`, "Syntax errors"},
		{"unknown element", pageGrammar, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Foo":1}}`, "prohibited field Foo"},
		{"duplicate element", pageGrammar, `{"Statement":{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}}`, "Syntax errors"},
		{"unknown version", pageGrammar, `{"Version":"2020-01-01","Statement":[]}`, "valid version"},
		{"no statement", pageGrammar, `{"Version":"2012-10-17","Statement":[]}`, "Syntax errors"},
		{"no effect", pageGrammar, `{"Statement":{"Action":"*","Resource":"*"}}`, "effect"},
		{"no action", pageGrammar, `{"Statement":{"Effect":"Allow","Resource":"*"}}`, "must contain actions"},
		{"action and NotAction", pageGrammar, `{"Statement":{"Effect":"Allow","Action":"*","NotAction":"*","Resource":"*"}}`, "Syntax errors"},
		{"action without vendor", pageGrammar, `{"Statement":{"Effect":"Allow","Action":"GetObject","Resource":"*"}}`, "vendor"},
		{"no resource", pageGrammar, `{"Statement":{"Effect":"Allow","Action":"*"}}`, "must contain resources"},
		{"resource is no ARN", pageGrammar, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"box"}}`, "ARN format"},
		{"principal in an identity policy", pageGrammar, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}`, "principal"},
		{"unknown operator", pageOperators, `{"Statement":` + when(`"StringIs":{"k":"a"}`) + `}`, "Condition type"},
		{"value is an object", pageGrammar, `{"Statement":` + when(`"StringEquals":{"k":{}}`) + `}`, "must be text"},
		{"name with other characters", pageGrammar, `{"Statement":{"Sid":"a b","Effect":"Allow","Action":"*","Resource":"*"}}`, "must be alpha-numeric"},
		{"name twice", pageGrammar, `{"Statement":[{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"},{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"}]}`, "must be unique"},
		{"Null with IfExists", pageOperators, `{"Statement":` + when(`"NullIfExists":{"k":"true"}`) + `}`, "Condition type"},
		{"unknown set operator", pageSets, `{"Statement":` + when(`"ForSomeValues:StringEquals":{"k":"a"}`) + `}`, "Condition type"},
		{"text after the document", pageGrammar, `{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}} x`, "Syntax errors"},
	}
	for _, c := range refused {
		t.Run(c.name, func(t *testing.T) {
			_, err := policy.Parse([]byte(c.text), policy.Identity)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q (%s)", err, c.want, c.source)
			}
		})
	}
}

func TestParseRefusesInTrustPolicies(t *testing.T) {
	for _, c := range []struct{ name, source, text, want string }{
		{"no principal", pageGrammar, `{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`, "Missing required field Principal"},
		{"resource", pageGrammar, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}}`, "prohibited field Resource"},
		{"another action", pageGrammar, `{"Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}}`, "may only specify STS AssumeRole actions"},
		{"wildcard in a principal", pagePrincipal, `{"Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/*"},"Action":"sts:AssumeRole"}}`, "Invalid principal"},
		{"principal of no kind", pagePrincipal, `{"Statement":{"Effect":"Allow","Principal":{"Role":"a"},"Action":"sts:AssumeRole"}}`, "Invalid principal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := policy.Parse([]byte(c.text), policy.Trust)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q (%s)", err, c.want, c.source)
			}
		})
	}
}

func TestUsesNameTheEntries(t *testing.T) {
	p := parse(t, `{"Effect":"Allow","Action":["s3:PutObject","s3:Get*"],"Resource":["arn:aws:s3:::other","arn:aws:s3:::box/*"]}`, policy.Identity)
	d := policy.Policies{Identity: []*policy.Policy{p}}.Decide(complete(policy.Request{}))
	want := fmt.Sprint(map[int][]policy.Match{0: {{Statement: 0, Action: "s3:Get*", Resource: "arn:aws:s3:::box/*"}}})
	if got := fmt.Sprint(d.Uses); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range cases {
		f.Add(`{"Version":"2012-10-17","Statement":[`+c.identity+`]}`, "arn:aws:s3:::box/key")
	}
	f.Fuzz(func(t *testing.T, text, resource string) {
		for _, kind := range []policy.Kind{policy.Identity, policy.Resource, policy.Trust, policy.Registry, policy.Boundary, policy.Session} {
			p, err := policy.Parse([]byte(text), kind)
			if err != nil {
				continue
			}
			everywhere := policy.Policies{Identity: []*policy.Policy{p}, Resource: p, Boundary: p, Session: []*policy.Policy{p}}
			d := everywhere.Decide(complete(policy.Request{Resource: resource}))
			if d.Allowed && d.Denied {
				t.Error("allowed and denied at once")
			}
		}
	})
}
