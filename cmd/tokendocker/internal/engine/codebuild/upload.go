package codebuild

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/md5" //nolint:gosec // CodeBuild tells it
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/codebuild/buildspec"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/sandbox"
)

// upload keeps the build's artifacts, as its role. A project with artifacts whose buildspec names no files keeps none.
func (l *life) upload(ctx context.Context) error {
	if a := l.build.Artifacts; a.Type == "S3" && l.spec.Artifacts != nil {
		if err := l.deliver(ctx, a, *l.spec.Artifacts); err != nil {
			return err
		}
	}
	for _, a := range l.build.SecondaryArtifacts {
		files, named := l.spec.Secondary[a.Identifier]
		if a.Type != "S3" || !named {
			continue
		}
		if err := l.deliver(ctx, a, files); err != nil {
			return err
		}
	}
	return nil
}

// deliver finds an artifact's files and puts them into its bucket.
func (l *life) deliver(ctx context.Context, a artifacts, want buildspec.Artifacts) error {
	bases, err := l.bases(ctx, want.Base)
	if err != nil {
		return err
	}
	name := a.name(l.build)
	if bool(a.Override) && want.Name != "" {
		if name, err = l.shell.expand(ctx, want.Name); err != nil {
			return err
		}
	}
	found := &archives{}
	defer found.close()
	for _, base := range bases {
		if err := l.collect(ctx, base, want, found); err != nil {
			return err
		}
	}
	if found.files == 0 {
		return fail(codeClient, "no matching artifact paths found")
	}
	l.note("Found %d file(s)", found.files)
	return l.put(ctx, a, want, name, found)
}

// bases are the folders that an artifact's files are in.
func (l *life) bases(ctx context.Context, text string) ([]string, error) {
	base, err := l.shell.expand(ctx, text)
	if err != nil {
		return nil, err
	}
	if base == "" {
		base = "."
	}
	l.note("Expanding base directory path: %s", base)
	l.note("Assembling file list")
	l.note("Expanding %s", base)
	if !strings.ContainsAny(base, "*?[") {
		if !path.IsAbs(base) {
			base = path.Join(l.shell.source, base)
		}
		if !l.shell.isFolder(ctx, base) {
			return nil, fail(codeClient, "no matching base directory path found for %s", text)
		}
		return []string{base}, nil
	}
	folders, err := l.shell.find(ctx, l.shell.source, "d")
	if err != nil {
		return nil, err
	}
	if folders, err = matching(folders, []string{base}); err == nil && len(folders) == 0 {
		err = fail(codeClient, "no matching base directory path found for %s", text)
	}
	for i := range folders {
		folders[i] = path.Join(l.shell.source, folders[i])
	}
	return folders, err
}

// collect takes the files of one base folder over.
func (l *life) collect(ctx context.Context, base string, want buildspec.Artifacts, found *archives) error {
	l.note("Expanding file paths for base directory %s", strings.TrimPrefix(base, l.shell.source+"/"))
	l.note("Assembling file list")
	names, err := l.shell.find(ctx, base, "f", "l")
	if err != nil {
		return err
	}
	for _, pattern := range want.Files {
		l.note("Expanding %s", pattern)
	}
	if names, err = matching(names, want.Files); err != nil {
		return err
	}
	without, err := matching(names, want.Exclude)
	if err != nil {
		return err
	}
	names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(without, name) })
	if len(names) == 0 {
		return nil
	}
	to, err := found.add(len(names))
	if err != nil {
		return err
	}
	argv := []string{"tar", "--create", "--directory", base, "--null", "--files-from", "-"}
	if !want.Links {
		argv = append(argv, "--dereference", "--hard-dereference")
	}
	var said bytes.Buffer
	code, err := l.container.Exec(ctx, sandbox.ExecSpec{Argv: argv, Stdin: strings.NewReader(strings.Join(names, "\x00") + "\x00"),
		Stdout: to, Stderr: &said})
	if err == nil && code != 0 {
		err = fail(codeClient, "artifact files cannot be read: %s", strings.TrimSpace(said.String()))
	}
	return err
}

// put stores an artifact: a ZIP file, or each of its files.
func (l *life) put(ctx context.Context, a artifacts, want buildspec.Artifacts, name string, found *archives) error {
	key := a.key(l.build, want.Prefix, name)
	done := delivered{Location: "arn:" + l.build.Place.Partition + ":s3:::" + path.Join(a.bucket(), key)}
	if a.Packaging == "ZIP" {
		var out bytes.Buffer
		if err := found.compress(&out, want.Discard); err != nil {
			return err
		}
		sum, short := sha256.Sum256(out.Bytes()), md5.Sum(out.Bytes()) //nolint:gosec // CodeBuild tells it
		done.SHA256, done.MD5 = hex.EncodeToString(sum[:]), hex.EncodeToString(short[:])
		if err := l.store(ctx, a, key, "application/zip", &out); err != nil {
			return err
		}
	} else if err := found.each(want.Discard, func(h *tar.Header, content io.Reader) error {
		if h.Typeflag != tar.TypeReg {
			return nil // a link, which only a ZIP file keeps
		}
		return l.store(ctx, a, path.Join(key, h.Name), "", content)
	}); err != nil {
		return err
	}
	if l.build.Delivered == nil {
		l.build.Delivered = map[string]delivered{}
	}
	l.build.Delivered[a.Identifier] = done
	return nil
}

// store puts an object into the artifact's bucket, as the build's role.
func (l *life) store(ctx context.Context, a artifacts, key, kind string, content io.Reader) error {
	bucket, region := a.bucket(), l.build.Place.Region
	arn := "arn:" + l.build.Place.Partition + ":s3:::" + bucket + "/" + key
	if err := l.reach(codeClient, "s3", bucket+".s3", " for artifact "+arn); err != nil {
		return err
	}
	needs := []protocol.Need{{Action: "s3:PutObject", Resources: []string{arn}}}
	if own := l.build.EncryptionKey; !bool(a.Plain) && strings.Contains(own, ":key/") {
		needs = append(needs, protocol.Need{Action: "kms:GenerateDataKey", Resources: []string{own},
			Conditions: map[string][]string{"kms:ViaService": {protocol.ViaService("s3", region, l.build.Place.Partition)}}})
	}
	for _, need := range needs {
		if err := l.room.Caller.Allow(ctx, l.role, region, need); err != nil {
			return artifactError(arn, err)
		}
	}
	if err := l.room.Objects.Put(bucket, key, kind, content); err != nil {
		return artifactError(arn, err)
	}
	return nil
}

// artifactError makes an error of S3 the phase's failure.
func artifactError(arn string, err error) error {
	e, known := errors.AsType[*protocol.Error](err)
	if !known {
		return err
	}
	return fail(codeClient, "%s: %s for artifact %s", strings.TrimSuffix(e.Code, "Exception"), e.Message, arn)
}
