package main

import (
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
)

// commandModule is the folder of the repository's other module.
const commandModule = "cmd/tokendocker"

// mutation is one broken place. Old stands in the file exactly once.
type mutation struct {
	name, file, old, new string
	place                place
	test                 string // name of the function
	need                 string // what the test needs beside Go and the CDK; may be empty
}

// place is where a test is: its module's folder, and its package within.
type place struct{ module, pkg string }

// apply gives the file's text with the mutation.
func (m mutation) apply(text string) (string, error) {
	if n := strings.Count(text, m.old); n != 1 {
		return "", fmt.Errorf("%q stands %d times in %s, want once", m.old, n, m.file)
	}
	return strings.Replace(text, m.old, m.new, 1), nil
}

// readList reads mutations: blocks of lines "key value" with an empty line behind each. Lines with "#" are comments.
func readList(file string) ([]mutation, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []mutation
	names := map[string]bool{}
	for block := range strings.SplitSeq(string(data), "\n\n") {
		m, err := parse(block)
		switch {
		case err != nil:
			return nil, fmt.Errorf("%s: %q: %w", file, m.name, err)
		case m.name == "":
			continue
		case names[m.name]:
			return nil, fmt.Errorf("%s: %q stands there twice", file, m.name)
		}
		names[m.name] = true
		list = append(list, m)
	}
	return list, nil
}

// parse reads one block; one without any line is no mutation.
func parse(block string) (mutation, error) {
	var m mutation
	lines := 0
	for line := range strings.Lines(block) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		lines++
		key, value, _ := strings.Cut(line, " ")
		value = strings.TrimSpace(value)
		switch key {
		case "name":
			m.name = value
		case "file":
			m.file = value
		case "old":
			m.old = value
		case "new":
			m.new = value
		case "test":
			folder, test, _ := strings.Cut(value, " ")
			m.place, m.test = placeOf(folder), test
		case "need":
			m.need = value
		default:
			return m, fmt.Errorf("the key %q is unknown", key)
		}
	}
	if lines > 0 && (m.name == "" || m.file == "" || m.old == "" || m.test == "" || m.old == m.new) {
		return m, errors.New("name, file, old, test and another new are needed")
	}
	return m, nil
}

// placeOf finds the module of a package's folder.
func placeOf(folder string) place {
	if inside, ok := strings.CutPrefix(folder, commandModule+"/"); ok {
		return place{commandModule, "./" + inside}
	}
	return place{".", "./" + path.Clean(folder)}
}
