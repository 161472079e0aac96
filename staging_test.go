package tokendocker

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/buildcontext"
)

const copyAll = "FROM scratch\nCOPY . /\n"

// TestSameHash: a context's hash depends on what is in it, not on where and when.
func TestSameHash(t *testing.T) {
	hash := func(files map[string]string, outdir string) string {
		folder := newContext(t, files)
		app := newApp(t)
		if outdir != "" {
			app = awscdk.NewApp(&awscdk.AppProps{Outdir: jsii.String(filepath.Join(folder, outdir))})
		}
		asset, err := stage(awscdk.NewStack(app, jsii.String("S"), nil), buildcontext.Context{Folder: folder, Dockerfile: buildcontext.Dockerfile})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(*app.AssetOutdir(), *asset.AssetPath())); err != nil {
			t.Errorf("the assembly has no copy: %v", err)
		}
		return *asset.AssetHash()
	}
	first := hash(map[string]string{"Dockerfile": copyAll, "a": "1"}, "")
	for name, other := range map[string]string{
		"another folder":       hash(map[string]string{"Dockerfile": copyAll, "a": "1"}, ""),
		"with what is ignored": hash(map[string]string{"Dockerfile": copyAll, "a": "1"}, "cdk.out"),
	} {
		if other != first {
			t.Errorf("%s: the hash is %s, want %s", name, other, first)
		}
	}
	if other := hash(map[string]string{"Dockerfile": copyAll, "a": "2"}, ""); other == first {
		t.Error("another content has the same hash")
	}
}
