package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/assembly"
)

func TestEnvironment(t *testing.T) {
	stack := func(account, region string) assembly.Stack {
		return assembly.Stack{Name: "S", Account: account, Region: region}
	}
	cases := []struct {
		name   string
		stacks []assembly.Stack
		want   environment
		fails  string
	}{
		{name: "agnostic", stacks: []assembly.Stack{stack("", "")}, want: environment{account: "123456789012", region: "us-east-1", regions: []string{"us-east-1"}}},
		{name: "two regions", stacks: []assembly.Stack{stack("111111111111", "eu-west-1"), stack("111111111111", "ap-south-1"), stack("", "eu-west-1")},
			want: environment{"111111111111", []string{"111111111111"}, "us-east-1", []string{"eu-west-1", "ap-south-1"}}},
		{name: "all in China", stacks: []assembly.Stack{stack("111111111111", "cn-north-1")},
			want: environment{"111111111111", []string{"111111111111"}, "cn-north-1", []string{"cn-north-1"}}},
		{name: "no stack", want: environment{account: "123456789012", region: "us-east-1"}},
		{name: "two accounts", stacks: []assembly.Stack{stack("111111111111", "eu-west-1"), stack("222222222222", "eu-west-1"), stack("", "eu-west-1")},
			want: environment{"111111111111", []string{"111111111111", "222222222222"}, "us-east-1", []string{"eu-west-1"}}},
		{name: "the flag's account among others", stacks: []assembly.Stack{stack("222222222222", "us-east-1"), stack("123456789012", "us-east-1")},
			want: environment{"123456789012", []string{"222222222222", "123456789012"}, "us-east-1", []string{"us-east-1"}}},
		{name: "two partitions", stacks: []assembly.Stack{stack("", "cn-north-1"), stack("", "")},
			fails: "the app has stacks in the regions cn-north-1 (aws-cn) and us-east-1 (aws), which no rehearsal can have together"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := &rehearsal{rehearseOptions: rehearseOptions{Account: "123456789012", Region: "us-east-1"}}
			got, err := r.environment(&assembly.Assembly{Stacks: c.stacks})
			if c.fails != "" {
				if err == nil || err.Error() != c.fails {
					t.Errorf("error %v, want %q", err, c.fails)
				}
				return
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(environment{})); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}
