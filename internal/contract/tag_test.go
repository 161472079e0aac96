package contract_test

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/internal/contract"
)

var update = flag.Bool("update", false, "write testdata/tags.txt anew; only together with a new contract.Version")

// variants are requests that must all have tags of their own.
func variants() []struct {
	name string
	edit func(*contract.Request)
} {
	type R = contract.Request
	text := func(s string) contract.Text { return contract.Text{contract.Literal(s)} }
	return []struct {
		name string
		edit func(*R)
	}{
		{"minimal", func(r *R) { *r = contract.Request{Source: contract.Source{Hash: "0af1"}} }},
		{"full", func(*R) {}},
		{"source", func(r *R) { r.Source.Hash = "0af2" }},
		{"dockerfile", func(r *R) { r.Dockerfile = "other" }},
		{"target", func(r *R) { r.Ignore, r.Target = nil, "api" }},
		{"target counts", func(r *R) { r.Ignore = nil }},
		{"platform", func(r *R) { r.Platform = "linux/amd64" }},
		{"network", func(r *R) { r.Network = "host" }},
		{"argument value", func(r *R) { r.Args[0].Value = text("https://abd.example") }},
		{"argument name", func(r *R) { r.Args[0].Name = "API" }},
		{"argument border", func(r *R) {
			r.Args = []contract.Argument{{Name: "API_URLh", Value: text("ttps://abc.example")}, r.Args[1]}
		}},
		{"no arguments", func(r *R) { r.Args = nil }},
		{"one empty argument", func(r *R) { r.Args = r.Args[1:] }},
		{"secret", func(r *R) { r.Secrets[0].Name = "npm:other" }},
		{"ssh", func(r *R) { r.SSH[0].ID = "git" }},
		{"install", func(r *R) { r.Install = append(r.Install, text("true")) }},
		{"install moved to pre-build", func(r *R) { r.Install, r.PreBuild = nil, append(r.Install, r.PreBuild...) }},
		{"one empty command", func(r *R) { r.Install = []contract.Text{nil} }},
		{"environment", func(r *R) { r.Environment[0].Value = text("test") }},
		{"build image", func(r *R) { r.BuildImage = "" }},
		{"replicas", func(r *R) { r.Replicas = r.Replicas[:1] }},
		{"cache", func(r *R) { r.CacheDisabled = "" }},
		{"extra", func(r *R) { r.ExtraHash = text("2") }},
		{"unicode as composed", func(r *R) { r.ExtraHash = text("\u00e9") }},
		{"unicode as combining", func(r *R) { r.ExtraHash = text("e\u0301") }},
		{"arguments ignored", func(r *R) { r.Ignore = []string{"buildArgs"} }},
		{"all ignored", func(r *R) { r.Ignore = contract.Ignorable }},
	}
}

func tag(t *testing.T, r contract.Request) string {
	t.Helper()
	tag, err := contract.Tag(r)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

// TestGoldenTags guards every user's images: another tag for the same inputs builds them all again. It may change
// only together with contract.Version.
func TestGoldenTags(t *testing.T) {
	var lines []string
	seen := map[string]string{}
	for _, v := range variants() {
		request := sample()
		v.edit(&request)
		tag := tag(t, request)
		if other, ok := seen[tag]; ok {
			t.Errorf("%q and %q have one tag", v.name, other)
		}
		seen[tag] = v.name
		lines = append(lines, tag+" "+v.name)
	}
	got := strings.Join(lines, "\n") + "\n"
	if *update {
		if err := os.WriteFile("testdata/tags.txt", []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/tags.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("tags changed: the same inputs would be built again by every user\ngot\n%s\nwant\n%s", got, want)
	}
}

// TestTagStays holds the edits that give no other image.
func TestTagStays(t *testing.T) {
	type R = contract.Request
	cases := []struct {
		name string
		base func(*R)
		edit func(*R)
	}{
		{"parts cut differently", nil, func(r *R) {
			r.Args[0].Value = contract.Text{contract.Value("https://a"), contract.Literal("bc.exam"), {}, contract.Value("ple")}
		}},
		{"order of arguments", nil, func(r *R) { slices.Reverse(r.Args) }},
		{"order of replicas", nil, func(r *R) { slices.Reverse(r.Replicas) }},
		{"places", nil, func(r *R) {
			r.Source.Bucket, r.Source.Key, r.Repository.URI, r.Project, r.LogGroup = "b", "k", "h/n", "p", "l"
		}},
		{"times", nil, func(r *R) { r.BuildMinutes, r.ServiceSeconds, r.QueryInterval = "5", "300", "" }},
		{"default Dockerfile", func(r *R) { r.Dockerfile = "" }, func(r *R) { r.Dockerfile = "Dockerfile" }},
		{"default platform", func(r *R) { r.Platform = "" }, func(r *R) { r.Platform = contract.DefaultPlatform }},
		{"default network", func(r *R) { r.Network = "" }, func(r *R) { r.Network = "default" }},
		{"ignored target", nil, func(r *R) { r.Target = "other" }},
		{"ignored arguments", func(r *R) { r.Ignore = []string{"buildArgs"} }, func(r *R) { r.Args = nil }},
		{"ignored secrets", func(r *R) { r.Ignore = []string{"buildSecrets"} }, func(r *R) { r.Secrets = nil }},
		{"ignored ssh", func(r *R) { r.Ignore = []string{"buildSsh"} }, func(r *R) { r.SSH = nil }},
		{"ignored extra", func(r *R) { r.Ignore = []string{"extraHash"} }, func(r *R) { r.ExtraHash = nil }},
		{"ignored file", func(r *R) { r.Ignore = []string{"file"} }, func(r *R) { r.Dockerfile = "x" }},
		{"ignored network", func(r *R) { r.Ignore = []string{"networkMode"} }, func(r *R) { r.Network = "host" }},
		{"ignored platform", func(r *R) { r.Ignore = []string{"platform"} }, func(r *R) { r.Platform = "" }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			before := sample()
			if c.base != nil {
				c.base(&before)
			}
			after := sample()
			if c.base != nil {
				c.base(&after)
			}
			c.edit(&after)
			if tag(t, before) != tag(t, after) {
				t.Error("another tag for the same image")
			}
		})
	}
}

func TestTagNamesWhatIsWrong(t *testing.T) {
	request := sample()
	request.Args[0].Value = contract.Text{contract.Literal("\x00")}
	if _, err := contract.Tag(request); err == nil || !strings.Contains(err.Error(), `"API_URL"`) {
		t.Errorf("got %v", err)
	}
}
