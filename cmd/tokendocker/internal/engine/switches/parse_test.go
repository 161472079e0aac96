package switches

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	got, err := Parse("lose-build-events, log-delay=30s,policy-delay=1m,build-slots=-1,kill-invocations=2,hang-invocations=2-4,throttle=*=5,duplicate-events,refuse-pull,credentials-life=15m,replication-delay=5m,network-delay=3m,fail-replication=eu-west-1,throttle=codebuild:StartBuild=3")
	if err != nil {
		t.Fatal(err)
	}
	want := Switches{LoseBuildEvents: true, LogDelay: 30 * time.Second, PolicyDelay: time.Minute, BuildSlots: -1,
		KillInvocations: Span{1, 2}, HangInvocations: Span{2, 4}, DuplicateEvents: true, RefusePull: true, CredentialsLife: 15 * time.Minute, ReplicationDelay: 5 * time.Minute, NetworkDelay: 3 * time.Minute, FailReplication: "eu-west-1", Throttle: map[string]int{"codebuild:StartBuild": 3, "*": 5}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSpan(t *testing.T) {
	for n, want := range []bool{false, false, true, true, false} {
		if got := (Span{2, 3}).Has(n); got != want || (Span{}).Has(n) != (n == 0) {
			t.Errorf("%d in 2-3: %v", n, got)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"rain":                 `there is no fault "rain"; there are build-slots`,
		"log-delay":            "takes a duration",
		"build-slots=many":     "takes a number",
		"refuse-pull=yes":      "takes no value",
		"fail-replication":     "takes a value",
		"throttle=StartAll":    "takes an action or * and a number",
		"kill-invocations":     "takes a number or a range",
		"hang-invocations=0":   "takes a number or a range",
		"hang-invocations=4-2": "takes a number or a range",
	} {
		if _, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want %q", text, err, want)
		}
	}
}
