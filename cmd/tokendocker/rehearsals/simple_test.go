package rehearsals

import (
	"archive/tar"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestSimple rehearses examples/simple as `make demo` does: the bundle in the registry holds exactly the URL that the
// stack's API resolved to, and a second rehearsal builds nothing.
func TestSimple(t *testing.T) {
	t.Parallel()
	example, err := filepath.Abs(filepath.Join("..", "..", "..", "examples", "simple"))
	must(t, err)
	r := &rehearsed{t: t, app: example, state: filepath.Join(t.TempDir(), "state")}
	first := r.rehearse(nil).wantExit(0)
	image := first.image("Simple/Web")
	if !image.Built {
		t.Errorf("the first rehearsal built nothing: %+v", image)
	}
	url := regexp.MustCompile(`ApiUrl = (\S+)`).FindStringSubmatch(first.stderr)
	if url == nil {
		t.Fatalf("no output ApiUrl in\n%s", first.stderr)
	}
	bundle := string(first.file(image, "/app/dist/bundle.js"))
	if !strings.HasPrefix(bundle, `const API_URL = "`+url[1]+"\";\n") {
		t.Errorf("the bundle does not hold %s:\n%.200s", url[1], bundle)
	}

	second := r.rehearse(nil).wantExit(0)
	if again := second.image("Simple/Web"); again.Built || again.Digest != image.Digest {
		t.Errorf("the second rehearsal gave %+v after %+v", again, image)
	}

	one := r.run(nil, "image", example, "--state", r.state, "--file", "/app/dist/bundle.js").wantExit(0)
	if one.stdout != bundle {
		t.Errorf("`image --file` wrote\n%.200s", one.stdout)
	}
	whole := r.run(nil, "image", example, "Simple/Web", "--state", r.state).wantExit(0)
	if header, err := tar.NewReader(strings.NewReader(whole.stdout)).Next(); err != nil || header.Name == "" {
		t.Errorf("`image` wrote no archive: %v", err)
	}
	missing := r.run(nil, "image", example, "Simple/Nope", "--state", r.state).wantExit(2)
	if !strings.Contains(missing.stderr, `there is no image of "Simple/Nope"`) {
		t.Errorf("said %s", missing.stderr)
	}
	r.rehearse(nil, "--destroy").wantExit(0)
}
