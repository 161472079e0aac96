'use strict';

// Lambda's Node.js runtime, as much of it as can be seen from a function: it loads the handler, takes events from the
// Runtime API and answers them. Sources: AWS Lambda Developer Guide, "Define Lambda function handler in Node.js",
// "Using the Lambda context object to retrieve Node.js function information", "Using the Lambda runtime API for custom
// runtimes", "Log and monitor Node.js Lambda functions".

const fs = require('node:fs');
const http = require('node:http');
const https = require('node:https');
const Module = require('node:module');
const path = require('node:path');
const { pathToFileURL, urlToHttpOptions } = require('node:url');
const util = require('node:util');

const { env } = process;
const lambdaDir = path.dirname(__dirname); // code/, node_modules/ with the SDK, and runtime/ with this file
const request = http.request; // functions may replace what the modules export

// ---------------------------------------------------------------------------------------------- what surrounds it

// limitLookup keeps modules of this machine out of sight: above the function's folder only the SDK is found.
function limitLookup() {
  const all = Module._nodeModulePaths;
  const inside = (dir) => dir.startsWith(lambdaDir + path.sep);
  Module._nodeModulePaths = function (from) {
    const dirs = all.call(this, from);
    return inside(from) ? dirs.filter(inside) : dirs;
  };
}

// routeToDoor lets response URLs work in code that takes host and path from them and goes to port 443, as CDK's
// provider framework and cfn-response do: the engine's one address listens without TLS on another port.
function routeToDoor() {
  const door = new URL(env.AWS_ENDPOINT_URL);
  const secure = { request: https.request, get: https.get };
  const route = (name) => function (...args) {
    const callback = typeof args.at(-1) === 'function' ? args.pop() : undefined;
    const options = {};
    for (const a of args) {
      Object.assign(options, typeof a === 'string' || a instanceof URL ? urlToHttpOptions(new URL(a)) : a);
    }
    const host = options.hostname ?? options.host;
    if (host !== door.hostname || Number(options.port || 443) !== 443) {
      return secure[name].call(https, ...args, ...(callback ? [callback] : []));
    }
    const { agent, host: unused, defaultPort, ...rest } = options;
    return http[name]({ ...rest, protocol: 'http:', hostname: door.hostname, port: door.port }, callback);
  };
  https.request = route('request');
  https.get = route('get');
  Module.syncBuiltinESMExports();
}

// addressByPath makes the SDK's S3 clients name the bucket in the path. They do so by themselves while the endpoint is an
// IP address, except for a bucket whose name has dots ("www.example.com"), which they put before the address.
function addressByPath() {
  const load = Module._load;
  const seen = new WeakSet();
  Module._load = function (name, ...rest) {
    const loaded = load.call(this, name, ...rest);
    const client = /@aws-sdk[\\/]client-s3([\\/]|$)/.test(name) ? loaded?.S3Client : undefined;
    if (client && !seen.has(client)) {
      seen.add(client);
      const { send } = client.prototype;
      client.prototype.send = function (...args) {
        this.config.forcePathStyle = true;
        return send.apply(this, args);
      };
    }
    return loaded;
  };
}

// ------------------------------------------------------------------------------------------------------------ logs

let requestId = 'undefined';

// log writes one event; CloudWatch ends events at line feeds, so those inside become carriage returns.
function log(level, ...values) {
  const text = `${new Date().toISOString()}\t${requestId}\t${level}\t${util.format(...values)}`;
  fs.writeSync(1, text.replaceAll('\n', '\r') + '\n');
}

function patchConsole() {
  const levels = { log: 'INFO', info: 'INFO', debug: 'DEBUG', warn: 'WARN', error: 'ERROR', trace: 'TRACE' };
  for (const [name, level] of Object.entries(levels)) console[name] = (...values) => log(level, ...values);
}

// --------------------------------------------------------------------------------------------------------- errors

class RuntimeError extends Error {
  constructor(name, message) {
    super(message);
    this.name = name;
  }
}

