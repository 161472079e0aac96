// Builds dist/ from src/: the page, and one bundle that holds the API's URL.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const url = process.env.API_URL;
if (!url) {
  console.error("API_URL is not set: give it as a build argument");
  process.exit(1);
}

mkdirSync("dist", { recursive: true });
cpSync("src/index.html", "dist/index.html");
const modules = ["src/greeting.js", "src/page.js"].map((file) => readFileSync(file, "utf8"));
writeFileSync("dist/bundle.js", [`const API_URL = ${JSON.stringify(url)};`, ...modules].join("\n"));
console.log(`dist/bundle.js calls ${url}`);
