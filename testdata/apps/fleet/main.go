// Command fleet is the CDK apps of the end-to-end tests that are written in Go; its argument names the app. Each app has
// the context "step", of which docs/fleet.md tells.
package main

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	apps := map[string]func(app awscdk.App, step string){
		"database": database, "files": files, "handwritten": handwritten, "instances": instances, "regions": regions, "watch": watch,
	}
	if len(os.Args) != 2 || apps[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: fleet APP")
		os.Exit(2)
	}
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	step, ok := app.Node().TryGetContext(jsii.String("step")).(string)
	if !ok {
		step = "first"
	}
	apps[os.Args[1]](app, step)
	app.Synth(nil)
}

// either returns one of two texts.
func either(which bool, yes, no string) *string {
	if which {
		return &yes
	}
	return &no
}

// output adds an output to a stack.
func output(stack awscdk.Stack, name string, value *string) {
	awscdk.NewCfnOutput(stack, &name, &awscdk.CfnOutputProps{Value: value})
}
