// The request that the controls stand for, as code that runs as printed once the key is filled in.

const KEY = "YOUR_API_KEY";
const quoted = JSON.stringify;

// A name that needs no quoting in any shell; others are told by a plain one.
function plainName(name) {
  return /^[\w][\w.-]{0,80}$/.test(name) ? name : "product.jpg";
}

function curl(url, file, fields) {
  const parts = fields.map(([name, value]) => ` \\\n  -F '${name}=${value}'`);
  return `curl ${url} \\\n  -H 'x-api-key: ${KEY}' \\\n  -F 'image=@${file}'${parts.join("")}\n`;
}

function javascript(url, file, fields) {
  const parts = fields.map(([name, value]) => `form.append(${quoted(name)}, ${quoted(value)});\n`);
  return `import { openAsBlob } from "node:fs"; // in a browser: form.append("image", input.files[0])

const form = new FormData();
form.append("image", await openAsBlob(${quoted(file)}), ${quoted(file)});
${parts.join("")}
const response = await fetch(${quoted(url)}, {
  method: "POST",
  headers: { "x-api-key": "${KEY}" },
  body: form,
});
const answer = await response.json();
if (!response.ok) throw new Error(answer.detail);
console.log(answer.output.outputId, answer.output.url);
`;
}

function python(url, file, fields) {
  const parts = fields.map(([name, value]) => `        ${quoted(name)}: ${quoted(value)},\n`);
  return `import requests

with open(${quoted(file)}, "rb") as image:
    response = requests.post(
        ${quoted(url)},
        headers={"x-api-key": "${KEY}"},
        files={"image": image},
        data={
${parts.join("").replaceAll(/^ {8}/gm, "            ")}        },
        timeout=60,
    )
response.raise_for_status()
output = response.json()["output"]
print(output["outputId"], output["url"])
`;
}

const LANGUAGES = { curl, javascript, python };

export function snippet(language, { baseUrl, operation, name, fields }) {
  return LANGUAGES[language](`${baseUrl}/api/v1/${operation}`, plainName(name), fields);
}
