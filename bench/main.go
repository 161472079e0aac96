// Command bench deploys the same images by this construct and by npm's token-injectable-docker-builder, in turns, on one
// engine, and writes what each took into docs/benchmarks.md. Both are rehearsed at the real speed of time, since polling
// is part of what is compared; docker's own work is the same for both.
//
//	make bench           # or: go run ./bench -runs 3
//
// It needs bin/tokendocker and what scripts/setup makes. Numbers are of the machine that it runs on; ratios are what to
// look at, and nothing tests them.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	runs := flag.Int("runs", 3, "deployments of each kind; the median counts")
	out := flag.String("out", filepath.Join("docs", "benchmarks.md"), "file to write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, *runs, *out); err != nil {
		stop()
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // stop has run
	}
}

// subject is one of the two constructs.
type subject struct {
	name string
	app  string // command line of the CDK app
	env  []string
}

// step is one deployment of a state folder's life.
type step struct{ name, value string }

// steps are deployed one after the other. "again" is the unchanged app, synthesized again.
func steps() []step {
	return []step{{"first deployment", "one"}, {"again, unchanged", "one"}, {"another value", "two"}}
}

// measured is what a deployment took.
type measured struct {
	Seconds     float64 // of the custom resources, docker's work included
	Invocations int     // of Lambda functions
	Builds      int     // in CodeBuild
}

// shape is what a template has in it.
type shape struct{ Resources, Functions int }

func bench(ctx context.Context, runs int, out string) error {
	work, err := os.MkdirTemp("", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a temporary folder
	subjects, err := prepare(ctx, work)
	if err != nil {
		return err
	}
	all := map[string][][]measured{} // by subject: runs, then steps
	shapes := map[string][]shape{}   // by subject: one image, ten images
	for run := range runs {
		for _, s := range subjects { // in turns, so that a busy moment of the machine meets both
			life, err := s.live(ctx, filepath.Join(work, fmt.Sprintf("%s-%d", s.name, run)))
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			all[s.name] = append(all[s.name], life)
		}
	}
	for _, s := range subjects {
		for _, images := range []int{1, 10} {
			found, err := s.shape(ctx, filepath.Join(work, fmt.Sprintf("%s-shape-%d", s.name, images)), images)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			shapes[s.name] = append(shapes[s.name], found)
		}
	}
	return os.WriteFile(out, []byte(text(subjects, all, shapes, runs)), 0o644)
}

// prepare builds our app and finds npm's.
func prepare(ctx context.Context, work string) ([]subject, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	modules := filepath.Join(cache, "tokendocker", "peers", "node_modules")
	if _, err := os.Stat(modules); err != nil {
		return nil, fmt.Errorf("the npm construct is not installed: %w; run: scripts/setup", err)
	}
	peers, err := filepath.Abs(filepath.Join("bench", "peers"))
	if err != nil {
		return nil, err
	}
	own := filepath.Join(work, "builders")
	if said, err := exec.CommandContext(ctx, "go", "build", "-o", own, "./testdata/apps/builders").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build our app: %w\n%s", err, said)
	}
	return []subject{
		{name: "tokendocker", app: own},
		{name: "npm 2.0.4", app: fmt.Sprintf("node -r %[1]s/typescript.js %[1]s/builders/app.ts", peers), env: []string{"NODE_PATH=" + modules}},
	}, nil
}

// write makes the app's folder, with a number of images that differ in their argument's name only.
func (s subject) write(dir string, images int) error {
	var app struct {
		Stack    string
		Builders []map[string]any
	}
	app.Stack = "Bench"
	for i := range images {
		app.Builders = append(app.Builders, map[string]any{"ID": fmt.Sprintf("Web%d", i), "Path": "web", "Lambda": true,
			"Args": map[string]any{"A": map[string]string{"Topic": "T"}}})
	}
	settings, err := json.Marshal(app)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "web"), 0o755); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "case.json"), settings, 0o600),
		os.WriteFile(filepath.Join(dir, "cdk.json"), fmt.Appendf(nil, `{"app": %q}`, s.app), 0o600),
		os.WriteFile(filepath.Join(dir, "web", "Dockerfile"), []byte("FROM busybox:1\nARG A\nRUN printf %s \"$A\" > /value\nCMD [\"true\"]\n"), 0o600))
}

// live deploys all steps into one state folder.
func (s subject) live(ctx context.Context, dir string) ([]measured, error) {
	if err := s.write(dir, 1); err != nil {
		return nil, err
	}
	state := filepath.Join(dir, "state")
	var out []measured
	var before measured
	for _, p := range steps() {
		fmt.Fprintf(os.Stderr, "bench: %s: %s\n", s.name, p.name)
		cmd := s.command(ctx, filepath.Join("bin", "tokendocker"), "rehearse", dir, "--state", state, "--json", "--set", "Bench.T.TopicName="+p.value)
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", p.name, err, &stderr)
		}
		now, err := counted(state)
		if err != nil {
			return nil, err
		}
		m := measured{Seconds: seconds(stdout.String()), Invocations: now.Invocations - before.Invocations, Builds: now.Builds - before.Builds}
		out, before = append(out, m), now
	}
	return out, nil
}

