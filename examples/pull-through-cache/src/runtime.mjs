// Hands each invocation of a Lambda function to handler.mjs.
// AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
import { handle } from "./handler.mjs";

const api = `http://${process.env.AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime/invocation`;
for (;;) {
  const next = await fetch(`${api}/next`);
  const id = next.headers.get("lambda-runtime-aws-request-id");
  const body = JSON.stringify(await handle(await next.json()));
  await fetch(`${api}/${id}/response`, { method: "POST", body });
}
