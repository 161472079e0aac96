package rehearsals

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestStackWithoutResources is not deployed, and deleted once it has none any more.
// Source: aws/aws-cdk-cli, the deploy action: "stack has no resources, skipping deployment", "... deleting existing stack", 2026-11.
func TestStackWithoutResources(t *testing.T) {
	t.Parallel()
	r := &rehearsed{t: t, app: t.TempDir(), state: filepath.Join(t.TempDir(), "state")}
	synth := func(templates map[string]string) {
		artifacts := map[string]any{}
		for name, template := range templates {
			artifacts[name] = map[string]any{"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
				"properties": map[string]any{"templateFile": name + ".json"}}
			must(t, os.WriteFile(filepath.Join(r.app, name+".json"), []byte(template), 0o600))
		}
		manifest, err := json.Marshal(map[string]any{"version": "36.0.0", "artifacts": artifacts})
		must(t, err)
		must(t, os.WriteFile(filepath.Join(r.app, "manifest.json"), manifest, 0o600))
	}
	rehearse := func() outcome {
		r.synthesized = false // the folder is an assembly itself
		return r.rehearse(nil).wantExit(0)
	}
	const full = `{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}`

	synth(map[string]string{"Full": full, "Assertions": `{"Outputs": {"A": {"Value": "b"}}}`})
	first := rehearse()
	if n := len(first.summary.Stacks); n != 1 || !strings.Contains(first.stderr, "Assertions: has no resources: not deployed") {
		t.Errorf("%d stacks were deployed, and said was\n%s", n, first.stderr)
	}
	synth(map[string]string{"Full": `{"Resources": {}}`, "Assertions": full})
	second := rehearse()
	if !second.said("DELETE_COMPLETE", "") || !strings.Contains(second.stderr, "Full: has no resources any more: deleted") {
		t.Errorf("the stack was not deleted:\n%s", second.stderr)
	}
	if third := rehearse(); !strings.Contains(third.stderr, "Full: has no resources: not deployed") {
		t.Errorf("the stack is still there:\n%s", third.stderr)
	}
}
