package tokendocker

import (
	"os"
	"path/filepath"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/handler/dist"
)

// keepAssets is the context key by which `cdk --no-staging` makes the CLI read assets from where they came from.
const keepAssets = "aws:cdk:disable-asset-staging"

// withHandler calls use with the code of the handler that is built into this package. CDK takes it from a file that
// is gone afterwards. The hash is given too: CDK remembers hashes by a file's number, size and time, and those repeat.
func withHandler(scope constructs.Construct, use func(code awslambda.Code)) {
	folder, err := os.MkdirTemp("", "tokendocker-")
	if err != nil {
		fail("folder for the handler: %w", err)
	}
	if scope.Node().TryGetContext(jsii.String(keepAssets)) == nil {
		defer os.RemoveAll(folder) //nolint:errcheck // a temporary folder
	}
	path := filepath.Join(folder, "handler.zip")
	if err := os.WriteFile(path, dist.Zip(), 0o644); err != nil {
		fail("handler: %w", err)
	}
	use(awslambda.Code_FromAsset(jsii.String(path), &awss3assets.AssetOptions{
		AssetHash:   jsii.String(dist.SHA256),
		DisplayName: jsii.String("tokendocker handler"),
	}))
}
