package tokendocker

import (
	"os"
	"path"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/buildcontext"
)

// stage makes a build context an asset of the app. CDK takes it from a file that is gone afterwards.
func stage(scope constructs.Construct, c buildcontext.Context) (asset awss3assets.Asset, err error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	c.Skip = outdir(scope, c.Folder)
	withFile(scope, "context.zip", func(file *os.File) {
		var hash string
		if hash, err = c.Pack(file); err != nil {
			return
		}
		asset = awss3assets.NewAsset(scope, jsii.String("SourceAsset"), &awss3assets.AssetProps{
			Path:        jsii.String(file.Name()),
			AssetHash:   jsii.String(hash),
			DisplayName: jsii.String(*scope.Node().Path() + " build context"),
		})
	})
	return asset, err
}

// outdir is the cloud assembly's folder inside the context, which holds the copies of this very context; it is empty
// where the folder lies elsewhere.
func outdir(scope constructs.Construct, folder string) string {
	stage := awscdk.Stage_Of(scope)
	if stage == nil {
		return ""
	}
	folder, err1 := filepath.Abs(folder)
	assembly, err2 := filepath.Abs(*stage.AssetOutdir())
	if err1 != nil || err2 != nil {
		return ""
	}
	relative, err := filepath.Rel(folder, assembly)
	if err != nil || relative == "." || !filepath.IsLocal(relative) {
		return ""
	}
	return path.Clean(filepath.ToSlash(relative))
}

// keepAssets is the context key by which `cdk --no-staging` makes the CLI read assets from where they came from.
const keepAssets = "aws:cdk:disable-asset-staging"

// withFile calls use with a new file of a name, which is gone afterwards: CDK has its copy then, unless it was told to
// make none. Such a file needs a hash of its own as an asset: CDK remembers hashes by a file's number, size and time,
// and those repeat.
func withFile(scope constructs.Construct, name string, use func(*os.File)) {
	folder, err := os.MkdirTemp("", "tokendocker-")
	if err != nil {
		fail("folder for %s: %w", name, err)
	}
	if scope.Node().TryGetContext(jsii.String(keepAssets)) == nil {
		defer os.RemoveAll(folder) //nolint:errcheck // a temporary folder
	}
	file, err := os.Create(filepath.Join(folder, name))
	if err != nil {
		fail("%s: %w", name, err)
	}
	defer file.Close() //nolint:errcheck // what could not be written was an error already
	use(file)
}