func (s subject) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the two apps of this program
	cmd.Env = append(append(os.Environ(), "CDK_VALIDATION=false", "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20", "TOKENDOCKER_REHEARSE_TIME_SCALE=1"), s.env...)
	return cmd
}

// seconds is how long the custom resources of the last deployment took, by the command's summary: synth is left out.
func seconds(stdout string) float64 {
	var total float64
	for line := range strings.Lines(stdout) {
		var summary struct {
			Type   string
			Stacks []struct{ Images []struct{ Seconds float64 } }
		}
		if json.Unmarshal([]byte(line), &summary) != nil || summary.Type != "summary" {
			continue
		}
		for _, stack := range summary.Stacks {
			for _, image := range stack.Images {
				total += image.Seconds
			}
		}
	}
	return total
}

// counted counts invocations and builds of all deployments so far, by the first line that each writes into its log.
func counted(state string) (measured, error) {
	var m measured
	files, err := filepath.Glob(filepath.Join(state, "logs", "*", "*"))
	for _, file := range files {
		content, readErr := os.ReadFile(file)
		err = errors.Join(err, readErr)
		m.Invocations += strings.Count(string(content), `"START RequestId: `)
		m.Builds += strings.Count(string(content), "Waiting for agent ping")
	}
	return m, err
}

// shape synthesizes an app and counts what its template has.
func (s subject) shape(ctx context.Context, dir string, images int) (shape, error) {
	if err := s.write(dir, images); err != nil {
		return shape{}, err
	}
	line := strings.Fields(s.app)
	cmd := s.command(ctx, line[0], line[1:]...)
	cmd.Dir, cmd.Env = dir, append(cmd.Env, "CDK_OUTDIR="+filepath.Join(dir, "cdk.out"))
	if said, err := cmd.CombinedOutput(); err != nil {
		return shape{}, fmt.Errorf("synth: %w\n%s", err, said)
	}
	raw, err := os.ReadFile(filepath.Join(dir, "cdk.out", "Bench.template.json"))
	if err != nil {
		return shape{}, err
	}
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties struct{ PackageType string }
		}
	}
	if err := json.Unmarshal(raw, &template); err != nil {
		return shape{}, err
	}
	found := shape{Resources: len(template.Resources)}
	for _, r := range template.Resources {
		if r.Type == "AWS::Lambda::Function" && r.Properties.PackageType != "Image" {
			found.Functions++
		}
	}
	return found, nil
}

// median of the runs of one step, by the given number.
func median(runs [][]measured, step int, of func(measured) float64) float64 {
	var all []float64
	for _, life := range runs {
		all = append(all, of(life[step]))
	}
	slices.Sort(all)
	return all[len(all)/2]
}

// text is the page.
func text(subjects []subject, all map[string][][]measured, shapes map[string][]shape, runs int) string {
	var b strings.Builder
	us, them := subjects[0].name, subjects[1].name
	fmt.Fprintf(&b, "# Benchmarks\n\nWritten by `make bench` on %s: both constructs in turns on one machine, %d times each, medians. Time is that of the\n"+
		"custom resources, docker's own work included, at the real speed of time; look at the ratios. Deployed is one image that a\n"+
		"Lambda function uses, with its consumers and everything that the construct brings. npm's time is mostly that of its\n"+
		"polling, every thirty seconds by default; \"unchanged\" is the same app synthesized again, for which npm's tag is another\n"+
		"one most of the time.\n\n", time.Now().UTC().Format("2006-01-02"), runs)
	fmt.Fprintf(&b, "| | %s | %s | ratio |\n|---|---|---|---|\n", us, them)
	row := func(name, format string, a, c float64) {
		ratio := "-"
		if a > 0 {
			ratio = fmt.Sprintf("%.1f", c/a)
		}
		fmt.Fprintf(&b, "| %s | "+format+" | "+format+" | %s |\n", name, a, c, ratio)
	}
	for i, p := range steps() {
		for _, m := range []struct {
			name, format string
			of           func(measured) float64
		}{
			{"seconds", "%.1f", func(m measured) float64 { return m.Seconds }},
			{"invocations of functions", "%.0f", func(m measured) float64 { return float64(m.Invocations) }},
			{"builds", "%.0f", func(m measured) float64 { return float64(m.Builds) }},
		} {
			row(p.name+": "+m.name, m.format, median(all[us], i, m.of), median(all[them], i, m.of))
		}
	}
	for i, images := range []string{"one image", "ten images"} {
		row(images+": resources in the template", "%.0f", float64(shapes[us][i].Resources), float64(shapes[them][i].Resources))
		row(images+": functions", "%.0f", float64(shapes[us][i].Functions), float64(shapes[them][i].Functions))
	}
	return b.String()
}
