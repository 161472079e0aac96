package rehearsals

import (
	"strings"
	"testing"
)

// lookups is an app whose second stack is made of what the CDK's command finds in the account: the first stack's network,
// the region's zones, and a parameter.
const lookups = `
const cdk = require('aws-cdk-lib');
const ec2 = require('aws-cdk-lib/aws-ec2');
const ssm = require('aws-cdk-lib/aws-ssm');
const app = new cdk.App();
const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
if (app.node.tryGetContext('first')) {
  const first = new cdk.Stack(app, 'Network', { env });
  const vpc = new ec2.Vpc(first, 'Vpc', { vpcName: 'shared', maxAzs: 2, natGateways: 0, restrictDefaultSecurityGroup: false });
  new cdk.CfnOutput(first, 'Id', { value: vpc.vpcId });
  new cdk.CfnOutput(first, 'Subnets', { value: vpc.publicSubnets.map((subnet) => subnet.subnetId).join(' ') });
} else {
  const second = new cdk.Stack(app, 'Found', { env });
  const vpc = ec2.Vpc.fromLookup(second, 'Vpc', { vpcName: 'shared' });
  new ssm.StringParameter(second, 'Id', { stringValue: vpc.vpcId });
  new cdk.CfnOutput(second, 'Subnets', { value: vpc.publicSubnets.map((subnet) => subnet.subnetId).join(' ') });
  new cdk.CfnOutput(second, 'Zones', { value: second.availabilityZones.join(' ') });
  new cdk.CfnOutput(second, 'Version', { value: ssm.StringParameter.valueFromLookup(second, '/cdk-bootstrap/hnb659fds/version') });
}
`

// TestCDKLookups: what an app asks of the account, the CDK's command finds here, as the role for that.
func TestCDKLookups(t *testing.T) {
	t.Parallel()
	p := newProject(t, "node app.js", map[string]string{"app.js": lookups})
	p.cdk(0, "bootstrap", "aws://123456789012/us-east-1")
	first, _ := p.deploy("Network", "--context", "first=yes")
	found, _ := p.deploy("Found")
	if found["Subnets"] != first["Subnets"] || len(strings.Fields(found["Subnets"])) != 2 {
		t.Errorf("found the subnets %q, and there are %q", found["Subnets"], first["Subnets"])
	}
	if found["Zones"] != "us-east-1a us-east-1b us-east-1c" || found["Version"] == "" {
		t.Errorf("found the zones %q and version %q", found["Zones"], found["Version"])
	}
}
