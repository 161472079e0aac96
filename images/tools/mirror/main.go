// Command mirror fills a registry's storage folder with the public images that builds here begin with, under their
// Docker Hub names: debian:bookworm-slim, node:22, busybox and the Dockerfile frontend. It is for machines that cannot
// reach Docker Hub; scripts/setup makes what it takes from the machine's own package sources.
//
// The images are like the public ones as far as builds see it (user, path, commands), and smaller. In addition they
// trust the certificates that this machine trusts, so that npm and curl work behind its network.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/sirupsen/logrus"
)

// sources are the files and folders that the images are made of.
type sources struct {
	// rootfs is a tar file: the root file system of a minimal Debian.
	rootfs string
	// node is the node program, npm the folder of its package.
	node, npm string
	// busybox and frontend are static programs.
	busybox, frontend string
}

func main() {
	var from sources
	out := flag.String("out", "", "the storage `folder` to fill")
	flag.StringVar(&from.rootfs, "rootfs", "", "tar `file` of a minimal Debian")
	flag.StringVar(&from.node, "node", "", "the node `program`")
	flag.StringVar(&from.npm, "npm", "", "the `folder` of the npm package")
	flag.StringVar(&from.busybox, "busybox", "", "a static busybox `program`")
	flag.StringVar(&from.frontend, "frontend", "", "the dockerfile-frontend `program`")
	flag.Parse()
	if err := fill(context.Background(), *out, from); err != nil {
		fmt.Fprintln(os.Stderr, "mirror:", err)
		os.Exit(1)
	}
}

// fill pushes every image to a registry that stores in the folder out.
func fill(ctx context.Context, out string, from sources) error {
	if out == "" {
		return errors.New("-out is missing")
	}
	images, err := build(from)
	if err != nil {
		return err
	}
	logrus.SetLevel(logrus.PanicLevel) // the registry logs every first look at an image as an error
	config := &configuration.Configuration{Storage: configuration.Storage{
		"filesystem":  {"rootdirectory": out},
		"maintenance": {"uploadpurging": map[any]any{"enabled": false}},
	}}
	config.HTTP.Secret = "unused: one process serves every request"
	server := httptest.NewServer(handlers.NewApp(ctx, config))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for _, i := range images {
		for _, n := range i.names {
			if err := push(ctx, host+"/"+n, i.image); err != nil {
				return fmt.Errorf("storing %s: %w", n, err)
			}
			fmt.Println(n)
		}
	}
	return nil
}

func push(ctx context.Context, reference string, image v1.Image) error {
	tag, err := name.NewTag(reference, name.Insecure)
	if err != nil {
		return err
	}
	return remote.Write(tag, image, remote.WithContext(ctx))
}
