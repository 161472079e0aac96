'use strict';

// check.js FOLDER: prints what cdk-nag's AwsSolutions rules find in the templates of a cloud assembly, as JSON:
// [{stack, resource, rule}], each resource by its logical id and each rule with what it is about.

const fs = require('node:fs');
const path = require('node:path');
const { App, Stack } = require('aws-cdk-lib');
const { CfnInclude } = require('aws-cdk-lib/cloudformation-include');
const { AwsSolutionsChecks } = require('cdk-nag');

const suffix = '.template.json';

// included makes an app of one template. What CDK adds to each template by itself must not be there already.
function included(file, work) {
  const template = JSON.parse(fs.readFileSync(file, 'utf8'));
  delete template.Rules;
  delete template.Parameters?.BootstrapVersion;
  const copy = path.join(work, path.basename(file));
  fs.writeFileSync(copy, JSON.stringify(template));
  const app = new App({ outdir: path.join(work, 'out'), analyticsReporting: false });
  new CfnInclude(new Stack(app, 'Stack'), 'Template', { templateFile: copy });
  return app;
}

const folder = process.argv[2];
const work = fs.mkdtempSync(path.join(folder, 'nag-'));
const found = [];
for (const name of fs.readdirSync(folder).filter((n) => n.endsWith(suffix)).sort()) {
  const app = included(path.join(folder, name), work);
  for (const violation of new AwsSolutionsChecks(app).validateScope(app).violations) {
    for (const { constructPath } of violation.violatingResources) {
      found.push({ stack: name.slice(0, -suffix.length), resource: constructPath.split('/').pop(), rule: violation.ruleName });
    }
  }
}
process.stdout.write(JSON.stringify(found, null, 1) + '\n');
