package rehearsals

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/registry"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/report"
)

// The programs under test, built once: the command, and the CDK app that reads case.json.
var command, builders string

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("rehearsals run docker and the CDK: left out of a short run")
		os.Exit(0)
	}
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "rehearsals-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary folder
	command, builders = filepath.Join(dir, "tokendocker"), filepath.Join(dir, "builders")
	if err := build("..", command, "."); err != nil {
		return 1, err
	}
	if err := build(filepath.Join("..", "..", ".."), builders, "./testdata/apps/builders"); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func build(dir, out, pkg string) error {
	cmd := exec.Command("go", "build", "-o", out, pkg)
	cmd.Dir = dir
	if said, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, said)
	}
	return nil
}

// caseApp is case.json of the app of builders.
type caseApp struct {
	Stack    string
	Account  string `json:",omitempty"`
	Region   string `json:",omitempty"`
	Builders []caseBuilder
	Readers  []caseReader `json:",omitempty"`
	Caches   []string     `json:",omitempty"`
	Abroad   string       `json:",omitempty"`
	Broken   *caseBroken  `json:",omitempty"`
}

type caseBuilder struct {
	ID       string
	Path     string
	File     string   `json:",omitempty"`
	Exclude  []string `json:",omitempty"`
	Platform string   `json:",omitempty"`
	Minutes  float64  `json:",omitempty"`
	Extra    string   `json:",omitempty"`
	Args     map[string]caseArgument
	Lambda   bool `json:",omitempty"`
	ECS      bool `json:",omitempty"`

	Extras        []string                `json:",omitempty"`
	Install       []string                `json:",omitempty"`
	PreBuild      []string                `json:",omitempty"`
	Environment   map[string]caseArgument `json:",omitempty"`
	Login         *caseLogin              `json:",omitempty"`
	Prefixes      []string                `json:",omitempty"`
	Replicas      []string                `json:",omitempty"`
	Buildkit      string                  `json:",omitempty"`
	BuildImage    string                  `json:",omitempty"`
	CacheDisabled bool                    `json:",omitempty"`
	Encrypted     bool                    `json:",omitempty"`
	RetainLogs    bool                    `json:",omitempty"`
	OwnLogs       bool                    `json:",omitempty"`
	Network       *caseNetwork            `json:",omitempty"`
	Removal       string                  `json:",omitempty"`
	Query         float64                 `json:",omitempty"`
	Recorded      bool                    `json:",omitempty"`
}

// caseNetwork is a VPC of the stack's.
type caseNetwork struct {
	Isolated  bool
	Endpoints []string `json:",omitempty"`
}

// caseLogin is a docker login, with a secret of the stack's unless ARN names one.
type caseLogin struct {
	Registry string `json:",omitempty"`
	ARN      string `json:",omitempty"`
}

// caseReader is another stack that uses all images.
type caseReader struct {
	Stack   string
	Region  string `json:",omitempty"`
	Lambda  bool   `json:",omitempty"`
	Outputs bool   `json:",omitempty"`
}

// caseArgument is a literal, the name of a topic whose name is the value (--set STACK.TOPIC.TopicName=...), or an image
// of the account's own registry.
type caseArgument struct {
	Literal *string `json:",omitempty"`
	Topic   string  `json:",omitempty"`
	Image   string  `json:",omitempty"`
}

type caseBroken struct {
	ServiceToken string
	After        string `json:",omitempty"`
}

// rehearsed is an app's folder and the state folder of its rehearsals.
type rehearsed struct {
	t           *testing.T
	app         string
	state       string
	synthesized bool // the state folder holds the cloud assembly of the app as it is
}

// newApp makes the folder of a CDK app, with the build contexts in files ("web/Dockerfile").
func newApp(t *testing.T, c caseApp, files map[string]string) *rehearsed {
	t.Helper()
	r := &rehearsed{t: t, app: t.TempDir(), state: filepath.Join(t.TempDir(), "state")}
	r.write("cdk.json", fmt.Sprintf(`{"app": %q}`, builders))
	for name, text := range files {
		r.write(name, text)
	}
	r.change(c)
	return r
}

// change makes the app another one.
func (r *rehearsed) change(c caseApp) {
	r.t.Helper()
	raw, err := json.Marshal(c)
	if err != nil {
		r.t.Fatal(err)
	}
	r.write("case.json", string(raw))
}

