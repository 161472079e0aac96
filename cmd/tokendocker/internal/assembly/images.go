package assembly

import (
	"archive/tar"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Image is a docker image asset: what must stand in ECR before its stack is deployed.
type Image struct {
	Name       string   // display name, for messages
	Dir        string   // the build context, a folder in the assembly
	Flags      []string // of docker build, beside the tag
	Repository string   // may hold ${AWS::AccountId}, ${AWS::Region} and ${AWS::Partition}
	Tag        string   // may hold the same
	Region     string   // region of the repository; empty means the stack's
}

// assetImage is a docker image in an asset manifest. Source: aws-cdk-lib, cloud-assembly-schema, DockerImageSource.
type assetImage struct {
	DisplayName string `json:"displayName"`
	Source      struct {
		Directory     string            `json:"directory"`
		Executable    []string          `json:"executable"`
		DockerFile    string            `json:"dockerFile"`
		Target        string            `json:"dockerBuildTarget"`
		BuildArgs     map[string]string `json:"dockerBuildArgs"`
		BuildContexts map[string]string `json:"dockerBuildContexts"`
		BuildSecrets  map[string]string `json:"dockerBuildSecrets"`
		BuildSSH      string            `json:"dockerBuildSsh"`
		NetworkMode   string            `json:"networkMode"`
		Platform      string            `json:"platform"`
		Outputs       []string          `json:"dockerOutputs"`
		CacheFrom     []cacheOption     `json:"cacheFrom"`
		CacheTo       *cacheOption      `json:"cacheTo"`
		CacheDisabled bool              `json:"cacheDisabled"`
	} `json:"source"`
	Destinations map[string]struct {
		RepositoryName string `json:"repositoryName"`
		ImageTag       string `json:"imageTag"`
		Region         string `json:"region"`
	} `json:"destinations"`
}

type cacheOption struct {
	Type   string            `json:"type"`
	Params map[string]string `json:"params"`
}

func (c cacheOption) flag() string {
	text := "type=" + c.Type
	for _, name := range slices.Sorted(maps.Keys(c.Params)) {
		text += "," + name + "=" + c.Params[name]
	}
	return text
}

func (s *Stack) addImage(dir, name string, a assetImage) error {
	refused := ""
	switch {
	case len(a.Source.Executable) > 0:
		refused = "made by a command while it is published"
	case a.Source.BuildSSH != "":
		refused = "built with an SSH agent"
	case len(a.Source.BuildSecrets) > 0:
		refused = "built with secrets of this machine"
	}
	if refused != "" {
		return fmt.Errorf("docker image asset %s of stack %s is %s, which a rehearsal does not do", name, s.ID, refused)
	}
	for _, d := range a.Destinations {
		s.Images = append(s.Images, Image{Name: name, Dir: source(dir, a.Source.Directory), Flags: a.flags(),
			Repository: d.RepositoryName, Tag: d.ImageTag, Region: d.Region})
	}
	return nil
}

// flags are those that the CDK CLI gives docker build. Source: aws-cdk-cli, cdk-assets-lib, docker.ts.
func (a assetImage) flags() []string {
	var flags []string
	for _, name := range slices.Sorted(maps.Keys(a.Source.BuildArgs)) {
		flags = append(flags, "--build-arg", name+"="+a.Source.BuildArgs[name])
	}
	for _, name := range slices.Sorted(maps.Keys(a.Source.BuildContexts)) {
		flags = append(flags, "--build-context", name+"="+a.Source.BuildContexts[name])
	}
	for _, option := range []struct{ flag, value string }{
		{"--target", a.Source.Target}, {"--file", a.Source.DockerFile}, {"--network", a.Source.NetworkMode}, {"--platform", a.Source.Platform},
	} {
		if option.value != "" {
			flags = append(flags, option.flag, option.value)
		}
	}
	for _, output := range a.Source.Outputs {
		flags = append(flags, "--output="+output)
	}
	for _, from := range a.Source.CacheFrom {
		flags = append(flags, "--cache-from", from.flag())
	}
	if a.Source.CacheTo != nil {
		flags = append(flags, "--cache-to", a.Source.CacheTo.flag())
	}
	if a.Source.CacheDisabled {
		flags = append(flags, "--no-cache")
	}
	return flags
}

// WriteContext writes the build context as a tar archive, links and modes as they are.
func (i Image) WriteContext(w io.Writer) error {
	t := tar.NewWriter(w)
	err := filepath.WalkDir(i.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		link := ""
		if info.Mode()&fs.ModeSymlink != 0 {
			if link, err = os.Readlink(path); err != nil {
				return err
			}
		}
		header, err := tar.FileInfoHeader(info, link)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(i.Dir, path)
		if err != nil {
			return err
		}
		header.Name = strings.TrimSuffix(filepath.ToSlash(name), "/")
		if info.IsDir() {
			header.Name += "/"
		}
		if err := t.WriteHeader(header); err != nil || !info.Mode().IsRegular() {
			return err
		}
		return copyFile(t, path)
	})
	if err != nil {
		return fmt.Errorf("read the build context %s: %w", i.Dir, err)
	}
	return t.Close()
}
