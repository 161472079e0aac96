package assembly

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/proc"
)

// App is a folder that holds a CDK app, known by its cdk.json.
type App struct {
	Dir     string
	Account string    // account of stacks that name none, CDK_DEFAULT_ACCOUNT
	Region  string    // region of stacks that name none, CDK_DEFAULT_REGION
	OutDir  string    // where the assembly goes; made new
	Output  io.Writer // what the app prints while it runs; may be nil
	// Zones are a region's availability zones, for apps that look them up; nil: no lookup is answered.
	Zones func(region string) []string
}

// The newest schema of cloud assemblies that Open reads; the app refuses an older command by it.
const schemaVersion = "54.0.0"

// IsAssembly reports whether dir is a cloud assembly.
func IsAssembly(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "manifest.json"))
	return err == nil
}

// Synth runs the app's command as the CDK CLI does, with the path metadata on, and returns the folder of the
// assembly that it wrote. Errors are of kind Synth and say in one sentence what the app said.
func Synth(ctx context.Context, app App) (string, error) {
	config, err := app.config()
	if err != nil {
		return "", err
	}
	if dir := filepath.Join(app.Dir, config.App); IsAssembly(dir) {
		return dir, nil // cdk.json may name an assembly that is there already
	}
	for {
		began := time.Now()
		if err := app.run(ctx, config); err != nil {
			return "", err
		}
		dir := app.wrote(config, began)
		if dir == "" {
			return "", fault.New(fault.Synth, "end the app with app.Synth(nil)",
				"the app could not be synthesized: its command `%s` wrote no cloud assembly", config.App)
		}
		if more, err := app.lookUp(dir, config.Context); err != nil || !more {
			return dir, err
		}
	}
}

// wrote is the folder to which a run of the app has written its assembly, or empty. An app may insist on a folder
// (AppProps.Outdir), which is then the one that the CDK CLI reads: that of cdk.json, or cdk.out.
func (app App) wrote(config cdkConfig, began time.Time) string {
	if IsAssembly(app.OutDir) {
		return app.OutDir
	}
	own := source(app.Dir, cmp.Or(config.Output, "cdk.out"))
	info, err := os.Stat(filepath.Join(own, "manifest.json"))
	if err != nil || info.ModTime().Before(began.Truncate(time.Second)) { // file systems have clocks of their own
		return ""
	}
	return own
}

// run runs the app's command once.
func (app App) run(ctx context.Context, config cdkConfig) error {
	if err := os.RemoveAll(app.OutDir); err != nil {
		return fault.Wrap(fault.Machine, "", err, "cannot empty the folder for the app's output")
	}
	env, err := app.environment(config.Context)
	if err != nil {
		return err
	}
	var said bytes.Buffer
	output := io.Writer(&said)
	if app.Output != nil {
		output = io.MultiWriter(&said, app.Output)
	}
	err = proc.Run(ctx, proc.Command{Name: "the app", Argv: []string{"sh", "-c", config.App}, Dir: app.Dir, Env: env, Stdout: output, Stderr: output})
	if ctx.Err() != nil && err != nil {
		return context.Cause(ctx)
	}
	if failed, ok := errors.AsType[*proc.Error](err); ok {
		text := explain(config.App, failed.Err, said.String())
		return fault.New(fault.Synth, app.advice(text), "the app could not be synthesized: %s", text)
	}
	return err
}

// lookUp answers what the app looked up, as far as that can be known without an AWS account, and reports whether that is
// anything new: then the app is run again, as the CDK CLI does.
func (app App) lookUp(dir string, settings map[string]any) (more bool, err error) {
	if app.Zones == nil {
		return false, nil
	}
	m, err := readManifest(dir)
	if err != nil {
		return false, err
	}
	for _, missing := range m.Missing {
		_, region, ok := strings.Cut(missing.Key, ":region=")
		if _, known := settings[missing.Key]; !known && ok && missing.Provider == "availability-zones" {
			settings[missing.Key], more = app.Zones(region), true
		}
	}
	return more, nil
}

