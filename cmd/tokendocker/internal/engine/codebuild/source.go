package codebuild

import (
	"archive/tar"
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/codebuild/buildspec"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// download brings the source and the buildspec, and makes the environment of the commands.
func (l *life) download(ctx context.Context) error {
	l.shell = newShell(l.container, l.room.Home, l.build.uuid())
	l.note("Waiting for DOWNLOAD_SOURCE")
	if err := l.shell.prepare(ctx, l.build.SecondarySources); err != nil {
		return err
	}
	if err := l.downloadAll(ctx); err != nil {
		return err
	}
	l.note("Phase is DOWNLOAD_SOURCE")
	l.note("CODEBUILD_SRC_DIR=%s", l.shell.source)
	recipe, err := l.buildspec(ctx)
	if err != nil {
		return err
	}
	spec, err := buildspec.Parse([]byte(recipe))
	if err != nil {
		return fail("YAML_FILE_ERROR", "%s", err)
	}
	l.note("Processing environment variables")
	env, secrets, err := l.environment(ctx, variables(spec, l.build.Environment.EnvironmentVariables))
	if err != nil {
		return err
	}
	for _, ignored := range spec.Ignored {
		l.note("Not done here: %s", ignored)
	}
	if kind := l.build.Cache.Type; kind != "" && kind != "NO_CACHE" {
		l.note("Not done here: cache of type %s (each build begins without a cache)", kind)
	}
	l.log.hide(secrets)
	l.shell.use(spec, env, l.log)
	l.spec = spec
	l.note("Moving to directory %s", l.shell.source)
	l.note("Registering with agent")
	l.note("Phases found in YAML: %d", len(spec.Steps))
	for _, p := range buildspec.Phases() {
		if step, ok := spec.Steps[p]; ok {
			l.note(" %s: %d commands", p, len(step.Commands))
		}
	}
	return nil
}

// buildspec returns the text of the build's recipe, wherever it is.
func (l *life) buildspec(ctx context.Context) (string, error) {
	s := l.build.Source
	switch {
	case s.inline():
		l.note("YAML location is %s", path.Join(l.room.Home, "readonly", "buildspec.yml"))
		return s.Buildspec, nil
	case s.elsewhere():
		l.note("YAML location is %s", s.Buildspec)
		bucket, key, _ := strings.Cut(s.Buildspec[strings.Index(s.Buildspec, ":::")+3:], "/")
		object, err := l.open(ctx, "primary source", bucket, key, "")
		if err != nil {
			return "", err
		}
		defer object.Close()
		raw, err := io.ReadAll(object)
		return string(raw), err
	}
	name := s.Buildspec
	if name == "" {
		name = "buildspec.yml"
	}
	l.note("YAML location is %s", path.Join(l.shell.source, name))
	recipe, found, err := l.shell.read(ctx, name)
	if err == nil && !found {
		err = fail("YAML_FILE_ERROR", "YAML file does not exist")
	}
	return recipe, err
}

// downloadAll brings the source, and the secondary ones into folders of their own.
func (l *life) downloadAll(ctx context.Context) error {
	if l.build.Source.Type == "S3" {
		from := origin{source: l.build.Source, version: l.build.SourceVersion, name: "primary source", dir: l.shell.source}
		if err := l.downloadS3(ctx, from); err != nil {
			return err
		}
	}
	for _, s := range l.build.SecondarySources {
		from := origin{source: s, name: "secondary source " + s.Identifier, dir: l.shell.secondary(s.Identifier)}
		for _, v := range l.build.SecondaryVersions {
			if v.Identifier == s.Identifier {
				from.version = v.Version
			}
		}
		if err := l.downloadS3(ctx, from); err != nil {
			return err
		}
	}
	return nil
}

// origin is a source to download: which one it is, for errors, and the folder that it goes into.
type origin struct {
	source
	version, name, dir string
}

// open opens an S3 object of a source as the build's role.
func (l *life) open(ctx context.Context, name, bucket, key, version string) (io.ReadCloser, error) {
	action := "s3:GetObject"
	if version != "" {
		action = "s3:GetObjectVersion"
	}
	arn := "arn:" + l.build.Place.Partition + ":s3:::" + bucket + "/" + key
	if err := l.reach(codeClient, "s3", bucket+".s3", " for "+name+" and source version "+arn); err != nil {
		return nil, err
	}
	need := protocol.Need{Action: action, Resources: []string{arn}}
	if err := l.room.Caller.Allow(ctx, l.role, l.build.Place.Region, need); err != nil {
		return nil, sourceError(name, arn, err)
	}
	object, err := l.room.Objects.Open(ctx, bucket, key, version)
	if err != nil {
		return nil, sourceError(name, arn, l.hide(ctx, bucket, err))
	}
	return object, nil
}

// hide turns "no such key" into a denial for a role that may not list the bucket.
// Source: Amazon S3 API Reference, GetObject, Permissions.
func (l *life) hide(ctx context.Context, bucket string, err error) error {
	var e *protocol.Error
	if !errors.As(err, &e) || e.Code != "NoSuchKey" {
		return err
	}
	need := protocol.Need{Action: "s3:ListBucket", Resources: []string{"arn:" + l.build.Place.Partition + ":s3:::" + bucket}}
	if denied := l.room.Caller.Allow(ctx, l.role, l.build.Place.Region, need); denied != nil {
		return denied
	}
	return err
}

// sourceError makes an error of S3 the phase's failure; S3's code for a denied call is AccessDenied.
func sourceError(name, arn string, err error) error {
	var e *protocol.Error
	if !errors.As(err, &e) {
		return err
	}
	code := strings.TrimSuffix(e.Code, "Exception")
	return fail(codeClient, "%s: %s for %s and source version %s", code, e.Message, name, arn)
}

// downloadS3 unpacks an S3 source into its folder: a zip file, or a folder of objects.
func (l *life) downloadS3(ctx context.Context, from origin) error {
	bucket, key := from.object()
	if strings.HasSuffix(key, "/") {
		return l.downloadFolder(ctx, from, bucket, key)
	}
	object, err := l.open(ctx, from.name, bucket, key, from.version)
	if err != nil {
		return err
	}
	defer object.Close()
	file, err := os.CreateTemp("", "codebuild-source-*.zip")
	if err != nil {
		return fmt.Errorf("keep source: %w", err)
	}
	defer os.Remove(file.Name())
	defer file.Close()
	size, err := io.Copy(file, object)
	if err != nil {
		return fmt.Errorf("read source: %w", err)
	}
	archive, err := zip.NewReader(file, size)
	if err != nil {
		return fail(codeClient, "source %s/%s is not a zip file: %v", bucket, key, err)
	}
	return l.copyIn(ctx, from.dir, func(w *tar.Writer) error { return unzip(archive, w) })
}

func (l *life) downloadFolder(ctx context.Context, from origin, bucket, prefix string) error {
	arn := "arn:" + l.build.Place.Partition + ":s3:::" + bucket
	need := protocol.Need{Action: "s3:ListBucket", Resources: []string{arn}}
	if err := l.room.Caller.Allow(ctx, l.role, l.build.Place.Region, need); err != nil {
		return sourceError(from.name, arn, err)
	}
	keys, err := l.room.Objects.List(ctx, bucket, prefix)
	if err != nil {
		return sourceError(from.name, arn, err)
	}
	return l.copyIn(ctx, from.dir, func(w *tar.Writer) error {
		for _, key := range keys {
			if strings.HasSuffix(key, "/") {
				continue
			}
			if err := l.addObject(ctx, w, from.name, bucket, key, strings.TrimPrefix(key, prefix)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (l *life) addObject(ctx context.Context, w *tar.Writer, source, bucket, key, name string) error {
	object, err := l.open(ctx, source, bucket, key, "")
	if err != nil {
		return err
	}
	defer object.Close()
	content, err := io.ReadAll(object)
	if err != nil {
		return fmt.Errorf("read source: %w", err)
	}
	if !fs.ValidPath(name) {
		return fail(codeClient, "source has the illegal file name %q", name)
	}
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
		return err
	}
	_, err = w.Write(content)
	return err
}

// copyIn unpacks what write puts into an archive in a folder.
func (l *life) copyIn(ctx context.Context, dir string, write func(*tar.Writer) error) error {
	r, pipe := io.Pipe()
	written := make(chan error, 1)
	go func() {
		w := tar.NewWriter(pipe)
		err := write(w)
		if err == nil {
			err = w.Close()
		}
		pipe.CloseWithError(err) //nolint:errcheck // never fails
		written <- err
	}()
	err := l.container.CopyIn(ctx, r, dir)
	r.Close() //nolint:errcheck // never fails
	if failed := <-written; failed != nil && !errors.Is(failed, io.ErrClosedPipe) {
		return failed
	}
	return err
}

// unzip puts the files of a zip archive into a tar archive, with their modes.
func unzip(archive *zip.Reader, w *tar.Writer) error {
	for _, f := range archive.File {
		name := strings.TrimSuffix(f.Name, "/")
		if !fs.ValidPath(name) {
			return fail(codeClient, "source has the illegal file name %q", f.Name)
		}
		if err := unzipFile(f, name, w); err != nil {
			return fmt.Errorf("unpack %s: %w", f.Name, err)
		}
	}
	return nil
}

func unzipFile(f *zip.File, name string, w *tar.Writer) error {
	mode := f.Mode()
	h := &tar.Header{Name: name, Mode: int64(mode.Perm()), ModTime: f.Modified, Size: int64(f.UncompressedSize64), Typeflag: tar.TypeReg}
	switch {
	case mode.IsDir():
		h.Typeflag, h.Size, h.Mode = tar.TypeDir, 0, max(h.Mode, 0o700)
	case mode.Perm() == 0:
		h.Mode = 0o644 // the archive holds no modes
	}
	content, err := f.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	if mode&fs.ModeSymlink != 0 {
		target, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		h.Typeflag, h.Size, h.Linkname = tar.TypeSymlink, 0, string(target)
	}
	if err := w.WriteHeader(h); err != nil || h.Typeflag != tar.TypeReg {
		return err
	}
	_, err = io.Copy(w, content) //nolint:gosec // the project's own source
	return err
}
