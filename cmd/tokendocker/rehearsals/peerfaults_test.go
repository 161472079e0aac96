package rehearsals

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/assembly"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// value deploys a value of the builder's argument and returns what the image in the registry holds, or how the
// deployment failed.
func (w *world) value(value string) (content, failed string) {
	w.t.Helper()
	if said := w.deploy(w.stack.Template, value); said != "" {
		return "", said
	}
	images, err := w.engine.Images()
	must(w.t, err)
	for _, i := range images {
		if strings.Contains(i.StackID, "/"+w.stack.Name+"/") {
			o := outcome{t: w.t, state: w.folder}
			return string(o.file(report.Image{URI: i.URI, Digest: i.Digest}, "/value")), ""
		}
	}
	return noImage, ""
}

// noImage is what value returns where the deployment succeeds and the registry has nothing.
const noImage = "(no image)"

// TestPeersResolvedValue deploys one template twice, with another value of what its build argument is made of. A
// pipeline that synthesizes once and deploys often does that.
func TestPeersResolvedValue(t *testing.T) {
	cases := []struct {
		construct construct
		want      string // content of the image after the second value
		why       string
	}{
		{npmBuilder, "one", "no property of the custom resource has the value in it, so CloudFormation does not call it"},
		{deployTimeBuild, "two", "the build command is a property"},
		{ours, "two", "the request is a property, and the tag a hash of its resolved values"},
	}
	for _, c := range cases {
		t.Run(string(c.construct), func(t *testing.T) {
			t.Parallel()
			w := c.construct.synthesize(t, c.construct.app(t, valueApp(), valueFiles)).world()
			for _, step := range []struct{ value, want string }{{"one", "one"}, {"two", c.want}} {
				if got, failed := w.value(step.value); got != step.want || failed != "" {
					t.Errorf("value %q: the image holds %q, want %q (%s) %s", step.value, got, step.want, c.why, failed)
				}
			}
		})
	}
}

// TestPeersNumbering synthesizes an unchanged app several times. The names of tokens, which no CDK app should depend
// on, begin at a random number in each process of the CDK.
func TestPeersNumbering(t *testing.T) {
	const most = 20 // synths until two differ, where they do: one of ten numbers each, so this does not fail by chance
	cases := []struct {
		construct construct
		same      bool
	}{{npmBuilder, false}, {deployTimeBuild, true}, {ours, true}}
	for _, c := range cases {
		t.Run(string(c.construct), func(t *testing.T) {
			t.Parallel()
			r := c.construct.app(t, valueApp(), valueFiles)
			first := c.construct.synthesize(t, r)
			synths := 3
			if !c.same {
				synths = most
			}
			for range synths - 1 {
				again := c.construct.synthesize(t, r)
				switch same := cmp.Equal(again.template, first.template); {
				case same:
					continue
				case c.same:
					t.Error(cmp.Diff(first.template, again.template))
				default:
					deployTwice(t, first, again)
				}
				return
			}
			if !c.same {
				t.Errorf("%d templates of an unchanged app are the same", synths)
			}
		})
	}
}

// deployTwice deploys two assemblies of one unchanged app with one value: the second one builds again, which gives the
// consumer another image to run.
func deployTwice(t *testing.T, first, second *permissions) {
	t.Helper()
	w := first.world()
	before := w.tag("one")
	a, _, err := assembly.Open(second.assembly)
	must(t, err)
	w.stack = a.Stacks[0]
	if after := w.tag("one"); after == before {
		t.Errorf("both deployments use the tag %s", after)
	}
	var builds struct{ IDs []string }
	w.call("codebuild", "ListBuilds", map[string]any{}, &builds)
	if len(builds.IDs) != 2 {
		t.Errorf("%d builds, want 2", len(builds.IDs))
	}
}

// tag deploys a value and returns the tag of the image.
func (w *world) tag(value string) string {
	w.t.Helper()
	w.begin(value)
	images, err := w.engine.Images()
	must(w.t, err)
	if len(images) != 1 {
		w.t.Fatalf("images: %+v", images)
	}
	return images[0].Tag
}

