package main

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// A named image is pushed under each of its names.
type named struct {
	names []string
	image v1.Image
}

const (
	searchPath   = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	certificates = "NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt"
)

// build makes all images.
func build(from sources) ([]named, error) {
	rootfs, err := tarball.LayerFromFile(from.rootfs)
	if err != nil {
		return nil, fmt.Errorf("reading the Debian root file system: %w", err)
	}
	debian, err := image(empty.Image, rootfs, v1.Config{Env: []string{searchPath, certificates}, Cmd: []string{"bash"}})
	if err != nil {
		return nil, err
	}
	node, err := nodeImage(debian, from)
	if err != nil {
		return nil, fmt.Errorf("making node's image: %w", err)
	}
	busybox, err := busyboxImage(from.busybox)
	if err != nil {
		return nil, fmt.Errorf("making busybox's image: %w", err)
	}
	frontend, err := frontendImage(from.frontend)
	if err != nil {
		return nil, fmt.Errorf("making the Dockerfile frontend's image: %w", err)
	}
	return []named{
		{[]string{"library/debian:bookworm-slim", "library/debian:bookworm", "library/debian:12"}, debian},
		{[]string{"library/node:22", "library/node:22-slim", "library/node:22-bookworm", "library/node:22-bookworm-slim"}, node},
		{[]string{"library/busybox:latest", "library/busybox:1"}, busybox},
		{[]string{"docker/dockerfile:1"}, frontend},
	}, nil
}

// image adds one layer to base and sets its configuration.
func image(base v1.Image, layer v1.Layer, config v1.Config) (v1.Image, error) {
	img, err := mutate.AppendLayers(base, layer)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", runtime.GOARCH, config
	return mutate.ConfigFile(img, file)
}

// nodeImage has what Dockerfiles expect of the public node image: node, npm and npx in /usr/local/bin, and a user node.
// That user is made by the same files that useradd would write.
func nodeImage(debian v1.Image, from sources) (v1.Image, error) {
	var layer layerWriter
	layer.file("usr/local/bin/node", 0o755, from.node)
	layer.tree("usr/local/lib/node_modules/npm", from.npm)
	layer.link("usr/local/bin/npm", "../lib/node_modules/npm/bin/npm-cli.js")
	layer.link("usr/local/bin/npx", "../lib/node_modules/npm/bin/npx-cli.js")
	layer.link("usr/local/bin/nodejs", "node")
	for file, line := range map[string]string{
		"etc/passwd": "node:x:1000:1000::/home/node:/bin/bash\n",
		"etc/group":  "node:x:1000:\n",
	} {
		text, err := readFromTar(from.rootfs, file)
		if err != nil {
			return nil, err
		}
		layer.text(file, 0o644, append(text, line...))
	}
	layer.directory("home/node", 1000)
	added, err := layer.layer()
	if err != nil {
		return nil, err
	}
	return image(debian, added, v1.Config{Env: []string{searchPath, certificates, "NODE_VERSION=22"}, Cmd: []string{"node"}})
}

func busyboxImage(program string) (v1.Image, error) {
	var layer layerWriter
	layer.file("bin/busybox", 0o755, program)
	for _, command := range []string{"ash", "cat", "chmod", "cp", "date", "echo", "env", "false", "find", "grep", "gzip",
		"head", "httpd", "id", "ln", "ls", "mkdir", "mv", "nslookup", "printenv", "printf", "ps", "pwd", "rm", "sed", "sh",
		"sha256sum", "sleep", "sort", "stat", "tail", "tar", "test", "touch", "tr", "true", "uname", "vi", "wc", "wget", "xargs"} {
		layer.link("bin/"+command, "busybox")
	}
	layer.text("etc/passwd", 0o644, []byte("root:x:0:0:root:/root:/bin/sh\n"))
	layer.text("etc/group", 0o644, []byte("root:x:0:\n"))
	layer.directory("root", 0)
	layer.directory("tmp", 0)
	added, err := layer.layer()
	if err != nil {
		return nil, err
	}
	return image(empty.Image, added, v1.Config{Env: []string{searchPath}, Cmd: []string{"sh"}})
}

// frontendImage is what "# syntax=docker/dockerfile:1" names. The label tells BuildKit that it needs no network, and
// which features of the build protocol it knows (buildkit's frontend/dockerfile/cmd/dockerfile-frontend/Dockerfile).
func frontendImage(program string) (v1.Image, error) {
	var layer layerWriter
	layer.file("bin/dockerfile-frontend", 0o755, program)
	added, err := layer.layer()
	if err != nil {
		return nil, err
	}
	return image(empty.Image, added, v1.Config{
		Entrypoint: []string{"/bin/dockerfile-frontend"},
		Labels: map[string]string{
			"moby.buildkit.frontend.network.none": "true",
			"moby.buildkit.frontend.caps":         "moby.buildkit.frontend.inputs,moby.buildkit.frontend.subrequests,moby.buildkit.frontend.contexts",
		},
	})
}

// readFromTar returns the content of one file of a tar file.
func readFromTar(file, wanted string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err != nil {
			return nil, fmt.Errorf("looking for %s in %s: %w", wanted, file, err)
		}
		if path.Clean(h.Name) == wanted {
			return io.ReadAll(r)
		}
	}
}

// A layerWriter collects files in an uncompressed tar. The first error stays and makes later calls do nothing.
type layerWriter struct {
	buffer bytes.Buffer
	tar    *tar.Writer
	err    error
}

func (l *layerWriter) add(h *tar.Header, content []byte) {
	if l.err != nil {
		return
	}
	if l.tar == nil {
		l.tar = tar.NewWriter(&l.buffer)
	}
	h.Size = int64(len(content))
	if l.err = l.tar.WriteHeader(h); l.err == nil {
		_, l.err = l.tar.Write(content)
	}
}

func (l *layerWriter) text(name string, mode int64, content []byte) {
	l.add(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode}, content)
}

func (l *layerWriter) link(name, target string) {
	l.add(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}, nil)
}

func (l *layerWriter) directory(name string, owner int) {
	l.add(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: 0o755, Uid: owner, Gid: owner}, nil)
}

func (l *layerWriter) file(name string, mode int64, source string) {
	content, err := os.ReadFile(source)
	if err != nil && l.err == nil {
		l.err = err
	}
	l.text(name, mode, content)
}

// tree adds a folder with all its regular files.
func (l *layerWriter) tree(name, source string) {
	err := filepath.WalkDir(source, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(source, file)
		if err != nil {
			return err
		}
		l.file(path.Join(name, filepath.ToSlash(relative)), int64(info.Mode().Perm()), file)
		return l.err
	})
	if err != nil && l.err == nil {
		l.err = err
	}
}

func (l *layerWriter) layer() (v1.Layer, error) {
	if l.err == nil {
		l.err = l.tar.Close()
	}
	if l.err != nil {
		return nil, l.err
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(l.buffer.Bytes())), nil
	})
}
