package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGivenSecrets(t *testing.T) {
	write := func(text string) string {
		file := filepath.Join(t.TempDir(), "secrets.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	got, err := givenSecrets(write(`{"hub": {"username": "me"}, "token": "abc"}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"hub": `{"username": "me"}`, "token": "abc"}, got); diff != "" {
		t.Error(diff)
	}
	if got, err := givenSecrets(""); got != nil || err != nil {
		t.Errorf("without a file: %v, %v", got, err)
	}
	for file, want := range map[string]string{write(`["hunter2"`): "is no JSON object", "/nowhere": "cannot be read"} {
		if _, err := givenSecrets(file); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", file, err)
		}
	}
}