// TestPeersQuoting deploys values that mean something to a shell, to YAML or to JSON. A peer's image holds something
// else, or the deployment fails, or the value is run as a command; ours holds the value.
func TestPeersQuoting(t *testing.T) {
	const npmSpec = "YAML_FILE_ERROR"
	cases := []struct {
		value    string
		npm, dtb string // what the image holds, or after "!" a part of why there is none
	}{
		{"a b", "!Build FAILED", "!"},
		{`say "hi"`, "!" + npmSpec, "!"},
		{"it's", "!Build FAILED", "!"},
		{"$(touch F; echo sub)", "sub", "sub"},
		{"$HOME", "/root", "/root"},
		{"l1\nl2", "!Build FAILED", "!"},
		{"a;echo X", noImage, "!"}, // echo succeeds, so the build and the deployment do
		{`back\slash`, "!" + npmSpec, "backslash"},
		{`{"k":"v"}`, "!" + npmSpec, "{k:v}"},
	}
	for _, c := range []construct{npmBuilder, deployTimeBuild, ours} {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			app := valueApp()
			app.Builders[0].Lambda = false
			w := c.synthesize(t, c.app(t, app, valueFiles)).world()
			for i, row := range cases {
				w.stack.Name = fmt.Sprintf("Value%d", i)
				want := map[construct]string{npmBuilder: row.npm, deployTimeBuild: row.dtb, ours: row.value}[c]
				got, failed := w.value(row.value)
				if part, fails := strings.CutPrefix(want, "!"); fails && c != ours {
					if failed == "" || !strings.Contains(failed, part) {
						t.Errorf("%q: the image holds %q, and the deployment said %q; want a failure with %q", row.value, got, failed, part)
					}
				} else if got != want {
					t.Errorf("%q: the image holds %q, want %q; %s", row.value, got, want, failed)
				}
			}
		})
	}
}

// TestPeersIgnore shows which files of a context a peer takes along, where .dockerignore says what real docker reads in
// it. Ours takes exactly those that docker would send.
func TestPeersIgnore(t *testing.T) {
	tree := []string{".env", "dist/app.js", "keep.txt", "a.log", "sub/b.log", "docs/README.md", "docs/draft.md"}
	cases := []struct {
		name, ignore string
		docker       []string // what docker sends
		npm, dtb     []string // what is there too much, and after "!" what is missing
	}{
		{name: "allow list", ignore: "*\n!dist\n!Dockerfile\n", docker: []string{"dist/app.js"},
			npm: []string{".env", "a.log", "docs/README.md", "docs/draft.md", "keep.txt", "sub/b.log"}, dtb: []string{"!dist/app.js", ".env"}},
		{name: "at the root only", ignore: "*.log\n", docker: []string{".env", "dist/app.js", "docs/README.md", "docs/draft.md", "keep.txt", "sub/b.log"},
			npm: []string{"!sub/b.log"}, dtb: []string{"!sub/b.log"}},
		{name: "one file of a folder", ignore: "docs\n!docs/README.md\n", docker: []string{".env", "a.log", "dist/app.js", "docs/README.md", "keep.txt", "sub/b.log"},
			npm: []string{"!docs/README.md"}, dtb: []string{"!docs/README.md"}},
		{name: "folder with a slash", ignore: "docs/\n", docker: []string{".env", "a.log", "dist/app.js", "keep.txt", "sub/b.log"},
			npm: []string{"docs/README.md", "docs/draft.md"}, dtb: []string{"docs/README.md", "docs/draft.md"}},
	}
	for _, row := range cases {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"web/Dockerfile": "FROM busybox:1\nCOPY . /c/\n", "web/.dockerignore": row.ignore}
			for _, name := range tree {
				files["web/"+name] = "x"
			}
			app := caseApp{Stack: "One", Builders: []caseBuilder{{ID: "Web", Path: "web"}}}
			for c, want := range map[construct][]string{npmBuilder: row.npm, deployTimeBuild: row.dtb, ours: nil} {
				staged := staged(t, c.synthesize(t, c.app(t, app, files)).assembly, tree)
				var differ []string
				for _, name := range tree {
					switch sent := slices.Contains(row.docker, name); {
					case staged[name] && !sent:
						differ = append(differ, name)
					case !staged[name] && sent:
						differ = append(differ, "!"+name)
					}
				}
				slices.Sort(differ)
				slices.Sort(want)
				if diff := cmp.Diff(want, differ); diff != "" {
					t.Errorf("%s differs from docker otherwise:\n%s", c, diff)
				}
			}
		})
	}
}

