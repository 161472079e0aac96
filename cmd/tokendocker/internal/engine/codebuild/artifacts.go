package codebuild

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"
)

// artifacts is where a build's output goes.
// Source: CodeBuild API Reference, ProjectArtifacts.
type artifacts struct {
	Type          string `json:"type"`                         // NO_ARTIFACTS, S3, or CODEPIPELINE, which builds here cannot make
	Location      string `json:"location,omitempty"`           // bucket
	Path          string `json:"path,omitempty"`               // folder in it
	NamespaceType string `json:"namespaceType,omitempty"`      // BUILD_ID: a folder for each build below that; else NONE
	Name          string `json:"name,omitempty"`               // of the folder or ZIP file below that; "/" is none
	Packaging     string `json:"packaging,omitempty"`          // ZIP, or NONE: files as they are
	Override      flag   `json:"overrideArtifactName"`         // the buildspec gives the name
	Plain         flag   `json:"encryptionDisabled"`           // no key is used
	Identifier    string `json:"artifactIdentifier,omitempty"` // of a secondary artifact
}

// maxFurther is how many secondary sources and artifacts a project may have (CodeBuild API Reference, CreateProject).
const maxFurther = 12

var identifier = regexp.MustCompile(`^[A-Za-z0-9_]{1,127}$`)

// check looks at what a project says of its output.
func (a artifacts) check() error {
	switch {
	case !slices.Contains(artifactTypes, a.Type):
		return invalid("Invalid artifacts type: %s", a.Type)
	case a.Type != "S3" && bool(a.Plain):
		return invalid("Invalid artifacts: encryptionDisabled may be set for the artifacts type S3 only")
	case a.Type != "S3":
		return nil
	case a.Location == "":
		return invalid("Invalid artifacts: location must be set for the artifacts type S3")
	case a.Packaging != "" && a.Packaging != "NONE" && a.Packaging != "ZIP":
		return invalid("Invalid artifacts packaging: %s", a.Packaging)
	case a.NamespaceType != "" && a.NamespaceType != "NONE" && a.NamespaceType != "BUILD_ID":
		return invalid("Invalid artifacts namespaceType: %s", a.NamespaceType)
	}
	return nil
}

// checkSecondary looks at a project's further sources and artifacts.
func (p *project) checkSecondary() error {
	if len(p.SecondarySources) > maxFurther || len(p.SecondaryArtifacts) > maxFurther {
		return invalid("A project may have at most %d secondary sources and %d secondary artifacts", maxFurther, maxFurther)
	}
	seen := map[string]bool{}
	for i := range p.SecondarySources {
		s := &p.SecondarySources[i]
		if !identifier.MatchString(s.Identifier) || seen[s.Identifier] {
			return invalid("Invalid source identifier %q: each secondary source must have one of its own, of letters, digits and underscores", s.Identifier)
		}
		seen[s.Identifier] = true
		if s.Type == "NO_SOURCE" {
			return invalid("Invalid source type of secondary source %s: NO_SOURCE", s.Identifier)
		}
		if err := s.check(); err != nil {
			return err
		}
	}
	for _, v := range p.SecondaryVersions {
		if !seen[v.Identifier] {
			return invalid("There is no secondary source %q for a secondary source version", v.Identifier)
		}
	}
	clear(seen)
	for _, a := range p.SecondaryArtifacts {
		if !identifier.MatchString(a.Identifier) || seen[a.Identifier] {
			return invalid("Invalid artifact identifier %q: each secondary artifact must have one of its own, of letters, digits and underscores", a.Identifier)
		}
		seen[a.Identifier] = true
		if err := a.check(); err != nil {
			return err
		}
	}
	return nil
}

// bucket is the artifact's bucket, which is named by name or ARN.
func (a artifacts) bucket() string {
	return a.Location[strings.LastIndex(a.Location, ":")+1:]
}

// key is the place of a build's artifact in its bucket; "" is the bucket's root.
func (a artifacts) key(b build, prefix, name string) string {
	folder := strings.Trim(a.Path, "/")
	if a.NamespaceType == "BUILD_ID" {
		folder = path.Join(prefix, folder, b.uuid())
	}
	return strings.Trim(path.Join(folder, strings.Trim(name, "/")), "/")
}

// name is the artifact's name where the buildspec gives none.
func (a artifacts) name(b build) string { return cmp.Or(a.Name, b.Project) }

// delivered is an artifact that a build has kept.
type delivered struct {
	Location string // ARN
	SHA256   string // of a ZIP file
	MD5      string
}

// describe returns the artifact as BatchGetBuilds tells it.
// Source: CodeBuild API Reference, BuildArtifacts.
func (a artifacts) describe(b build) map[string]any {
	if a.Type != "S3" {
		return map[string]any{"location": ""}
	}
	out := map[string]any{"encryptionDisabled": a.Plain, "overrideArtifactName": a.Override,
		"location": "arn:" + b.Place.Partition + ":s3:::" + path.Join(a.bucket(), a.key(b, "", a.name(b)))}
	if a.Identifier != "" {
		out["artifactIdentifier"] = a.Identifier
	}
	if d, ok := b.Delivered[a.Identifier]; ok {
		out["location"] = d.Location
		if d.SHA256 != "" {
			out["sha256sum"], out["md5sum"] = d.SHA256, d.MD5
		}
	}
	return out
}

func (b build) describeSecondary() []any {
	out := []any{}
	for _, a := range b.SecondaryArtifacts {
		out = append(out, a.describe(b))
	}
	return out
}
