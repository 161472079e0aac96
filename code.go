package tokendocker

import (
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"github.com/tokendocker/tokendocker/internal/handler/dist"
)

// withHandler calls use with the code of the handler that is built into this package.
func withHandler(scope constructs.Construct, use func(code awslambda.Code)) {
	withFile(scope, "handler.zip", func(file *os.File) {
		if _, err := file.Write(dist.Zip()); err != nil {
			fail("handler: %w", err)
		}
		use(awslambda.Code_FromAsset(jsii.String(file.Name()), &awss3assets.AssetOptions{
			AssetHash:   jsii.String(dist.SHA256),
			DisplayName: jsii.String("tokendocker handler"),
		}))
	})
}
