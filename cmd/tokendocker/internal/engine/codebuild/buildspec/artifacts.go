package buildspec

import (
	"fmt"
	"maps"
	"slices"

	"go.yaml.in/yaml/v4"
)

// Artifacts says which files of a build are kept, and under which name.
type Artifacts struct {
	// Files are patterns of paths below the base directory: "*" is a part of a name, "**" any number of folders.
	Files []string
	// Exclude are patterns of what Files would bring and is not kept.
	Exclude []string
	// Base is the folder below the source that Files are in; empty: the source. It is shell text, and may be a pattern.
	Base string
	// Name is shell text; it counts where a project lets the buildspec name its artifact.
	Name string
	// Prefix comes before the build's id in the artifact's place.
	Prefix string
	// Discard keeps files without their folders.
	Discard bool
	// Links keeps symbolic links as such in a ZIP file, instead of what they lead to.
	Links bool
}

// readArtifacts reads the files that a build keeps, those of the secondary artifacts too.
func (s *Spec) readArtifacts(n *yaml.Node) error {
	keys, err := entries(n, "artifacts")
	if err != nil || len(keys) == 0 {
		return err
	}
	secondary, err := entries(keys["secondary-artifacts"], "secondary-artifacts")
	if err != nil {
		return err
	}
	if len(secondary) > 0 {
		s.Secondary = map[string]Artifacts{}
	}
	for _, id := range slices.Sorted(maps.Keys(secondary)) {
		inner, err := entries(secondary[id], id)
		if err == nil {
			s.Secondary[id], err = readFiles(inner, id)
		}
		if err != nil {
			return err
		}
	}
	if keys["files"] == nil && len(secondary) > 0 {
		return nil
	}
	primary, err := readFiles(keys, "artifacts")
	s.Artifacts = &primary
	return err
}

func readFiles(keys map[string]*yaml.Node, name string) (a Artifacts, err error) {
	if a.Files, err = stringList(keys["files"], "files"); err != nil {
		return a, err
	}
	if len(a.Files) == 0 {
		return a, fail("files of %s is required", name)
	}
	if a.Exclude, err = stringList(keys["exclude-paths"], "exclude-paths"); err != nil {
		return a, err
	}
	for key, into := range map[string]*string{"base-directory": &a.Base, "name": &a.Name, "s3-prefix": &a.Prefix} {
		if keys[key] == nil {
			continue
		}
		if *into, err = scalar(keys[key], key); err != nil {
			return a, err
		}
	}
	for key, into := range map[string]*bool{"discard-paths": &a.Discard, "enable-symlinks": &a.Links} {
		if keys[key] == nil {
			continue
		}
		text, err := scalar(keys[key], key)
		if err != nil {
			return a, err
		}
		*into = text == "yes" || text == "true"
	}
	return a, nil
}

// ignore notes the parts of a buildspec that builds here do not do.
func (s *Spec) ignore(root map[string]*yaml.Node) {
	for _, part := range []struct{ key, why string }{
		{"reports", "test reports are not kept"},
		{"cache", "each build begins without a cache"},
		{"batch", "there are no batch builds"},
	} {
		if root[part.key] != nil {
			s.Ignored = append(s.Ignored, fmt.Sprintf("%s (%s)", part.key, part.why))
		}
	}
}
