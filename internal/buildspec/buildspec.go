// Package buildspec writes the recipe that CodeBuild runs. It is the only place where a value meets a shell, and
// values meet it as data: they travel NUL-joined, compressed and base64-encoded inside the recipe, and become
// arguments of docker without ever being shell text.
package buildspec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/internal/image"
)

// Lines that the build's log is cut by; each stands alone on its line. CodeBuild writes every command into the log
// before it runs it ("Build specification reference", phases), but none of these stands alone there.
const (
	Prepare = "[tokendocker] preparing the build"  // our command has begun; what CodeBuild echoes of it is over
	Begin   = "[tokendocker] docker build begins"  // the next line is BuildKit's
	End     = "[tokendocker] end of the build log" // our command is over, whatever became of it
)

// Archive is the one file of a packed build context: a tar file with all of it, links, modes and empty folders included.
const Archive = ".tokendocker-context.tar"

// Notice begins every line that our command itself writes.
const Notice = "[tokendocker] "

// BuildKit is the image of the BuildKit daemon where the request names none.
const BuildKit = "moby/buildkit:v0.26.2@sha256:de10faf919fc71ba4eb1dd7bd6449566d012b0c9436b1c61bfee21d621b009aa"

// Build is one build to run.
type Build struct {
	Request contract.Request // decoded and valid, with every token resolved
	Tag     image.Tag        // tag to push the image under; normally contract.Tag of the request
}

// spec is CodeBuild's build specification, version 0.2, as far as it is used here.
type spec struct {
	Version string           `json:"version"`
	Env     environment      `json:"env"`
	Phases  map[string]phase `json:"phases"`
}

type environment struct {
	Shell          string            `json:"shell"`
	SecretsManager map[string]string `json:"secrets-manager,omitempty"`
	ParameterStore map[string]string `json:"parameter-store,omitempty"`
}

type phase struct {
	Commands []string `json:"commands"`
}

// Write gives the build's recipe as JSON text, which is YAML too, for StartBuild's buildspecOverride.
//
// Errors are *fault.Error: kind Invalid for a request that contract.Request.Validate refuses or an environment
// variable that would change the build itself, kind TooLarge for a recipe over contract.MaxBuildspec characters; the
// latter names the biggest value and its size.
func Write(b Build) (string, error) {
	if err := b.Request.Validate(); err != nil {
		return "", &fault.Error{Op: "write the build's recipe", Kind: fault.Invalid, Err: err}
	}
	s := spec{Version: "0.2", Env: environment{Shell: "bash"}, Phases: map[string]phase{}}
	s.secrets(b.Request)
	if err := s.commands(b.Request); err != nil {
		return "", &fault.Error{Op: "write the build's recipe", Kind: fault.Invalid, Err: err}
	}
	s.unpack()
	script, err := script(b)
	if err != nil {
		return "", &fault.Error{Op: "write the build's recipe", Kind: fault.Internal, Err: err}
	}
	s.Phases["build"] = phase{Commands: []string{script}}

	text, err := marshal(s)
	if err != nil {
		return "", &fault.Error{Op: "write the build's recipe", Kind: fault.Internal, Err: err}
	}
	if len(text) > contract.MaxBuildspec {
		return "", tooLarge(b.Request, len(text))
	}
	return text, nil
}

// secrets lets CodeBuild put the values behind the request's references into its environment.
func (s *spec) secrets(r contract.Request) {
	add := func(name string, reference contract.Reference) {
		place := &s.Env.SecretsManager
		if reference.From == contract.ParameterStore {
			place = &s.Env.ParameterStore
		}
		if *place == nil {
			*place = map[string]string{}
		}
		(*place)[name] = reference.Name
	}
	for i, reference := range r.Secrets {
		add(secretVariable(i), reference)
	}
	for i, reference := range r.SSH {
		add(keyVariable(i), reference)
	}
	if r.Login != nil {
		add(userVariable, contract.Reference{From: contract.SecretsManager, Name: r.Login.Secret + ":username"})
		add(passwordVariable, contract.Reference{From: contract.SecretsManager, Name: r.Login.Secret + ":password"})
	}
}

// Variables that hold the user and password of the docker login.
const (
	userVariable     = "TOKENDOCKER_LOGIN_USERNAME"
	passwordVariable = "TOKENDOCKER_LOGIN_PASSWORD"
)

func secretVariable(i int) string { return fmt.Sprintf("TOKENDOCKER_SECRET_%d", i) }
func keyVariable(i int) string    { return fmt.Sprintf("TOKENDOCKER_SSH_%d", i) }

// commands puts the user's commands into their phases. Each phase begins with a prologue that loads the environment,
// so that nothing depends on what CodeBuild carries over from one phase to the next.
func (s *spec) commands(r contract.Request) error {
	pairs, err := exported(r)
	if err != nil {
		return err
	}
	stored := false
	for _, p := range []struct {
		name  string
		texts []contract.Text
	}{{"install", r.Install}, {"pre_build", r.PreBuild}} {
		var commands []string
		for _, text := range p.texts {
			command, err := text.Bytes()
			if err != nil {
				return fmt.Errorf("a command of phase %s %w", p.name, err)
			}
			if strings.TrimSpace(string(command)) != "" {
				commands = append(commands, string(command))
			}
		}
		if len(commands) == 0 {
			continue
		}
		if len(pairs) > 0 {
			prologue, err := prologue(pairs, stored)
			if err != nil {
				return err
			}
			stored = true
			commands = append([]string{prologue}, commands...)
		}
		s.Phases[p.name] = phase{Commands: commands}
	}
	return nil
}

// unpack puts the context in place before the first of the user's commands. Without any our own command does it.
func (s *spec) unpack() {
	for _, name := range []string{"install", "pre_build"} {
		if first, ok := s.Phases[name]; ok {
			s.Phases[name] = phase{Commands: append([]string{unpack}, first.Commands...)}
			return
		}
	}
}

// marshal gives v as JSON that is YAML too: characters that YAML calls not printable are escaped (YAML 1.2, 5.1),
// and those that only HTML minds are not.
func marshal(v any) (string, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "", err
	}
	var out strings.Builder
	for _, c := range strings.TrimSuffix(buffer.String(), "\n") {
		if c >= 0x7f && c <= 0x9f || c == 0xfeff || c == 0xfffe || c == 0xffff {
			fmt.Fprintf(&out, `\u%04x`, c)
		} else {
			out.WriteRune(c)
		}
	}
	return out.String(), nil
}

// tooLarge names the value that a user would shorten first.
func tooLarge(r contract.Request, size int) error {
	name, most := "nothing", 0
	consider := func(what string, text contract.Text) {
		if value, err := text.Bytes(); err == nil && len(value) > most {
			name, most = what, len(value)
		}
	}
	for _, a := range r.Args {
		consider(fmt.Sprintf("build argument %q", a.Name), a.Value)
	}
	for _, a := range r.Environment {
		consider(fmt.Sprintf("environment variable %q", a.Name), a.Value)
	}
	for i, text := range r.Install {
		consider(fmt.Sprintf("install command %d", i+1), text)
	}
	for i, text := range r.PreBuild {
		consider(fmt.Sprintf("pre-build command %d", i+1), text)
	}
	return &fault.Error{
		Kind: fault.TooLarge,
		Err:  fmt.Errorf("the build's recipe has %d characters and CodeBuild takes %d; the biggest part is %s with %d bytes", size, contract.MaxBuildspec, name, most),
		Hint: "put it into a file of the build context, or let the build fetch it",
	}
}
