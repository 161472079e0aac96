package codebuild

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// archives are the files of an artifact, in temporary tar files.
type archives struct {
	parts []*os.File
	files int // in all parts
}

// add makes room for a further tar file, of n files.
func (a *archives) add(n int) (io.Writer, error) {
	part, err := os.CreateTemp("", "codebuild-artifact-*.tar")
	if err != nil {
		return nil, fmt.Errorf("keep artifact: %w", err)
	}
	a.parts, a.files = append(a.parts, part), a.files+n
	return part, nil
}

func (a *archives) close() {
	for _, part := range a.parts {
		_ = part.Close()           // read already
		_ = os.Remove(part.Name()) // a temporary file
	}
}

// each goes through all files; discard takes their folders off.
func (a *archives) each(discard bool, do func(h *tar.Header, content io.Reader) error) error {
	for _, part := range a.parts {
		if _, err := part.Seek(0, io.SeekStart); err != nil {
			return fmt.Errorf("read artifact: %w", err)
		}
		for r := tar.NewReader(part); ; {
			h, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return fmt.Errorf("read artifact: %w", err)
			}
			if discard {
				h.Name = path.Base(h.Name)
			}
			if err := do(h, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// compress makes one ZIP file of all files.
func (a *archives) compress(to io.Writer, discard bool) error {
	out := zip.NewWriter(to)
	err := a.each(discard, func(h *tar.Header, content io.Reader) error {
		entry := &zip.FileHeader{Name: h.Name, Method: zip.Deflate, Modified: h.ModTime}
		entry.SetMode(h.FileInfo().Mode())
		if h.Typeflag == tar.TypeSymlink {
			entry.SetMode(fs.ModeSymlink | fs.ModePerm)
			content = strings.NewReader(h.Linkname)
		}
		w, err := out.CreateHeader(entry)
		if err == nil {
			_, err = io.Copy(w, content) //nolint:gosec // the build's own files
		}
		return err
	})
	return errors.Join(err, out.Close())
}
