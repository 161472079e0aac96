package rehearsals

import (
	"strings"
	"testing"
)

// TestRecordedExecutions: with a key, a log and traces of executions the image is built as without. The log has every
// event and nothing of the request.
func TestRecordedExecutions(t *testing.T) {
	t.Parallel()
	p := synthesizeBuilder(t, caseBuilder{Recorded: true, Args: map[string]caseArgument{"A": {Topic: "T"}}}, "FROM busybox:1\nARG A\nRUN echo $A > /a\n")
	w := p.world()
	w.begin("whispered")
	var log struct{ Events []struct{ Message string } }
	w.call("logs", "FilterLogEvents", map[string]any{"logGroupName": "/aws/vendedlogs/states/executions"}, &log)
	var all strings.Builder
	for _, e := range log.Events {
		all.WriteString(e.Message + "\n")
	}
	for _, want := range []string{`"type":"ExecutionStarted"`, `"type":"TaskSubmitted"`, `"type":"ExecutionSucceeded"`} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, all.String())
		}
	}
	for _, secret := range []string{"whispered", "X-Amz-Signature", "ResponseURL"} {
		if strings.Contains(all.String(), secret) {
			t.Errorf("the log holds %s:\n%s", secret, all.String())
		}
	}
}
