package logs_test

import (
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/door/doortest"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// TestResourcesOfCalls is the case table of what calls ask permission for.
func TestResourcesOfCalls(t *testing.T) {
	f := newFixture(t, doortest.Store(t), nil, 1)
	const group = "arn:aws:logs:eu-west-1:" + doortest.Account + ":log-group:"
	cases := []struct {
		source, operation, input string
		want                     string // empty: about no resource
	}{
		{"public issue hashicorp/terraform-provider-aws#8804", "DescribeLogGroups", `{"logGroupNamePrefix": "/g"}`, group + ":log-stream:"},
		{"Service Authorization Reference, Amazon CloudWatch Logs, 2026-11", "PutResourcePolicy", `{}`, ""},
		{"CloudWatch Logs User Guide, Overview of managing access permissions, 2026-11", "CreateLogStream", `{"logGroupName": "/g", "logStreamName": "s"}`, group + "/g:log-stream:s"},
		{"CloudWatch Logs User Guide, Overview of managing access permissions, 2026-11", "DescribeLogStreams", `{"logGroupName": "/g"}`, group + "/g:log-stream:"},
	}
	for _, c := range cases {
		t.Run(c.operation, func(t *testing.T) {
			needs, err := f.room.Needs(t.Context(), &protocol.Call{Service: "logs", Operation: c.operation, Partition: "aws", Region: "eu-west-1",
				Account: doortest.Account, Body: []byte(c.input)})
			if err != nil {
				t.Fatal(err)
			}
			got := ""
			if len(needs[0].Resources) > 0 {
				got = needs[0].Resources[0]
			}
			if got != c.want {
				t.Errorf("asks for %s, want %s", got, c.want)
			}
		})
	}
}
