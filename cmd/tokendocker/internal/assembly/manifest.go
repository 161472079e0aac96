package assembly

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// manifest is manifest.json of a cloud assembly, as far as a deploy needs it.
type manifest struct {
	Version   string              `json:"version"`
	Artifacts map[string]artifact `json:"artifacts"`
	Missing   []struct {
		Key      string `json:"key"`
		Provider string `json:"provider"`
	} `json:"missing"`
}

type artifact struct {
	Type         string                     `json:"type"`
	Environment  string                     `json:"environment"`
	Properties   properties                 `json:"properties"`
	Dependencies []string                   `json:"dependencies"`
	DisplayName  string                     `json:"displayName"`
	Metadata     map[string][]metadataEntry `json:"metadata"`
	MetadataFile string                     `json:"additionalMetadataFile"`
}

// properties holds the properties of every artifact type that a deploy reads; each type fills its own.
type properties struct {
	// aws:cloudformation:stack
	TemplateFile string            `json:"templateFile"`
	StackName    string            `json:"stackName"`
	Parameters   map[string]string `json:"parameters"`
	Tags         map[string]string `json:"tags"`
	// cdk:asset-manifest
	File string `json:"file"`
	// cdk:cloud-assembly
	DirectoryName string `json:"directoryName"`
}

type metadataEntry struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

// The artifact types of the cloud assembly schema that matter here.
const (
	typeStack  = "aws:cloudformation:stack"
	typeAssets = "cdk:asset-manifest"
	typeNested = "cdk:cloud-assembly"
)

func readManifest(dir string) (manifest, error) {
	var m manifest
	if err := readJSON(filepath.Join(dir, "manifest.json"), &m); err != nil {
		return m, err
	}
	for id, a := range m.Artifacts {
		if a.MetadataFile == "" {
			continue
		}
		var more map[string][]metadataEntry
		if err := readJSON(filepath.Join(dir, a.MetadataFile), &more); err != nil {
			return m, err
		}
		if a.Metadata == nil {
			a.Metadata = map[string][]metadataEntry{}
		}
		for path, entries := range more {
			a.Metadata[path] = append(a.Metadata[path], entries...)
		}
		m.Artifacts[id] = a
	}
	return m, nil
}

func readJSON(path string, out any) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}
