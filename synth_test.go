package tokendocker

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// buildExample compiles examples/simple.
func buildExample(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("needs Node and the CDK")
	}
	program := filepath.Join(t.TempDir(), "simple")
	if out, err := exec.Command("go", "build", "-o", program, "./examples/simple").CombinedOutput(); err != nil {
		t.Fatalf("examples/simple: %v\n%s", err, out)
	}
	return program
}

// runExample synthesizes the example in a process of its own and returns the files that say what is deployed.
func runExample(t *testing.T, program string, environment ...string) map[string]string {
	outdir := t.TempDir()
	cmd := exec.Command(program)
	cmd.Dir = "examples/simple"
	cmd.Env = append(append(os.Environ(), environment...), "CDK_OUTDIR="+outdir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("examples/simple: %v\n%s", err, out)
		return nil
	}
	files := map[string]string{}
	for _, name := range []string{"Simple.template.json", "Simple.assets.json", "manifest.json"} {
		data, err := os.ReadFile(filepath.Join(outdir, name))
		if err != nil {
			t.Error(err)
		}
		files[name] = strings.ReplaceAll(string(data), outdir, "OUTDIR")
	}
	return files
}

func TestExample(t *testing.T) {
	program := buildExample(t)
	t.Run("clean", func(t *testing.T) { checkExample(t, program) })
	t.Run("twenty synths", func(t *testing.T) { synthTwenty(t, program) })
}

// checkExample synthesizes the example with CDK's own template rules as errors.
func checkExample(t *testing.T, program string) {
	files := runExample(t, program, "CDK_VALIDATION=true",
		`CDK_CONTEXT_JSON={"@aws-cdk/core:validateAgainstDefaultRules":true}`)
	template := files["Simple.template.json"]
	for i, r := range template {
		if r >= 0x80 {
			t.Fatalf("the template is not ASCII: %q", template[max(0, i-40):i+1])
		}
	}
	one(t, template, `"Type": "Custom::TokenInjectableDockerBuilder"`)
}

// synthTwenty: twenty processes give one template. CDK counts its tokens from a random number in each process.
func synthTwenty(t *testing.T, program string) {
	results := make([]map[string]string, 20)
	slots := make(chan struct{}, 4)
	var group sync.WaitGroup
	for i := range results {
		group.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[i] = runExample(t, program)
		})
	}
	group.Wait()
	for i, files := range results {
		if diff := cmp.Diff(results[0], files); diff != "" {
			t.Fatalf("synth %d is not synth 0 (-0 +%d):\n%s", i, i, diff)
		}
	}
}
