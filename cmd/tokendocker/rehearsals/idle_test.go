package rehearsals

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
)

// TestIdleEngine: an engine that nobody needs docker for runs no container, and is small.
func TestIdleEngine(t *testing.T) {
	const most = 60 // MB; today it has half of that
	state := filepath.Join(t.TempDir(), "state")
	r := startEngine(t, state)
	if _, err := sts.NewFromConfig(r.config()).GetCallerIdentity(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if has := megabytes(t, r.cmd.Process.Pid); has > most {
		t.Errorf("the idle engine has %.0f MB", has)
	}
	for _, kind := range []string{"container", "network", "volume"} {
		out, err := exec.CommandContext(t.Context(), "docker", kind, "ls", "--quiet", "--filter", "name="+engine.SandboxID(state)).Output()
		must(t, err)
		if len(out) > 0 {
			t.Errorf("the idle engine made a docker %s: %s", kind, out)
		}
	}
}
