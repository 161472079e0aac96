package house

import (
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// fewestFailures guards against a page that is not read.
const fewestFailures = 30

// TestTroubleshooting reads the page of failures: the words of each first line are the code's own, with "..." for what
// differs from case to case, and the tests that it names exist.
func TestTroubleshooting(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "troubleshooting.md"))
	if err != nil {
		t.Fatal(err)
	}
	tests, said := testFunctions(t), spoken(t)
	rows, number := 0, 0
	for line := range strings.Lines(string(data)) {
		number++
		where := fmt.Sprintf("docs/troubleshooting.md:%d", number)
		named := checkProofs(t, tests, where, line)
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		if rows++; len(cells) != 3 || named == 0 {
			t.Errorf("%s: want a first line, what to do and a test, in three cells", where)
		}
		for i, quoted := range strings.Split(cells[0], "`") {
			if i%2 == 0 {
				continue // between the quotations
			}
			for words := range strings.SplitSeq(quoted, "...") {
				if !strings.Contains(said, strings.TrimSpace(words)) {
					t.Errorf("%s: nothing says %q", where, strings.TrimSpace(words))
				}
			}
		}
	}
	if rows < fewestFailures {
		t.Errorf("the page has %d rows, want %d at least", rows, fewestFailures)
	}
}

// spoken are the string literals of all code that is not a test; a sentence that is put together of several literals is
// one text.
func spoken(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			if expression, ok := n.(ast.Expr); ok {
				if text, ok := constant(expression); ok {
					all.WriteString(text + "\n")
					return false
				}
			}
			return true
		})
	}
	return all.String()
}

// constant is the text of a literal, or of literals with a plus between them.
func constant(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, ok := constant(e.X)
		right, also := constant(e.Y)
		return left + right, ok && also && e.Op == token.ADD
	}
	return "", false
}