func (r *rehearsed) write(name, text string) {
	r.t.Helper()
	r.synthesized = false
	path := filepath.Join(r.app, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

// outcome is what one run of the command gave.
type outcome struct {
	t              *testing.T
	state          string
	exit           int
	stdout, stderr string
	events         []report.Event
	summary        report.Summary // with --json only
	took           time.Duration
}

// settings are further environment variables of a run, "NAME=value".
type settings []string

// rehearse runs `tokendocker rehearse APP --state STATE --json` with further arguments. An app that has not changed since
// the last time is not synthesized again: most of a short rehearsal is that.
func (r *rehearsed) rehearse(env settings, args ...string) outcome {
	r.t.Helper()
	app := r.app
	if r.synthesized {
		app = filepath.Join(r.state, "cdk.out")
	}
	o := r.run(env, append([]string{"rehearse", app, "--state", r.state, "--json"}, args...)...)
	r.synthesized = o.exit == 0 || o.exit == 4
	return o
}

// run runs the command line.
func (r *rehearsed) run(env settings, args ...string) outcome {
	r.t.Helper()
	cmd := r.command(env, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	return r.outcome(err, stdout.String(), stderr.String(), time.Since(start))
}

// synthesize runs the app's own program, without the command, and returns the cloud assembly.
func (r *rehearsed) synthesize() string {
	r.t.Helper()
	return r.synthesizeBy(exec.CommandContext(r.t.Context(), builders))
}

// synthesizeBy runs a program that synthesizes the app's case.json, with further environment variables.
func (r *rehearsed) synthesizeBy(cmd *exec.Cmd, env ...string) string {
	r.t.Helper()
	assembly := filepath.Join(r.t.TempDir(), "cdk.out")
	cmd.Dir = r.app
	cmd.Env = append(append(os.Environ(), "CDK_VALIDATION=false", "CDK_OUTDIR="+assembly,
		`CDK_CONTEXT_JSON={"aws:cdk:enable-path-metadata":true}`), env...)
	if said, err := cmd.CombinedOutput(); err != nil {
		r.t.Fatalf("synth: %v\n%s", err, said)
	}
	return assembly
}

// command returns the command line, not yet started, for tests that meddle while it runs.
func (r *rehearsed) command(env settings, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.t.Context(), command, args...)
	cmd.Env = append(append(os.Environ(), "CDK_VALIDATION=false", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20"), env...)
	return cmd
}

// outcome reads what a finished run printed.
func (r *rehearsed) outcome(err error, stdout, stderr string, took time.Duration) outcome {
	r.t.Helper()
	o := outcome{t: r.t, state: r.state, stdout: stdout, stderr: stderr, took: took}
	if failed := (*exec.ExitError)(nil); errors.As(err, &failed) {
		o.exit = failed.ExitCode()
	} else if err != nil {
		r.t.Fatal(err)
	}
	for line := range strings.Lines(stdout) {
		var kind struct{ Type string }
		if json.Unmarshal([]byte(line), &kind) != nil {
			continue // without --json
		}
		switch kind.Type {
		case "event":
			var e report.Event
			must(r.t, json.Unmarshal([]byte(line), &e))
			o.events = append(o.events, e)
		case "summary":
			must(r.t, json.Unmarshal([]byte(line), &o.summary))
		}
	}
	return o
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantExit fails the test, with all that was printed, if the run ended otherwise.
func (o outcome) wantExit(code int) outcome {
	o.t.Helper()
	if o.exit != code {
		o.t.Fatalf("exit code %d, want %d; it took %s and printed\n%s\n%s", o.exit, code, o.took, o.stderr, o.stdout)
	}
	return o
}

// image returns the image of a builder, by construct path.
func (o outcome) image(builder string) report.Image {
	o.t.Helper()
	for _, s := range o.summary.Stacks {
		for _, i := range s.Images {
			if i.Builder == builder {
				return i
			}
		}
	}
	o.t.Fatalf("no image of %s in the summary: %+v\n%s", builder, o.summary, o.stderr)
	return report.Image{}
}

// file reads a file out of an image's layers in the registry of the state folder: the bytes that a consumer would
// get, not what somebody says of them.
func (o outcome) file(image report.Image, name string) []byte {
	o.t.Helper()
	content, found := o.find(image, name)
	if !found {
		o.t.Fatalf("image %s@%s holds no file %s", image.URI, image.Digest, name)
	}
	return content
}

// has tells whether an image holds a file.
func (o outcome) has(image report.Image, name string) bool {
	o.t.Helper()
	_, found := o.find(image, name)
	return found
}

func (o outcome) find(image report.Image, name string) (content []byte, found bool) {
	o.t.Helper()
	store := registry.NewStore(o.t.Context(), filepath.Join(o.state, "registry"))
	defer store.Close() //nolint:errcheck // opened for reading
	host, repository, _ := strings.Cut(image.URI, "/")
	h, ok := registry.ParseHost(host)
	if !ok {
		o.t.Fatalf("image %q is in no registry", image.URI)
	}
	_, body, err := store.Manifest(o.t.Context(), h.ARN(repository), image.Digest)
	must(o.t, err)
	var manifest struct {
		Layers []struct{ Digest string }
	}
	must(o.t, json.Unmarshal(body, &manifest))
	for _, layer := range manifest.Layers {
		blob, err := store.OpenBlob(o.t.Context(), h.ARN(repository), layer.Digest)
		must(o.t, err)
		if inside, ok := inLayer(o.t, blob, strings.TrimPrefix(name, "/")); ok {
			content, found = inside, true // a later layer hides an earlier one
		}
		_ = blob.Close() // read as far as the test needs
	}
	return content, found
}

func inLayer(t *testing.T, blob io.Reader, name string) ([]byte, bool) {
	t.Helper()
	z, err := gzip.NewReader(blob)
	must(t, err)
	for archive := tar.NewReader(z); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil, false
		}
		must(t, err)
		if strings.TrimPrefix(header.Name, "/") == name {
			content, err := io.ReadAll(archive)
			must(t, err)
			return append([]byte{}, content...), true
		}
	}
}

func text(s string) *string { return &s }

// id is how the docker objects of the state folder are labelled.
func (r *rehearsed) id() string { return engine.SandboxID(r.state) }

// open starts an engine on the state folder, to ask it what a rehearsal left.
func (r *rehearsed) open() *engine.Engine {
	r.t.Helper()
	return r.openIn("123456789012")
}

// openIn opens the engine whose first account, in which it is asked, is another one.
func (r *rehearsed) openIn(account string) *engine.Engine {
	r.t.Helper()
	e, err := engine.New(r.t.Context(), engine.Options{StateDir: r.state, Account: account, Region: "us-east-1", Scale: 1,
		Log: slog.New(slog.DiscardHandler)})
	must(r.t, err)
	return e
}

// makeRunnable gives a file of the app the right to run.
func (r *rehearsed) makeRunnable(name string) {
	r.t.Helper()
	r.synthesized = false
	must(r.t, os.Chmod(filepath.Join(r.app, name), 0o755))
}
