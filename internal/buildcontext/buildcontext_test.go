package buildcontext_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tokendocker/tokendocker/internal/buildcontext"
	"github.com/tokendocker/tokendocker/internal/buildspec"
)

var testTime = time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)

const copyAll = "FROM scratch\nCOPY . /c/\n"

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
	{name: "folder of a kind", ignore: "**/deep\n"},
	{name: "all but one kind", ignore: "**\n!**/*.txt\n"},
	{name: "exception far below", ignore: "sub\n!sub/deep/keep.txt\n"},
	{name: "exception of an exception", ignore: "docs\n!docs/*.md\ndocs/guide.md\n"},
	{name: "folder again", ignore: "*\n!sub\nsub/node_modules\n"},
	{name: "wildcard in the middle", ignore: "sub/**/keep.txt\n"},
	{name: "stars at both ends", ignore: "*/app*\n**/tmp/**\n"},
	{name: "wildcard exception", ignore: "sub\n!s*b/keep.txt\n"},
	{name: "blanks around", ignore: "  docs  \n\t*.log\t\n! keep.txt\n"},
	{name: "escape", ignore: "a\\ b.txt\n"},
	{name: "class", ignore: "[dk]*\n![^k]ist\n"},
	{name: "empty folder ignored", ignore: "empty\n"},
	{name: "empty folder below an ignored one", ignore: "hollow\n!hollow/inner\n"},
	{name: "only folders", ignore: "**/*.*\n"},
	{name: "current folder", ignore: ".\n"},
	{name: "root", ignore: "/\n"},
	{name: "parent", ignore: "..\n../x\n"},
	{name: "link ignored", ignore: "links/dangling\n"},
	{name: "link's target ignored", ignore: "keep.txt\n"},
	{name: "twice", ignore: "docs\n!docs\ndocs/img\n"},
	{name: "case", ignore: "readme.md\nDOCS\n"},
	{name: "dots", ignore: ".*\n"},
	{name: "exclude everything", exclude: []string{"*", "!dist"}},
	{name: "exclude", ignore: "docs\n", exclude: []string{"**/*.log", "!docs/guide.md"}},
}

