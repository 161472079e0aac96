// People sign in with Cognito: a pool with triggers, clients and a domain, an identity pool with roles, and an HTTP API
// that asks for the pool's tokens.

import { App, CfnOutput, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { HttpApi, HttpMethod } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpUserPoolAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import * as cognito from 'aws-cdk-lib/aws-cognito';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as lambda from 'aws-cdk-lib/aws-lambda';

const app = new App();
const step: string = app.node.tryGetContext('step') ?? 'first';
const stack = new Stack(app, 'SignIn');

const fn = (id: string, code: string) => new lambda.Function(stack, id, {
  runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', timeout: Duration.minutes(1),
  code: lambda.Code.fromInline(`exports.handler = async (event) => ${code};`),
});
const pool = new cognito.UserPool(stack, 'Users', {
  selfSignUpEnabled: true, signInAliases: { email: true }, removalPolicy: RemovalPolicy.DESTROY,
  mfa: cognito.Mfa.OPTIONAL, mfaSecondFactor: { otp: true, sms: false },
  lambdaTriggers: { preSignUp: fn('Welcome', '({ ...event, response: { autoConfirmUser: true } })') },
  customAttributes: { plan: new cognito.StringAttribute({ mutable: true }) },
});
const domain = pool.addDomain('Domain', { cognitoDomain: { domainPrefix: 'shop-sign-in' } });
const scope = new cognito.ResourceServerScope({ scopeName: 'read', scopeDescription: 'read orders' });
const server = pool.addResourceServer('Api', { identifier: 'orders', scopes: [scope] });
const client = pool.addClient('Web', {
  // Whether a client has a secret cannot change: it is replaced.
  generateSecret: step !== 'first',
  oAuth: { flows: { authorizationCodeGrant: true }, scopes: [cognito.OAuthScope.OPENID, cognito.OAuthScope.resourceServer(server, scope)], callbackUrls: ['https://shop.example.com/'] },
});
new cognito.CfnUserPoolGroup(stack, 'Admins', { userPoolId: pool.userPoolId, groupName: 'admins' });

const identities = new cognito.CfnIdentityPool(stack, 'Identities', {
  allowUnauthenticatedIdentities: false,
  cognitoIdentityProviders: [{ clientId: client.userPoolClientId, providerName: pool.userPoolProviderName }],
});
const signedIn = new iam.Role(stack, 'SignedIn', {
  assumedBy: new iam.WebIdentityPrincipal('cognito-identity.amazonaws.com', {
    'StringEquals': { 'cognito-identity.amazonaws.com:aud': identities.ref },
    'ForAnyValue:StringLike': { 'cognito-identity.amazonaws.com:amr': 'authenticated' },
  }),
});
signedIn.addToPolicy(new iam.PolicyStatement({
  actions: ['s3:PutObject'], resources: ['arn:aws:s3:::uploads/${cognito-identity.amazonaws.com:sub}/*'],
}));
if (step === 'broken') {
  // Written past the CDK, a policy is IAM's to check.
  (signedIn.node.defaultChild as iam.CfnRole).addPropertyOverride('AssumeRolePolicyDocument.Statement.0.Effect', 'Permit');
}
new cognito.CfnIdentityPoolRoleAttachment(stack, 'Roles', { identityPoolId: identities.ref, roles: { authenticated: signedIn.roleArn } });

const api = new HttpApi(stack, 'HttpApi', { corsPreflight: { allowOrigins: ['https://shop.example.com'] } });
api.addRoutes({
  path: '/me', methods: [HttpMethod.GET], integration: new HttpLambdaIntegration('Me', fn('MeFunction', '({ statusCode: 200 })')),
  authorizer: new HttpUserPoolAuthorizer('Pool', pool, { userPoolClients: [client] }),
});

new CfnOutput(stack, 'SignInUrl', { value: domain.signInUrl(client, { redirectUri: 'https://shop.example.com/' }) });
new CfnOutput(stack, 'Issuer', { value: pool.userPoolProviderUrl });
new CfnOutput(stack, 'ApiUrl', { value: api.apiEndpoint });
app.synth();
