package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/tokendocker/tokendocker/internal/handler/dist"
)

// The bytes that are shipped run: on arm64 as they are, elsewhere in an emulator of one process.
func TestShippedProgram(t *testing.T) {
	archive, err := zip.NewReader(bytes.NewReader(dist.Zip()), int64(len(dist.Zip())))
	if err != nil {
		t.Fatal(err)
	}
	file, err := archive.Open("bootstrap")
	if err != nil {
		t.Fatal(err)
	}
	code, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(program, code, 0o755); err != nil {
		t.Fatal(err)
	}
	command := []string{program}
	if runtime.GOARCH != "arm64" {
		command = append([]string{emulator(t)}, command...)
	}
	c := newCloud(t)
	c.hasImage()
	c.checkAnswer(c.invoke(c.create(), command...))
}

// emulator is the path of the program that runs arm64 code here.
func emulator(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "tokendocker", "bin", "qemu-aarch64-static")
	if _, err := os.Stat(path); err == nil {
		return path
	}
	if path, err := exec.LookPath("qemu-aarch64-static"); err == nil {
		return path
	}
	t.Skip("no qemu-aarch64-static: scripts/setup installs it")
	return ""
}
