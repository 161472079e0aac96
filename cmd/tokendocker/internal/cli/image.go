package cli

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/spf13/cobra"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/progress"
)

const imageLong = `Write an image that a rehearsal of APP left in its registry to standard output: the whole image as an archive for
` + "`docker load`" + `, or with --file one file of it.

BUILDER is the construct path that ` + "`rehearse`" + ` printed; it can be left out where the app has one builder.

` + exitCodes

const imageExample = `  tokendocker image . Shop/Web | docker load
  tokendocker image . --file /app/dist/bundle.js`

// newImage returns the command `image`.
func newImage(s streams) *cobra.Command {
	var o rehearseOptions
	var file string
	cmd := &cobra.Command{
		Use:     "image APP [BUILDER]",
		Short:   "Write an image of a rehearsal, or one file of it, to standard output",
		Long:    imageLong,
		Example: imageExample,
		Args:    oneApp(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args[0]); err != nil {
				return err
			}
			builder := ""
			if len(args) == 2 {
				builder = args[1]
			}
			return writeImage(cmd.Context(), s, o, builder, file)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.State, "state", "", "state folder of the rehearsal (default: the app's own)")
	f.StringVar(&o.Account, "account", defaultAccount, "account of stacks that name none")
	f.StringVar(&o.Region, "region", defaultRegion, "region of stacks that name none")
	f.StringVar(&file, "file", "", "path of the one file to write")
	return cmd
}

func writeImage(ctx context.Context, s streams, o rehearseOptions, builder, file string) (err error) {
	r := &rehearsal{rehearseOptions: o, streams: s, log: progress.New(s.err)}
	if r.engine, err = r.open(ctx, nil); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.engine.Close(ctx)) }()
	built, err := r.engine.Images()
	if err != nil {
		return err
	}
	chosen, err := choose(built, builder)
	if err != nil {
		return err
	}
	image, err := r.engine.Open(ctx, chosen.Image)
	if err != nil {
		return fault.Wrap(fault.Deploy, "", err, "cannot read the image of "+chosen.Builder)
	}
	if file != "" {
		return writeFile(s.out, image, chosen.Builder, file)
	}
	tag, err := name.NewTag(chosen.URI + ":" + chosen.Tag)
	if err != nil {
		return err
	}
	return tarball.Write(tag, image, s.out)
}

// choose finds the builder's image, or the only one.
func choose(built []engine.Built, builder string) (engine.Built, error) {
	paths := make([]string, 0, len(built))
	for _, b := range built {
		if b.Builder == builder || builder == "" && len(built) == 1 {
			return b, nil
		}
		paths = append(paths, b.Builder)
	}
	switch {
	case len(built) == 0:
		return engine.Built{}, fault.New(fault.Usage, "deploy the app with `tokendocker rehearse` first", "there is no image: nothing is deployed")
	case builder == "":
		return engine.Built{}, fault.New(fault.Usage, "the builders are "+strings.Join(paths, ", "), "name a builder: there are %d", len(built))
	default:
		return engine.Built{}, fault.New(fault.Usage, "the builders are "+strings.Join(paths, ", "), "there is no image of %q", builder)
	}
}

// writeFile writes one file of the image's file system, as a container would see it.
func writeFile(out io.Writer, image v1.Image, builder, file string) error {
	tree := mutate.Extract(image)
	defer tree.Close() //nolint:errcheck // only read
	want := strings.Trim(file, "/")
	for archive := tar.NewReader(tree); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return fault.New(fault.Usage, "", "the image of %s holds no file %s", builder, file)
		}
		if err != nil {
			return err
		}
		if strings.Trim(header.Name, "/") == want && header.Typeflag == tar.TypeReg {
			_, err := io.Copy(out, archive)
			return err
		}
	}
}
