// Serves dist/: over HTTP in a container, over Lambda's Runtime API in a function.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";

const types = { "/index.html": "text/html", "/bundle.js": "text/javascript" };

async function page(path) {
  const name = path === "/" ? "/index.html" : path;
  if (!types[name]) {
    return { statusCode: 404, headers: { "content-type": "text/plain" }, body: "not found" };
  }
  return { statusCode: 200, headers: { "content-type": types[name] }, body: await readFile(`dist${name}`, "utf8") };
}

// AWS Lambda Developer Guide, "Using the Lambda runtime API for custom runtimes".
async function serveLambda(host) {
  const api = `http://${host}/2018-06-01/runtime/invocation`;
  for (;;) {
    const next = await fetch(`${api}/next`);
    const id = next.headers.get("lambda-runtime-aws-request-id");
    const event = await next.json();
    const answer = await page(event.rawPath ?? event.path ?? "/");
    await fetch(`${api}/${id}/response`, { method: "POST", body: JSON.stringify(answer) });
  }
}

function serveHTTP(port) {
  createServer(async (request, response) => {
    const { statusCode, headers, body } = await page(new URL(request.url, "http://localhost").pathname);
    response.writeHead(statusCode, headers).end(body);
  }).listen(port, () => console.log(`listening on port ${port}`));
}

if (process.env.AWS_LAMBDA_RUNTIME_API) {
  await serveLambda(process.env.AWS_LAMBDA_RUNTIME_API);
} else {
  serveHTTP(process.env.PORT ?? 8080);
}
