package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

func TestBuildCommand(t *testing.T) {
	cases := []struct{ name, args, want string }{
		{"buildx build", "buildx build --push .", "build"},
		{"buildx's short name", "buildx b .", "build"},
		{"buildx bake", "buildx bake -f x.json", "bake"},
		{"bake's short name", "buildx f", "bake"},
		{"build", "build .", "build"},
		{"image build", "image build .", "build"},
		{"builder build", "builder build .", "build"},
		{"flags before the command", "-D --config /c -H unix:///x --log-level=debug buildx --builder b1 --debug build .", "build"},
		{"a flag's value that is called build", "--context build ps", ""},
		{"a builder that is called build", "buildx --builder build ls", ""},
		{"create", "buildx create --name build", ""},
		{"inspect", "buildx inspect --bootstrap", ""},
		{"run with build as argument", "run --rm image build", ""},
		{"image list", "image ls build", ""},
		{"no argument", "", ""},
		{"flags only", "--version", ""},
		{"a flag without its value", "--config", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := buildCommand(strings.Fields(c.args)); got != c.want {
				t.Errorf("buildCommand(%q) = %q, want %q", c.args, got, c.want)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	cases := []struct {
		name, host string
		kind       dnsmessage.Type
		claimed    bool
		addresses  int
	}{
		{"ECR", "123456789012.dkr.ecr.us-east-1.amazonaws.com.", dnsmessage.TypeA, true, 1},
		{"a bucket", "some.bucket.s3.eu-west-1.amazonaws.com.", dnsmessage.TypeA, true, 1},
		{"the domain itself", "amazonaws.com.", dnsmessage.TypeA, true, 1},
		{"China", "sts.cn-north-1.amazonaws.com.cn.", dnsmessage.TypeA, true, 1},
		{"dual stack", "lambda.us-east-1.api.aws.", dnsmessage.TypeA, true, 1},
		{"ECR, dual stack", "123456789012.dkr-ecr.us-east-1.on.aws.", dnsmessage.TypeA, true, 1},
		{"the public gallery", "public.ecr.aws.", dnsmessage.TypeA, true, 1},
		{"the mirror", "mirror.tokendocker.internal.", dnsmessage.TypeA, true, 1},
		{"upper case", "STS.AmazonAWS.com.", dnsmessage.TypeA, true, 1},
		{"IPv6 of a claimed name", "sts.amazonaws.com.", dnsmessage.TypeAAAA, true, 0},
		{"HTTPS record of a claimed name", "sts.amazonaws.com.", dnsmessage.TypeHTTPS, true, 0},
		{"a name that only ends alike", "notamazonaws.com.", dnsmessage.TypeA, false, 0},
		{"a claimed name in front", "amazonaws.com.example.com.", dnsmessage.TypeA, false, 0},
		{"another name", "example.com.", dnsmessage.TypeA, false, 0},
	}
	r := resolver{gateway: [4]byte{10, 1, 2, 3}}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			query := dnsmessage.Message{
				Header:    dnsmessage.Header{ID: 7, RecursionDesired: true},
				Questions: []dnsmessage.Question{{Name: dnsmessage.MustNewName(c.host), Type: c.kind, Class: dnsmessage.ClassINET}},
			}
			packed, err := query.Pack()
			if err != nil {
				t.Fatal(err)
			}
			reply, claimed := r.answer(packed)
			if claimed != c.claimed {
				t.Fatalf("claimed = %t, want %t", claimed, c.claimed)
			}
			if !claimed {
				return
			}
			var m dnsmessage.Message
			if err := m.Unpack(reply); err != nil {
				t.Fatal(err)
			}
			if m.ID != 7 || !m.Response || m.RCode != dnsmessage.RCodeSuccess || len(m.Answers) != c.addresses {
				t.Fatalf("got %+v", m)
			}
			for _, a := range m.Answers {
				if body, ok := a.Body.(*dnsmessage.AResource); !ok || body.A != r.gateway {
					t.Errorf("got answer %+v", a)
				}
			}
		})
	}
}

