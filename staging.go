package tokendocker

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

const (
	defaultDockerfile = "Dockerfile"
	ignoreFile        = ".dockerignore"
)

// buildContext is a build context on this machine.
type buildContext struct {
	folder     string
	dockerfile string   // inside folder, with slashes
	exclude    []string // the user's own patterns
	extra      []string // uploaded although docker ignores it
}

// check tells what is wrong with the context before CDK trips over it.
func (c buildContext) check() error {
	switch info, err := os.Stat(c.folder); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("Path %q does not exist: give the folder that holds the Dockerfile, relative to %q", c.folder, workingDirectory())
	case err != nil:
		return fmt.Errorf("Path cannot be read: %w", err)
	case !info.IsDir():
		return fmt.Errorf("Path %q is a file: give the folder of the build context, and File for another Dockerfile", c.folder)
	}
	if !filepath.IsLocal(filepath.FromSlash(c.dockerfile)) {
		return fmt.Errorf("File %q is not inside Path: give a path relative to %q", c.dockerfile, c.folder)
	}
	if strings.ContainsAny(c.dockerfile, `*?[\`) {
		return fmt.Errorf("File %q holds characters of patterns, and docker does not find such a Dockerfile: rename it", c.dockerfile)
	}
	info, err := os.Stat(filepath.Join(c.folder, filepath.FromSlash(c.dockerfile)))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("Dockerfile %q does not exist in %q: add it, or name another one with File", c.dockerfile, c.folder)
	case err != nil:
		return fmt.Errorf("Dockerfile cannot be read: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("Dockerfile %q in %q is not a file", c.dockerfile, c.folder)
	}
	return nil
}

// patterns returns what CDK must leave out to stage what docker would send. The Dockerfile and the ignore file are
// always there, as they always reach docker's builder: it reads both, and applies the second to what is staged.
func (c buildContext) patterns() ([]string, error) {
	name, text, err := c.ignoreRules()
	if err != nil {
		return nil, err
	}
	patterns := append(lines(text), c.exclude...)
	for _, pattern := range patterns {
		if _, err := path.Match(strings.TrimPrefix(pattern, "!"), ""); err != nil || pattern == "!" {
			return nil, fmt.Errorf("ignore pattern %q is not legal, and docker would refuse it: correct it in %s or Exclude", pattern, cmp.Or(name, ignoreFile))
		}
	}
	patterns = append(patterns, "!"+c.dockerfile)
	if name != "" {
		patterns = append(patterns, "!"+name)
	}
	return patterns, nil
}

// ignoreRules finds the ignore file that counts: the one beside the Dockerfile and named after it, else .dockerignore
// (Docker Docs, "Build context": "The Dockerfile-specific ignore file takes precedence").
func (c buildContext) ignoreRules() (name, text string, err error) {
	for _, name := range []string{c.dockerfile + ignoreFile, ignoreFile} {
		data, err := os.ReadFile(filepath.Join(c.folder, filepath.FromSlash(name)))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return "", "", fmt.Errorf("ignore file cannot be read: %w", err)
		}
		return name, string(data), nil
	}
	return "", "", nil
}

// lines reads an ignore file as docker does: no comments, no blank lines, no byte order mark, any line ending
// (moby/patternmatcher, ignorefile.ReadAll).
func lines(text string) []string {
	var patterns []string
	for line := range strings.Lines(strings.TrimPrefix(text, "\uFEFF")) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "#") {
			continue
		}
		if line = strings.TrimSpace(line); line != "" {
			patterns = append(patterns, line)
		}
	}
	return patterns
}

// stage makes the context an asset of the app.
func (c buildContext) stage(scope constructs.Construct) (awss3assets.Asset, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	patterns, err := c.patterns()
	if err != nil {
		return nil, err
	}
	if inside := c.outdir(scope); inside != "" {
		patterns = append(patterns, inside) // it holds the copies of this very context
	}
	folder, err := filepath.Abs(c.folder)
	if err != nil {
		return nil, fmt.Errorf("Path %q: %w", c.folder, err)
	}
	return awss3assets.NewAsset(scope, jsii.String("SourceAsset"), &awss3assets.AssetProps{
		Path:       jsii.String(folder), // the JavaScript side may have another working directory
		Exclude:    jsii.Strings(patterns...),
		IgnoreMode: awscdk.IgnoreMode_DOCKER,
	}), nil
}

// outdir is the cloud assembly's folder as a pattern, where it lies inside the context; else it is empty.
func (c buildContext) outdir(scope constructs.Construct) string {
	stage := awscdk.Stage_Of(scope)
	if stage == nil {
		return ""
	}
	folder, err1 := filepath.Abs(c.folder)
	outdir, err2 := filepath.Abs(*stage.AssetOutdir())
	relative, err3 := filepath.Rel(folder, outdir)
	if errors.Join(err1, err2, err3) != nil || relative == "." || !filepath.IsLocal(relative) {
		return ""
	}
	return path.Clean(filepath.ToSlash(relative))
}

// workingDirectory is what relative paths are relative to, for messages.
func workingDirectory() string {
	folder, err := os.Getwd()
	if err != nil {
		return "."
	}
	return folder
}
