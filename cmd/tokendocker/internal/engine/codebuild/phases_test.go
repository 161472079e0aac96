package codebuild_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	transitions = "CodeBuild User Guide, Build phase transitions, 2026-10"
	specPage    = "CodeBuild User Guide, Build specification reference, 2026-10"
)

// TestPhases is the marked case table of how a build goes through its phases.
func TestPhases(t *testing.T) {
	const before = "SUBMITTED=SUCCEEDED QUEUED=SUCCEEDED PROVISIONING=SUCCEEDED DOWNLOAD_SOURCE=SUCCEEDED "
	const after = " FINALIZING=SUCCEEDED COMPLETED="
	cases := []struct {
		name, source, limit string
		spec                string
		status, phases      string
		log, notLog         []string // lines that stand in the log in this order; lines that do not
	}{
		{name: "all succeed", source: transitions,
			spec:   "install: {commands: [echo a1]}\n  pre_build: {commands: [echo b1]}\n  build: {commands: [echo c1]}\n  post_build: {commands: [echo d1]}",
			status: "SUCCEEDED",
			phases: before + "INSTALL=SUCCEEDED PRE_BUILD=SUCCEEDED BUILD=SUCCEEDED POST_BUILD=SUCCEEDED UPLOAD_ARTIFACTS=SUCCEEDED" + after,
			log: []string{"Phases found in YAML: 4", " BUILD: 1 commands", "Entering phase INSTALL", "Running command echo a1", "a1",
				"Phase complete: INSTALL State: SUCCEEDED", "b1", "c1", "d1", "Phase complete: UPLOAD_ARTIFACTS State: SUCCEEDED"}},
		{name: "install fails", source: transitions,
			spec:   "install: {commands: ['false', echo never]}\n  build: {commands: [echo never]}\n  post_build: {commands: [echo never]}",
			status: "FAILED", phases: before + "INSTALL=FAILED" + after,
			log: []string{"Command did not exit successfully false exit status 1", "Phase complete: INSTALL State: FAILED",
				"Phase context status code: COMMAND_EXECUTION_ERROR Message: Error while executing command: false. Reason: exit status 1"},
			notLog: []string{"never"}},
		{name: "pre_build fails", source: transitions,
			spec:   "pre_build: {commands: [exit 3]}\n  build: {commands: [echo never]}\n  post_build: {commands: [echo never]}",
			status: "FAILED", phases: before + "INSTALL=SUCCEEDED PRE_BUILD=FAILED" + after, notLog: []string{"never"},
			log: []string{"Error while executing command: exit 3. Reason: exit status 3"}},
		{name: "build fails, post_build runs", source: transitions,
			spec:   "build: {commands: ['false', echo never]}\n  post_build: {commands: ['echo succeeding $CODEBUILD_BUILD_SUCCEEDING']}",
			status: "FAILED", phases: before + "INSTALL=SUCCEEDED PRE_BUILD=SUCCEEDED BUILD=FAILED POST_BUILD=SUCCEEDED UPLOAD_ARTIFACTS=SUCCEEDED" + after,
			log: []string{"succeeding 0"}, notLog: []string{"never"}},
		{name: "post_build fails", source: transitions, spec: "build: {commands: [echo ok]}\n  post_build: {commands: ['false']}",
			status: "FAILED", phases: before + "INSTALL=SUCCEEDED PRE_BUILD=SUCCEEDED BUILD=SUCCEEDED POST_BUILD=FAILED UPLOAD_ARTIFACTS=SUCCEEDED" + after},
		{name: "abort", source: specPage + ", on-failure",
			spec:   "build: {on-failure: ABORT, commands: ['false']}\n  post_build: {commands: [echo never]}",
			status: "FAILED", phases: before + "INSTALL=SUCCEEDED PRE_BUILD=SUCCEEDED BUILD=FAILED UPLOAD_ARTIFACTS=SUCCEEDED" + after, notLog: []string{"never"}},
		{name: "continue", source: specPage + ", on-failure", limit: "the page does not say what the build's status is; here it is FAILED",
			spec:   "install: {on-failure: CONTINUE, commands: ['false']}\n  build: {commands: [echo goes on]}",
			status: "FAILED", phases: before + "INSTALL=FAILED PRE_BUILD=SUCCEEDED BUILD=SUCCEEDED POST_BUILD=SUCCEEDED UPLOAD_ARTIFACTS=SUCCEEDED" + after,
			log: []string{"goes on"}},
		{name: "retry", source: specPage + ", on-failure", limit: "builds are not tried again: RETRY counts as ABORT, and the log says so",
			spec:   "build: {on-failure: RETRY-2, commands: ['false']}\n  post_build: {commands: [echo never]}",
			status: "FAILED", phases: before + "INSTALL=SUCCEEDED PRE_BUILD=SUCCEEDED BUILD=FAILED UPLOAD_ARTIFACTS=SUCCEEDED" + after,
			log: []string{"Not done here: on-failure: RETRY-2"}, notLog: []string{"never"}},
		{name: "another user", source: specPage + ", run-as", limit: "builds run as root, and the log says so",
			spec:   "build: {run-as: somebody, commands: [id -u]}",
			status: "SUCCEEDED", phases: before + "INSTALL=SUCCEEDED PRE_BUILD=SUCCEEDED BUILD=SUCCEEDED POST_BUILD=SUCCEEDED UPLOAD_ARTIFACTS=SUCCEEDED" + after,
			log: []string{"Not done here: run-as: somebody", "Running command id -u"}},
		{name: "finally after failure", source: specPage + ", finally", spec: "build: {commands: ['false', echo never], finally: [echo last]}",
			status: "FAILED", phases: before + "INSTALL=SUCCEEDED PRE_BUILD=SUCCEEDED BUILD=FAILED POST_BUILD=SUCCEEDED UPLOAD_ARTIFACTS=SUCCEEDED" + after,
			log: []string{"last"}, notLog: []string{"never"}},
		{name: "finally fails", source: specPage + ", finally", spec: "build: {commands: [echo fine], finally: ['false']}",
			status: "FAILED", phases: before + "INSTALL=SUCCEEDED PRE_BUILD=SUCCEEDED BUILD=FAILED POST_BUILD=SUCCEEDED UPLOAD_ARTIFACTS=SUCCEEDED" + after,
			log: []string{"fine"}},
		{name: "not a command", source: transitions, spec: "build: {commands: [no-such-program]}",
			status: "FAILED", phases: before + "INSTALL=SUCCEEDED PRE_BUILD=SUCCEEDED BUILD=FAILED POST_BUILD=SUCCEEDED UPLOAD_ARTIFACTS=SUCCEEDED" + after,
			log: []string{"no-such-program", "not found", "exit status 127"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.project(nil)
			b := w.end(w.start(map[string]any{"buildspecOverride": "version: 0.2\nphases:\n  " + c.spec + "\n"}))
			var phases []string
			for _, p := range b.Phases {
				phases = append(phases, p.PhaseType+"="+p.PhaseStatus)
			}
			if diff := cmp.Diff(strings.Fields(c.phases), phases); diff != "" || b.BuildStatus != c.status {
				t.Errorf("build is %s, want %s; phases:\n%s", b.BuildStatus, c.status, diff)
			}
			checkLog(t, w.cloud.log(b.ID), c.log, c.notLog)
		})
	}
}

