package house

import (
	"flag"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// limits finds the marked cases of the engine's rooms: composite literals with a limit and a name.
func limits(t *testing.T) map[string][]string {
	marks := map[string][]string{}
	for _, f := range sources(t) {
		room, inside := strings.CutPrefix(f.pkg, engine+"/")
		if !f.test || !inside {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if literal, ok := n.(*ast.CompositeLit); ok {
				if fields := texts(literal); fields["limit"] != "" && fields["name"] != "" {
					marks[room] = append(marks[room], fmt.Sprintf("| %s | %s | %s |\n", fields["name"], fields["limit"], fields["source"]))
				}
			}
			return true
		})
	}
	return marks
}

// texts returns the fields of a composite literal that are plain text; of a sum, its plain part.
func texts(literal *ast.CompositeLit) map[string]string {
	out := map[string]string{}
	for _, e := range literal.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		key, ok := pair.Key.(*ast.Ident)
		if !ok {
			continue
		}
		value := pair.Value
		if sum, ok := value.(*ast.BinaryExpr); ok {
			value = sum.Y
		}
		if basic, ok := value.(*ast.BasicLit); ok && basic.Kind == token.STRING {
			if text, err := strconv.Unquote(basic.Value); err == nil {
				out[key.Name] = strings.Trim(text, ", ")
			}
		}
	}
	return out
}
