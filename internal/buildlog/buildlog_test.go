package buildlog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/internal/buildlog"
	"github.com/tokendocker/tokendocker/internal/buildspec"
	"github.com/tokendocker/tokendocker/internal/contract"
)

// recorded gives the events of a build whose docker buildx printed testdata/name.log, one line each, as CodeBuild
// writes them. The files were recorded from docker buildx v0.37.2 with BuildKit v0.33.1; docker20-* with the builder
// inside Docker 20.10.24, which is what a build falls back to where no BuildKit container starts.
func recorded(t testing.TB, name string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".log"))
	if err != nil {
		t.Fatal(err)
	}
	events := []string{
		"[Container] 2026/11/21 01:36:43.123456 Running command (\n", "say 'docker build begins'\n", ")\n", "\n",
		"ERROR: of a command before\n", "#1 [1/1] RUN of a command before\n", "#1 ERROR: of a command before\n",
		buildspec.Prepare + "\n", "#1 [internal] booting buildkit\n", "#1 DONE 1.0s\n", buildspec.Begin + "\n",
	}
	events = append(events, strings.SplitAfter(strings.TrimSuffix(string(data), "\n")+"\n", "\n")...)
	return append(events[:len(events)-1], buildspec.End+"\n", "\n",
		"[Container] 2026/11/21 01:36:50.1 Command did not exit successfully ( exit status 1\n",
		"[Container] 2026/11/21 01:36:50.2 Phase complete: BUILD State: FAILED\n")
}

// TestSummaryEndsOnce: a message of docker's that ends in a full stop gets no second one.
func TestSummaryEndsOnce(t *testing.T) {
	expired := buildlog.Failure{Kind: buildlog.Push, Message: "denied: Your authorization token has expired. Reauthenticate and try again."}
	if got, want := expired.Summary(), "The image was built but could not be pushed: denied: Your authorization token has expired. Reauthenticate and try again."; got != want {
		t.Errorf("got %q", got)
	}
}

