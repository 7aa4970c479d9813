// Every language has every text, every text is used, and each asks for the
// same values.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const LANGUAGES = ['ko', 'en', 'ja', 'zh-CN'];

/**
 * @param {object} tree @param {string} prefix
 * @returns {[string, string][]}
 */
function flatten(tree, prefix = '') {
  return Object.entries(tree).flatMap(([key, value]) =>
    typeof value === 'string'
      ? [/** @type {[string, string]} */ ([prefix + key, value])]
      : flatten(value, `${prefix}${key}.`),
  );
}

/** The names of the values that a text asks for. @param {string} text */
function values(text) {
  return [...new Set([...text.matchAll(/\{(\w+)[,}]/g)].map(([, name]) => name))].sort().join();
}

/**
 * What stands between the brackets of each call of a function.
 * @param {string} source @param {string} name
 */
function calls(source, name) {
  return [...source.matchAll(new RegExp(`(?<![\\w.])${name}(?:\\.rich)?\\(`, 'g'))].map((match) => {
    const start = match.index + match[0].length;
    let depth = 1;
    let end = start;
    for (; depth > 0 && end < source.length; end += 1) {
      if (source[end] === '(') depth += 1;
      else if (source[end] === ')') depth -= 1;
    }
    return source.slice(start, end - 1);
  });
}

const problems = [];
const texts = new Map();
for (const language of LANGUAGES) {
  const file = join(ROOT, 'messages', `${language}.json`);
  texts.set(language, new Map(flatten(JSON.parse(await readFile(file, 'utf8')))));
}
const english = texts.get('en');
for (const [language, messages] of texts) {
  for (const [key, text] of english) {
    const own = messages.get(key);
    if (!own) problems.push(`${language}: ${key} is missing`);
    else if (values(own) !== values(text))
      problems.push(`${language}: ${key} asks for other values`);
  }
  for (const key of messages.keys()) {
    if (!english.has(key)) problems.push(`${language}: ${key} is not in en.json`);
  }
}

// Which keys the sources use: literal ones exactly, templates by their shape.
const used = new Set();
/** @type {RegExp[]} */
const shapes = [];
const sources = (await readdir(join(ROOT, 'src'), { recursive: true })).filter(
  (path) => /\.tsx?$/.test(path) && !/\.test\.tsx?$/.test(path),
);
for (const path of sources) {
  const source = await readFile(join(ROOT, 'src', path), 'utf8');
  const scopes = new Map();
  for (const [, name, scope] of source.matchAll(/const (\w+) = useTranslations\('([\w.-]+)'\)/g)) {
    scopes.set(name, [...(scopes.get(name) ?? []), scope]);
  }
  for (const [name, list] of scopes) {
    // All that is quoted within a call: both sides of a condition count.
    for (const argument of calls(source, name)) {
      for (const scope of list) {
        for (const [, key] of argument.matchAll(/'([\w.-]+)'/g)) used.add(`${scope}.${key}`);
        for (const [, template = ''] of argument.matchAll(/`([^`]+)`/g)) {
          const shape = `${scope}.${template}`
            .split(/\$\{(?:[^{}]|\{[^{}]*\})*\}/)
            .map((part) => part.replace(/[.*+?^$()|[\]\\]/g, '\\$&'))
            .join('[\\w-]+');
          shapes.push(new RegExp(`^${shape}$`));
        }
        if (/^\s*\w+\s*$/.test(argument)) shapes.push(new RegExp(`^${scope}\\.[\\w-]+$`));
      }
    }
  }
}
for (const key of english.keys()) {
  if (!used.has(key) && !shapes.some((shape) => shape.test(key))) {
    problems.push(`en: ${key} is used nowhere`);
  }
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`messages: ${english.size} texts in ${LANGUAGES.length} languages`);