// describe is an error as Lambda answers it.
function describe(error) {
  if (util.types.isNativeError(error) || error instanceof Error) {
    return { errorType: error.name, errorMessage: error.message, trace: String(error.stack).split('\n') };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

// withHint says which clients of the SDK are there, to who asks for another one.
function withHint(message) {
  if (!message.includes('@aws-sdk/')) return message;
  let clients = [];
  try {
    clients = fs.readdirSync(path.join(lambdaDir, 'node_modules', '@aws-sdk')).filter((name) => name.startsWith('client-'));
  } catch {
    return message + '\nThe SDK of Lambda is not installed on this machine; run: scripts/setup';
  }
  return `${message}\nA rehearsal's Node.js runtime brings ${clients.join(', ')}; bundle others with the function.`;
}

// -------------------------------------------------------------------------------------------------------- handler

function isModule(file) {
  if (file.endsWith('.mjs')) return true;
  if (!file.endsWith('.js')) return false;
  for (let dir = path.dirname(file); dir.startsWith(lambdaDir); dir = path.dirname(dir)) {
    const manifest = path.join(dir, 'package.json');
    if (fs.existsSync(manifest)) return JSON.parse(fs.readFileSync(manifest, 'utf8')).type === 'module';
  }
  return false;
}

// load loads the module that a handler names without extension.
async function load(name, text) {
  const isFile = (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile();
  const file = ['', '.js', '.mjs', '.cjs'].map((extension) => name + extension).find(isFile);
  const require = Module.createRequire(path.join(env.LAMBDA_TASK_ROOT, 'package.json'));
  try {
    if (file && isModule(file)) return await import(pathToFileURL(file).href);
    return require(file ?? name);
  } catch (error) {
    if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND') {
      const message = withHint(String(error)).replaceAll(name, text).replaceAll(__filename, '/var/runtime/index.mjs');
      throw new RuntimeError('Runtime.ImportModuleError', message);
    }
    throw error instanceof SyntaxError ? new RuntimeError('Runtime.UserCodeSyntaxError', String(error)) : error;
  }
}

async function loadHandler(text) {
  const base = path.basename(text);
  const parts = /^([^.]*)\.(.*)$/.exec(base);
  if (text.includes('..') || !parts) throw new RuntimeError('Runtime.MalformedHandlerName', 'Bad handler');
  const folder = text.slice(0, -base.length);
  const loaded = await load(path.resolve(env.LAMBDA_TASK_ROOT, folder, parts[1]), parts[1]);
  const handler = parts[2].split('.').reduce((owner, name) => owner?.[name], loaded);
  if (!handler) throw new RuntimeError('Runtime.HandlerNotFound', `${text} is undefined or not exported`);
  if (typeof handler !== 'function') throw new RuntimeError('Runtime.HandlerNotFound', `${text} is not a function`);
  if (handler.length > 2 && Number(/\d+/.exec(env.AWS_EXECUTION_ENV)) >= 24) {
    throw new RuntimeError('Runtime.CallbackHandlerDeprecated', 'AWS Lambda has removed support for callback-based function handlers '
      + 'starting with Node.js 24. You will need to modify this function to use a supported handler signature to use Node.js 24 or later.');
  }
  return handler;
}

// --------------------------------------------------------------------------------------------------- Runtime API

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });

function call(method, target, body) {
  const [hostname, port] = env.AWS_LAMBDA_RUNTIME_API.split(':');
  return new Promise((resolve, reject) => {
    const sent = request({ agent, hostname, port, method, path: '/2018-06-01/runtime/' + target }, (answer) => {
      const chunks = [];
      answer.on('data', (chunk) => chunks.push(chunk));
      answer.on('end', () => resolve({ headers: answer.headers, body: Buffer.concat(chunks).toString() }));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const post = (target, value) => call('POST', target, JSON.stringify(value));

// ---------------------------------------------------------------------------------------------------- invocations

let whenIdle; // what a handler that calls back, or never does, still waits for: nothing left to do

function contextOf(headers, finish) {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    awsRequestId: headers['lambda-runtime-aws-request-id'],
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => deadline - Date.now(),
    done: finish,
    fail: (error) => finish(error ?? 'handled'),
    succeed: (value) => finish(null, value),
  };
}

// invoke runs the handler once. It resolves to { error } or { value }.
function invoke(handler, event, headers) {
  return new Promise((resolve) => {
    const finish = (error, value) => resolve(error === undefined || error === null ? { value } : { error });
    const context = contextOf(headers, finish);
    const callback = (error, value) => {
      if (context.callbackWaitsForEmptyEventLoop) whenIdle = () => finish(error, value);
      else finish(error, value);
    };
    whenIdle = () => finish(null, null);
    try {
      const result = handler(event, context, callback);
      if (typeof result?.then === 'function') result.then((value) => finish(null, value), (error) => resolve({ error }));
    } catch (error) {
      resolve({ error });
    }
  });
}

async function serve(handler) {
  for (;;) {
    const { headers, body } = await call('GET', 'invocation/next');
    requestId = headers['lambda-runtime-aws-request-id'];
    env._X_AMZN_TRACE_ID = headers['lambda-runtime-trace-id'];
    const target = 'invocation/' + requestId;
    const outcome = await invoke(handler, JSON.parse(body), headers);
    whenIdle = undefined;
    let answer = 'null';
    try {
      answer = JSON.stringify(outcome.value) ?? 'null';
    } catch {
      outcome.error = new Error('Unable to stringify response body');
    }
    if ('error' in outcome) {
      const said = describe(outcome.error);
      log('ERROR', 'Invoke Error \t%j', said);
      await post(target + '/error', said);
    } else {
      await call('POST', target + '/response', answer);
    }
  }
}

// ------------------------------------------------------------------------------------------------------- the whole

async function die(error, status) {
  const said = describe(error);
  const starting = requestId === 'undefined';
  log('ERROR', '%s \t%j', error instanceof RuntimeError && !starting ? 'Unhandled Promise Rejection' : 'Uncaught Exception', said);
  try {
    await post(starting ? 'init/error' : `invocation/${requestId}/error`, said);
  } finally {
    process.exit(status);
  }
}

async function main() {
  limitLookup();
  routeToDoor();
  addressByPath();
  patchConsole();
  process.on('beforeExit', () => {
    const resume = whenIdle;
    whenIdle = undefined;
    resume?.();
  });
  process.on('uncaughtException', (error) => die(error, 129));
  process.on('unhandledRejection', (reason) => {
    die(new RuntimeError('Runtime.UnhandledPromiseRejection', String(reason)), 128);
  });
  let handler;
  try {
    handler = await loadHandler(env._HANDLER);
  } catch (error) {
    await die(error, 1);
  }
  await serve(handler).catch(() => process.exit(1)); // the engine is gone
}

main();
