package report

import (
	"encoding/json"
	"strings"
	"testing"
)

var role = Role{Role: "Web-Role", Path: "Shop/Web/Role", Needed: json.RawMessage(`{"Version":"2012-10-17"}`),
	Calls:   []Call{{"s3:GetObject", "arn:aws:s3:::a/b", true}, {"s3:PutObject", "arn:aws:s3:::a/b", false}},
	Unused:  []Entry{{Policy: "Own", Statement: "statement 1", Action: "s3:DeleteObject"}, {Policy: "Own", Statement: "Read", Resource: "*"}},
	Unknown: []string{"arn:aws:iam::aws:policy/Odd"}}

func TestRoleAsText(t *testing.T) {
	var out strings.Builder
	p := Text(&out)
	p.Role(role)
	p.Role(Role{Role: "Idle", Path: "Shop/Idle"})
	want := `
Role Web-Role (Shop/Web/Role)
  called
    s3:GetObject arn:aws:s3:::a/b
  was denied
    s3:PutObject arn:aws:s3:::a/b
  has a policy of AWS's that is not known here: arn:aws:iam::aws:policy/Odd
  never used
    s3:DeleteObject (statement 1 of Own)
    * (Read of Own)
  needs no more than
    {
      "Version": "2012-10-17"
    }

Role Idle (Shop/Idle)
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}

// The lines are a contract with scripts.
func TestRoleAsJSON(t *testing.T) {
	var out strings.Builder
	p := JSON(&out)
	p.Role(role)
	p.Role(Role{Role: "Idle", Path: "Shop/Idle"})
	want := `{"type":"role","role":"Web-Role","path":"Shop/Web/Role","calls":[{"action":"s3:GetObject","resource":"arn:aws:s3:::a/b","allowed":true},{"action":"s3:PutObject","resource":"arn:aws:s3:::a/b","allowed":false}],` +
		`"unused":[{"policy":"Own","statement":"statement 1","action":"s3:DeleteObject"},{"policy":"Own","statement":"Read","resource":"*"}],"needed":{"Version":"2012-10-17"},"unknown_policies":["arn:aws:iam::aws:policy/Odd"]}
{"type":"role","role":"Idle","path":"Shop/Idle","calls":[],"unused":[],"needed":null,"unknown_policies":[]}
`
	if out.String() != want {
		t.Errorf("printed\n%s\nwant\n%s", out.String(), want)
	}
}
