package assembly

import (
	"archive/zip"
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// File is a file asset: what must stand in S3 before its stack is deployed.
type File struct {
	Name   string // display name, for messages
	Path   string // file or folder in the assembly
	Zip    bool   // the folder is uploaded as a zip file
	Bucket string // may hold ${AWS::AccountId}, ${AWS::Region} and ${AWS::Partition}
	Key    string // object key; may hold the same
	Region string // region of the bucket; empty means the stack's
}

// assetManifest is an asset manifest file of the cloud assembly schema.
type assetManifest struct {
	Files  map[string]assetFile  `json:"files"`
	Docker map[string]assetImage `json:"dockerImages"`
}

type assetFile struct {
	DisplayName string `json:"displayName"`
	Source      struct {
		Path       string   `json:"path"`
		Packaging  string   `json:"packaging"`
		Executable []string `json:"executable"`
	} `json:"source"`
	Destinations map[string]struct {
		BucketName string `json:"bucketName"`
		ObjectKey  string `json:"objectKey"`
		Region     string `json:"region"`
	} `json:"destinations"`
}

func (s *Stack) addAssets(dir, file string) error {
	var m assetManifest
	if err := readJSON(filepath.Join(dir, file), &m); err != nil {
		return err
	}
	for id, f := range m.Files {
		if len(f.Source.Executable) > 0 {
			return fmt.Errorf("asset %s of stack %s is made by a command while it is published, which a rehearsal does not do",
				cmp.Or(f.DisplayName, id), s.ID)
		}
		for _, d := range f.Destinations {
			s.Files = append(s.Files, File{
				Name: cmp.Or(f.DisplayName, id), Path: source(dir, f.Source.Path), Zip: f.Source.Packaging == "zip",
				Bucket: d.BucketName, Key: d.ObjectKey, Region: d.Region,
			})
		}
	}
	for id, d := range m.Docker {
		if err := s.addImage(dir, cmp.Or(d.DisplayName, id), d); err != nil {
			return err
		}
	}
	slices.SortFunc(s.Files, func(a, b File) int { return strings.Compare(a.Bucket+"/"+a.Key, b.Bucket+"/"+b.Key) })
	slices.SortFunc(s.Images, func(a, b Image) int { return strings.Compare(a.Repository+":"+a.Tag, b.Repository+":"+b.Tag) })
	return nil
}

// source is where an asset's content is. Assets that were not staged have an absolute path (aws-cdk-lib, AssetStaging).
func source(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// complete reports whether the assets of a stack are where the assembly says.
func (s *Stack) complete() error {
	for _, f := range s.Files {
		if _, err := os.Stat(f.Path); err != nil {
			return fmt.Errorf("asset %s of stack %s is missing, synthesize the app anew: %w", f.Name, s.ID, err)
		}
	}
	for _, i := range s.Images {
		if _, err := os.Stat(i.Dir); err != nil {
			return fmt.Errorf("docker image asset %s of stack %s is missing, synthesize the app anew: %w", i.Name, s.ID, err)
		}
	}
	return nil
}

// Write writes the asset's content as it is uploaded: the file's bytes, or a zip file of the folder in which equal
// folders give equal bytes.
func (f File) Write(w io.Writer) error {
	if f.Zip {
		return zipFolder(w, f.Path)
	}
	return copyFile(w, f.Path)
}

// The zip format's own epoch: a fixed time makes equal folders equal files.
var zipTime = time.Date(1980, time.January, 1, 0, 0, 0, 0, time.UTC)

// zipFolder zips dir as the CDK CLI does: names in order, modes kept, links followed.
func zipFolder(w io.Writer, dir string) error {
	z := zip.NewWriter(w)
	err := walk(dir, "", func(name, path string, info fs.FileInfo) error {
		header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: zipTime}
		header.SetMode(info.Mode())
		if info.IsDir() {
			header.Name, header.Method = name+"/", zip.Store
		}
		entry, err := z.CreateHeader(header)
		if err != nil || info.IsDir() {
			return err
		}
		return copyFile(entry, path)
	})
	if err != nil {
		return fmt.Errorf("zip %s: %w", dir, err)
	}
	return z.Close()
}

// walk visits everything below dir in the order of names, through links.
func walk(dir, prefix string, visit func(name, path string, info fs.FileInfo) error) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, path := strings.TrimPrefix(prefix+"/"+e.Name(), "/"), filepath.Join(dir, e.Name())
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if err := visit(name, path, info); err != nil {
			return err
		}
		if info.IsDir() {
			if err := walk(path, name, visit); err != nil {
				return err
			}
		}
	}
	return nil
}

func copyFile(w io.Writer, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // opened for reading
	_, err = io.Copy(w, in)
	return err
}
