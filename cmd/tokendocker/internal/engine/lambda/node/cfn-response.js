'use strict';

// The module that CloudFormation puts beside inline Node.js code. Source: AWS CloudFormation User Guide, "cfn-response
// module".

const https = require('https');
const url = require('url');

exports.SUCCESS = 'SUCCESS';
exports.FAILED = 'FAILED';

exports.send = function (event, context, responseStatus, responseData, physicalResourceId, noEcho) {
  const body = JSON.stringify({
    Status: responseStatus,
    Reason: 'See the details in CloudWatch Log Stream: ' + context.logStreamName,
    PhysicalResourceId: physicalResourceId || context.logStreamName,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    NoEcho: noEcho || false,
    Data: responseData,
  });
  const target = url.parse(event.ResponseURL);
  const headers = { 'content-type': '', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const request = https.request({ hostname: target.hostname, port: 443, path: target.path, method: 'PUT', headers }, (answer) => {
      answer.resume();
      context.done();
      resolve();
    });
    request.on('error', (error) => {
      console.log('send(..) failed executing https.request(..): ' + error);
      context.done();
      reject(error);
    });
    request.end(body);
  });
};
