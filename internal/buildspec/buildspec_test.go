package buildspec_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/internal/buildspec"
	"github.com/tokendocker/tokendocker/internal/contract"
	"github.com/tokendocker/tokendocker/internal/fault"
)

// hostile are values that some shell, template language or encoding on the way changes when it gets hold of them.
var hostile = []string{
	"", " ", "a b", " lead and trail ", `"`, `'`, `"'"'`, "two\nlines", "\n", "trail\n", "crlf\r\n", "\r", "tab\there", "$(id)", "`id`", "${X}", "$X", "$$", "$${X}",
	"%{x}", "%s%n", "%%", `back\slash`, `\n`, `\`, "e\u0301", "\u00e9", "\u212b", "\ufeffbom", "\U0001f600\U0001f468\u200d\U0001f469", "-leading", "--tag=x", "=", "a=b=c", "#", "# x", "~", "*", "?[a]", "{a,b}",
	"!", "&& rm -rf x", "; exit 1", "| cat", ">x", "<(x)", "\x01\x1b[31m", "\x7f", "\u0085\u2028", "{{data}}", "{{ids}}", "EOF", "'", "null", "- yaml: [", "\u202ereversed",
}

// values are the hostile ones as build arguments of one request.
func values() (args []contract.Argument, want []string) {
	for i, value := range hostile {
		name := fmt.Sprintf("ARG_%d", i)
		args = append(args, contract.Argument{Name: name, Value: text(value)})
		want = append(want, name+"="+value)
	}
	return args, want
}

func TestValuesArriveByteForByte(t *testing.T) {
	args, want := values()
	s := write(t, request(func(r *contract.Request) { r.Args = args }))
	for _, c := range []struct{ name, env string }{{"with a builder", "FAKE_INSPECT=0"}, {"without", "FAKE_INSPECT=1"}} {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, c.env)
			if log, code := m.run(s.Phases["build"].Commands...); code != 0 {
				t.Fatal(log)
			}
			if diff := cmp.Diff(want, arguments(m.build())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzValuesArrive drives values and names through a real bash.
func FuzzValuesArrive(f *testing.F) {
	for _, value := range hostile {
		f.Add(value, value+"x")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		r := request(func(r *contract.Request) {
			r.Args = []contract.Argument{{Name: "A", Value: text(first)}, {Name: "B", Value: contract.Text{contract.Value(second)}}}
			r.PreBuild = []contract.Text{text(`printf '%s\0' "A=$A" "B=$B" >"$FAKE_RECORD/seen"`)}
		})
		_, err := buildspec.Write(buildspec.Build{Request: r, Tag: tag})
		wrong := !utf8.ValidString(first) || !utf8.ValidString(second) || strings.ContainsRune(first+second, 0)
		if err != nil {
			if kind := fault.KindOf(err); !wrong && (kind != fault.TooLarge || len(first)+len(second) < 6_000) {
				t.Fatal(err)
			}
			return
		}
		if wrong {
			t.Fatal("a value that no argument can carry was taken")
		}
		s, m, want := write(t, r), newMachine(t), []string{"A=" + first, "B=" + second}
		if log, code := m.run(slices.Concat(s.Phases["pre_build"].Commands, s.Phases["build"].Commands)...); code != 0 {
			t.Fatal(log)
		}
		if diff := cmp.Diff(want, arguments(m.build())); diff != "" {
			t.Error(diff)
		}
		if seen, err := os.ReadFile(filepath.Join(m.record, "seen")); err != nil || string(seen) != strings.Join(want, "\x00")+"\x00" {
			t.Errorf("the user's command saw %q, %v", seen, err)
		}
	})
}

func TestCallOfDocker(t *testing.T) {
	const cacheFrom, cacheTo = "--cache-from=type=registry,ref=" + repository + ":cache", "--cache-to=type=registry,ref=" + repository + ":cache,mode=max,image-manifest=true,oci-mediatypes=true,ignore-error=true"
	plain := []string{"--progress=plain", "--provenance=false", "--sbom=false", "--push", "--platform=linux/amd64", "--file=./Dockerfile", "--tag=" + repository + ":" + tag}
	builder := []string{"--builder", "tokendocker"}
	cases := []struct {
		name string
		edit func(*contract.Request)
		env  string
		want []string
	}{
		{"minimal", nil, "", slices.Concat(plain, builder, []string{cacheFrom, cacheTo})},
		{"no builder", nil, "FAKE_CREATE=1", plain},
		{"builder does not start", nil, "FAKE_INSPECT=1", plain},
		{"cache disabled", func(r *contract.Request) { r.CacheDisabled = "true" }, "", slices.Concat(plain, []string{"--no-cache"}, builder)},
		{"cache disabled without builder", func(r *contract.Request) { r.CacheDisabled = "true" }, "FAKE_INSPECT=1", slices.Concat(plain, []string{"--no-cache"})},
		{"all options", func(r *contract.Request) {
			r.Dockerfile, r.Target, r.Platform, r.Network = "docker/-web", "web", "linux/arm64", "host"
			r.Secrets = []contract.Reference{{ID: "npm", From: contract.SecretsManager, Name: "npm:token"}}
			r.Args = []contract.Argument{{Name: "A", Value: text("1")}}
		}, "FAKE_INSPECT=1", slices.Concat(plain[:4], []string{
			"--platform=linux/arm64", "--file=./docker/-web", "--tag=" + repository + ":" + tag, "--target=web",
			"--network=host", "--allow=network.host", "--secret=id=npm,env=TOKENDOCKER_SECRET_0", "--build-arg", "A=1",
		})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, c.env)
			log, code := m.run(write(t, request(c.edit)).Phases["build"].Commands...)
			if code != 0 || !lines(log, buildspec.Prepare, buildspec.Begin, buildspec.End, "") {
				t.Fatalf("exit %d\n%s", code, log)
			}
			if diff := cmp.Diff(append(c.want, filepath.Join(filepath.Dir(m.record), "src")), m.build()); diff != "" {
				t.Error(diff)
			}
			login := []string{"docker", "login", "--username", "AWS", "--password-stdin", "123456789012.dkr.ecr.us-east-1.amazonaws.com"}
			if diff := cmp.Diff([][]string{login}, m.calls("docker", "login")); diff != "" || m.read("password") != "pass\nword" {
				t.Error(diff, m.read("password"))
			}
			if diff := cmp.Diff([][]string{{"aws", "ecr", "get-login-password", "--region", "us-east-1"}}, m.calls("aws")); diff != "" {
				t.Error(diff)
			}
			if fallback := strings.Contains(log, "building without layer cache"); fallback != (c.env != "") {
				t.Errorf("says that it goes on without cache: %v", fallback)
			}
		})
	}
}

func TestFailures(t *testing.T) {
	cases := []struct {
		name, env string
		code      int
		want      []string // lines of the log, in order
		built     int      // calls of docker buildx build
	}{
		{"login", "FAKE_LOGIN=1", 1, []string{buildspec.Prepare, "login said this", buildspec.Notice + "could not log in to the image registry", buildspec.End}, 0},
		{"no password", "FAKE_AWS=254", 1, []string{buildspec.Prepare, buildspec.Notice + "could not log in to the image registry", buildspec.End}, 0},
		{"private registry", "FAKE_PRIVATE=1", 1, []string{buildspec.Prepare, "login said this", buildspec.Notice + "could not log in to ghcr.io", buildspec.End}, 0},
		{"build", "FAKE_BUILD=17", 17, []string{buildspec.Prepare, buildspec.Begin, buildspec.End}, 1},
		{"context gone", "CODEBUILD_SRC_DIR=/nowhere", 1, []string{buildspec.Prepare, buildspec.Notice + "the build context is not there", buildspec.End}, 0},
	}
	script := write(t, request(func(r *contract.Request) {
		r.Login = &contract.Login{Secret: "hub", Registry: "ghcr.io"}
	})).Phases["build"].Commands
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := newMachine(t, c.env)
			log, code := m.run(script...)
			if code != c.code || !lines(log, c.want...) || !strings.HasSuffix(log, "\n"+buildspec.End+"\n") {
				t.Errorf("exit %d\n%s", code, log)
			}
			if built := len(m.calls("docker", "buildx", "build")); built != c.built {
				t.Errorf("docker buildx build was called %d times", built)
			}
		})
	}
}

func TestDamagedData(t *testing.T) {
	script := write(t, request(nil)).Phases["build"].Commands[0]
	at := strings.Index(script, "<<<'") + 30
	m := newMachine(t)
	log, code := m.run(script[:at] + "AAAA" + script[at+4:])
	if code != 1 || !strings.Contains(log, "the build data in this recipe is damaged") || len(m.calls("docker")) > 0 {
		t.Errorf("exit %d\n%s", code, log)
	}
}

func TestBuilderThatHangs(t *testing.T) {
	m, start := newMachine(t, "FAKE_HANG=1", "FAKE_TIMEOUT=0.2"), time.Now()
	log, code := m.run(write(t, request(nil)).Phases["build"].Commands...)
	if code != 0 || !strings.Contains(log, "building without layer cache") || time.Since(start) > 30*time.Second {
		t.Errorf("exit %d after %s\n%s", code, time.Since(start), log)
	}
	if slices.Contains(m.build(), "--builder") {
		t.Error("the builder is used that does not answer")
	}
}

// TestShellStaysAsItWas runs a command of the user's after ours: our options, trap and exit are our own.
func TestShellStaysAsItWas(t *testing.T) {
	s := write(t, request(func(r *contract.Request) {
		r.Args, r.PreBuild = []contract.Argument{{Name: "A", Value: text("1")}}, []contract.Text{text("true")}
	}))
	m := newMachine(t)
	// Signals that whoever runs the test ignores stay ignored in every shell, so only the trap on EXIT is ours.
	log, code := m.run(slices.Concat(s.Phases["pre_build"].Commands, s.Phases["build"].Commands, []string{`false; echo "options $- trap $(trap -p EXIT ERR DEBUG RETURN) unset $NEVER"`})...)
	if code != 0 || !strings.Contains(log, buildspec.End+"\noptions hBc trap  unset \n") {
		t.Errorf("exit %d\n%s", code, log)
	}
}

func TestSecrets(t *testing.T) {
	s := write(t, request(func(r *contract.Request) {
		r.Secrets = []contract.Reference{{ID: "npm", From: contract.SecretsManager, Name: "npm:token::"}, {ID: "pip", From: contract.ParameterStore, Name: "/pip"}}
		r.SSH = []contract.Reference{{ID: "default", From: contract.SecretsManager, Name: "arn:aws:secretsmanager:us-east-1:123456789012:secret:git"}, {ID: "b", From: contract.ParameterStore, Name: "/b"}}
	}))
	if diff := cmp.Diff(map[string]string{"TOKENDOCKER_SECRET_0": "npm:token::", "TOKENDOCKER_SSH_0": "arn:aws:secretsmanager:us-east-1:123456789012:secret:git"}, s.Env.SecretsManager); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"TOKENDOCKER_SECRET_1": "/pip", "TOKENDOCKER_SSH_1": "/b"}, s.Env.ParameterStore); diff != "" {
		t.Error(diff)
	}
	m := newMachine(t, "TOKENDOCKER_SECRET_0=hunter2", "TOKENDOCKER_SSH_0=line 1\nline 2", "TOKENDOCKER_SSH_1=key b")
	log, code := m.run(s.Phases["build"].Commands...)
	if code != 0 || strings.Contains(log, "hunter2") || strings.Contains(log, "line 2") {
		t.Fatalf("exit %d\n%s", code, log)
	}
	call := strings.Join(m.build(), " ")
	if !strings.Contains(call, "--secret=id=npm,env=TOKENDOCKER_SECRET_0 --secret=id=pip,env=TOKENDOCKER_SECRET_1") || strings.Contains(call, "line 1") {
		t.Error(call)
	}
	if keys := m.read("keys"); keys != "line 1\nline 2\n600\nkey b\n600" {
		t.Errorf("ssh keys in files: %q", keys)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(m.record), "tmp.*")); len(left) > 0 {
		t.Errorf("ssh keys stay behind in %v", left)
	}
}

// TestLogin: user and password are CodeBuild's to resolve, and reach docker by its own ways and no log.
func TestLogin(t *testing.T) {
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:hub-a1B2c3"
	for host, said := range map[string][]string{"": nil, "ghcr.io": {"ghcr.io"}, "registry.local:5000": {"registry.local:5000"}} {
		s := write(t, request(func(r *contract.Request) { r.Login = &contract.Login{Secret: arn, Registry: host} }))
		want := map[string]string{"TOKENDOCKER_LOGIN_USERNAME": arn + ":username", "TOKENDOCKER_LOGIN_PASSWORD": arn + ":password"}
		if diff := cmp.Diff(want, s.Env.SecretsManager); diff != "" {
			t.Error(diff)
		}
		m := newMachine(t, "TOKENDOCKER_LOGIN_USERNAME=-robot", "TOKENDOCKER_LOGIN_PASSWORD=$(hunter2) \" '")
		log, code := m.run(s.Phases["build"].Commands...)
		if code != 0 || strings.Contains(log, "hunter2") {
			t.Fatalf("exit %d\n%s", code, log)
		}
		login := append([]string{"docker", "login", "--username=-robot", "--password-stdin"}, said...)
		if diff := cmp.Diff([][]string{login}, m.calls("docker", "login", "--username=-robot")); diff != "" {
			t.Error(diff)
		}
		if got := m.read("private"); got != "$(hunter2) \" '" {
			t.Errorf("docker reads the password %q", got)
		}
	}
}

func TestPlaces(t *testing.T) {
	m := newMachine(t)
	m.run(write(t, request(func(r *contract.Request) {
		r.CacheURI, r.BuildKit = "123456789012.dkr.ecr.us-east-1.amazonaws.com/layers", "mirror/buildkit:1"
	})).Phases["build"].Commands...)
	call := strings.Join(m.build(), " ")
	if strings.Count(call, "ref=123456789012.dkr.ecr.us-east-1.amazonaws.com/layers:cache") != 2 || !strings.Contains(call, "--tag="+repository+":"+tag) {
		t.Errorf("the cache goes elsewhere: %s", call)
	}
	if create := strings.Join(m.calls("docker", "buildx", "create")[0], " "); !strings.Contains(create, "image=mirror/buildkit:1 ") {
		t.Errorf("the builder is another: %s", create)
	}
}

func TestUserCommands(t *testing.T) {
	args, want := values()
	s := write(t, request(func(r *contract.Request) {
		r.Args = append(args, contract.Argument{Name: "PATH", Value: text("/nowhere")}, contract.Argument{Name: "not.shell", Value: text("x")},
			contract.Argument{Name: "BUILDKIT_SYNTAX", Value: text("x")}, contract.Argument{Name: "STAGE", Value: text("argument")})
		r.Environment = []contract.Argument{{Name: "STAGE", Value: text("environment wins")}}
		dump := `env -0 >"$FAKE_RECORD/`
		r.Install = []contract.Text{text(dump + `install"`), text("  ")}
		r.PreBuild = []contract.Text{text(dump + `prebuild"`)}
	}))
	if n := len(s.Phases["install"].Commands); n != 3 { // unpack, environment, the one that is not blank
		t.Errorf("%d commands in phase install", n)
	}
	m := newMachine(t)
	for _, phase := range []string{"install", "pre_build", "build"} {
		if log, code := m.run(s.Phases[phase].Commands...); code != 0 {
			t.Fatal(log)
		}
	}
	for _, file := range []string{"install", "prebuild"} {
		seen := strings.Split(m.read(file), "\x00")
		for _, pair := range append(want, "STAGE=environment wins", "AWS_REGION=us-east-1") {
			if !slices.Contains(seen, pair) {
				t.Errorf("%s: %q is missing", file, pair)
			}
		}
		for _, pair := range []string{"PATH=/nowhere", "not.shell=x", "BUILDKIT_SYNTAX=x"} {
			if slices.Contains(seen, pair) {
				t.Errorf("%s: %q is there", file, pair)
			}
		}
	}
	for _, pair := range []string{"PATH=/nowhere", "not.shell=x", "BUILDKIT_SYNTAX=x", "STAGE=argument"} {
		if !slices.Contains(arguments(m.build()), pair) {
			t.Errorf("docker does not get %q", pair)
		}
	}
}

