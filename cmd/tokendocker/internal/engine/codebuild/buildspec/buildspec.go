// Package buildspec reads CodeBuild's build specification, YAML or JSON, as the reference page describes it.
//
// Source of every rule: AWS CodeBuild User Guide, "Build specification reference for CodeBuild".
package buildspec

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Phase names one of the phases whose commands a buildspec holds.
type Phase string

// The phases in the order in which they run.
const (
	Install   Phase = "INSTALL"
	PreBuild  Phase = "PRE_BUILD"
	Build     Phase = "BUILD"
	PostBuild Phase = "POST_BUILD"
)

// Phases returns all phases in the order in which they run.
func Phases() []Phase { return []Phase{Install, PreBuild, Build, PostBuild} }

// OnFailure says how a build goes on after a phase that failed.
type OnFailure string

// Values of on-failure.
const (
	Transition OnFailure = ""         // as the page "Build phase transitions" says
	Abort      OnFailure = "ABORT"    // no further phase
	Continue   OnFailure = "CONTINUE" // the next phase
)

// Spec is a build specification.
type Spec struct {
	// Separate is true for version 0.1, where each command has a shell of its own and leaves nothing to the next.
	Separate bool
	// Shell is the program that runs the commands: "sh" or "bash".
	Shell string
	// Variables are plain environment variables.
	Variables map[string]string
	// ParameterStore holds names of SSM parameters, by environment variable.
	ParameterStore map[string]string
	// SecretsManager holds references secret-id:json-key:version-stage:version-id, by environment variable.
	SecretsManager map[string]string
	// Exported names the variables whose last values the build reports. Those whose names begin with AWS_ cannot be.
	Exported []string
	// Ignored says what the buildspec asks for and builds here do not do.
	Ignored []string
	// Steps holds what to do in each phase that the buildspec has.
	Steps map[Phase]Step
	// Artifacts are the files that the build keeps; nil where the buildspec names none.
	Artifacts *Artifacts
	// Secondary are further artifacts, by their identifiers.
	Secondary map[string]Artifacts
}

// Step is what a buildspec says of one phase.
type Step struct {
	Commands  []string
	Finally   []string // run after Commands, also when one of them failed
	OnFailure OnFailure
}

// Error says what is wrong with a buildspec; CodeBuild shows it with the status code YAML_FILE_ERROR.
type Error struct{ Message string }

// Error returns the message.
func (e *Error) Error() string { return e.Message }

func fail(format string, args ...any) error { return &Error{Message: fmt.Sprintf(format, args...)} }

// Parse reads a buildspec. Its errors are of type *Error. The key proxy is not looked at.
func Parse(text []byte) (*Spec, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, fail("%s", strings.TrimPrefix(err.Error(), "yaml: "))
	}
	root, err := entries(&document, "buildspec")
	if err != nil {
		return nil, err
	}
	if len(root) == 0 {
		return nil, fail("YAML file is empty")
	}
	s := &Spec{Shell: "sh", Steps: map[Phase]Step{}}
	if err := s.readVersion(root["version"]); err != nil {
		return nil, err
	}
	if err := s.readUser(root["run-as"]); err != nil {
		return nil, err
	}
	if err := s.readEnvironment(root["env"]); err != nil {
		return nil, err
	}
	if root["phases"] == nil {
		return nil, fail("phases is required")
	}
	if err := s.readArtifacts(root["artifacts"]); err != nil {
		return nil, err
	}
	s.ignore(root)
	return s, s.readPhases(root["phases"])
}

func (s *Spec) readVersion(n *yaml.Node) error {
	if n == nil {
		return fail("version is required")
	}
	v, err := scalar(n, "version")
	if err != nil {
		return err
	}
	if v != "0.1" && v != "0.2" {
		return fail("invalid buildspec version %q at line %d, it must be 0.1 or 0.2", v, n.Line)
	}
	s.Separate = v == "0.1"
	return nil
}

func (s *Spec) readEnvironment(n *yaml.Node) error {
	env, err := entries(n, "env")
	if err != nil {
		return err
	}
	if n := env["shell"]; n != nil {
		shell, err := scalar(n, "shell")
		if err != nil {
			return err
		}
		switch shell {
		case "bash", "/bin/bash":
			s.Shell = "bash"
		case "sh", "/bin/sh":
			s.Shell = "sh"
		default:
			return fail("shell %q at line %d is not supported, it must be bash or /bin/sh", shell, n.Line)
		}
	}
	for key, into := range map[string]*map[string]string{
		"variables": &s.Variables, "parameter-store": &s.ParameterStore, "secrets-manager": &s.SecretsManager,
	} {
		if *into, err = scalars(env[key], key); err != nil {
			return err
		}
	}
	exported, err := stringList(env["exported-variables"], "exported-variables")
	s.Exported = slices.DeleteFunc(exported, func(name string) bool { return strings.HasPrefix(name, "AWS_") })
	return err
}

func (s *Spec) readPhases(n *yaml.Node) error {
	phases, err := entries(n, "phases")
	if err != nil {
		return err
	}
	for name, n := range phases {
		if name != strings.ToLower(name) || !slices.Contains(Phases(), Phase(strings.ToUpper(name))) {
			return fail("unknown phase %q at line %d, the phases are install, pre_build, build and post_build", name, n.Line)
		}
	}
	for _, phase := range Phases() {
		name := strings.ToLower(string(phase))
		n, found := phases[name]
		if !found {
			continue
		}
		if s.Steps[phase], err = s.readStep(n, name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spec) readStep(n *yaml.Node, name string) (step Step, err error) {
	keys, err := entries(n, name)
	if err != nil {
		return step, err
	}
	if err := s.readUser(keys["run-as"]); err != nil {
		return step, err
	}
	if step.OnFailure, err = s.readOnFailure(keys["on-failure"]); err != nil {
		return step, err
	}
	if step.Commands, err = commands(keys["commands"], "Commands"); err != nil {
		return step, err
	}
	step.Finally, err = commands(keys["finally"], "Finally")
	return step, err
}

// readOnFailure reads ABORT, CONTINUE, and the forms of RETRY: RETRY, RETRY-count, RETRY-regex and RETRY-count-regex.
func (s *Spec) readOnFailure(n *yaml.Node) (OnFailure, error) {
	if n == nil {
		return Transition, nil
	}
	text, err := scalar(n, "on-failure")
	if err != nil {
		return Transition, err
	}
	switch upper := strings.ToUpper(text); {
	case upper == string(Abort), upper == string(Continue):
		return OnFailure(upper), nil
	case upper == "RETRY", strings.HasPrefix(upper, "RETRY-"):
		s.Ignored = append(s.Ignored, fmt.Sprintf("on-failure: %s (builds are not tried again; the phase counts as ABORT)", text))
		return Abort, nil
	}
	return Transition, fail("on-failure %q at line %d is not supported, it must be ABORT, CONTINUE or a form of RETRY", text, n.Line)
}

// readUser reads a user to run as; builds here run as root.
func (s *Spec) readUser(n *yaml.Node) error {
	if n == nil {
		return nil
	}
	user, err := scalar(n, "run-as")
	if err == nil && user != "root" {
		s.Ignored = append(s.Ignored, fmt.Sprintf("run-as: %s (builds run as root)", user))
	}
	return err
}