// fill makes the tree of a case: files, links, modes and empty folders.
func fill(t *testing.T, files map[string]string) string {
	t.Helper()
	folder := t.TempDir()
	write := func(name, text string) {
		file := filepath.Join(folder, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range tree {
		write(name, name)
	}
	for name, text := range files {
		write(name, text)
	}
	at := func(name string) string { return filepath.Join(folder, name) }
	if err := errors.Join(
		os.MkdirAll(at("empty"), 0o755), os.MkdirAll(at("hollow/inner"), 0o700), os.MkdirAll(at("links"), 0o755),
		os.Chmod(at("sub/keep.txt"), 0o600), os.Chmod(at("temp1"), 0o755), os.Chmod(at("tempa"), 0o775), os.Chmod(at("hollow"), 0o750),
		os.Symlink("../keep.txt", at("links/file")), os.Symlink("../sub", at("links/folder")),
		os.Symlink("nowhere", at("links/dangling")), os.Symlink("/etc/passwd", at("links/absolute")),
		os.Link(at("keep.txt"), at("links/hard")),
	); err != nil {
		t.Fatal(err)
	}
	return folder
}

// TestPackedIsWhatDockerSends compares what is packed with what COPY finds in a real docker build: names, kinds, modes,
// targets of links and contents.
func TestPackedIsWhatDockerSends(t *testing.T) {
	if testing.Short() {
		t.Skip("needs docker")
	}
	buildx := findBuildx(t)
	for _, c := range contexts {
		t.Run(c.name, func(t *testing.T) {
			file := buildcontext.Dockerfile
			if c.file != "" {
				file = c.file
			}
			files := map[string]string{"Dockerfile": copyAll, "web/Dockerfile": copyAll}
			if c.ignore != "" {
				files[".dockerignore"] = c.ignore
			}
			if c.own != "" {
				files[file+".dockerignore"] = c.own
			}
			folder := fill(t, files)
			packed := pack(t, buildcontext.Context{Folder: folder, Dockerfile: file, Exclude: c.exclude})
			if packed[file] == "" {
				t.Errorf("the Dockerfile is not packed")
			}

			// docker has no option for further patterns: for it they stand in the file.
			if c.exclude != nil {
				if err := os.WriteFile(filepath.Join(folder, ".dockerignore"), []byte(c.ignore+strings.Join(c.exclude, "\n")), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			sent := copied(t, buildx, folder, file)
			for _, apart := range []string{file, ".dockerignore", file + ".dockerignore"} { // docker reads these by itself
				if sent[apart] == "" {
					delete(packed, apart)
					dropEmpty(packed, sent, path.Dir(apart))
				}
				delete(packed, apart)
				delete(sent, apart)
			}
			if diff := cmp.Diff(sent, packed, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("(-docker +packed):\n%s", diff)
			}
		})
	}
}

// dropEmpty removes a folder that is packed for nothing but what docker reads by itself.
func dropEmpty(packed, sent map[string]string, folder string) {
	if folder != "." && sent[folder] == "" {
		delete(packed, folder)
	}
}

// describe is all that must be equal about an entry.
func describe(h *tar.Header, content io.Reader) (string, error) {
	data, err := io.ReadAll(content)
	link := h.Linkname
	if h.Typeflag == tar.TypeLink {
		link = strings.TrimPrefix(link, "c/") // the name of another entry
	}
	return fmt.Sprintf("%c %o %s %s", h.Typeflag, h.Mode&0o7777, link, data), err
}

// entries reads a tar file.
func entries(t *testing.T, r io.Reader, root string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for reader := tar.NewReader(r); ; {
		h, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := describe(h, reader)
		if err != nil {
			t.Fatal(err)
		}
		name, inside := strings.CutPrefix(path.Clean("/"+h.Name), root)
		if name = strings.Trim(name, "/"); inside && name != "" {
			found[name] = text
		}
	}
}

// pack packs a context and reads the pack.
func pack(t *testing.T, c buildcontext.Context) map[string]string {
	t.Helper()
	var buffer bytes.Buffer
	if _, err := c.Pack(&buffer); err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(buffer.Bytes()), int64(buffer.Len()))
	if err != nil || len(z.File) != 1 || z.File[0].Name != buildspec.Archive {
		t.Fatalf("%v, %d files", err, len(z.File))
	}
	inner, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	return entries(t, inner, "/")
}

// copied gives what COPY finds.
func copied(t *testing.T, buildx []string, folder, file string) map[string]string {
	t.Helper()
	args := append(buildx[1:], "build", "--quiet", "--output", "type=tar,dest=-", "--file", filepath.Join(folder, file), folder)
	cmd := exec.Command(buildx[0], args...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, said.String())
	}
	return entries(t, &out, "/c")
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

// TestExtra: what commands need is packed although docker ignores it, with the folders that it is in.
func TestExtra(t *testing.T) {
	folder := fill(t, map[string]string{"Dockerfile": copyAll, ".dockerignore": "*\n!dist\n", "tools/gen.sh": "x", "tools/lib/a.sh": "y"})
	packed := pack(t, buildcontext.Context{Folder: folder, Dockerfile: "Dockerfile", Extra: []string{"tools/lib", "./keep.txt"}})
	for name, want := range map[string]bool{
		"tools": true, "tools/lib": true, "tools/lib/a.sh": true, "keep.txt": true, "dist/a.js": true, "Dockerfile": true, ".dockerignore": true,
		"tools/gen.sh": false, "README.md": false, "sub": false,
	} {
		if got := packed[name] != ""; got != want {
			t.Errorf("%s is packed: %v", name, got)
		}
	}
}

func TestHash(t *testing.T) {
	hash := func(change func(folder string) error) string {
		folder := fill(t, map[string]string{"Dockerfile": copyAll})
		if change != nil {
			if err := change(folder); err != nil {
				t.Fatal(err)
			}
		}
		var buffer bytes.Buffer
		got, err := buildcontext.Context{Folder: folder, Dockerfile: "Dockerfile", Skip: "cdk.out"}.Pack(&buffer)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	first := hash(nil)
	for name, change := range map[string]func(string) error{
		"another time":  func(f string) error { return os.Chtimes(filepath.Join(f, "keep.txt"), testTime, testTime) },
		"another umask": func(f string) error { return os.Chmod(filepath.Join(f, "README.md"), 0o664) },
		"the assembly": func(f string) error {
			return errors.Join(os.Mkdir(filepath.Join(f, "cdk.out"), 0o755), os.WriteFile(filepath.Join(f, "cdk.out", "a"), nil, 0o644))
		},
	} {
		if got := hash(change); got != first {
			t.Errorf("%s: the hash changes", name)
		}
	}
	for name, change := range map[string]func(string) error{
		"content":       func(f string) error { return os.WriteFile(filepath.Join(f, "keep.txt"), []byte("keep_txt"), 0o644) },
		"name":          func(f string) error { return os.Rename(filepath.Join(f, "keep.txt"), filepath.Join(f, "kept.txt")) },
		"right to run":  func(f string) error { return os.Chmod(filepath.Join(f, "keep.txt"), 0o755) },
		"right to read": func(f string) error { return os.Chmod(filepath.Join(f, "README.md"), 0o600) },
		"target of link": func(f string) error {
			l := filepath.Join(f, "links/file")
			return errors.Join(os.Remove(l), os.Symlink("x", l))
		},
		"empty folder": func(f string) error { return os.Mkdir(filepath.Join(f, "more"), 0o755) },
	} {
		if got := hash(change); got == first {
			t.Errorf("%s: the hash stays", name)
		}
	}
}
