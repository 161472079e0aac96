package buildspec_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/codebuild/buildspec"
)

const reference = "CodeBuild User Guide, Build specification reference, 2026-10"

// everything has each key of the page's syntax.
const everything = `
version: 0.2
run-as: Linux-user-name
env:
  shell: /bin/bash
  variables:
    key: "value"
  parameter-store:
    PARAM: /app/param
  exported-variables:
    - ONE
    - AWS_ACCESS_KEY_ID
    - TWO
  secrets-manager:
    SECRET: secret-id:json-key:version-stage:version-id
  git-credential-helper: yes
proxy:
  upload-artifacts: yes
  logs: yes
batch:
  fast-fail: false
  build-list: [{identifier: one}]
phases:
  install:
    run-as: other
    on-failure: ABORT
    runtime-versions:
      nodejs: 22
      python: latest
    commands:
      - command
      - command
    finally:
      - command
  pre_build:
    on-failure: continue
    commands:
      - command
  build:
    on-failure: RETRY-4-Network error
    commands:
      - |-
        one \
          two
      - >
        a
        b
  post_build:
    finally: last
reports:
  group: {files: ['**/*'], base-directory: reports, discard-paths: no, file-format: JUNITXML}
artifacts:
  files: ['**/*']
  name: artifact-name
  discard-paths: no
  exclude-paths: [a]
  enable-symlinks: yes
  s3-prefix: prefix
  secondary-artifacts: {two: {files: [b]}}
cache:
  key: key
  fallback-keys: [other]
  action: restore
  paths: ['/root/.m2/**/*']
`

