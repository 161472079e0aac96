package tokendocker

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const copyAll = "FROM scratch\nCOPY . /\n"

// tree is a context with what ignore rules are written about.
var tree = []string{
	"README.md", "app.log", "keep.txt", "temp1", "tempa", ".env", ".env.local", ".git/config", "dist/a.js", "dist/deep/b.js",
	"docs/README.md", "docs/guide.md", "docs/img/a.png", "node_modules/x/index.js", "sub/app.log", "sub/keep.txt",
	"sub/node_modules/y/index.js", "sub/deep/app.log", "sub/deep/keep.txt", "sub/tmp/a", "tmp/a", "tmp/b/c", "a b.txt", "ünï.txt",
	"web/main.go", "web/Dockerfile",
}

// contexts are ignore files over the tree; docker itself says what each of them means.
var contexts = []struct {
	name    string
	ignore  string
	file    string // the Dockerfile, where it is not "Dockerfile"
	own     string // an ignore file for that Dockerfile alone
	exclude []string
}{
	{name: "none"},
	{name: "name", ignore: "node_modules\n*.log\n"},
	{name: "any depth", ignore: "**/node_modules\n**/*.log\n"},
	{name: "slashes", ignore: "/tmp/*\n./docs\nnode_modules/\n"},
	{name: "allow list", ignore: "*\n!dist\n!keep.txt\n"},
	{name: "exception below", ignore: "docs\n!docs/README.md\n"},
	{name: "exception before", ignore: "!keep.txt\n**/*.txt\n"},
	{name: "characters", ignore: "temp?\n.env*\ntemp[0-9]\n"},
	{name: "parents", ignore: "sub/../tmp\nsub/*/keep.txt\n"},
	{name: "comments and ends of lines", ignore: "\uFEFF# comment\r\n\r\n  tmp  \r\n#keep.txt\r\n"},
	{name: "Dockerfile ignored", ignore: "Dockerfile\n.dockerignore\n.git\n"},
	{name: "everything ignored", ignore: "*\n"},
	{name: "blanks and Unicode", ignore: "a b.txt\nünï.txt\n"},
	{name: "other Dockerfile", ignore: "web\n", file: "web/Dockerfile"},
	{name: "its own ignore file", ignore: "docs\n", file: "web/Dockerfile", own: "dist\nweb/main.go\n"},
	{name: "its own empty ignore file", ignore: "docs\n", file: "web/Dockerfile", own: "\n"},
	{name: "exclude", ignore: "docs\n", exclude: []string{"**/*.log", "!docs/guide.md"}},
}

// TestStagedIsWhatDockerSends compares what is staged with what COPY finds in a real docker build.
func TestStagedIsWhatDockerSends(t *testing.T) {
	newApp(t) // skips where the CDK is not wanted
	buildx := findBuildx(t)
	for _, c := range contexts {
		t.Run(c.name, func(t *testing.T) {
			files := map[string]string{"Dockerfile": copyAll, "web/Dockerfile": copyAll}
			for _, name := range tree {
				if files[name] == "" {
					files[name] = name
				}
			}
			file := defaultDockerfile
			if c.file != "" {
				file = c.file
			}
			if c.ignore != "" {
				files[ignoreFile] = c.ignore
			}
			if c.own != "" {
				files[file+ignoreFile] = c.own
			}
			folder := newContext(t, files)
			staged := stage(t, buildContext{folder: folder, dockerfile: file, exclude: c.exclude})
			if !slices.Contains(staged, file) {
				t.Errorf("the Dockerfile is not staged: %v", staged)
			}

			// docker has no option for further patterns: for it they stand in the file.
			rules := filepath.Join(folder, ignoreFile)
			if c.exclude != nil {
				if err := os.WriteFile(rules, []byte(c.ignore+strings.Join(c.exclude, "\n")), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			apart := []string{file, ignoreFile, file + ignoreFile} // docker reads these by itself
			if diff := cmp.Diff(without(copied(t, buildx, folder, file), apart), without(staged, apart), cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("staged files (-docker +staged):\n%s", diff)
			}
		})
	}
}

// stage gives the names of the files that are staged.
func stage(t *testing.T, c buildContext) []string {
	t.Helper()
	app := newApp(t)
	asset, err := c.stage(awscdk.NewStack(app, jsii.String("S"), nil))
	if err != nil {
		t.Fatal(err)
	}
	return list(t, filepath.Join(*app.Outdir(), *asset.AssetPath()))
}

// copied gives the names of the files that COPY finds.
func copied(t *testing.T, buildx []string, folder, file string) []string {
	t.Helper()
	out := t.TempDir()
	args := append(buildx[1:], "build", "--quiet", "--output", "type=local,dest="+out, "--file", filepath.Join(folder, file), folder)
	if text, err := exec.Command(buildx[0], args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, text)
	}
	return list(t, out)
}

// findBuildx is how buildx is called on this machine.
func findBuildx(t *testing.T) []string {
	t.Helper()
	if exec.Command("docker", "info").Run() != nil {
		t.Skip("needs a docker engine: scripts/setup starts one")
	}
	if exec.Command("docker", "buildx", "version").Run() == nil {
		return []string{"docker", "buildx"}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(cache, "tokendocker", "bin", "buildx")
	if exec.Command(program, "version").Run() != nil {
		t.Skip("needs docker buildx: scripts/setup fetches it")
	}
	return []string{program}
}

// list gives the files of a folder, with slashes.
func list(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		names = append(names, filepath.ToSlash(name))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func without(names, apart []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(apart, name) })
}

// TestSameHash: a context's hash depends on what is in it, not on where and when.
func TestSameHash(t *testing.T) {
	hash := func(files map[string]string, outdir string) string {
		folder := newContext(t, files)
		app := newApp(t)
		if outdir != "" {
			app = awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(filepath.Join(folder, outdir))})
		}
		c := buildContext{folder: folder, dockerfile: defaultDockerfile}
		asset, err := c.stage(awscdk.NewStack(app, jsii.String("S"), nil))
		if err != nil {
			t.Fatal(err)
		}
		return *asset.AssetHash()
	}
	first := hash(map[string]string{"Dockerfile": copyAll, "a": "1"}, "")
	for name, other := range map[string]string{
		"another folder":       hash(map[string]string{"Dockerfile": copyAll, "a": "1"}, ""),
		"with what is ignored": hash(map[string]string{"Dockerfile": copyAll, "a": "1"}, "cdk.out"),
	} {
		if other != first {
			t.Errorf("%s: the hash is %s, want %s", name, other, first)
		}
	}
	if other := hash(map[string]string{"Dockerfile": copyAll, "a": "2"}, ""); other == first {
		t.Error("another content has the same hash")
	}
}