func TestReserved(t *testing.T) {
	for _, name := range []string{"PATH", "HOME", "LD_PRELOAD", "BASH_ENV", "BASH_FUNC_x", "IFS", "CODEBUILD_SRC_DIR", "AWS_REGION", "DOCKER_HOST", "BUILDX_BUILDER", "https_proxy", "NO_PROXY", "UID", "SHELLOPTS", "TOKENDOCKER_SSH_0"} {
		if !buildspec.Reserved(name) {
			t.Errorf("%s is not reserved", name)
		}
		_, err := buildspec.Write(buildspec.Build{Tag: tag, Request: request(func(r *contract.Request) {
			r.PreBuild, r.Environment = []contract.Text{text("true")}, []contract.Argument{{Name: name}}
		})})
		if fault.KindOf(err) != fault.Invalid || !strings.Contains(err.Error(), name) {
			t.Errorf("environment variable %s: %v", name, err)
		}
	}
	for _, name := range []string{"API_URL", "NODE_ENV", "VITE_API", "PATHS", "MY_HOME", "path", "GOOS", "A"} {
		if buildspec.Reserved(name) {
			t.Errorf("%s is reserved", name)
		}
	}
}

func TestSize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := func(size int, alphabet []rune) string {
		var b strings.Builder
		for b.Len() < size {
			b.WriteRune(alphabet[random.IntN(len(alphabet))])
		}
		return b.String()
	}
	var printable, wide []rune
	for c := ' '; c <= '~'; c++ {
		printable = append(printable, c)
	}
	for c := '\u4e00'; c < '\u9fff'; c++ {
		wide = append(wide, c)
	}
	cases := []struct {
		name  string
		value string
		fits  bool
	}{
		{"15 kB of random printable ASCII", noise(15_000, printable), true},
		{"15 kB of random base64", noise(15_000, []rune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")), true},
		{"15 kB of random Chinese", noise(15_000, wide), true},
		{"the longest argument that Linux takes", strings.Repeat("x", contract.MaxArgument-len("BIG=")), true},
		{"26 kB of random printable ASCII", noise(26_000, printable), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := request(func(r *contract.Request) {
				r.Args = []contract.Argument{{Name: "SMALL", Value: text("x")}, {Name: "BIG", Value: text(c.value)}}
			})
			recipe, err := buildspec.Write(buildspec.Build{Request: r, Tag: tag})
			t.Logf("%d bytes give %d characters", len(c.value), len(recipe))
			if !c.fits {
				want := fmt.Sprintf(`build argument "BIG" with %d bytes`, len(c.value))
				if fault.KindOf(err) != fault.TooLarge || !strings.Contains(err.Error(), want) {
					t.Fatalf("got %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			m := newMachine(t)
			if log, code := m.run(write(t, r).Phases["build"].Commands...); code != 0 || arguments(m.build())[1] != "BIG="+c.value {
				t.Errorf("exit %d\n%s", code, log)
			}
		})
	}
}

func TestWriteIsDeterministicAndASCII(t *testing.T) {
	args, _ := values()
	build := buildspec.Build{Tag: tag, Request: request(func(r *contract.Request) { r.Args = args })}
	first, err := buildspec.Write(build)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if again, _ := buildspec.Write(build); again != first {
			t.Fatal("two recipes for one build")
		}
	}
	for i, c := range []byte(first) {
		if c < ' ' || c > '~' {
			t.Fatalf("byte %#x at %d", c, i)
		}
	}
	for _, value := range []string{"$(id)", "-leading", "&& rm -rf"} {
		if strings.Contains(first, value) {
			t.Errorf("%q stands in the recipe", value)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	_, err := buildspec.Write(buildspec.Build{Tag: tag, Request: request(func(r *contract.Request) { r.Args = []contract.Argument{{Name: "A", Value: text("\x00")}} })})
	var e *fault.Error
	if !errors.As(err, &e) || e.Kind != fault.Invalid || !strings.Contains(err.Error(), `"A"`) {
		t.Errorf("got %v", err)
	}
	big := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 30_000)))
	_, err = buildspec.Write(buildspec.Build{Tag: tag, Request: request(func(r *contract.Request) { r.PreBuild = []contract.Text{text("true"), text(": " + big)} })})
	if fault.KindOf(err) != fault.TooLarge || !strings.Contains(err.Error(), "pre-build command 2 with") {
		t.Errorf("got %v", err)
	}
}