func TestParse(t *testing.T) {
	cases := []struct {
		name, source, text string
		want               buildspec.Spec
	}{
		{"YAML", reference, `
version: 0.2
env:
  shell: bash
  variables:
    PORT: 8080
    EMPTY: ""
    YES: yes
  parameter-store: {P: /a/b}
  secrets-manager: {S: "app:key"}
  exported-variables: [DIGEST]
phases:
  install:
    runtime-versions: {nodejs: 22}
  build:
    on-failure: ABORT
    commands:
      - echo one
      - |
        if true; then
          echo two
        fi
    finally: [echo three]
artifacts: {files: ['**/*']}
`, buildspec.Spec{
			Shell: "bash", Variables: map[string]string{"PORT": "8080", "EMPTY": "", "YES": "yes"},
			ParameterStore: map[string]string{"P": "/a/b"}, SecretsManager: map[string]string{"S": "app:key"},
			Exported: []string{"DIGEST"},
			Steps: map[buildspec.Phase]buildspec.Step{
				buildspec.Install: {},
				buildspec.Build: {OnFailure: buildspec.Abort, Finally: []string{"echo three"},
					Commands: []string{"echo one", "if true; then\n  echo two\nfi\n"}},
			},
			Artifacts: &buildspec.Artifacts{Files: []string{"**/*"}},
		}},
		{"JSON", reference, `{"version":"0.2","phases":{"build":{"commands":["echo \"a: b\"","printf '\u00e9\n'"]}}}`, buildspec.Spec{
			Shell: "sh", Steps: map[buildspec.Phase]buildspec.Step{
				buildspec.Build: {Commands: []string{`echo "a: b"`, "printf 'é\n'"}}},
		}},
		{"version 0.1", reference, `{"version":0.1,"phases":{"pre_build":{"commands":"make"}}}`, buildspec.Spec{
			Separate: true, Shell: "sh",
			Steps: map[buildspec.Phase]buildspec.Step{buildspec.PreBuild: {Commands: []string{"make"}}},
		}},
		{"everything of the reference", reference, everything, buildspec.Spec{
			Shell: "bash", Variables: map[string]string{"key": "value"}, ParameterStore: map[string]string{"PARAM": "/app/param"},
			SecretsManager: map[string]string{"SECRET": "secret-id:json-key:version-stage:version-id"}, Exported: []string{"ONE", "TWO"},
			Ignored: []string{"run-as: Linux-user-name (builds run as root)",
				"reports (test reports are not kept)", "cache (each build begins without a cache)", "batch (there are no batch builds)",
				"run-as: other (builds run as root)",
				"on-failure: RETRY-4-Network error (builds are not tried again; the phase counts as ABORT)"},
			Artifacts: &buildspec.Artifacts{Files: []string{"**/*"}, Exclude: []string{"a"}, Name: "artifact-name", Prefix: "prefix", Links: true},
			Secondary: map[string]buildspec.Artifacts{"two": {Files: []string{"b"}}},
			Steps: map[buildspec.Phase]buildspec.Step{
				buildspec.Install:   {OnFailure: buildspec.Abort, Commands: []string{"command", "command"}, Finally: []string{"command"}},
				buildspec.PreBuild:  {OnFailure: buildspec.Continue, Commands: []string{"command"}},
				buildspec.Build:     {OnFailure: buildspec.Abort, Commands: []string{"one \\\n  two", "a b\n"}},
				buildspec.PostBuild: {Finally: []string{"last"}},
			},
		}},
		{"anchors", "YAML 1.2", "version: 0.2\nx: &c [echo]\nphases:\n  build:\n    commands: *c\n", buildspec.Spec{
			Shell: "sh", Steps: map[buildspec.Phase]buildspec.Step{buildspec.Build: {Commands: []string{"echo"}}},
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := buildspec.Parse([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range []*map[string]string{&got.Variables, &got.ParameterStore, &got.SecretsManager} {
				if len(*m) == 0 {
					*m = nil
				}
			}
			if diff := cmp.Diff(c.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	const body = "\nphases:\n  build:\n    commands: [true]\n"
	cases := []struct {
		name, source, limit, text, want string
	}{
		{"colon in a command", "bioerrorlog.work, CodeBuild colon error, 2022", "",
			"version: 0.2\n\nphases:\n  build:\n    commands:\n      - echo \"Hello: world\"\n",
			"Expected Commands[0] to be of string type: found subkeys instead at line 6, value of the key tag on line 5 might be empty"},
		{"not YAML", reference, "", "version: [", "line 2: did not find expected node content"},
		{"empty", reference, "", "", "YAML file is empty"},
		{"only a text", reference, "", "hello", "expected buildspec to be a mapping at line 1"},
		{"no version", reference, "", body, "version is required"},
		{"other version", reference, "", "version: 0.3" + body, `invalid buildspec version "0.3" at line 1, it must be 0.1 or 0.2`},
		{"no phases", reference, "", "version: 0.2", "phases is required"},
		{"unknown phase", reference, "AWS does not say what it does; a misspelt phase that silently never runs helps nobody",
			"version: 0.2\nphases:\n  biuld:\n    commands: [true]\n", `unknown phase "biuld" at line 4, the phases are install, pre_build, build and post_build`},
		{"phase twice", "YAML 1.2", "", "version: 0.2\nphases:\n  build: {}\n  build: {}\n", "already"},
		{"on-failure", reference, "", "version: 0.2\nphases:\n  build:\n    on-failure: IGNORE\n", "on-failure \"IGNORE\" at line 4 is not supported"},
		{"user that is no text", reference, "", "version: 0.2\nrun-as: [me]" + body, "expected run-as to be of string type at line 2"},
		{"commands that are no list", reference, "", "version: 0.2\nphases:\n  build:\n    commands: {a: b}\n", "expected Commands to be a sequence at line 4"},
		{"exported variable that is no name", reference, "", "version: 0.2\nenv:\n  exported-variables: [{a: b}]" + body, "expected exported-variables to be of string type"},
		{"phases that are a list", reference, "", "version: 0.2\nphases: [build]\n", "expected phases to be a mapping at line 2"},
		{"key of a secret's that is no text", reference, "", "version: 0.2\nenv:\n  secrets-manager: {A: {b: c}}" + body, "expected secrets-manager.A to be of string type"},
		{"PowerShell", reference, "builds run on Linux", "version: 0.2\nenv:\n  shell: powershell.exe" + body, `shell "powershell.exe" at line 3 is not supported`},
		{"list as a variable", reference, "", "version: 0.2\nenv:\n  variables:\n    A: [b]" + body, "expected variables.A to be of string type at line 4"},
		{"empty command", reference, "", "version: 0.2\nphases:\n  build:\n    commands:\n      -\n", "Expected Commands[0] to be of string type"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := buildspec.Parse([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || !isOurs(err) {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("version: 0.2\nphases:\n  build:\n    commands: [a]\n")
	f.Add(`{"version":"0.2","phases":{"install":{"finally":["x"]}}}`)
	f.Add("a: &a [*a]")
	f.Add("version: &v 0.2\nphases: &p\n  build: *p\n")
	f.Fuzz(func(t *testing.T, text string) {
		spec, err := buildspec.Parse([]byte(text))
		switch {
		case err != nil && !isOurs(err):
			t.Errorf("an error of type %T: %v", err, err)
		case err == nil && len(spec.Steps) > 4:
			t.Errorf("%d phases", len(spec.Steps))
		}
	})
}

func isOurs(err error) bool {
	_, ok := errors.AsType[*buildspec.Error](err)
	return ok
}
