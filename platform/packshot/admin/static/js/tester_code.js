// The request as code that can be run: curl, JavaScript (a browser, Node 20) and Python (requests).

const YOUR_KEY = "YOUR_API_KEY";
const JAVASCRIPT_NUMBER = /^-?\d+(\.\d+)?$/;

export function codeOf(language, asked) {
  const files = asked.files.filter(({ file }) => file || !asked.fields.some(isSource));
  const call = { ...asked, url: asked.base + asked.path, headers: [...headersOf(asked)], files };
  return { curl, javascript, python }[language](call);
}

// A picture may also come from an address or an earlier output: then there is no file to send.
const isSource = ({ name }) => name === "imageUrl" || name === "outputId";

function* headersOf(asked) {
  if (asked.needsKey && !asked.isLegacy) yield { name: "x-api-key", value: asked.key || YOUR_KEY };
  for (const header of asked.headers) yield header;
}

const shell = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const quoted = (text) => JSON.stringify(text);
const fileName = (one) => one.file?.name ?? "product.jpg";

// The fields as the JSON that is sent: numbers as numbers, lists as lists.
export function bodyOf(call) {
  const entries = call.fields.map(({ name, value, kind }) => [name, plain(value, kind)]);
  return Object.fromEntries(entries);
}

function plain(value, kind) {
  if (kind === "number" && JAVASCRIPT_NUMBER.test(value)) return Number(value);
  if (kind !== "json") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value.split(",").map((word) => word.trim());
  }
}

function curl(call) {
  const lines = [`curl -sS${call.method === "GET" ? "" : ` -X ${call.method}`} ${shell(call.url)}`];
  for (const { name, value } of call.headers) lines.push(`-H ${shell(`${name}: ${value}`)}`);
  if (call.body === "multipart") {
    for (const one of call.files) lines.push(`-F ${shell(`${one.name}=@${fileName(one)}`)}`);
    for (const { name, value } of call.fields) lines.push(`--form-string ${shell(`${name}=${value}`)}`);
  } else if (call.body === "json") {
    lines.push("-H 'content-type: application/json'", `-d ${shell(JSON.stringify(bodyOf(call)))}`);
  }
  if (isImage(call)) lines.push("-o packshot.jpg");
  return lines.join(" \\\n  ");
}

const isImage = (call) => call.headers.some(({ name, value }) => name === "accept" && value.startsWith("image/"));

function javascript(call) {
  const lines = [];
  const options = [`method: ${quoted(call.method)}`];
  const headers = call.headers.map(({ name, value }) => `${quoted(name)}: ${quoted(value)}`);
  if (call.body === "json") headers.push('"content-type": "application/json"');
  if (headers.length) options.push(`headers: { ${headers.join(", ")} }`);
  if (call.body === "multipart") {
    if (call.files.length) lines.push('import { openAsBlob } from "node:fs"; // in a browser: input.files[0]', "");
    lines.push("const form = new FormData();");
    for (const one of call.files) {
      const name = quoted(fileName(one));
      lines.push(`form.append(${quoted(one.name)}, await openAsBlob(${name}), ${name});`);
    }
    for (const { name, value } of call.fields) lines.push(`form.append(${quoted(name)}, ${quoted(value)});`);
    lines.push("");
    options.push("body: form");
  } else if (call.body === "json") {
    options.push(`body: JSON.stringify(${JSON.stringify(bodyOf(call))})`);
  }
  lines.push(`const response = await fetch(${quoted(call.url)}, {`, ...options.map((one) => `  ${one},`), "});");
  lines.push(isImage(call) ? "const image = await response.blob();\nconsole.log(response.status, image.type, image.size);" : "console.log(response.status, await response.text());");
  return lines.join("\n");
}

function python(call) {
  const lines = ["import requests", ""];
  const options = [];
  if (call.headers.length) {
    options.push(`headers={${call.headers.map(({ name, value }) => `${quoted(name)}: ${quoted(value)}`).join(", ")}}`);
  }
  if (call.body === "multipart") {
    // A form without a file is multipart too when its fields are given as files.
    const parts = call.files.map((one) => `${quoted(one.name)}: open(${quoted(fileName(one))}, "rb")`);
    const fields = call.fields.map(({ name, value }) => `${quoted(name)}: ${quoted(value)}`);
    const asParts = call.fields.map(({ name, value }) => `${quoted(name)}: (None, ${quoted(value)})`);
    options.push(`files={${(parts.length ? parts : asParts).join(", ")}}`);
    if (parts.length && fields.length) options.push(`data={${fields.join(", ")}}`);
  } else if (call.body === "json") {
    options.push(`json=${pythonOf(bodyOf(call))}`);
  }
  options.push("timeout=120");
  lines.push(`response = requests.${call.method.toLowerCase()}(`, `    ${quoted(call.url)},`, ...options.map((one) => `    ${one},`), ")");
  lines.push(isImage(call) ? 'open("packshot.jpg", "wb").write(response.content)\nprint(response.status_code, len(response.content))' : "print(response.status_code, response.text)");
  return lines.join("\n");
}

function pythonOf(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonOf).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value).map(([name, one]) => `${quoted(name)}: ${pythonOf(one)}`).join(", ")}}`;
  }
  return JSON.stringify(value);
}
