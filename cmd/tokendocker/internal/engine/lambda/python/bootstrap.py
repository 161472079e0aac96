"""Lambda's Python runtime, as much of it as can be seen from a function: it loads the handler, takes events from the
Runtime API and answers them. Sources: AWS Lambda Developer Guide, "Define Lambda function handler in Python", "Using the
Lambda context object to retrieve Python function information", "Log and monitor Python Lambda functions", "Python Lambda
function errors"; aws-lambda-python-runtime-interface-client.
"""

import decimal
import http.client
import importlib
import importlib.util
import json
import logging
import os
import sys
import time
import traceback

ENV = os.environ
ROOT = ENV["LAMBDA_TASK_ROOT"]
PREFIX = "/2018-06-01/runtime/"


class Fault(Exception):
    """An error of the runtime's own, with its type's name."""

    def __init__(self, kind, message, frames=()):
        super().__init__(message)
        self.kind, self.message, self.frames = kind, message, list(frames)


class Api:
    """The Runtime API."""

    def __init__(self, address):
        self.connection = http.client.HTTPConnection(address)

    def call(self, method, path, body=None):
        self.connection.request(method, PREFIX + path, body, {"Content-Type": "application/json"} if body is not None else {})
        answer = self.connection.getresponse()
        return answer.headers, answer.read()

    def post(self, path, value):
        self.call("POST", path, json.dumps(value, ensure_ascii=False).encode())


class Context:
    """What a handler gets as its second argument."""

    def __init__(self, headers):
        self.aws_request_id = headers["Lambda-Runtime-Aws-Request-Id"]
        self.invoked_function_arn = headers["Lambda-Runtime-Invoked-Function-Arn"]
        self.function_name = ENV["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = ENV["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = ENV["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = ENV["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = ENV["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.identity = None
        self.client_context = None
        self._deadline = int(headers["Lambda-Runtime-Deadline-Ms"])

    def get_remaining_time_in_millis(self):
        return max(self._deadline - int(time.time() * 1000), 0)

    def log(self, message):
        sys.stdout.write(str(message))


# ------------------------------------------------------------------------------------------------------------ logs

request_id = ""


class RequestFilter(logging.Filter):
    def filter(self, record):
        record.aws_request_id = request_id
        return True


def set_up_logging():
    """One handler on the root logger, whose level stays WARNING."""
    handler = logging.StreamHandler(sys.stdout)
    formatter = logging.Formatter("[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    handler.addFilter(RequestFilter())
    logging.root.addHandler(handler)


def log_error(said):
    """CloudWatch ends events at line feeds, so those inside become carriage returns."""
    lines = ["[ERROR] %s: %s" % (said["errorType"], said["errorMessage"])]
    if said["stackTrace"]:
        lines.append("Traceback (most recent call last):")
        lines += [line.rstrip("\n") for line in said["stackTrace"]]
    print("\r".join(lines).replace("\n", "\r"))


# -------------------------------------------------------------------------------------------------------- handler


def with_hint(message):
    """Says what is where, to who asks for the SDK that Lambda would have."""
    if "'boto3'" in message or "'botocore'" in message:
        message += ". Lambda's runtime brings boto3; a rehearsal takes that of this machine's Python, which has none: " \
            + sys.executable + " -m pip install boto3"
    return message


def load_handler(text):
    try:
        module_name, function_name = text.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (text, error)) from None
    try:
        if module_name.split(".")[0] in sys.builtin_module_names:
            raise Fault("Runtime.ImportModuleError", "Cannot use built-in module %s as a handler module" % module_name)
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise Fault("Runtime.ImportModuleError", "Unable to import module '%s': %s" % (module_name, with_hint(str(error)))) from None
    except SyntaxError as error:
        where = ['  File "%s" Line %s\n    %s' % (error.filename, error.lineno, error.text)]
        raise Fault("Runtime.UserCodeSyntaxError", "Syntax error in module '%s': %s" % (module_name, error), where) from None
    if not hasattr(module, function_name):
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (function_name, module_name))
    return getattr(module, function_name)


def describe(error):
    """An error as Lambda answers it; the runtime's own frames are left out."""
    if isinstance(error, Fault):
        return {"errorMessage": error.message, "errorType": error.kind, "requestId": request_id, "stackTrace": error.frames}
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__ and "importlib" not in f.filename]
    return {"errorMessage": str(error), "errorType": type(error).__name__, "requestId": request_id,
            "stackTrace": traceback.format_list(frames)}


def number(value):
    """Decimals, as DynamoDB's clients give them, are numbers."""
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError("Object of type %s is not JSON serializable" % type(value).__name__)


def run(handler, body, context):
    try:
        event = json.loads(body)
    except ValueError as error:
        raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error) from None
    value = handler(event, context)
    try:
        return json.dumps(value, ensure_ascii=False, default=number).encode()
    except (TypeError, ValueError) as error:
        raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error) from None


def serve(api, handler):
    global request_id
    while True:
        headers, body = api.call("GET", "invocation/next")
        context = Context(headers)
        request_id = context.aws_request_id
        ENV["_X_AMZN_TRACE_ID"] = headers["Lambda-Runtime-Trace-Id"]
        try:
            answer = run(handler, body, context)
        except Exception as error:
            said = describe(error)
            log_error(said)
            api.post("invocation/%s/error" % request_id, said)
        else:
            api.call("POST", "invocation/%s/response" % request_id, answer)


def main():
    sys.path.insert(0, ROOT)
    set_up_logging()
    api = Api(ENV["AWS_LAMBDA_RUNTIME_API"])
    try:
        handler = load_handler(ENV["_HANDLER"])
    except Exception as error:
        said = describe(error)
        log_error(said)
        api.post("init/error", said)
        sys.exit(1)
    try:
        serve(api, handler)
    except (OSError, http.client.HTTPException):
        sys.exit(1)  # the engine is gone


main()
