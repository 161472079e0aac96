package house

import (
	"flag"
	"fmt"
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/limits.md anew")

const limitsHead = `# Limits of the engine

Where a rehearsal differs from AWS on purpose, by room. Each line is a case of the room's tests that is marked with the
reason; this file is written from the marks (` + "`go test ./internal/house -update`" + `), so it cannot fall behind them.

A rehearsal is no copy of AWS. It has what deploying an image builder needs, simulates the identifiers of every other
resource type and says so in its report, and refuses what it would otherwise pretend.
`

// TestLimits keeps docs/limits.md what the marked cases of the engine's tests say.
func TestLimits(t *testing.T) {
	text := limitsHead
	marks := limits(t)
	rooms := make([]string, 0, len(marks))
	for room := range marks {
		rooms = append(rooms, room)
	}
	slices.Sort(rooms)
	if len(rooms) < 5 {
		t.Fatalf("only the rooms %v have marks: the search is wrong", rooms)
	}
	for _, room := range rooms {
		text += "\n## " + room + "\n\n| case | limit | source of AWS's behaviour |\n|---|---|---|\n"
		slices.Sort(marks[room])
		text += strings.Join(slices.Compact(marks[room]), "")
	}
	file := filepath.Join("..", "..", "docs", "limits.md")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || string(have) != text {
		t.Errorf("docs/limits.md is not what the marks say (%v): run go test ./internal/house -update", err)
	}
}

// limits finds the marked cases of the engine's rooms: composite literals with a limit and a name. Each says where it is
// known from what AWS does.
func limits(t *testing.T) map[string][]string {
	marks := map[string][]string{}
	eachLiteral(t, func(f file, n names, literal *ast.CompositeLit) {
		room, inside := strings.CutPrefix(f.pkg, engine+"/")
		fields := n.fields(literal)
		if !inside || fields["limit"] == "" || fields["name"] == "" {
			return
		}
		if fields["source"] == "" {
			t.Errorf("%s: case %q is a limit and names no source of what AWS does", f.set.Position(literal.Pos()), fields["name"])
		}
		marks[room] = append(marks[room], fmt.Sprintf("| %s | %s | %s |\n", fields["name"], fields["limit"], fields["source"]))
	})
	return marks
}

// sourced is a source that can be looked up: a page and when it was read, or a thread of a public repository. What AWS
// has no word on says "none".
var sourced = regexp.MustCompile(`\b20\d\d-\d\d\b|^[\w.-]+/[\w.-]+(#| issue | pull request )\d+|[\w.-]+/[\w.-]+#\d+$|^none: `)

// TestSources checks the case tables of the engine's rooms: where one case names the source of what AWS does, all do,
// and each can be looked up.
func TestSources(t *testing.T) {
	tables := 0
	eachLiteral(t, func(f file, n names, table *ast.CompositeLit) {
		var cases []map[string]string
		some := false
		for _, e := range table.Elts {
			if pair, ok := e.(*ast.KeyValueExpr); ok {
				e = pair.Value
			}
			if c, ok := e.(*ast.CompositeLit); ok {
				fields := n.fields(c)
				cases, some = append(cases, fields), some || fields["source"] != ""
			}
		}
		if !some || !strings.HasPrefix(f.pkg, engine+"/") {
			return
		}
		tables++
		for _, c := range cases {
			if !sourced.MatchString(c["source"]) {
				t.Errorf("%s: case %q has the source %q: name the page and when it was read (2026-11), or owner/repository#number", f.set.Position(table.Pos()), c["name"], c["source"])
			}
		}
	})
	if tables < 20 {
		t.Errorf("only %d tables have sources: the search is wrong", tables)
	}
}
