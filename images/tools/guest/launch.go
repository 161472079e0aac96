package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// An order is what launch starts. Bytes, not text: JSON would change what is not UTF-8.
type order struct {
	// Argv is the program, by name or path, and its arguments.
	Argv [][]byte `json:"argv"`
	// Env is added to the container's environment, each entry "NAME=value".
	Env [][]byte `json:"env"`
	// Dir is the working directory.
	Dir string `json:"dir"`
}

// launch reads an order from in (its length as four bytes, big-endian, then JSON), and becomes the ordered program,
// which finds the rest of in as its standard input. In this way arguments and environment stand in no command line and
// no container configuration of the host, and have no other limit than the kernel's.
func launch(in io.Reader) error {
	var size uint32
	if err := binary.Read(in, binary.BigEndian, &size); err != nil {
		return fmt.Errorf("reading the order: %w", err)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(in, text); err != nil {
		return fmt.Errorf("reading the order: %w", err)
	}
	var o order
	if err := json.Unmarshal(text, &o); err != nil {
		return fmt.Errorf("reading the order: %w", err)
	}
	if len(o.Argv) == 0 {
		return errors.New("reading the order: there is no program")
	}
	if err := awaitPrepared(); err != nil {
		return err
	}
	return start(o)
}

// awaitPrepared waits until the container's first process has prepared it.
func awaitPrepared() error {
	for range 1000 {
		if _, err := os.Stat(preparedFile); err == nil {
			return nil
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("the build container was not prepared within 10 s")
}

// start becomes the ordered program. It exits as a shell does where there is no such program (127) or it cannot be run
// (126), and returns every other failure.
func start(o order) error {
	argv := make([]string, len(o.Argv))
	for i, a := range o.Argv {
		argv[i] = string(a)
	}
	for _, entry := range o.Env {
		name, value, _ := strings.Cut(string(entry), "=")
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("setting the variable %q: %w", name, err)
		}
	}
	if o.Dir != "" {
		if err := os.Chdir(o.Dir); err != nil {
			return err
		}
	}
	path, err := exec.LookPath(argv[0])
	if err == nil || errors.Is(err, exec.ErrDot) {
		err = syscall.Exec(path, argv, os.Environ())
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", argv[0], err)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
		os.Exit(127)
	}
	os.Exit(126)
	return nil
}