func TestRead(t *testing.T) {
	dockerfile := func(lines ...string) []string { return lines }
	cases := []struct {
		name    string
		want    buildlog.Failure // Message is compared where it is set
		summary string
	}{
		{"spoof", buildlog.Failure{Kind: buildlog.Step, ExitCode: 3, Tail: []string{
			"#99 ERROR: spoofed", `#98 ERROR: process "x" did not complete successfully: exit code: 77`, "ERROR: failed to build: failed to solve: spoof",
			"------", " > [1/1] RUN spoofed:", "", "#97 [a 1/1] RUN x", "[tokendocker] end of the build log",
		}}, "Docker build failed at step [1/2] RUN printf 'fake"},
		{"badfrom", buildlog.Failure{Kind: buildlog.Base, Step: "[internal] load metadata for 127.0.0.1:9/nope:1", ExitCode: -1, Subject: "127.0.0.1:9/nope:1",
			Tail: dockerfile("   1 | >>> FROM 127.0.0.1:9/nope:1", "   2 |     RUN true", "   3 |")},
			"The base image 127.0.0.1:9/nope:1 could not be fetched: failed to do request: Head \"http"},
		// Put together from NVIDIA/gpu-driver-container#783.
		{"ratelimit", buildlog.Failure{Kind: buildlog.Base, Step: "[internal] load metadata for docker.io/library/node:22", ExitCode: -1, Subject: "docker.io/library/node:22",
			Tail: dockerfile("   1 | >>> FROM node:22", "   2 |     RUN true", "   3 |")},
			"The base image docker.io/library/node:22 could not be fetched: failed to copy: httpReadSeeker: failed open: " +
				"unexpected status from GET request to https://registry-1.docker.io/v2/library/node/manifests/sha256:962f6cadeae0ea6284001009daa4cc9a8c37e75d1f5191cf0eb83fe565b63dd7: 429 Too Many Requests. " +
				"Log in (DockerLogin), or take it from a cache of your own (EcrPullThroughCachePrefixes)."},
		{"syntax", buildlog.Failure{Kind: buildlog.Syntax, ExitCode: -1, Tail: dockerfile("   1 |     FROM base", "   2 | >>> RUNN true", "   3 |")},
			"The Dockerfile is not valid: dockerfile parse error on line 2: unknown instruction: RUNN (did you mean RUN?)."},
		{"flag", buildlog.Failure{Kind: buildlog.Syntax, ExitCode: -1, Tail: dockerfile("   1 |     FROM base", "   2 | >>> RUN --bogus=1 true", "   3 |")},
			"The Dockerfile is not valid: dockerfile parse error on line 2: unknown flag: --bogus."},
		{"empty", buildlog.Failure{Kind: buildlog.Syntax, ExitCode: -1}, "The Dockerfile is not valid: the Dockerfile cannot be empty."},
		{"target", buildlog.Failure{Kind: buildlog.Syntax, ExitCode: -1}, `The Dockerfile is not valid: target stage "nope" could not be found (did you mean one?).`},
		{"copy", buildlog.Failure{Kind: buildlog.Copy, Step: "[1/2] COPY missing.txt /x", ExitCode: -1, Subject: "/missing.txt",
			Tail: dockerfile("   1 |     FROM base", "   2 | >>> COPY missing.txt /x", "   3 |")},
			`Docker build failed at step [1/2] COPY missing.txt /x: the source "/missing.txt" does not exist in the build context; if it does on your disk, see .dockerignore and Exclude.`},
		{"copyfrom", buildlog.Failure{Kind: buildlog.Copy, Step: "[stage-1 1/2] COPY --from=one /does/not/exist /x", ExitCode: -1, Subject: "/does/not/exist",
			Tail: dockerfile("   2 |     RUN true", "   3 |     FROM base", "   4 | >>> COPY --from=one /does/not/exist /x", "   5 |")},
			`Docker build failed at step [stage-1 1/2] COPY --from=one /does/not/exist /x: the source "/does/not/exist" does not exist.`},
		{"signal", buildlog.Failure{Kind: buildlog.Step, Step: "[1/2] RUN sh -c 'echo before; kill -9 $$'", ExitCode: 137, Tail: []string{"before", "Killed"}},
			"Docker build failed at step [1/2] RUN sh -c 'echo before; kill -9 $$' with exit code 137 (killed, most often for want of memory)."},
		{"parallel", buildlog.Failure{Kind: buildlog.Step, Step: "[one 1/2] RUN echo one is fine; sleep 7; echo one ends; exit 4", ExitCode: 4, Tail: []string{"one is fine", "one ends"}},
			"Docker build failed at step [one 1/2] RUN echo one is fine; sleep 7; echo one ends; exit 4 with exit code 4."},
		{"both", buildlog.Failure{Kind: buildlog.Step, Step: "[one 1/2] RUN echo one; sleep 1; exit 4", ExitCode: 4, Tail: []string{"one"}},
			"Docker build failed at step [one 1/2] RUN echo one; sleep 1; exit 4 with exit code 4."},
		{"copycanceled", buildlog.Failure{Kind: buildlog.Copy, Step: "COPY nope.txt /", ExitCode: -1, Subject: "/nope.txt",
			Tail: dockerfile("   1 |     FROM busybox", "   2 | >>> COPY nope.txt /", "   3 |")},
			`Docker build failed at step COPY nope.txt /: the source "/nope.txt" does not exist in the build context; if it does on your disk, see .dockerignore and Exclude.`},
		{"partial", buildlog.Failure{Kind: buildlog.Copy, Step: "[stage-2 2/2] COPY --from=two /b /b", ExitCode: -1, Subject: "/b",
			Tail: dockerfile("   5 |     FROM scratch", "   6 |     COPY --from=one /a /a", "   7 | >>> COPY --from=two /b /b", "   8 |")}, "Docker build failed at step"},
		{"heredoc", buildlog.Failure{Kind: buildlog.Step, Step: "[1/2] RUN <<EOF (echo first...)", ExitCode: 9, Tail: []string{"first", "second /bin/sh"}},
			"Docker build failed at step [1/2] RUN <<EOF (echo first...) with exit code 9."},
		{"control", buildlog.Failure{Kind: buildlog.Step, ExitCode: 2, Tail: []string{"progress 99%", "red text", "after", "caf\u00e9 \U0001f600 bad\ufffdbyte", "", "last"}},
			"Docker build failed at step [1/2] RUN printf 'progress"},
		{"slow", buildlog.Failure{Kind: buildlog.Step, Step: "[1/2] RUN sleep 11; echo after eleven seconds; exit 2", ExitCode: 2, Tail: []string{"after eleven seconds"}}, "Docker build failed"},
		{"arg", buildlog.Failure{Kind: buildlog.Step, Step: `[2/3] RUN echo "a`, ExitCode: 12, Tail: []string{"a", "#98 ERROR: x", "ERROR: y"}},
			`Docker build failed at step [2/3] RUN echo "a with exit code 12.`},
		{"noshell", buildlog.Failure{Kind: buildlog.Step, Step: `[1/2] RUN ["/no/such/program"]`, ExitCode: 1,
			Tail: []string{`runc run failed: unable to start container process: exec: "/no/such/program": stat /no/such/program: no such file or directory`}}, "Docker build failed"},
		{"silent", buildlog.Failure{Kind: buildlog.Step, Step: "[1/2] RUN exit 1", ExitCode: 1, Tail: dockerfile("   1 |     FROM base", "   2 | >>> RUN exit 1", "   3 |")},
			"Docker build failed at step [1/2] RUN exit 1 with exit code 1."},
		{"secretmissing", buildlog.Failure{Kind: buildlog.Other, Step: "[stage-0 1/2] RUN --mount=type=secret,id=npm,required=true cat /run/secrets/npm", ExitCode: -1,
			Tail: dockerfile("   1 |     FROM base", "   2 | >>> RUN --mount=type=secret,id=npm,required=true cat /run/secrets/npm", "   3 |")},
			"Docker build failed at step [stage-0 1/2] RUN --mount=type=secret,id=npm,required=true cat /run/secrets/npm: secret npm: not found."},
		{"push", buildlog.Failure{Kind: buildlog.Push, Step: "exporting to image", ExitCode: -1}, "The image was built but could not be pushed: failed to push 127.0.0.1:9/app:x: failed to do request"},
		{"killed", buildlog.Failure{Kind: buildlog.Builder, ExitCode: -1},
			"The connection to BuildKit was lost during the docker build, as if it had been killed or had run out of memory: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF."},
		{"lost", buildlog.Failure{Kind: buildlog.Builder, Step: "[internal] waiting for connection", ExitCode: -1}, "The connection to BuildKit was lost"},
		{"docker20-step", buildlog.Failure{Kind: buildlog.Step, Step: "[2/2] RUN echo hello; exit 7", ExitCode: 7, Tail: []string{"hello"}},
			"Docker build failed at step [2/2] RUN echo hello; exit 7 with exit code 7."},
		{"docker20-copy", buildlog.Failure{Kind: buildlog.Copy, Step: "[2/2] COPY missing.txt /x", ExitCode: -1, Subject: "/missing.txt"},
			`Docker build failed at step [2/2] COPY missing.txt /x: the source "/missing.txt" does not exist in the build context`},
		{"docker20-syntax", buildlog.Failure{Kind: buildlog.Syntax, ExitCode: -1}, "The Dockerfile is not valid: dockerfile parse error line 2: unknown instruction: RUNN."},
		{"docker20-base", buildlog.Failure{Kind: buildlog.Base, ExitCode: -1, Subject: "127.0.0.1:9/nope:1"},
			`The base image 127.0.0.1:9/nope:1 could not be fetched: failed to do request: Head "http://127.0.0.1:9/v2/nope/manifests/1"`},
		{"docker20-push", buildlog.Failure{Kind: buildlog.Push, Step: "pushing 127.0.0.1:9/app:1 with docker", ExitCode: -1}, "The image was built but could not be pushed: Get"},
		{"ok", buildlog.Failure{Step: "[1/2] RUN echo fine", ExitCode: -1, Tail: []string{"fine"}}, "The build ended without a word of docker's"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := buildlog.Read(recorded(t, c.name))
			if !strings.HasPrefix(got.Summary(), c.summary) || strings.Contains(got.Summary(), "\n") {
				t.Errorf("summary\ngot  %s\nwant %s", got.Summary(), c.summary)
			}
			c.want.Complete, c.want.Message = true, got.Message
			if c.want.Step == "" {
				c.want.Step = got.Step
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestHugeOutput has the end of 60,000 lines: the step's name and the beginning of the log are missing.
func TestHugeOutput(t *testing.T) {
	events := recorded(t, "many")
	for _, events := range [][]string{events, events[60:]} {
		f := buildlog.Read(events)
		if f.Kind != buildlog.Step || f.ExitCode != 6 || !f.Complete || !strings.HasPrefix(f.Step, "[1/2] RUN i=0; while [ $i -lt 60000 ]") {
			t.Fatalf("%+v", f)
		}
		if n := len(f.Tail); n != buildlog.MaxTail || f.Tail[n-1] != "THE END" || !strings.HasPrefix(f.Tail[n-2], "line 59999 ") {
			t.Errorf("%d lines, ends in %q", n, f.Tail[n-2:])
		}
	}
}

// TestCacheThatIsNotThere has a first build: the layer cache cannot be read, which fails nothing, then a step fails.
func TestCacheThatIsNotThere(t *testing.T) {
	events := []string{
		buildspec.Prepare, buildspec.Begin,
		"#4 importing cache manifest from h/app:cache", "#4 ERROR: failed to configure registry cache importer: h/app:cache: not found", "",
		"#5 [1/1] RUN false", `#5 ERROR: process "false" did not complete successfully: exit code: 1`,
		"------", " > importing cache manifest from h/app:cache:", "------", "------", " > [1/1] RUN false:", "------",
		`ERROR: failed to build: failed to solve: process "false" did not complete successfully: exit code: 1`, buildspec.End,
	}
	for _, events := range [][]string{events, append(events[:2:2], events[6:]...)} {
		if f := buildlog.Read(events); f.Kind != buildlog.Step || f.Step != "[1/1] RUN false" || f.ExitCode != 1 {
			t.Errorf("%+v", f)
		}
	}
}

// TestFormsOfEvents has one log in the forms in which CloudWatch Logs may hand it over.
func TestFormsOfEvents(t *testing.T) {
	const long = 300_000
	log := buildspec.Prepare + "\n" + buildspec.Begin + "\n#1 [1/1] RUN x\n#1 0.1 " + strings.Repeat("y", long) + "#9 ERROR: z\n#1 ERROR: process \"x\" did not complete successfully: exit code: 5\n" +
		"ERROR: failed to build: failed to solve: process \"x\" did not complete successfully: exit code: 5\n" + buildspec.End + "\n"
	cutAt := strings.Index(log, "#9 ERROR")
	trimmed := strings.Split(strings.TrimSuffix(log, "\n"), "\n")
	crlf := strings.SplitAfter(strings.ReplaceAll(log, "\n", "\r\n"), "\n")
	for name, events := range map[string][]string{
		"one event": {log}, "lines": strings.SplitAfter(log, "\n"), "lines without newline": trimmed, "CRLF": crlf,
		"a long line in two events": {log[:cutAt], log[cutAt:]},
	} {
		t.Run(name, func(t *testing.T) {
			f := buildlog.Read(events)
			if f.Kind != buildlog.Step || f.ExitCode != 5 || f.Step != "[1/1] RUN x" || !f.Complete || len(f.Tail) != 1 || !strings.HasSuffix(f.Tail[0], "yyy#9 ERROR: z") {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestBeforeTheBuild(t *testing.T) {
	agent := func(text string) string { return "[Container] 2026/11/21 01:36:43.123456 " + text }
	cases := []struct {
		name   string
		events []string
		want   buildlog.Failure
		text   string
	}{
		{"login", []string{agent("Running command ("), "fail", ")", buildspec.Prepare, "An error occurred (AccessDeniedException)", buildspec.Notice + "could not log in to the image registry", buildspec.End, agent("Phase complete: BUILD State: FAILED")},
			buildlog.Failure{Kind: buildlog.Setup, ExitCode: -1, Message: "could not log in to the image registry", Tail: []string{"An error occurred (AccessDeniedException)"}, Complete: true},
			"The docker build could not be prepared: could not log in to the image registry."},
		{"a command of the user's", []string{agent("Running command true"), agent("Running command npm ci"), "first", "second", "", agent("Command did not exit successfully npm ci exit status 7"), agent("Phase complete: PRE_BUILD State: FAILED"), agent("Phase context status code: COMMAND_EXECUTION_ERROR Message: Error while executing command: npm ci. Reason: exit status 7")},
			buildlog.Failure{Kind: buildlog.Command, Step: "npm ci", ExitCode: 7, Tail: []string{"first", "second"}, Complete: true},
			`The command "npm ci" failed with exit code 7, before the docker build.`},
		{"a command of many lines", []string{agent("Running command set -e"), "false", "out", agent("Command did not exit successfully set -e"), "false exit status 1", agent("Phase complete: INSTALL State: FAILED")},
			buildlog.Failure{Kind: buildlog.Command, Step: "set -e", ExitCode: 1, Tail: []string{"out"}, Complete: true}, `The command "set -e" failed with exit code 1, before the docker build.`},
		{"source", []string{agent("Phase complete: DOWNLOAD_SOURCE State: FAILED"), agent("Phase context status code: CLIENT_ERROR Message: AccessDenied: no right to read the object")},
			buildlog.Failure{ExitCode: -1, Message: "CLIENT_ERROR: AccessDenied: no right to read the object"},
			"The build ended without a word of docker's: CLIENT_ERROR: AccessDenied: no right to read the object."},
		{"nothing", nil, buildlog.Failure{ExitCode: -1}, "The build ended without a word of docker's."},
		{"killed before docker", []string{agent("Running command ("), "set", ")", buildspec.Prepare, "Login Succeeded", agent("Command did not exit successfully ("), "set", ") exit status 137", agent("Phase complete: BUILD State: FAILED")},
			buildlog.Failure{Kind: buildlog.Setup, ExitCode: -1, Message: "its shell was killed, as if the machine had run out of memory", Tail: []string{"Login Succeeded"}},
			"The docker build could not be prepared: its shell was killed, as if the machine had run out of memory."},
		{"killed during a step", []string{agent("Running command ("), ")", buildspec.Prepare, buildspec.Begin, "#1 [1/1] RUN eat", "#1 0.1 more", agent("Command did not exit successfully ("), ") exit status 137"},
			buildlog.Failure{Step: "[1/1] RUN eat", ExitCode: -1, Message: "its shell was killed, as if the machine had run out of memory", Tail: []string{"more"}},
			"The build ended without a word of docker's, while it was at step [1/1] RUN eat: its shell was killed, as if the machine had run out of memory."},
		{"stopped during a step", []string{buildspec.Prepare, buildspec.Begin, "#1 [1/1] RUN sleep 1000", "#1 0.1 asleep"},
			buildlog.Failure{Step: "[1/1] RUN sleep 1000", ExitCode: -1, Tail: []string{"asleep"}}, "The build ended without a word of docker's, while it was at step [1/1] RUN sleep 1000."},
		{"markers in a build argument", []string{buildspec.Prepare, buildspec.Begin, "", "#1 [1/1] WORKDIR /a", buildspec.Prepare, buildspec.End, "#1 ERROR: no space", "ERROR: failed to build: failed to solve: no space", buildspec.End},
			buildlog.Failure{Kind: buildlog.Other, Step: "[1/1] WORKDIR /a", ExitCode: -1, Message: "no space", Complete: true}, "Docker build failed at step [1/1] WORKDIR /a: no space."},
		{"markers printed by a command", []string{buildspec.Begin, "ERROR: fake", buildspec.End, buildspec.Prepare, buildspec.Notice + "could not log in to the image registry", buildspec.End},
			buildlog.Failure{Kind: buildlog.Setup, ExitCode: -1, Message: "could not log in to the image registry", Complete: true}, "The docker build could not be prepared"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := buildlog.Read(c.events)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if !strings.HasPrefix(got.Summary(), c.text) {
				t.Errorf("summary %s", got.Summary())
			}
			if buildlog.Complete(c.events) != c.want.Complete {
				t.Errorf("Complete is not %v", c.want.Complete)
			}
		})
	}
}

func TestReason(t *testing.T) {
	const where = "The whole log: group /aws/codebuild/td-1, stream 0af1."
	f := buildlog.Read(recorded(t, "many"))
	whole := f.Reason(where, 1<<20)
	if n := strings.Count(whole, "\n"); n != buildlog.MaxTail+1 || !strings.HasPrefix(whole, f.Summary()+"\nline ") || !strings.HasSuffix(whole, "\nTHE END\n"+where) {
		t.Errorf("%d lines: %s", n, whole)
	}
	for budget := 100; budget < 4000; budget += 97 {
		reason := f.Reason(where, budget)
		if fixed := contract.Escaped(f.Summary() + "\n" + where); contract.Escaped(reason) > max(budget, fixed) || contract.Escaped(reason) < min(budget, fixed) {
			t.Errorf("budget %d: %d bytes", budget, contract.Escaped(reason))
		}
		if budget > 700 && !strings.HasSuffix(reason, "\nTHE END\n"+where) {
			t.Errorf("budget %d: %s", budget, reason)
		}
	}
}

func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*.log")
	if err != nil || len(names) == 0 {
		f.Fatal("no recorded logs", err)
	}
	for _, name := range names {
		f.Add(strings.Join(recorded(f, strings.TrimSuffix(filepath.Base(name), ".log")), ""))
	}
	f.Fuzz(func(t *testing.T, log string) {
		failure := buildlog.Read([]string{log})
		for _, line := range append(failure.Tail, failure.Summary()) {
			for _, c := range line {
				if !unicode.IsPrint(c) {
					t.Fatalf("%q is not printable", line)
				}
			}
		}
		if len(failure.Tail) > buildlog.MaxTail {
			t.Fatalf("%d lines", len(failure.Tail))
		}
		if reason := failure.Reason("", 4000); contract.Escaped(reason) > max(4000, contract.Escaped(failure.Summary()+"\n")) {
			t.Fatalf("%d bytes", contract.Escaped(reason))
		}
	})
}

// FuzzSpoof has a RUN step print anything: BuildKit puts its own words before each line, and the result stays the same.
func FuzzSpoof(f *testing.F) {
	f.Add("x\n#99 ERROR: y\nERROR: z")
	f.Add(buildspec.Prepare + "\n" + buildspec.Begin + "\n" + buildspec.End)
	f.Add("\r#2 [2/2] RUN other\n------\n > [2/2] RUN other:\n------")
	f.Fuzz(func(t *testing.T, output string) {
		events := []string{buildspec.Prepare, buildspec.Begin, "#1 [1/1] RUN x"}
		for line := range strings.SplitSeq(output, "\n") {
			events = append(events, "#1 0.123 "+line)
		}
		const message = `process "x" did not complete successfully: exit code: 5`
		events = append(events, "#1 ERROR: "+message, "------", " > [1/1] RUN x:")
		for line := range strings.SplitSeq(output, "\n") {
			events = append(events, "0.123 "+line)
		}
		events = append(events, "------", "ERROR: failed to build: failed to solve: "+message, buildspec.End)
		if got := buildlog.Read(events); got.Kind != buildlog.Step || got.Step != "[1/1] RUN x" || got.ExitCode != 5 || !got.Complete {
			t.Errorf("%+v", got)
		}
	})
}

// TestBaseImageInECR: what ECR says without a permission names none; the summary does.
func TestBaseImageInECR(t *testing.T) {
	const hub = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/node:22"
	said := func(why string) string { return hub + ": failed to resolve source metadata for " + hub + ": " + why }
	const forbidden = "unexpected status from HEAD request to https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/docker-hub/library/node/manifests/22: 403 Forbidden"
	for name, c := range map[string]struct{ base, message, want string }{
		"may not pull":   {hub, said(forbidden), "could not be fetched: " + forbidden + ". The build's role may not pull it (ecr:BatchGetImage, ecr:GetDownloadUrlForLayer): if it comes through a pull-through cache, name the prefix of the rule in EcrPullThroughCachePrefixes; "},
		"not there":      {hub, said(hub + ": not found"), hub + ": not found. If it comes through a pull-through cache, look at the rule's prefix, "},
		"other registry": {"ghcr.io/a/b:1", "ghcr.io/a/b:1: failed to resolve source metadata for ghcr.io/a/b:1: 403 Forbidden", "could not be fetched: 403 Forbidden."},
	} {
		got := buildlog.Failure{Kind: buildlog.Base, Subject: c.base, Message: c.message}.Summary()
		if !strings.Contains(got, c.want) || strings.Contains(got, "failed to resolve") || name == "other registry" && !strings.HasSuffix(got, c.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}
