// Command testgate reads `go test -json` from standard input and decides: it shows what failed, and fails a run in
// which a test was skipped that the list of allowed skips does not name with a reason.
//
//	go test -json ./... | testgate -skips scripts/skips.txt
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// event is one line of go test -json; `go doc test2json` describes it.
type event struct {
	Action, Package, Test, Output string
	Elapsed                       float64
	ImportPath                    string // of build output
}

// gate counts the tests of a run and keeps their output until it is known whether it matters.
type gate struct {
	short   bool
	allowed map[string]string // reason by test
	out     io.Writer
	output  map[string]*strings.Builder

	passed, failed, skipped int
	broken                  []string
}

func main() {
	skips := flag.String("skips", "", "file of allowed skips: one `package.Test reason` a line")
	short := flag.Bool("short", false, "the run is short: any test may be skipped")
	flag.Parse()
	allowed, err := readSkips(*skips)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testgate:", err)
		os.Exit(2)
	}
	g := gate{short: *short, allowed: allowed, out: os.Stdout, output: map[string]*strings.Builder{}}
	if err := g.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testgate:", err)
		os.Exit(2)
	}
	if !g.verdict() {
		os.Exit(1)
	}
}

func readSkips(file string) (map[string]string, error) {
	allowed := map[string]string{}
	if file == "" {
		return allowed, nil
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(raw)) {
		if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, reason, _ := strings.Cut(line, " ")
		if strings.TrimSpace(reason) == "" {
			return nil, fmt.Errorf("%s: %s may be skipped, but no reason is given", file, name)
		}
		allowed[name] = reason
	}
	return allowed, nil
}

func (g *gate) read(in io.Reader) error {
	s := bufio.NewScanner(in)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		var e event
		if err := json.Unmarshal(s.Bytes(), &e); err != nil {
			fmt.Fprintln(g.out, s.Text()) // go itself speaks, before any test
			continue
		}
		g.take(e)
	}
	return s.Err()
}

func (g *gate) take(e event) {
	key := e.Package + "." + e.Test
	switch e.Action {
	case "output", "build-output":
		if e.Action == "build-output" {
			key = e.ImportPath + "."
		}
		if g.output[key] == nil {
			g.output[key] = &strings.Builder{}
		}
		g.output[key].WriteString(e.Output)
	case "pass":
		if e.Test != "" {
			g.passed++
		} else {
			fmt.Fprintf(g.out, "ok    %s (%.1f s)\n", e.Package, e.Elapsed)
		}
		delete(g.output, key)
	case "skip":
		if e.Test != "" {
			g.skip(e, key)
		}
		delete(g.output, key)
	case "fail", "build-fail":
		if e.Test != "" {
			g.failed++
		}
		g.broken = append(g.broken, key)
		fmt.Fprintf(g.out, "FAIL  %s\n", key)
		g.show(key)
	}
}

func (g *gate) skip(e event, key string) {
	g.skipped++
	name := path.Base(e.Package) + "." + e.Test
	if _, ok := g.allowed[name]; ok || g.short {
		return
	}
	g.broken = append(g.broken, key)
	fmt.Fprintf(g.out, "SKIP  %s: not among the allowed skips\n", name)
	g.show(key)
}

func (g *gate) show(key string) {
	if g.output[key] != nil {
		fmt.Fprint(g.out, g.output[key].String())
	}
}

// verdict prints the last line and reports whether the run is good.
func (g *gate) verdict() bool {
	fmt.Fprintf(g.out, "%d passed, %d failed, %d skipped\n", g.passed, g.failed, g.skipped)
	if g.passed == 0 {
		fmt.Fprintln(g.out, "no test ran")
		return false
	}
	return len(g.broken) == 0
}
