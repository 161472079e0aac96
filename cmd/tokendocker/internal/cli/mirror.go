package cli

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/cloudformation"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
)

// noteMirror says of a resource that failed for want of an image what this machine has in the place of Docker Hub, if it
// has anything: there the image may well be.
func (r *rehearsal) noteMirror(failed *cloudformation.Failed) {
	first, ok := failed.First()
	if !ok || !strings.Contains(first.Reason, ": not found") {
		return
	}
	installed, err := sandbox.Installed()
	if err != nil || installed.Mirror == "" {
		return
	}
	r.log.Note("this machine does not reach Docker Hub; in its place stands a mirror that holds %s (docs/cli.md, \"Base images\")",
		strings.Join(mirrored(installed.Mirror), ", "))
}

// mirrored lists the images in a registry's storage folder, as a Dockerfile names those of Docker Hub.
func mirrored(dir string) []string {
	found, _ := filepath.Glob(filepath.Join(dir, "docker/registry/v2/repositories/*/*/_manifests/tags/*")) // the pattern is legal
	var names []string
	for _, tag := range found {
		repository := filepath.Dir(filepath.Dir(filepath.Dir(tag)))
		name := filepath.Base(filepath.Dir(repository)) + "/" + filepath.Base(repository)
		names = append(names, strings.TrimPrefix(name, "library/")+":"+filepath.Base(tag))
	}
	slices.Sort(names)
	return names
}
