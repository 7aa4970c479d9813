// Adds to package-lock.json the packages for other platforms that the registry
// did not list when the lock was made: a partial mirror leaves them out, and
// `npm ci` then refuses the lock. They have no integrity here; the platform
// that needs one fetches the very version that its parent names.
// Run by `npm run lock`.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('../package-lock.json', import.meta.url));
const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];

const lock = JSON.parse(await readFile(FILE, 'utf8'));
/** @type {Record<string, any>} */
const packages = lock.packages;

/** Whether a package's dependency is in the lock, at its side or above it. */
function isLocked(/** @type {string} */ path, /** @type {string} */ name) {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const candidate = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (packages[candidate]) return true;
    if (at === '' || !at.includes('/node_modules/')) break;
  }
  return `node_modules/${name}` in packages;
}

let added = 0;
for (const [path, entry] of Object.entries(packages)) {
  for (const [name, version] of Object.entries(entry.optionalDependencies ?? {})) {
    const parts = name.split(/[/-]/);
    const os = SYSTEMS.filter((system) => parts.includes(system));
    const cpu = PROCESSORS.filter((processor) => parts.includes(processor));
    // Only what says in its name that it is for another platform.
    if (isLocked(path, name) || (os.length === 0 && cpu.length === 0)) continue;
    packages[`node_modules/${name}`] = {
      version,
      ...(cpu.length > 0 ? { cpu } : {}),
      ...(entry.dev ? { dev: true } : {}),
      optional: true,
      ...(os.length > 0 ? { os } : {}),
    };
    added += 1;
  }
}
const order = Object.entries(packages).sort(([a], [b]) => a.localeCompare(b, 'en'));
lock.packages = Object.fromEntries(order);
await writeFile(FILE, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${added} packages for other platforms added`);