// cdkConfig is cdk.json, as far as it matters here.
type cdkConfig struct {
	App     string         `json:"app"`
	Output  string         `json:"output"` // folder for the assembly
	Context map[string]any `json:"context"`
}

func (app App) config() (cdkConfig, error) {
	var config cdkConfig
	err := readJSON(filepath.Join(app.Dir, "cdk.json"), &config)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return config, fault.New(fault.Synth, "name the folder of a CDK app, or of a cloud assembly (cdk.out)",
			"%s holds no cdk.json and no cloud assembly", app.Dir)
	case err != nil:
		return config, fault.Wrap(fault.Synth, "", explainJSON(err), "cannot read the app's cdk.json")
	case config.App == "":
		return config, fault.New(fault.Synth, `add "app": "go run ." or whatever runs the app`,
			"%s names no app to run", filepath.Join(app.Dir, "cdk.json"))
	}
	var remembered map[string]any
	if err := readJSON(filepath.Join(app.Dir, "cdk.context.json"), &remembered); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return config, fault.Wrap(fault.Synth, "", explainJSON(err), "cannot read the app's cdk.context.json")
	}
	merged := map[string]any{}
	maps.Copy(merged, remembered)
	maps.Copy(merged, config.Context)
	config.Context = merged
	return config, nil
}

// environment is the environment that the CDK CLI gives an app. Its names stand in aws-cdk-lib's cx-api.
func (app App) environment(settings map[string]any) ([]string, error) {
	full := map[string]any{
		"aws:cdk:enable-path-metadata": true,
		"aws:cdk:bundling-stacks":      []string{"**"},
	}
	maps.Copy(full, settings)
	text, err := json.Marshal(full)
	if err != nil {
		return nil, fmt.Errorf("encode the app's context: %w", err)
	}
	return append(os.Environ(),
		"CDK_OUTDIR="+app.OutDir,
		"CDK_CONTEXT_JSON="+string(text),
		"CDK_DEFAULT_ACCOUNT="+app.Account,
		"CDK_DEFAULT_REGION="+app.Region,
		"CDK_CLI_ASM_VERSION="+schemaVersion,
	), nil
}

// advice is what to do about an app that failed with a text.
func (app App) advice(text string) string {
	switch {
	case strings.Contains(text, `"node": executable file not found`):
		return "install Node.js, which the CDK itself runs on"
	case app.Output == nil && !strings.HasPrefix(text, "["): // not what constructs say of themselves
		return "--verbose shows all that the app printed"
	}
	return ""
}

// explainJSON says in the words of JSON what is wrong with a value's type.
func explainJSON(err error) error {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case !ok:
		return err
	case wrong.Field == "":
		return fmt.Errorf("it holds one %s, and must hold an object", wrong.Value)
	case wrong.Type.Kind() == reflect.String:
		return fmt.Errorf("%q is of type %s, and must be a text", wrong.Field, wrong.Value)
	}
	return fmt.Errorf("%q is of type %s, and must be an object", wrong.Field, wrong.Value)
}

// explain finds in what the app printed the sentence that says why it failed: the constructs' own validation
// messages, an exception, a panic, or else the compiler's first complaint.
func explain(command string, err error, said string) string {
	lines := strings.Split(said, "\n")
	for i, line := range lines {
		if strings.Contains(line, "Validation failed with the following errors:") {
			return validation(lines[i+1:])
		}
	}
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, "panic: "); ok {
			return strings.Trim(strings.TrimSuffix(text, " [recovered]"), `"`)
		}
	}
	for _, line := range lines {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return fmt.Sprintf("its command `%s` failed (%v) and said: %s", command, err, line)
		}
	}
	return fmt.Sprintf("its command `%s` failed (%v) and said nothing", command, err)
}

// validation joins the messages of a failed validation, each "[construct path] sentence".
func validation(lines []string) string {
	var messages []string
	for _, line := range lines {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "[") {
			messages = append(messages, line)
		} else if line == "" || strings.HasPrefix(line, "goroutine ") {
			break
		}
	}
	return strings.Join(messages, "; ")
}
