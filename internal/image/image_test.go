package image_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tokendocker/tokendocker/internal/image"
)

const ecr = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app"

var digest = image.DigestOf([]byte("x"))

func TestParse(t *testing.T) {
	cases := []struct {
		name, text string
		want       image.Reference
	}{
		{"tag", ecr + ":0af1", image.Reference{Repository: ecr, Tag: "0af1"}},
		{"digest", ecr + "@" + string(digest), image.Reference{Repository: ecr, Digest: digest}},
		{"both", ecr + ":a.b-c_d@" + string(digest), image.Reference{Repository: ecr, Tag: "a.b-c_d", Digest: digest}},
		{"neither", ecr, image.Reference{Repository: ecr}},
		{"port", "127.0.0.1:5000/a/b-c__d:1", image.Reference{Repository: "127.0.0.1:5000/a/b-c__d", Tag: "1"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := image.Parse(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if got.String() != c.text {
				t.Errorf("written again: %s", got)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "app", "app:1", ecr + ":", ecr + ":-x", ecr + ":" + strings.Repeat("x", 129), ecr + "@sha256:12", ecr + "@md5:" + strings.Repeat("0", 64),
		ecr + "@" + strings.ToUpper(string(digest)), ecr + ":a b", ecr + "/", strings.ToUpper(ecr), "https://" + ecr, ecr + ":1\n",
	} {
		if got, err := image.Parse(text); err == nil {
			t.Errorf("%q was taken as %+v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(ecr + ":tag@" + string(digest))
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := image.Parse(text); err == nil && r.String() != text {
			t.Errorf("%q became %q", text, r)
		}
	})
}

func TestCheck(t *testing.T) {
	manifest := func(mediaType, config string, layers ...string) string {
		var list []string
		for _, layer := range layers {
			list = append(list, fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":1}`, layer, digest))
		}
		return fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":%q,"digest":%q,"size":2},"layers":[%s]}`, mediaType, config, digest, strings.Join(list, ","))
	}
	const (
		dockerConfig = "application/vnd.docker.container.image.v1+json"
		ociConfig    = "application/vnd.oci.image.config.v1+json"
		dockerLayer  = "application/vnd.docker.image.rootfs.diff.tar.gzip"
		ociLayer     = "application/vnd.oci.image.layer.v1.tar+gzip"
	)
	oci := manifest(image.OCIManifest, ociConfig, ociLayer)
	cases := []struct {
		name, manifest, mediaType string
		want                      error
	}{
		{"docker", manifest(image.DockerManifest, dockerConfig, dockerLayer, dockerLayer), image.DockerManifest, nil},
		{"oci", oci, image.OCIManifest, nil},
		{"oci without its own media type", strings.Replace(oci, `"mediaType":"`+image.OCIManifest+`",`, "", 1), image.OCIManifest, nil},
		{"registry tells none", oci, "", nil},
		{"no layers", manifest(image.OCIManifest, ociConfig), image.OCIManifest, nil},
		{"index", `{"schemaVersion":2,"mediaType":"` + image.OCIIndex + `","manifests":[]}`, image.OCIIndex, image.ErrIndex},
		{"list", `{"schemaVersion":2,"manifests":[{}]}`, image.DockerList, image.ErrIndex},
		{"index told as manifest", `{"schemaVersion":2,"manifests":[{}]}`, image.OCIManifest, image.ErrIndex},
		{"zstd", manifest(image.OCIManifest, ociConfig, ociLayer, "application/vnd.oci.image.layer.v1.tar+zstd"), image.OCIManifest, image.ErrZstd},
		{"schema 1", `{"schemaVersion":1}`, "application/vnd.docker.distribution.manifest.v1+prettyjws", image.ErrNotAnImage},
		{"artifact", manifest(image.OCIManifest, "application/vnd.oci.empty.v1+json"), image.OCIManifest, image.ErrNotAnImage},
		{"cache", manifest(image.OCIManifest, "application/vnd.buildkit.cacheconfig.v0", ociLayer), image.OCIManifest, image.ErrNotAnImage},
		{"foreign layer", manifest(image.DockerManifest, dockerConfig, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), image.DockerManifest, image.ErrNotAnImage},
		{"no configuration", `{"schemaVersion":2}`, image.OCIManifest, image.ErrNotAnImage},
		{"two media types", oci, image.DockerManifest, image.ErrMediaDiffer},
		{"no JSON", `<html>`, image.OCIManifest, image.ErrUnreadable},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if err := image.Check([]byte(c.manifest), c.mediaType); !errors.Is(err, c.want) {
				t.Errorf("got %v, want %v", err, c.want)
			}
		})
	}
}
