package house

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	library = "github.com/tokendocker/tokendocker"
	command = library + "/cmd/tokendocker"
	engine  = command + "/internal/engine"
)

// Limits of the house, from what the best Go projects keep to.
const (
	maxFunctionLines = 60
	maxFileLines     = 400
)

type file struct {
	path string // from the repository's root
	pkg  string // import path of the package
	set  *token.FileSet
	tree *ast.File
	test bool
}

// sources parses every Go file of both modules.
func sources(t *testing.T) []file {
	t.Helper()
	root := filepath.Join("..", "..")
	var files []file
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() && (name == "testdata" || name == "node_modules" || strings.HasPrefix(name, ".") && name != "..") {
			return fs.SkipDir
		}
		if d.IsDir() || filepath.Ext(name) != ".go" {
			return nil
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		tree, err := parser.ParseFile(set, p, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, file{
			path: filepath.ToSlash(rel), pkg: path.Join(library, path.Dir(filepath.ToSlash(rel))),
			set: set, tree: tree, test: strings.HasSuffix(name, "_test.go"),
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("found only %d Go files: the walk is wrong", len(files))
	}
	return files
}

func under(pkg, root string) bool { return pkg == root || strings.HasPrefix(pkg, root+"/") }

// TestWall checks what may import what.
func TestWall(t *testing.T) {
	rules := []struct {
		name   string
		of     func(pkg string) bool
		forbid func(pkg, imported string) bool
		reason string
	}{
		{"engine half", func(p string) bool { return under(p, command) },
			func(_, i string) bool { return under(i, library) && !under(i, command) },
			"the engine would test itself with the library's mistakes"},
		{"library half", func(p string) bool { return !under(p, command) },
			func(_, i string) bool { return under(i, command) },
			"whoever imports the constructs must not need the engine"},
		{"contract", func(p string) bool { return under(p, library+"/internal/contract") },
			func(_, i string) bool { return strings.Contains(i, ".") },
			"both sides read it, so it imports only the standard library"},
		{"machine", func(p string) bool { return under(p, library+"/internal/machine") },
			func(_, i string) bool { return strings.Contains(i, ".") && !under(i, library+"/internal/contract") },
			"template and handler both read it"},
		{"below the constructs", func(p string) bool { return under(p, library+"/internal") || under(p, library+"/cmd/handler") },
			func(_, i string) bool {
				return strings.HasPrefix(i, "github.com/aws/jsii-runtime-go") || strings.HasPrefix(i, "github.com/aws/aws-cdk-go") ||
					strings.HasPrefix(i, "github.com/aws/constructs-go")
			},
			"only the constructs know the CDK: what is pure stays fast"},
		{"rooms", func(p string) bool { return room(p) != "" },
			func(p, i string) bool {
				// Policies are pure text that rooms with resource policies read too; what stands in for a resource type
				// that no room has is CloudFormation's own affair; the door decides by IAM.
				shared := i == engine+"/iam/policy" || room(p) == "cloudformation" && room(i) == "simulated" ||
					room(p) == "door" && room(i) == "iam"
				return room(i) != "" && room(i) != room(p) && !shared
			},
			"rooms meet over AWS's own calls or through ports wired in engine.go"},
		{"buildx", func(string) bool { return true },
			func(_, i string) bool { return strings.HasPrefix(i, "github.com/docker/buildx") },
			"call the docker buildx program: its packages move"},
	}
	files := sources(t)
	for _, rule := range rules {
		t.Run(rule.name, func(t *testing.T) {
			seen := false
			for _, f := range files {
				if f.test || !rule.of(f.pkg) {
					continue
				}
				seen = true
				for _, imp := range f.tree.Imports {
					if i := strings.Trim(imp.Path.Value, `"`); rule.forbid(f.pkg, i) {
						t.Errorf("%s imports %s: %s", f.path, i, rule.reason)
					}
				}
			}
			if !seen {
				t.Error("the rule looks at no file")
			}
		})
	}
}

// core is what every room of the engine may import.
var core = []string{"clock", "state", "protocol", "session", "resource", "switches", "physical", "partition", "sandbox"}

// room returns the name of the engine's room that pkg belongs to, or "" for the core and for everything else.
func room(pkg string) string {
	rest, inside := strings.CutPrefix(pkg, engine+"/")
	name, _, _ := strings.Cut(rest, "/")
	if !inside || slices.Contains(core, name) {
		return ""
	}
	return name
}

// TestHandlerNeverLinksTheCDK checks the whole closure, not only direct imports.
func TestHandlerNeverLinksTheCDK(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/handler")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(out), library+"/internal/handler") {
		t.Fatal("the list of dependencies lacks the handler itself")
	}
	for line := range strings.Lines(string(out)) {
		if strings.Contains(line, "jsii") || strings.Contains(line, "aws-cdk") {
			t.Errorf("the handler links %s", line)
		}
	}
}

// TestSizes keeps functions readable in one breath and files in one sitting.
func TestSizes(t *testing.T) {
	for _, f := range sources(t) {
		if f.test || ast.IsGenerated(f.tree) {
			continue
		}
		if lines := f.set.File(f.tree.Pos()).LineCount(); lines > maxFileLines {
			t.Errorf("%s has %d lines, more than %d", f.path, lines, maxFileLines)
		}
		for _, d := range f.tree.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok || fn.Body == nil {
				continue
			}
			if n := f.set.Position(fn.End()).Line - f.set.Position(fn.Pos()).Line + 1; n > maxFunctionLines {
				t.Errorf("%s: %s has %d lines, more than %d", f.path, fn.Name.Name, n, maxFunctionLines)
			}
		}
	}
}

// TestComments checks that every package says once what it is, and every exported name what it means.
func TestComments(t *testing.T) {
	packages := map[string]int{}
	for _, f := range sources(t) {
		if f.test {
			continue
		}
		if f.tree.Doc != nil {
			packages[f.pkg]++
		} else if _, known := packages[f.pkg]; !known {
			packages[f.pkg] = 0
		}
		for _, d := range f.tree.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: %s is exported without a comment", f.path, name)
			}
		}
	}
	for pkg, n := range packages {
		if n != 1 {
			t.Errorf("package %s has %d package comments, want one", pkg, n)
		}
	}
}

func undocumented(d ast.Decl) []string {
	var names []string
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil {
					names = append(names, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						names = append(names, n.Name)
					}
				}
			}
		}
	}
	return names
}

// exportedReceiver reports whether a method can be seen from outside: its receiver's type is exported, or it is a
// plain function.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	expr := d.Recv.List[0].Type
	for {
		switch e := expr.(type) {
		case *ast.StarExpr:
			expr = e.X
		case *ast.IndexExpr:
			expr = e.X
		case *ast.Ident:
			return e.IsExported()
		default:
			return false
		}
	}
}
