// Writes catalog.json from the npm package @aws-cdk/aws-service-spec (Apache-2.0), version 0.1.216:
//
//	npm install --no-save @aws-cdk/aws-service-spec@0.1.216
//	node generate.js > catalog.json
'use strict';

const { loadAwsServiceSpecSync } = require('@aws-cdk/aws-service-spec');

const kinds = { array: 'list', boolean: 'boolean', integer: 'number', number: 'number' };
const types = {};
for (const r of loadAwsServiceSpecSync().all('resource')) {
  const immutable = Object.entries(r.properties).filter(([, p]) => p.causesReplacement === 'yes').map(([name]) => name).sort();
  const attributes = {};
  for (const name of Object.keys(r.attributes).sort()) attributes[name] = kinds[r.attributes[name].type.type] ?? 'string';
  types[r.cloudFormationType] = { identifier: r.primaryIdentifier ?? [], immutable, attributes, arn: r.arnTemplate };
}
const lines = Object.keys(types).sort().map((name) => JSON.stringify(name) + ':' + JSON.stringify(types[name]));
process.stdout.write('{\n' + lines.join(',\n') + '\n}\n');
