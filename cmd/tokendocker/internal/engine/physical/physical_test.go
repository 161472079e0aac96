package physical_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/physical"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/resource"
)

func request(stack, id, token string) resource.Request {
	return resource.Request{Stack: resource.Stack{ID: "arn:" + stack, Name: stack}, LogicalID: id, Token: token}
}

func TestNames(t *testing.T) {
	long := strings.Repeat("L", 90)
	cases := []struct {
		name, got, want string
	}{
		{"whole", physical.Name(request("App", "Role1", "t"), physical.MaxRole), `^App-Role1-[A-Za-z0-9]{12}$`},
		{"logical id is cut", physical.Name(request("App", long, "t"), 64), `^App-L{47}-[A-Za-z0-9]{12}$`},
		{"both are cut", physical.Name(request(strings.Repeat("S", 90), long, "t"), 64), `^S{25}-L{25}-[A-Za-z0-9]{12}$`},
		{"long stack, short id", physical.Name(request(strings.Repeat("S", 90), "Id", "t"), 64), `^S{48}-Id-[A-Za-z0-9]{12}$`},
		{"lower", physical.Lower(request("App", "Repo", "t"), 256), `^app-repo-[a-z0-9]{12}$`},
		{"logical", physical.Logical(request("App", "Machine", "t"), 80), `^Machine-[A-Za-z0-9]{12}$`},
		{"policy", physical.Policy(request("MyStack", "MyPolicy", "t")), `^MySt-MyPo-[A-Za-z0-9]{12}$`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if !regexp.MustCompile(c.want).MatchString(c.got) {
				t.Errorf("%q does not match %s", c.got, c.want)
			}
		})
	}
}

func TestOneNamePerOperation(t *testing.T) {
	first := physical.Name(request("App", "R", "op1"), 64)
	if again := physical.Name(request("App", "R", "op1"), 64); again != first {
		t.Errorf("a repeated try got %s, not %s", again, first)
	}
	if other := physical.Name(request("App", "R", "op2"), 64); other == first {
		t.Errorf("another operation got the same name %s", other)
	}
	if a, b := physical.Name(request("App", "R", ""), 64), physical.Name(request("App", "R", ""), 64); a == b {
		t.Errorf("names without an operation are equal: %s", a)
	}
}
