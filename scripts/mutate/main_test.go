package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryMutationApplies keeps the list true while the code moves: what is to be broken stands there exactly once.
func TestEveryMutationApplies(t *testing.T) {
	list, err := readList("mutations.txt")
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 40 {
		t.Errorf("%d mutations, want about forty", len(list))
	}
	root := filepath.Join("..", "..")
	for _, m := range list {
		text, err := os.ReadFile(filepath.Join(root, m.file))
		if err != nil {
			t.Errorf("%s: %v", m.name, err)
			continue
		}
		if _, err := m.apply(string(text)); err != nil {
			t.Errorf("%s: %v", m.name, err)
		}
		tests, err := filepath.Glob(filepath.Join(root, m.place.module, m.place.pkg, "*_test.go"))
		if err != nil || !anyHas(t, tests, "func "+m.test+"(t *testing.T)") {
			t.Errorf("%s: there is no %s in %v", m.name, m.test, m.place)
		}
	}
}

func anyHas(t *testing.T, files []string, text string) bool {
	t.Helper()
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), text) {
			return true
		}
	}
	return false
}

// small is a module with one function and two tests, one of which tests nothing.
var small = map[string]string{
	"go.mod":      "module small\n\ngo 1.26\n",
	"add.go":      "package small\n\nfunc add(a, b int) int { return a + b }\n",
	"add_test.go": "package small\n\nimport \"testing\"\n\nfunc TestAdd(t *testing.T) {\n\tif add(1, 2) != 3 {\n\t\tt.Error()\n\t}\n}\n\nfunc TestNothing(t *testing.T) {}\n\nfunc TestRed(t *testing.T) { t.Error() }\n",
}

const (
	killed   = "name killed\nfile add.go\nold a + b\nnew a - b\ntest . TestAdd\n"
	survivor = "name survivor\nfile add.go\nold a + b\nnew a - b\ntest . TestNothing\n"
)

func TestRun(t *testing.T) {
	for name, c := range map[string]struct {
		list  string
		args  []string
		code  int
		shows string
	}{
		"killed":           {killed, nil, 0, "1 of 1 mutations turn their test red"},
		"survives":         {killed + "\n" + survivor, nil, 1, "SURVIVES\n1 of 2"},
		"only":             {killed + "\n" + survivor, []string{"-only", "^k"}, 0, "1 of 1"},
		"sample":           {killed + "\n" + survivor + "need docker\n", []string{"-sample", "1"}, 0, "1 of 1"},
		"does not compile": {strings.Replace(killed, "a - b", "a ? b", 1), nil, 1, "does not compile"},
		"not there":        {strings.Replace(killed, "a + b", "c + d", 1), nil, 1, `"c + d" stands 0 times in add.go`},
		"twice":            {strings.Replace(killed, "a + b", "int", 1), nil, 1, `"int" stands 2 times in add.go`},
		"red anyway":       {strings.Replace(killed, "TestAdd", "TestRed", 1), nil, 2, "TestRed in . does not pass without any mutation"},
		"no such test":     {strings.Replace(killed, "TestAdd", "TestSub", 1), nil, 2, "TestSub in . does not pass"},
		"no test":          {strings.Replace(killed, "test . TestAdd", "", 1), nil, 2, "name, file, old, test and another new are needed"},
		"same name":        {killed + "\n" + killed, nil, 2, `"killed" stands there twice`},
		"unknown key":      {killed + "when now\n", nil, 2, `the key "when" is unknown`},
		"nothing chosen":   {killed, []string{"-only", "x"}, 2, "no mutation is chosen"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			files := map[string]string{"list.txt": c.list}
			for name, text := range small {
				files[name] = text
			}
			for name, text := range files {
				if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if out, err := exec.CommandContext(t.Context(), "git", "-C", root, "init", "-q").CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			var out strings.Builder
			code, err := run(t.Context(), append([]string{"-root", root, "-list", "list.txt"}, c.args...), &out)
			shown := out.String()
			if err != nil {
				shown += err.Error()
			}
			if code != c.code || !strings.Contains(shown, c.shows) {
				t.Errorf("exit %d, want %d with %q:\n%s", code, c.code, c.shows, shown)
			}
			if text, err := os.ReadFile(filepath.Join(root, "add.go")); err != nil || string(text) != small["add.go"] {
				t.Errorf("the tree itself was changed: %v\n%s", err, text)
			}
		})
	}
}

// TestSameSeedSameSample: a run of CI can be had again.
func TestSameSeedSameSample(t *testing.T) {
	names := func(seed string) string {
		list, err := choose("mutations.txt", "", 4, seed)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, m := range list {
			if m.need != "" {
				t.Errorf("%s needs %s", m.name, m.need)
			}
			names = append(names, m.name)
		}
		return strings.Join(names, "\n")
	}
	first := names("a")
	if again, other := names("a"), names("b"); again != first || other == first {
		t.Errorf("samples:\n%s\n\n%s\n\n%s", first, again, other)
	}
}
