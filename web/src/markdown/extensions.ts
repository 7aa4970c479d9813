/** The ends of file names that are not the language's own name. */
const EXTENSIONS: Record<string, string> = {
  bash: 'sh',
  batch: 'bat',
  'c++': 'cpp',
  clojure: 'clj',
  console: 'sh',
  csharp: 'cs',
  docker: 'dockerfile',
  elixir: 'ex',
  erlang: 'erl',
  fsharp: 'fs',
  golang: 'go',
  haskell: 'hs',
  javascript: 'js',
  julia: 'jl',
  kotlin: 'kt',
  latex: 'tex',
  make: 'mk',
  makefile: 'mk',
  markdown: 'md',
  mermaid: 'mmd',
  'objective-c': 'm',
  ocaml: 'ml',
  perl: 'pl',
  plaintext: 'txt',
  powershell: 'ps1',
  python: 'py',
  ruby: 'rb',
  rust: 'rs',
  shell: 'sh',
  terraform: 'tf',
  text: 'txt',
  typescript: 'ts',
  yml: 'yaml',
  zsh: 'sh',
};

/** The end of a file's name for code in a language, as a fence names it. */
export function extensionOf(language: string): string {
  const name = language.toLowerCase();
  if (Object.hasOwn(EXTENSIONS, name)) return EXTENSIONS[name] ?? 'txt';
  return /^[a-z0-9]{1,12}$/.test(name) ? name : 'txt';
}
