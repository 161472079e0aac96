package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// The shipped files are what the source gives. The program runs as scripts/handler runs it: under the Go release of
// go.mod, whatever the test runs under.
func TestShippedFilesAreUpToDate(t *testing.T) {
	root, err := filepath.Abs(filepath.Join("..", "..", "..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	out := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "go", "run", "./"+distFolder+"/build", "-out", out)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+toolchain(t, root), "GOFLAGS=")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, name := range []string{
		distFolder + "/handler.zip", distFolder + "/sha256.go",
		hostFolder + "/handler-amd64.zip", hostFolder + "/sha256.go",
	} {
		want, err := os.ReadFile(filepath.Join(out, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the source gives: run scripts/handler, once the change is finished", name)
		}
	}
}

// toolchain is the Go release that go.mod names.
func toolchain(t *testing.T, root string) string {
	t.Helper()
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^toolchain (go\S+)$`).FindSubmatch(mod)
	if line == nil {
		t.Fatal("go.mod names no toolchain")
	}
	return string(line[1])
}
