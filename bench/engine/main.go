// Command engine measures the engine itself and writes docs/benchmarks-engine.md: how soon after its start `tokendocker
// engine` answers, how much memory it then has, and how long reading and ordering a template of 500 resources takes.
//
//	make bench           # or: go run ./bench/engine
//
// It runs the benchmarks of the engine's own packages; numbers are of the machine that it runs on, and nothing tests them.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// benchmark is one of the engine's benchmarks, and what is wanted of its numbers.
type benchmark struct {
	pkg, name, rounds string
	numbers           []number
}

// number is one number that a benchmark prints.
type number struct {
	what, unit string // as the benchmark names the unit
	show       string // unit to show
	scale      float64
	goal       string
}

func benchmarks() []benchmark {
	const millisecond = 1e6 // in nanoseconds
	return []benchmark{
		{"./rehearsals", "BenchmarkEngineStart", "20x", []number{
			{"from the start of `tokendocker engine` to the answer of GetCallerIdentity", "ns/op", "ms", millisecond, "under 300 ms"},
			{"resident memory of the process then, the largest of all runs", "MB-resident", "MB", 1, "under 60 MB"},
		}},
		{"./internal/engine/cloudformation", "BenchmarkPlan500", "100x", []number{
			{"reading and ordering a template of 500 resources", "ns/op", "ms", millisecond, "under 100 ms"},
			{"memory that this allocates", "B/op", "MB", 1e6, ""},
		}},
	}
}

func main() {
	out := flag.String("out", filepath.Join("docs", "benchmarks-engine.md"), "file to write")
	flag.Parse()
	if err := measure(context.Background(), *out); err != nil {
		fmt.Fprintln(os.Stderr, "bench/engine:", err)
		os.Exit(1)
	}
}

const head = `# Benchmarks of the engine

Written by ` + "`make bench`" + ` on %s (%s). The rounds are those of the Go benchmarks that are named; they start the
command as a user does, with an empty state folder that an earlier engine has made. No docker container runs: the parts
that need docker start when they are first needed, which a test checks.

| | measured | goal | benchmark |
|---|---|---|---|
`

func measure(ctx context.Context, out string) error {
	var text strings.Builder
	processor := "unknown processor"
	for _, b := range benchmarks() {
		cmd := exec.CommandContext(ctx, "go", "test", b.pkg, "-run", "^$", "-bench", "^"+b.name+"$", "-benchtime", b.rounds, "-benchmem")
		cmd.Dir = filepath.Join("cmd", "tokendocker")
		cmd.Stderr = os.Stderr
		printed, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("%s: %w\n%s", b.name, err, printed)
		}
		if m := regexp.MustCompile(`(?m)^cpu: (.*)$`).FindSubmatch(printed); m != nil {
			processor = string(m[1])
		}
		for _, n := range b.numbers {
			value, err := n.find(string(printed))
			if err != nil {
				return fmt.Errorf("%s: %w\n%s", b.name, err, printed)
			}
			fmt.Fprintf(&text, "| %s | %.1f %s | %s | `%s` |\n", n.what, value/n.scale, n.show, n.goal, b.name)
		}
	}
	fmt.Print(text.String())
	return os.WriteFile(out, []byte(fmt.Sprintf(head, time.Now().Format(time.DateOnly), processor)+text.String()), 0o644)
}

// find reads the number out of what go test printed.
func (n number) find(printed string) (float64, error) {
	m := regexp.MustCompile(`([0-9.e+]+) ` + regexp.QuoteMeta(n.unit)).FindStringSubmatch(printed)
	if m == nil {
		return 0, fmt.Errorf("it printed no %s", n.unit)
	}
	return strconv.ParseFloat(m[1], 64)
}
