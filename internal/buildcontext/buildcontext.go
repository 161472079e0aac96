// Package buildcontext packs a build context: what docker would send to its builder, and nothing else.
//
// The pack is a zip file, which is what CodeBuild takes from S3, around a single tar file. What CodeBuild makes of
// links, modes and empty folders in a zip file nobody documents; a tar file keeps them, and the build unpacks it itself.
package buildcontext

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// Dockerfile is the Dockerfile of a context that names none.
const Dockerfile = "Dockerfile"

// ignoreFile is the ignore file of a context, and ends the name of the one that belongs to one Dockerfile.
const ignoreFile = ".dockerignore"

// Context is a build context on this machine. Paths inside it are relative and have slashes.
type Context struct {
	Folder     string
	Dockerfile string   // inside Folder
	Exclude    []string // further patterns, after those of the ignore file
	Extra      []string // files and folders that are packed although docker ignores them
	Skip       string   // a folder that is never packed: the cloud assembly's own; may be empty
}

// Check tells what is wrong with the context, in one sentence in the words of the builder's properties.
func (c Context) Check() error {
	switch info, err := os.Stat(c.Folder); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("Path %q does not exist: give the folder that holds the Dockerfile, relative to %q", c.Folder, workingDirectory())
	case err != nil:
		return fmt.Errorf("Path cannot be read: %w", err)
	case !info.IsDir():
		return fmt.Errorf("Path %q is a file: give the folder of the build context, and File for another Dockerfile", c.Folder)
	}
	if !filepath.IsLocal(filepath.FromSlash(c.Dockerfile)) {
		return fmt.Errorf("File %q is not inside Path: give a path relative to %q", c.Dockerfile, c.Folder)
	}
	if strings.ContainsAny(c.Dockerfile, `*?[\`) {
		return fmt.Errorf("File %q holds characters of patterns, and docker does not find such a Dockerfile: rename it", c.Dockerfile)
	}
	info, err := os.Stat(c.at(c.Dockerfile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("Dockerfile %q does not exist in %q: add it, or name another one with File", c.Dockerfile, c.Folder)
	case err != nil:
		return fmt.Errorf("Dockerfile cannot be read: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("Dockerfile %q in %q is not a file", c.Dockerfile, c.Folder)
	}
	for _, extra := range c.Extra {
		if extra == "" || !filepath.IsLocal(filepath.FromSlash(extra)) {
			return fmt.Errorf("StageExtra %q is not inside Path: give a path relative to %q", extra, c.Folder)
		}
		if _, err := os.Lstat(c.at(extra)); err != nil {
			return fmt.Errorf("StageExtra %q does not exist in %q: give the path of a file or folder, not a pattern", extra, c.Folder)
		}
	}
	_, err = c.rules()
	return err
}

// at is where a path of the context is on this machine.
func (c Context) at(name string) string { return filepath.Join(c.Folder, filepath.FromSlash(name)) }

// rules says what of a context is packed.
type rules struct {
	ignored *patternmatcher.PatternMatcher
	kept    map[string]bool // packed whatever the patterns say
	within  []string        // folders of which everything is packed
	skip    string
}

// rules reads the ignore file that counts: the one beside the Dockerfile and named after it, else .dockerignore
// (Docker Docs, "Build context": "The Dockerfile-specific ignore file takes precedence"). Docker reads it, and the
// Dockerfile, whatever they say of themselves.
func (c Context) rules() (rules, error) {
	r := rules{kept: map[string]bool{path.Clean(c.Dockerfile): true}, skip: c.Skip}
	text, name := "", ignoreFile
	for _, candidate := range []string{path.Clean(c.Dockerfile) + ignoreFile, ignoreFile} {
		data, err := os.ReadFile(c.at(candidate))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return rules{}, fmt.Errorf("ignore file cannot be read: %w", err)
		}
		text, name, r.kept[candidate] = string(data), candidate, true
		break
	}
	patterns, err := ignorefile.ReadAll(strings.NewReader(text))
	if err != nil {
		return rules{}, fmt.Errorf("ignore file %s cannot be read: %w", name, err)
	}
	more, err := ignorefile.ReadAll(strings.NewReader(strings.Join(c.Exclude, "\n")))
	if err != nil {
		return rules{}, fmt.Errorf("Exclude cannot be read: %w", err)
	}
	patterns = append(patterns, more...)
	for _, pattern := range patterns {
		if _, err := patternmatcher.New([]string{pattern}); err != nil {
			return rules{}, fmt.Errorf("ignore pattern %q is not legal, and docker would refuse it: correct it in %s or Exclude", pattern, name)
		}
	}
	if r.ignored, err = patternmatcher.New(patterns); err != nil {
		return rules{}, fmt.Errorf("ignore patterns: %w", err)
	}
	for _, extra := range c.Extra {
		r.within = append(r.within, path.Clean(extra))
	}
	return r, nil
}

// keeps says whether a path is packed whatever the patterns say.
func (r rules) keeps(name string) bool {
	if r.kept[name] {
		return true
	}
	for _, folder := range r.within {
		if name == folder || folder == "." || strings.HasPrefix(name, folder+"/") {
			return true
		}
	}
	return false
}

// reach says whether something inside an ignored folder may be packed. Where not, the folder is not even read: it may be
// a large one.
func (r rules) reach(folder string) bool {
	inside := folder + "/"
	for name := range r.kept {
		if strings.HasPrefix(name, inside) {
			return true
		}
	}
	for _, name := range r.within {
		if strings.HasPrefix(name, inside) {
			return true
		}
	}
	for _, pattern := range r.ignored.Patterns() {
		text := filepath.ToSlash(pattern.String())
		if pattern.Exclusion() && (strings.ContainsAny(text, `*?[\^`) || strings.HasPrefix(text, inside) || strings.HasPrefix(inside, text+"/")) {
			return true
		}
	}
	return false
}

// workingDirectory is what relative paths are relative to, for messages.
func workingDirectory() string {
	folder, err := os.Getwd()
	if err != nil {
		return "."
	}
	return folder
}
