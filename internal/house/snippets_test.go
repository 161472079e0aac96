package house

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestSnippets checks that the Go code in the documents compiles: each block stands, but for its indentation, in a Go
// file of the repository.
func TestSnippets(t *testing.T) {
	root := filepath.Join("..", "..")
	documents, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	code := compiled(t, root)
	seen := 0
	for _, document := range append(documents, filepath.Join(root, "README.md")) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range strings.Split(string(text), "\n```go\n")[1:] {
			block, _, _ := strings.Cut(part, "\n```")
			seen++
			if !strings.Contains(code, "\n"+flush(block)+"\n") {
				t.Errorf("Go block %d of %s stands in no Go file: put it into an example\n%s", i+1, filepath.Base(document), block)
			}
		}
	}
	if seen < 5 {
		t.Errorf("found only %d Go blocks: the documents are read wrongly", seen)
	}
}

// compiled is the code of the examples, of example_test.go and its like and of examples/, without indentation.
func compiled(t *testing.T, root string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "example*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(filepath.Join(root, "examples"), func(p string, _ fs.DirEntry, err error) error {
		if filepath.Ext(p) == ".go" {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("\n" + flush(string(text)) + "\n")
	}
	return all.String()
}

// flush takes away the indentation of every line.
func flush(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimSpace(line)
	}
	return strings.Join(lines, "\n")
}