// staged tells which files of the tree an assembly's assets hold, in a folder or in an archive.
func staged(t *testing.T, assembly string, tree []string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	assets, err := filepath.Glob(filepath.Join(assembly, "asset.*"))
	must(t, err)
	for _, asset := range assets {
		names := map[string]bool{}
		if info, err := os.Stat(asset); err == nil && info.IsDir() {
			must(t, filepath.WalkDir(asset, func(path string, _ fs.DirEntry, err error) error {
				name, _ := filepath.Rel(asset, path)
				names[filepath.ToSlash(name)] = true
				return err
			}))
		} else {
			names = archived(t, asset)
		}
		if names["Dockerfile"] { // the others are functions' code
			for _, name := range tree {
				found[name] = names[name]
			}
		}
	}
	return found
}

// archived lists a zip, and the tar file that ours has in it.
func archived(t *testing.T, file string) map[string]bool {
	t.Helper()
	z, err := zip.OpenReader(file)
	must(t, err)
	defer z.Close() //nolint:errcheck // only read
	names := map[string]bool{}
	for _, f := range z.File {
		names[f.Name] = true
		if !strings.HasSuffix(f.Name, ".tar") {
			continue
		}
		inside, err := f.Open()
		must(t, err)
		for archive := tar.NewReader(inside); ; {
			h, err := archive.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			must(t, err)
			names[strings.TrimPrefix(h.Name, "./")] = true
		}
	}
	return names
}

// TestPeersPartition deploys to China, where hosts have another suffix and there is no public registry of AWS's.
func TestPeersPartition(t *testing.T) {
	cases := []struct {
		construct construct
		fails     string // what the deployment or the build's log says, "" where it succeeds
	}{
		// Its policies name arn:aws:logs, and so nothing here: the first thing that its function does is refused.
		{npmBuilder, "not authorized to perform: logs:DeleteLogGroup on resource: arn:aws-cn:logs:"},
		{deployTimeBuild, "GetAuthorizationToken operation: The security token included in the request is invalid"},
		{ours, ""},
	}
	for _, c := range cases {
		t.Run(string(c.construct), func(t *testing.T) {
			t.Parallel()
			app := valueApp()
			app.Account, app.Region = "123456789012", "cn-north-1"
			r := c.construct.app(t, app, valueFiles)
			o := r.rehearse(peers(t), "--set", "One.T.TopicName=plain")
			if c.fails == "" {
				if got := o.wantExit(0).file(o.image("One/Web"), "/value"); string(got) != "plain" {
					t.Errorf("the image holds %q", got)
				}
				return
			}
			o.wantExit(4)
			if said := o.stderr + r.buildLog(); !strings.Contains(said, c.fails) {
				t.Errorf("nothing says %q:\n%s", c.fails, said)
			}
		})
	}
}

// buildLog returns what builds wrote, from the state folder's files.
func (r *rehearsed) buildLog() string {
	r.t.Helper()
	files, err := filepath.Glob(filepath.Join(r.state, "*", "logs", "*", "*"))
	must(r.t, err)
	var all strings.Builder
	for _, file := range files {
		content, err := os.ReadFile(file)
		must(r.t, err)
		all.Write(content)
	}
	return all.String()
}

// TestPeersSilence lets a build end before it begins with its commands: its role may not write its log. The build of
// deploy-time-build is what answers CloudFormation, so nobody does, for an hour.
func TestPeersSilence(t *testing.T) {
	p := deployTimeBuild.synthesize(t, deployTimeBuild.app(t, valueApp(), valueFiles))
	var template []byte
	for _, e := range p.entries() {
		if e.action == "logs:CreateLogStream" && strings.Contains(e.resource, "ContainerImageBuild") {
			template = p.without(e)
		}
	}
	w := p.startAt("One", 600)
	a, _, err := assembly.Open(p.assembly)
	must(t, err)
	w.stack = a.Stacks[0]
	begin := time.Now()
	if said := w.deploy(template, "plain"); !strings.Contains(said, "did not receive a response") || time.Since(begin) < 6*time.Second {
		t.Errorf("after %v: %q", time.Since(begin), said)
	}
}