// checkLog looks for lines in their order, and for lines that must not be there.
func checkLog(t *testing.T, log string, want, not []string) {
	t.Helper()
	rest := log
	for _, line := range want {
		_, after, found := strings.Cut(rest, line)
		if !found {
			t.Errorf("the log lacks %q after what came before:\n%s", line, log)
			return
		}
		rest = after
	}
	for _, line := range not {
		for l := range strings.Lines(log) {
			if strings.TrimSpace(l) == line {
				t.Errorf("the log has %q:\n%s", line, log)
			}
		}
	}
}

// TestShellSession shows what goes from one command to the next.
func TestShellSession(t *testing.T) {
	cases := []struct {
		name, source, env string
		version           string
		commands          []string
		log, notLog       []string
		status            string
	}{
		{name: "working directory", source: specPage + ", versions", commands: []string{"mkdir -p deep && cd deep", "basename $PWD"}, log: []string{"Running command basename", "deep\n"}},
		{name: "exported variable", source: specPage + ", versions", commands: []string{"export A='two  words\nand a \"line\"'", `printf '<%s>\n' "$A"`}, log: []string{"<two  words\nand a \"line\">"}},
		{name: "plain variable", source: specPage + ", versions", commands: []string{"B=plain", "echo got $B"}, log: []string{"got plain"}},
		{name: "bash, special values", source: specPage + ", shell", env: "shell: bash", commands: []string{"export C=$'tab\\there $(x) `y`'", `printf '<%s>\n' "$C"`, `[[ -n $BASH_VERSION ]] && echo is bash`}, log: []string{"<tab\there $(x) `y`>", "is bash"}},
		{name: "nothing in version 0.1", source: specPage + ", versions", version: "0.1", commands: []string{"cd /; export D=kept", "echo D=$D; basename $PWD"}, log: []string{"D=\n", "src\n"}},
		{name: "many lines", source: specPage, env: "shell: bash", commands: []string{"set -euo pipefail\ntrap 'echo marker' EXIT\nfor i in 1 2; do\n  echo line $i\ndone\nfalse | true\necho never\n"}, log: []string{"line 1\nline 2\nmarker\n"}, notLog: []string{"never"}, status: "FAILED"},
		{name: "trap is last", source: specPage, env: "shell: bash", commands: []string{"trap 'echo marker' EXIT\necho before\n"}, log: []string{"before\nmarker\n"}},
		{name: "no input", source: specPage, commands: []string{"cat; echo after cat"}, log: []string{"after cat"}},
		{name: "both outputs in order", source: specPage, commands: []string{"echo one; echo two >&2; printf three"}, log: []string{"one\ntwo\nthree\n[Container]"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.project(nil)
			version, status := c.version, c.status
			if version == "" {
				version = "0.2"
			}
			if status == "" {
				status = "SUCCEEDED"
			}
			spec := "version: " + version + "\nenv: {" + c.env + "}\nphases:\n  build:\n    commands:\n"
			for _, command := range c.commands {
				spec += "      - " + quote(command) + "\n"
			}
			b := w.end(w.start(map[string]any{"buildspecOverride": spec}))
			if b.BuildStatus != status {
				t.Errorf("build is %s, want %s", b.BuildStatus, status)
			}
			checkLog(t, w.cloud.log(b.ID), c.log, c.notLog)
		})
	}
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
