package rehearsals

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSDKsReadAnswers makes everyday calls with the AWS SDK for Python, and compares every answer with the model of the
// service that the SDK brings: what a client cannot read, or does not expect, is a fault of ours.
func TestSDKsReadAnswers(t *testing.T) {
	if said, err := exec.Command("python3", "-c", "import boto3").CombinedOutput(); err != nil {
		t.Skipf("python3 with boto3 is not here (scripts/setup brings it): %s", said)
	}
	engine := startEngine(t, filepath.Join(t.TempDir(), "state"))
	calls := exec.CommandContext(t.Context(), "python3", "-B", filepath.Join("testdata", "sdks", "calls.py"))
	calls.Env = os.Environ()
	for name, value := range engine.environment {
		calls.Env = append(calls.Env, name+"="+value)
	}
	var found, said bytes.Buffer
	calls.Stdout, calls.Stderr = &found, &said
	if err := calls.Run(); err != nil {
		t.Fatalf("%v: %s", err, said.String())
	}
	if text := strings.TrimSpace(found.String()); text != "" {
		t.Errorf("boto3 and its models say of the engine's answers:\n%s", text)
	}
	switch said := strings.TrimSpace(said.String()); {
	case strings.HasPrefix(said, "0 "):
		t.Skip("this boto3 is too old to show answers before it reads them")
	default:
		t.Log(said)
	}
}
