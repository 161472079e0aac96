package rehearsals

import (
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/assembly"
)

// TestPeersMayNotStart takes the right to start builds from a peer's function. That of deploy-time-build tries ten
// times, every five seconds, and then ends without an answer: CloudFormation waits for as long as the resource may take.
func TestPeersMayNotStart(t *testing.T) {
	cases := []struct {
		construct construct
		says      string // in the failure
		waits     bool   // until the resource's time is over
	}{
		{npmBuilder, "not authorized to perform: codebuild:StartBuild", false},
		{deployTimeBuild, "did not receive a response", true},
		{ours, "not authorized to perform: codebuild:StartBuild", false},
	}
	const scale = 4 // the function's fifty seconds are real ones, of the five minutes that it may take
	for _, c := range cases {
		t.Run(string(c.construct), func(t *testing.T) {
			t.Parallel()
			p := c.construct.synthesize(t, c.construct.app(t, valueApp(), valueFiles))
			p.hurry("360") // instead of an hour
			var template []byte
			for _, e := range p.entries() {
				if e.action == "codebuild:StartBuild" {
					template = p.without(e)
				}
			}
			w := p.startAt("One", scale)
			a, _, err := assembly.Open(p.assembly)
			must(t, err)
			w.stack = a.Stacks[0]
			begin := time.Now()
			said := w.deploy(template, "plain")
			if took := time.Since(begin); !strings.Contains(said, c.says) || c.waits && took < 360*time.Second/scale {
				t.Errorf("after %v: %q, want %q", took, said, c.says)
			}
			r := &rehearsed{t: t, state: w.folder}
			if tried := strings.Count(r.buildLog(), "AccessDeniedException encountered, retrying"); c.waits && tried != 10 {
				t.Errorf("it tried %d times", tried)
			}
			if n := len(w.builds()); n != 0 {
				t.Errorf("%d builds", n)
			}
		})
	}
}

// hurry gives the template's custom resources this many seconds to answer, where they may take an hour.
func (p *permissions) hurry(seconds string) {
	for _, r := range p.template["Resources"].(map[string]any) {
		resource := r.(map[string]any)
		properties, _ := resource["Properties"].(map[string]any)
		if _, custom := properties["ServiceToken"]; custom && properties["ServiceTimeout"] == nil {
			properties["ServiceTimeout"] = seconds
		}
	}
}