func TestAnswerLeavesGarbageToUpstream(t *testing.T) {
	for _, query := range [][]byte{nil, {1}, make([]byte, 11), make([]byte, 12), []byte(strings.Repeat("x", 500))} {
		if _, ok := (resolver{}).answer(query); ok {
			t.Errorf("answered %q", query)
		}
	}
}

func TestLimit(t *testing.T) {
	const big = "9007199254740993" // not a float64
	cases := []struct{ name, before, after string }{
		{
			"a container",
			`{"linux":{"limit":` + big + `},"process":{"capabilities":{"bounding":["CAP_CHOWN","CAP_SYS_RESOURCE"],"ambient":[]}}}`,
			`{"linux":{"limit":` + big + `},"process":{"capabilities":{"ambient":[],"bounding":["CAP_CHOWN"]}}}`,
		},
		{
			"an exec's process",
			`{"args":["x"],"capabilities":{"effective":["CAP_SYS_RESOURCE"]}}`,
			`{"args":["x"],"capabilities":{"effective":[]}}`,
		},
		{
			"a privileged container's devices",
			`{"linux":{"resources":{"devices":[{"access":"rwm","allow":true}]}}}`,
			`{"linux":{"resources":{"devices":` + strings.NewReplacer("\n", "", "\t", "").Replace(commonDevices) + `}}}`,
		},
		{
			"another container's devices",
			`{"linux":{"resources":{"devices":[{"access":"rwm","allow":false},{"access":"m","allow":true,"type":"c"}]}}}`,
			`{"linux":{"resources":{"devices":[{"access":"rwm","allow":false},{"access":"m","allow":true,"type":"c"}]}}}`,
		},
		{"no capabilities", `{"args":["x"]}`, `{"args":["x"]}`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config.json")
			if err := os.WriteFile(file, []byte(c.before), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := limit(file, map[string]bool{"CAP_CHOWN": true}); err != nil {
				t.Fatal(err)
			}
			if got, _ := os.ReadFile(file); string(got) != c.after {
				t.Errorf("got  %s\nwant %s", got, c.after)
			}
		})
	}
}

func TestCapabilitiesAreInTheKernelsOrder(t *testing.T) {
	want := map[string]int{"CAP_CHOWN": 0, "CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21, "CAP_SYS_RESOURCE": 24, "CAP_CHECKPOINT_RESTORE": 40}
	for i, name := range capabilities {
		if bit, ok := want[name]; ok && bit != i {
			t.Errorf("%s is bit %d, want %d", name, i, bit)
		}
	}
	if len(capabilities) != 41 {
		t.Errorf("got %d capabilities, want 41", len(capabilities))
	}
	if _, err := boundingSet(); err != nil {
		t.Error(err)
	}
}

func TestOrderKeepsBytes(t *testing.T) {
	text, err := json.Marshal(order{Argv: [][]byte{[]byte("\xff\xfe"), {}}})
	if err != nil {
		t.Fatal(err)
	}
	var o order
	if err := json.Unmarshal(text, &o); err != nil || string(o.Argv[0]) != "\xff\xfe" || len(o.Argv) != 2 {
		t.Errorf("got %q, %v", o.Argv, err)
	}
}

func TestWithOwnBuildKit(t *testing.T) {
	const own = "image=moby/buildkit:buildx-stable-1"
	for given, want := range map[string]string{
		"buildx create --driver-opt image=moby/buildkit:v0.26.2@sha256:ab --driver-opt env.A=1": "buildx create --driver-opt " + own + " --driver-opt env.A=1",
		"buildx create --driver-opt=network=host,image=docker.io/moby/buildkit,env.A=1":         "buildx create --driver-opt=network=host," + own + ",env.A=1",
		"buildx create --driver-opt image=mirror/moby/buildkit:1":                               "buildx create --driver-opt image=mirror/moby/buildkit:1",
		"buildx create --driver-opt image=moby/buildkit-x":                                      "buildx create --driver-opt image=moby/buildkit-x",
		"buildx build --build-arg image=moby/buildkit:1":                                        "buildx build --build-arg image=moby/buildkit:1",
	} {
		if got := strings.Join(withOwnBuildKit(strings.Fields(given)), " "); got != want {
			t.Errorf("%s\n became %s\n want %s", given, got, want)
		}
	}
}
