package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// maxUnzipped is the size that code and layers may have unzipped (AWS Lambda Developer Guide, "Lambda quotas").
const maxUnzipped = 262144000

var errUnzip = protocol.Errorf("InvalidParameterValueException",
	"Could not unzip uploaded file. Please check your file, then try to upload again.")

// codeDir is the folder of an unzipped package.
func (r *Room) codeDir(sha string) string { return filepath.Join(r.dir, "code", sha) }

// loadCode fetches and unzips the code of a CloudFormation Code property, and returns its sha256 in hex and its size.
func (r *Room) loadCode(_ context.Context, code map[string]any, runtime string) (string, int64, error) {
	var archive []byte
	if inline, ok := code["ZipFile"].(string); ok {
		var err error
		if archive, err = inlineArchive(inline, runtime); err != nil {
			return "", 0, err
		}
	} else {
		bucket, key := text(code, "S3Bucket"), text(code, "S3Key")
		if bucket == "" || key == "" {
			return "", 0, protocol.Errorf("InvalidParameterValueException", "Please provide a source for function code.")
		}
		var err error
		if archive, err = r.Code.Code(bucket, key); err != nil {
			return "", 0, s3Error(err)
		}
	}
	return r.keepCode(archive)
}

// keepCode unzips code, and returns its sha256 in hex and its size.
func (r *Room) keepCode(archive []byte) (string, int64, error) {
	sum := sha256.Sum256(archive)
	sha := hex.EncodeToString(sum[:])
	dir := r.codeDir(sha)
	if _, err := os.Stat(dir); err == nil {
		return sha, int64(len(archive)), nil
	}
	if err := unzipInto(dir, archive); err != nil {
		return "", 0, err
	}
	return sha, int64(len(archive)), nil
}

// s3Error is how Lambda reports that it could not fetch the code.
func s3Error(err error) error {
	var aws *protocol.Error
	if !errors.As(err, &aws) {
		return fmt.Errorf("fetch function code: %w", err)
	}
	return protocol.Errorf("InvalidParameterValueException",
		"Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", aws.Code, aws.Message)
}

var errInline = protocol.Errorf("InvalidParameterValueException",
	"ZipFile can only be used when Runtime is set to either of nodejs, python.")

// inlineArchive puts inline source text into a zip, the same one for the same text.
func inlineArchive(source, runtime string) ([]byte, error) {
	files, err := inlineFiles(source, runtime)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		file, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
		if err == nil {
			_, err = io.WriteString(file, files[name])
		}
		if err != nil {
			return nil, fmt.Errorf("pack inline code: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack inline code: %w", err)
	}
	return b.Bytes(), nil
}

// unzipInto unpacks archive so that dir is either complete or missing, whenever the engine dies.
func unzipInto(dir string, archive []byte) error {
	reader, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return errUnzip
	}
	var total uint64
	for _, f := range reader.File {
		if total += f.UncompressedSize64; total > maxUnzipped {
			return protocol.Errorf("InvalidParameterValueException",
				"Unzipped size must be smaller than %d bytes", maxUnzipped)
		}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("make the folder of function code: %w", err)
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), "unzip-")
	if err != nil {
		return fmt.Errorf("make the folder of function code: %w", err)
	}
	defer os.RemoveAll(tmp) //nolint:errcheck // gone after the rename
	if err := unzip(tmp, reader); err != nil {
		return err
	}
	if err := os.Rename(tmp, dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keep function code: %w", err)
	}
	return nil
}

// unzip writes the archive's files below dir; a root keeps hostile names inside it.
func unzip(dir string, archive *zip.Reader) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("open the folder of function code: %w", err)
	}
	defer root.Close() //nolint:errcheck // only read
	for _, f := range archive.File {
		if err := unzipFile(root, f); err != nil {
			return fmt.Errorf("unzip %q: %w", f.Name, err)
		}
	}
	return nil
}

func unzipFile(root *os.Root, f *zip.File) error {
	name := path.Clean(f.Name)
	if f.FileInfo().IsDir() {
		return root.MkdirAll(name, 0o755)
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return errUnzip
	}
	defer in.Close() //nolint:errcheck // only read
	if f.Mode()&fs.ModeSymlink != 0 {
		target, err := io.ReadAll(io.LimitReader(in, 4096))
		if err != nil {
			return errUnzip
		}
		return root.Symlink(string(target), name)
	}
	out, err := root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, f.Mode().Perm()|0o400)
	if err != nil {
		return err
	}
	// The reader ends with an error past the declared size, so a lying header cannot fill the disk.
	_, err = io.Copy(out, in)
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	return err
}

// dropCode removes a package that no function names any more.
func (r *Room) dropCode(sha string) error {
	if sha == "" {
		return nil
	}
	for _, f := range r.functions.All() {
		if f.CodeSHA256 == sha || slices.Contains(f.Layers, sha) {
			return nil
		}
	}
	for _, l := range r.layers.All() {
		if l.CodeSHA256 == sha {
			return nil
		}
	}
	if err := os.RemoveAll(r.codeDir(sha)); err != nil {
		return fmt.Errorf("remove function code: %w", err)
	}
	return nil
}

func base64OfHex(s string) string {
	raw, err := hex.DecodeString(s)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(raw)
}
