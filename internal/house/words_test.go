package house

import (
	"go/ast"
	"go/token"
	"maps"
	"strconv"
	"testing"
)

// names are the expressions that constants, variables and functions of a test are made of.
type names map[string]ast.Expr

// collect adds what is declared below a node.
func (n names) collect(below ast.Node) {
	ast.Inspect(below, func(node ast.Node) bool {
		switch d := node.(type) {
		case *ast.ValueSpec:
			for i, name := range d.Names {
				if i < len(d.Values) {
					n[name.Name] = d.Values[i]
				}
			}
		case *ast.AssignStmt:
			for i, left := range d.Lhs {
				if name, ok := left.(*ast.Ident); ok && d.Tok == token.DEFINE && len(d.Rhs) == len(d.Lhs) {
					n[name.Name] = d.Rhs[i]
				}
			}
		}
		return true
	})
}

// packageNames are the names at the top of each package's test files.
func packageNames(files []file) map[string]names {
	all := map[string]names{}
	for _, f := range files {
		if !f.test {
			continue
		}
		if all[f.pkg] == nil {
			all[f.pkg] = names{}
		}
		for _, d := range f.tree.Decls {
			switch d := d.(type) {
			case *ast.GenDecl:
				all[f.pkg].collect(d)
			case *ast.FuncDecl:
				if d.Recv == nil {
					all[f.pkg][d.Name.Name] = &ast.FuncLit{Type: d.Type, Body: d.Body}
				}
			}
		}
	}
	return all
}

// words is the text that an expression of literals, names, sums and functions of one line comes to; false if it holds
// anything else.
func (n names) words(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		return text, err == nil && e.Kind == token.STRING
	case *ast.ParenExpr:
		return n.words(e.X)
	case *ast.BinaryExpr:
		left, ok1 := n.words(e.X)
		right, ok2 := n.words(e.Y)
		return left + right, ok1 && ok2 && e.Op == token.ADD
	case *ast.Ident:
		value, ok := n[e.Name]
		if !ok {
			return "", false
		}
		rest := maps.Clone(n)
		delete(rest, e.Name) // which cannot name itself
		return rest.words(value)
	case *ast.CallExpr:
		return n.called(e)
	}
	return "", false
}

// called is what a call of a function with one line comes to.
func (n names) called(call *ast.CallExpr) (string, bool) {
	name, ok := call.Fun.(*ast.Ident)
	if !ok {
		return "", false
	}
	function, ok := n[name.Name].(*ast.FuncLit)
	if !ok || len(function.Body.List) != 1 {
		return "", false
	}
	back, ok := function.Body.List[0].(*ast.ReturnStmt)
	if !ok || len(back.Results) != 1 {
		return "", false
	}
	inside, at := maps.Clone(n), 0
	for _, parameters := range function.Type.Params.List {
		for _, parameter := range parameters.Names {
			if at < len(call.Args) {
				text, _ := n.words(call.Args[at])
				inside[parameter.Name] = &ast.BasicLit{Kind: token.STRING, Value: strconv.Quote(text)}
			}
			at++
		}
	}
	return inside.words(back.Results[0])
}

// fields returns those fields of a composite literal that are words.
func (n names) fields(literal *ast.CompositeLit) map[string]string {
	out := map[string]string{}
	for _, e := range literal.Elts {
		pair, ok := e.(*ast.KeyValueExpr)
		if !ok {
			continue
		}
		if key, ok := pair.Key.(*ast.Ident); ok {
			if text, ok := n.words(pair.Value); ok {
				out[key.Name] = text
			}
		}
	}
	return out
}

// eachLiteral calls do with each composite literal of the engine's tests, and the names that it can use.
func eachLiteral(t *testing.T, do func(f file, n names, literal *ast.CompositeLit)) {
	t.Helper()
	files := sources(t)
	known := packageNames(files)
	for _, f := range files {
		if !f.test {
			continue
		}
		for _, d := range f.tree.Decls {
			n := maps.Clone(known[f.pkg])
			n.collect(d)
			ast.Inspect(d, func(node ast.Node) bool {
				if literal, ok := node.(*ast.CompositeLit); ok {
					do(f, n, literal)
				}
				return true
			})
		}
	}
}
