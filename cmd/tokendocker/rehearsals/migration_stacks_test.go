package rehearsals

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// twoStacks is an app of npm's construct whose image is used by a second stack. CDK ties the two by exports.
const twoStacks = `
const { App, Duration, Stack } = require('aws-cdk-lib');
const { DockerImageFunction } = require('aws-cdk-lib/aws-lambda');
const { CfnTopic } = require('aws-cdk-lib/aws-sns');
const { TokenInjectableDockerBuilder, TokenInjectableDockerBuilderProvider } = require('token-injectable-docker-builder');
const app = new App();
const shop = new Stack(app, 'Shop');
TokenInjectableDockerBuilderProvider.getOrCreate(shop, { queryInterval: Duration.seconds(5) });
const image = new TokenInjectableDockerBuilder(shop, 'Web', {
  path: 'web', buildArgs: { API_URL: new CfnTopic(shop, 'Api').attrTopicName },
});
new DockerImageFunction(new Stack(app, 'Site'), 'WebFunction', { code: image.dockerImageCode });
app.synth();
`

// keepExports adds outputs to the template of the stack Shop: what the page "Coming from npm" advises.
const keepExports = `
const fs = require('node:fs');
const file = process.env.CDK_OUTDIR + '/Shop.template.json';
const template = JSON.parse(fs.readFileSync(file, 'utf8'));
template.Outputs = template.Outputs ?? {};
for (const [name, value] of Object.entries(%s)) {
  template.Outputs[name] = { Value: value, Export: { Name: 'Shop:' + name } };
}
fs.writeFileSync(file, JSON.stringify(template));
`

// TestMovingWhatOtherStacksUse: exports that another stack imports hold the builder's stack back, which is then npm's
// again. Kept with their values for one deployment they let both stacks move, and are not needed afterwards.
func TestMovingWhatOtherStacksUse(t *testing.T) {
	t.Parallel()
	env := peers(t)
	c := webApp()
	c.Builders[0].Lambda, c.Builders[0].ECS = false, false
	c.Readers = []caseReader{{Stack: "Site", Lambda: true}}
	r := newApp(t, c, webFiles)
	r.write("npm.js", twoStacks)
	r.write("cdk.json", `{"app": "node npm.js"}`)
	before := r.rehearse(env).wantExit(0)
	exports := map[string]string{}
	for _, s := range before.summary.Stacks {
		for name, value := range s.Outputs {
			if strings.HasPrefix(name, "ExportsOutput") {
				exports[name] = value
			}
		}
	}

	r.ours()
	held := r.rehearse(env).wantExit(4)
	if s := held.summary.Stacks[0]; s.Status != "UPDATE_ROLLBACK_COMPLETE" || !strings.Contains(held.summary.Error, "Cannot delete export Shop:") {
		t.Errorf("moved without its exports the stack is %s: %s", s.Status, held.summary.Error)
	}

	raw, err := json.Marshal(exports)
	must(t, err)
	r.write("keep.js", fmt.Sprintf(keepExports, raw))
	r.write("cdk.json", fmt.Sprintf(`{"app": "%s && node keep.js"}`, builders))
	moved := r.rehearse(env).wantExit(0)
	image := moved.image("Shop/Web")
	if !moved.updated("Site/WebFunction") || image.URI != before.image("Shop/Web").URI || image.Tag == before.image("Shop/Web").Tag {
		t.Errorf("moved with %d exports kept, the other stack has %+v after %+v", len(exports), image, before.image("Shop/Web"))
	}

	r.ours()
	after := r.rehearse(env).wantExit(0)
	if i := after.image("Shop/Web"); i.Built || i.Tag != image.Tag || len(after.summary.Stacks[0].Outputs) != 0 {
		t.Errorf("without the exports: image %+v, outputs %v", i, after.summary.Stacks[0].Outputs)
	}
}
