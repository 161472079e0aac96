// Package hosthandler holds the handler's program for amd64. A rehearsal on such a machine runs it in place of the
// shipped code, which is for arm64 and which an emulator would run slowly. scripts/handler writes it together with
// the shipped code, from the same source.
package hosthandler

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
)

//go:embed handler-amd64.zip
var code []byte

// Unpack writes the program into dir, where one of an earlier version may lie, and returns what may run in place of
// what: the program's path by the sha256 of the shipped zip, in hexadecimal. On other processors there is nothing.
func Unpack(dir string) (map[string]string, error) {
	if runtime.GOARCH != "amd64" {
		return nil, nil
	}
	path := filepath.Join(dir, "handler-"+For[:16])
	if _, err := os.Stat(path); err == nil {
		return map[string]string{For: path}, nil
	}
	if err := unpack(path); err != nil {
		return nil, fmt.Errorf("unpack the handler to %s: %w", path, err)
	}
	return map[string]string{For: path}, nil
}

// unpack writes the zip's one file under another name first, so that path is whole or not there.
func unpack(path string) error {
	archive, err := zip.NewReader(bytes.NewReader(code), int64(len(code)))
	if err != nil {
		return err
	}
	program, err := archive.Open("bootstrap")
	if err != nil {
		return err
	}
	defer func() { _ = program.Close() }()
	file, err := os.CreateTemp(filepath.Dir(path), ".handler-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }() // gone already when all went well
	if _, err := io.Copy(file, program); err != nil {
		return err
	}
	if err := file.Chmod(0o755); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	return os.Rename(file.Name(), path)
}
