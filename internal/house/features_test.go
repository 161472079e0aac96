package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// fewestFeatures guards against a table that is not read.
const fewestFeatures = 110

// feature is a row of docs/features.md.
type feature struct {
	line               int
	word, here, proofs string
}

// proof is a test as the table names it: package.Test, perhaps with a case of it.
var proof = regexp.MustCompile("`([a-z]+)\\.(Test[A-Za-z0-9]+)(?:/([^`]+))?`")

// named is a name that stands in the table as code, perhaps with more behind it.
var named = regexp.MustCompile("`([A-Za-z_]+)`")

// TestFeatures reads the table of features: each row names tests that there are, and each thing that a user of the root
// package can name has a row.
func TestFeatures(t *testing.T) {
	rows := features(t)
	if len(rows) < fewestFeatures {
		t.Fatalf("the table has %d rows, want %d at least", len(rows), fewestFeatures)
	}
	tests := testFunctions(t)
	open := 0
	mentioned := map[string]bool{}
	for _, row := range rows {
		for _, m := range named.FindAllStringSubmatch(row.word+row.here, -1) {
			mentioned[m[1]] = true
		}
		switch {
		case strings.HasPrefix(row.proofs, "open:"):
			open++
			t.Logf("docs/features.md:%d: open: %s", row.line, row.word)
		case checkProofs(t, tests, fmt.Sprintf("docs/features.md:%d", row.line), row.proofs) == 0 && !strings.HasPrefix(row.proofs, "documented:"):
			t.Errorf("docs/features.md:%d: no test: %s", row.line, row.word)
		}
	}
	for _, name := range surface(t) {
		if !mentioned[name] {
			t.Errorf("docs/features.md has no row for %s", name)
		}
	}
	t.Logf("%d rows, %d open", len(rows), open)
}

// checkProofs checks that each test that a text names exists, and counts them.
func checkProofs(t *testing.T, tests map[string]map[string]bool, where, text string) int {
	t.Helper()
	proofs := proof.FindAllStringSubmatch(text, -1)
	for _, p := range proofs {
		body, found := tests[p[1]+"."+p[2]]
		switch {
		case !found:
			t.Errorf("%s: there is no %s in package %s", where, p[2], p[1])
		case p[3] != "" && !body[p[3]]:
			t.Errorf("%s: %s.%s has no case %q", where, p[1], p[2], p[3])
		}
	}
	return len(proofs)
}

// features reads the table's rows.
func features(t *testing.T) []feature {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "features.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []feature
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		if len(cells) != 3 {
			t.Errorf("docs/features.md:%d has %d cells, want 3", number, len(cells))
			continue
		}
		row := feature{line: number, word: strings.TrimSpace(cells[0]), here: strings.TrimSpace(cells[1]), proofs: strings.TrimSpace(cells[2])}
		if row.proofs != "proved by" {
			rows = append(rows, row)
		}
	}
	return rows
}

// testFunctions finds every test of all modules, by package and name, with the texts that stand in its file: names of
// cases are among them.
func testFunctions(t *testing.T) map[string]map[string]bool {
	t.Helper()
	found := map[string]map[string]bool{}
	for _, f := range sources(t) {
		if !f.test {
			continue
		}
		texts := map[string]bool{}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				if text, err := strconv.Unquote(literal.Value); err == nil {
					texts[text] = true
				}
			}
			return true
		})
		for _, d := range f.tree.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				found[strings.TrimSuffix(f.tree.Name.Name, "_test")+"."+fn.Name.Name] = texts
			}
		}
	}
	return found
}

// surface is what a user of the root package can name: fields of its structs, methods of its interfaces, functions.
func surface(t *testing.T) []string {
	t.Helper()
	var names []string
	fields := func(list *ast.FieldList) {
		for _, field := range list.List {
			for _, name := range field.Names {
				if name.IsExported() {
					names = append(names, name.Name)
				}
			}
		}
	}
	for _, f := range sources(t) {
		if f.pkg != library || f.test {
			continue
		}
		for _, d := range f.tree.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil && d.Name.IsExported() {
					names = append(names, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					declared, ok := spec.(*ast.TypeSpec)
					if !ok || !declared.Name.IsExported() {
						continue
					}
					switch kind := declared.Type.(type) {
					case *ast.StructType:
						fields(kind.Fields)
					case *ast.InterfaceType:
						fields(kind.Methods)
					}
				}
			}
		}
	}
	if len(names) < 40 {
		t.Fatalf("the root package has only %v: the search is wrong", names)
	}
	return names
}
