package contract_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// sample is a request with every field in use.
func sample() contract.Request {
	text := func(s string) contract.Text { return contract.Text{contract.Literal(s)} }
	return contract.Request{
		Version:     contract.Version,
		Source:      contract.Source{Bucket: "assets", Key: "0af1.zip", Hash: "0af1"},
		Repository:  contract.Repository{Name: "app", URI: "123456789012.dkr.ecr.us-east-1.amazonaws.com/app"},
		Project:     "td-0af1-77",
		LogGroup:    "/aws/codebuild/td-0af1-77",
		Dockerfile:  "docker/Dockerfile.web",
		Target:      "web",
		Platform:    "linux/arm64",
		Network:     "none",
		Args:        []contract.Argument{{Name: "API_URL", Value: contract.Text{contract.Literal("https://"), contract.Value("abc.example")}}, {Name: "EMPTY"}},
		Secrets:     []contract.Reference{{ID: "npm", From: contract.SecretsManager, Name: "npm:token"}},
		SSH:         []contract.Reference{{ID: "default", From: contract.ParameterStore, Name: "/keys/git"}},
		Install:     []contract.Text{text("apt-get install -y jq")},
		PreBuild:    []contract.Text{text("curl \"$API_URL\" > config.json")},
		Environment: []contract.Argument{{Name: "STAGE", Value: text("prod")}},
		BuildImage:  "aws/codebuild/standard:7.0",
		Login:       &contract.Login{Secret: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:hub-a1B2c3", Registry: "ghcr.io"},
		BuildKit:    "moby/buildkit:v0.26.0@sha256:" + strings.Repeat("0", 64),
		RetainLogs:  "true", LambdaPull: "true", CacheURI: "123456789012.dkr.ecr.us-east-1.amazonaws.com/cache",
		Replicas: []string{"eu-west-1", "us-gov-west-1"}, CacheDisabled: "true", ExtraHash: text("1"), Ignore: []string{"target"},
		BuildMinutes: "25", ServiceSeconds: "3600", QueryInterval: "30",
	}
}

func marshal(t *testing.T, v any) json.RawMessage {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestDecodeGivesBackWhatWasWritten(t *testing.T) {
	got, err := contract.Decode(marshal(t, sample()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	type R = contract.Request
	large := contract.Text{contract.Value(strings.Repeat("x", 100_000))}
	cases := []struct {
		name string
		edit func(*R)
		want string // part of the message
	}{
		{"newer version", func(r *R) { r.Version = "2" }, "has version 2 and this handler reads up to 1"},
		{"no version", func(r *R) { r.Version = "" }, "request.Version"},
		{"no bucket", func(r *R) { r.Source.Bucket = "" }, "request.Source.Bucket: is missing"},
		{"no project", func(r *R) { r.Project = "" }, "request.Project: is missing"},
		{"uri with tag", func(r *R) { r.Repository.URI = "host/app:1 " }, "request.Repository.URI"},
		{"wrong platform", func(r *R) { r.Platform = "windows/amd64" }, `request.Platform: "windows/amd64" is not supported; use linux/amd64 or linux/arm64`},
		{"wrong network", func(r *R) { r.Network = "bridge" }, "request.Network"},
		{"wrong target", func(r *R) { r.Target = "-x" }, "request.Target"},
		{"absolute Dockerfile", func(r *R) { r.Dockerfile = "/etc/passwd" }, "request.Dockerfile"},
		{"Dockerfile outside", func(r *R) { r.Dockerfile = "../Dockerfile" }, "request.Dockerfile"},
		{"wrong retention", func(r *R) { r.RetainLogs = "1" }, "request.RetainLogs"},
		{"wrong pull", func(r *R) { r.LambdaPull = "yes" }, "request.LambdaPull"},
		{"cache with tag", func(r *R) { r.CacheURI = "host/cache:1 " }, "request.CacheURI"},
		{"BuildKit like an option", func(r *R) { r.BuildKit = "--privileged" }, "request.BuildKit"},
		{"BuildKit with a comma", func(r *R) { r.BuildKit = "a,network=host" }, "request.BuildKit"},
		{"login without secret", func(r *R) { r.Login.Secret = "" }, "request.Login.Secret"},
		{"login at an option", func(r *R) { r.Login.Registry = "-x" }, "request.Login.Registry"},
		{"wrong flag", func(r *R) { r.CacheDisabled = "yes" }, "request.CacheDisabled"},
		{"argument with =", func(r *R) { r.Args[0].Name = "A=B" }, `request.Args[0].Name: "A=B"`},
		{"argument like an option", func(r *R) { r.Args[0].Name = "-x" }, "request.Args[0].Name"},
		{"argument without name", func(r *R) { r.Args[1].Name = "" }, "request.Args[1].Name"},
		{"argument twice", func(r *R) { r.Args[1].Name = "API_URL" }, "twice"},
		{"argument with NUL", func(r *R) { r.Args[0].Value = contract.Text{contract.Literal("a\x00b")} }, `value of "API_URL": holds a NUL byte at offset 1`},
		{"argument not UTF-8", func(r *R) { r.Args[0].Value = contract.Text{contract.Literal("\xff")} }, `value of "API_URL": is not valid UTF-8`},
		{"argument not base64", func(r *R) { r.Args[0].Value = contract.Text{{Literal: "%"}} }, "not standard base64"},
		{"part with two values", func(r *R) { r.Args[0].Value = contract.Text{{Literal: "YQ==", Value: "a"}} }, "both Literal and Value"},
		{"argument too long", func(r *R) { r.Args[0].Value = append(large, large...) }, "has 200008 bytes with its name, and Linux passes at most 131071"},
		{"arguments too long", func(r *R) {
			for i := range 11 {
				r.Args = append(r.Args, contract.Argument{Name: "L" + string(rune('A'+i)), Value: large})
			}
		}, "request.Args: hold"},
		{"environment name", func(r *R) { r.Environment[0].Name = "a.b" }, "request.Environment[0].Name"},
		{"secret id", func(r *R) { r.Secrets[0].ID = "a,b" }, "request.Secrets[0].ID"},
		{"secret from", func(r *R) { r.Secrets[0].From = "vault" }, "request.Secrets[0].From"},
		{"ssh name", func(r *R) { r.SSH[0].Name = "" }, "request.SSH[0].Name"},
		{"command with NUL", func(r *R) { r.Install[0] = contract.Text{contract.Literal("\x00")} }, "request.Install[0]: holds a NUL"},
		{"region", func(r *R) { r.Replicas[0] = "europe" }, "request.Replicas[0]"},
		{"region twice", func(r *R) { r.Replicas[1] = "eu-west-1" }, "request.Replicas[1]"},
		{"ignore", func(r *R) { r.Ignore[0] = "everything" }, "request.Ignore[0]"},
		{"minutes", func(r *R) { r.BuildMinutes = "4" }, `request.BuildMinutes: "4" is not a whole number from 5 to 25`},
		{"minutes without replicas", func(r *R) { r.Replicas, r.BuildMinutes = nil, "51" }, "from 5 to 50"},
		{"minutes as text", func(r *R) { r.BuildMinutes = "0x10" }, "request.BuildMinutes"},
		{"seconds", func(r *R) { r.ServiceSeconds = "3601" }, "request.ServiceSeconds"},
		{"interval", func(r *R) { r.QueryInterval = "+5" }, "request.QueryInterval"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			request := sample()
			c.edit(&request)
			refused(t, marshal(t, request), c.want)
		})
	}
}

func TestDecodeRefusesForms(t *testing.T) {
	cases := []struct{ name, data, want string }{
		{"no object", `[]`, "request: is a JSON array where an object stands"},
		{"cut", `{"Version":"1"`, "request: is not a JSON object"},
		{"unknown field", `{"Version":"1","Colour":"red"}`, `the field "Colour" is unknown`},
		{"newer field with newer version", `{"Version":"9","Colour":"red"}`, "has version 9"},
		{"number for text", `{"Version":"1","Project":5}`, "request.Project: is a JSON number where a string stands"},
		{"text for list", `{"Version":"1","Args":"A"}`, "request.Args: is a JSON string where a list stands"},
		{"nested", `{"Version":"1","Source":{"Hash":true}}`, "request.Source.Hash: is a JSON bool where a string stands"},
		{"two objects", `{"Version":"1"} {}`, "request: is not a JSON object"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { refused(t, json.RawMessage(c.data), c.want) })
	}
}

// refused checks that data is refused in one line that holds want.
func refused(t *testing.T, data json.RawMessage, want string) {
	t.Helper()
	_, err := contract.Decode(data)
	if err == nil {
		t.Fatal("was taken")
	}
	if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("got  %s\nwant %s", err, want)
	}
}

func FuzzDecode(f *testing.F) {
	data, err := json.Marshal(sample())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add([]byte(`{"Version":"1","Args":[{"Name":"A","Value":[{"Value":"x"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		request, err := contract.Decode(data)
		if err != nil {
			return
		}
		first, err := contract.Tag(request)
		if err != nil {
			t.Fatalf("a valid request has no tag: %v", err)
		}
		again, err := contract.Decode(marshal(t, request))
		if err != nil {
			t.Fatalf("what was taken is refused when written again: %v", err)
		}
		if second, err := contract.Tag(again); err != nil || first != second {
			t.Fatalf("tag %s became %s, %v", first, second, err)
		}
	})
}
